"""Open the store that a URL or path names."""

from pathlib import Path

from airquality.errors import UserError
from storage.duckdb import DuckDBStore
from storage.port import Store


def open_store(url: str) -> Store:
    """Open `duckdb:///path/to/file` or a plain path.

    Raises UserError for an unknown kind of store and for a file that cannot be used.
    """
    kind, separator, rest = url.partition("://")
    if not separator:
        return DuckDBStore(Path(url))
    if kind == "duckdb":
        return DuckDBStore(Path(rest))
    raise UserError(f"no store is of the kind {kind!r}; use a path or duckdb:///path/to/file.duckdb")
