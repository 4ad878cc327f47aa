"""Open the store that a URL or path names."""

from pathlib import Path

from airquality.errors import UserError
from storage.duckdb import DuckDBStore
from storage.influxdb import InfluxStore
from storage.port import DEFAULT_RETENTION, Retention, Store


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
