"""Statements about rows that come from outside the file."""

from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa


def execute_with(
    connection: duckdb.DuckDBPyConnection,
    incoming: pa.Table,  # noqa: ARG001  (DuckDB finds it by its name)
    statement: str,
    values: Sequence[Any] = (),
) -> None:
    """Execute a statement that names the rows `incoming`.

    To register them instead takes 140 bytes each time that DuckDB 2.0 never gives back: a megabyte an hour in a city with two commits a second.
    """
    connection.execute(statement, list(values))
