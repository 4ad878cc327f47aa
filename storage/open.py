"""Open the store that a URL or path names."""

from collections.abc import Callable
from pathlib import Path

from jeonju.common.errors import UserError
from jeonju.common.waiting import wait_until_available
from jeonju.storage.archive import Archive
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import DEFAULT_RETENTION, Retention, Store


def open_store(url: str, retention: Retention | None = None, archive: str | None = None) -> Store:
    """Open `duckdb:///path/to/file` or a plain path, or `influxdb://host:8086/database` (storage/README.md has all forms of it).

    Whoever keeps the store in order gives the retention; without it a server keeps what it has for as long as it did.
    With `archive`, a folder or `s3://BUCKET/PREFIX`, readings are moved there before they are forgotten, and read from there; DuckDB only.
    Raises UserError for an unknown kind of store and for one that cannot be used.
    """
    kind, separator, rest = url.partition("://")
    if not separator or kind == "duckdb":
        path = Path(rest if separator else url)
        return DuckDBStore(path, retention or DEFAULT_RETENTION, Archive(archive) if archive else None)
    if kind in ("influxdb", "influxdbs"):
        if archive:
            raise UserError(
                "--archive goes with a DuckDB file; an InfluxDB forgets by itself: give it a longer --keep-raw instead"
            )
        return InfluxStore(url, retention)
    raise UserError(
        f"no store is of the kind {kind!r}; use a path, duckdb:///path/to/file.duckdb or influxdb://host:8086/database"
    )


def wait_for_store(
    url: str, wait: Callable[[float], bool], retention: Retention | None = None, archive: str | None = None
) -> Store | None:
    """Open a store as soon as it can be reached, None when `wait`, which waits and returns whether to give up, says so before.

    Raises UserError as `open_store` does: waiting would not help.
    """
    return wait_until_available(lambda: open_store(url, retention, archive), wait)
