"""Open the store that a URL or path names."""

from pathlib import Path

from airquality.errors import UserError
from storage.duckdb import DuckDBStore
from storage.influxdb import InfluxStore
from storage.port import DEFAULT_RETENTION, Retention, Store


def open_store(url: str, retention: Retention = DEFAULT_RETENTION) -> Store:
    """Open `duckdb:///path/to/file` or a plain path, or `influxdb://host:8086/database` (storage/README.md has all forms of it).

    Raises UserError for an unknown kind of store and for one that cannot be used.
    """
    kind, separator, rest = url.partition("://")
    if not separator:
        return DuckDBStore(Path(url), retention)
    if kind == "duckdb":
        return DuckDBStore(Path(rest), retention)
    if kind in ("influxdb", "influxdbs"):
        if retention != DEFAULT_RETENTION:
            raise UserError("an InfluxDB server keeps to its own retention policies; set them there, without --keep-…")
        return InfluxStore(url)
    raise UserError(
        f"no store is of the kind {kind!r}; use a path, duckdb:///path/to/file.duckdb or influxdb://host:8086/database"
    )
