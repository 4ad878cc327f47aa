"""Open the store that a URL or path names."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from jeonju.common.errors import UnavailableError, UserError
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import DEFAULT_RETENTION, Retention, Store

log = logging.getLogger(__name__)

LONGEST_PAUSE_S: Final = 10.0


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


def wait_for_store(url: str, over: Callable[[float], bool], retention: Retention | None = None) -> Store | None:
    """Open a store as soon as it can be reached, None when `over`, which waits and tells whether to end, says so before.

    Raises UserError as `open_store` does: waiting would not help.
    """
    pause_s = 0.5
    while True:
        try:
            return open_store(url, retention)
        except UnavailableError as error:
            if pause_s == 0.5:
                log.warning("%s; it is tried again", error)
            if over(pause_s):
                return None
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
