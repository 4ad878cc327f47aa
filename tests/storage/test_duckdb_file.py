"""What the file of the embedded store is like inside."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from storage.duckdb_file import checkpoint, connect, migrate


def write(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    row = "'jeonju' AS site, 'a' AS device, $now AS time, $now AS received_at"
    connection.execute(f"INSERT INTO readings BY NAME SELECT {row} FROM range(10)", {"now": now})


def parts(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """Return how many rows each part of the table of readings has."""
    query = "SELECT max(count) FROM pragma_storage_info('readings') WHERE column_name = 'time' GROUP BY row_group_id ORDER BY row_group_id"
    return [row[0] for row in connection.execute(query).fetchall()]


def test_small_parts_are_put_together_when_there_is_time_for_it_and_at_the_end(tmp_path: Path) -> None:
    path, now = tmp_path / "air.duckdb", datetime(2026, 3, 2, tzinfo=UTC)
    with connect(path) as connection:
        migrate(connection, path)
        for tidy in (False, False, False, True, False, False):
            write(connection, now)
            checkpoint(connection.cursor(), tidy=tidy)
        assert parts(connection) in ([40, 10, 10], [30, 10, 10, 10])
        write(connection, now)
    with connect(path) as connection:
        assert sum(parts(connection)) == 70
        assert len(parts(connection)) < 3
