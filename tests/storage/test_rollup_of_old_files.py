"""Files of earlier versions get the roll-ups that they lack."""

from pathlib import Path

import duckdb
import pytest

from jeonju.storage.duckdb import rollup as duckdb_rollup
from jeonju.storage.duckdb.schema import SCHEMA_VERSION
from jeonju.storage.duckdb.store import DuckDBStore
from tests.storage import older
from tests.storage.rolled_up import NEVER, check, some_rows, tidy, write


def test_file_of_schema_1_is_rolled_up(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    rows = some_rows(6, 700)
    store = DuckDBStore(path)
    write(store, rows)
    store.close()
    with duckdb.connect(str(path)) as connection:
        # Schema 1 had the same tables but these.
        for table in ("readings_1m", "readings_10m", "readings_1h", "rollup_due"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("UPDATE meta SET schema_version = 1")
        older.with_one_entry_per_device(connection)
        connection.execute("ALTER TABLE ledger DROP COLUMN gaps")
    store = DuckDBStore(path, NEVER)
    check(store, rows, 3600)
    assert tidy(store) == 1
    check(store, rows, 3600)
    store.close()
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT schema_version FROM meta").fetchall() == [(SCHEMA_VERSION,)]
        assert connection.execute("SELECT count(DISTINCT time) FROM readings_1h").fetchall() == [(3,)]


def test_file_of_schema_8_gets_its_tens_of_minutes_from_its_minutes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duckdb_rollup, "_ROWS_AT_ONCE", 20)  # several parts
    path, rows = tmp_path / "old.duckdb", some_rows(8, 700, span_s=100_000)
    store = DuckDBStore(path, NEVER)
    write(store, rows)
    tidy(store)
    store.close()
    with duckdb.connect(str(path)) as connection:
        made = connection.execute("SELECT * FROM readings_10m ORDER BY ALL").fetchall()
        # The minutes alone know of them.
        connection.execute("DROP TABLE readings_10m; DELETE FROM readings; UPDATE meta SET schema_version = 8")
    store = DuckDBStore(path, NEVER)
    check(store, rows, 600)
    check(store, rows, 1800)
    store.close()
    with duckdb.connect(str(path)) as connection:
        again = connection.execute("SELECT * FROM readings_10m ORDER BY ALL").fetchall()
    assert [row[:3] for row in again] == [row[:3] for row in made]
    assert len(made) > 200


def test_roll_ups_gain_the_columns_they_lack(tmp_path: Path) -> None:
    path = tmp_path / "old.duckdb"
    DuckDBStore(path).close()
    with duckdb.connect(str(path)) as connection:
        for name in ("pm25", "pm25_count", "pm25_min"):
            connection.execute(f"ALTER TABLE readings_1h DROP COLUMN {name}")
    store = DuckDBStore(path)
    rows = some_rows(7, 60)
    write(store, rows)
    tidy(store)
    check(store, rows, 3600)
    store.close()
