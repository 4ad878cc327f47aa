"""Open the store that a URL or path names."""

from collections.abc import Callable
from pathlib import Path

from jeonju.common.errors import UserError
from jeonju.common.waiting import wait_until_available
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import DEFAULT_RETENTION, Retention, Store


def open_store(url: str, retention: Retention | None = None) -> Store:
    """Open `duckdb:///path/to/file` or a plain path, or `influxdb://host:8086/database` (storage/README.md has all forms of it).

    Whoever keeps the store in order gives the retention; without it a server keeps what it has for as long as it did.
    Raises UserError for an unknown kind of store and for one that cannot be used.
    """
    kind, separator, rest = url.partition("://")
    if not separator:
        return DuckDBStore(Path(url), retention or DEFAULT_RETENTION)
    if kind == "duckdb":
        return DuckDBStore(Path(rest), retention or DEFAULT_RETENTION)
    if kind in ("influxdb", "influxdbs"):
        return InfluxStore(url, retention)
    raise UserError(
        f"no store is of the kind {kind!r}; use a path, duckdb:///path/to/file.duckdb or influxdb://host:8086/database"
    )


def wait_for_store(url: str, wait: Callable[[float], bool], retention: Retention | None = None) -> Store | None:
    """Open a store as soon as it can be reached, None when `wait`, which waits and returns whether to give up, says so before.

    Raises UserError as `open_store` does: waiting would not help.
    """
    return wait_until_available(lambda: open_store(url, retention), wait)
