"""What the file of the embedded store is like inside."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import LedgerEntry
from jeonju.storage.duckdb import file as file
from jeonju.storage.duckdb import store as store_module
from jeonju.storage.duckdb.file import checkpoint, connect
from jeonju.storage.duckdb.rollup import COLUMN_TYPES
from jeonju.storage.duckdb.schema import migrate
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit


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
    store = DuckDBStore(path)
    store.write(Commit(ledger=[LedgerEntry("jeonju", "a", "1", 0, 1, 0, 0, 0, 0)]))
    store.close()
    with connect(path) as connection:
        assert sum(parts(connection)) == 70
        assert len(parts(connection)) < 3


def fill_roll_ups(connection: duckdb.DuckDBPyConnection, parts: int) -> None:
    """Fill parts of 40 000 minutes, which are put together to three times that."""
    made = {"DOUBLE": "random()", "FLOAT": "random()", "VARCHAR": "'a'", "TIMESTAMPTZ": "now()"}
    columns = ", ".join(f'{made.get(kind, "i")} AS "{name}"' for name, kind in COLUMN_TYPES.items())
    for _ in range(parts):
        row = f"'jeonju', 's', TIMESTAMPTZ '2026-01-01' + to_minutes(i), {columns}"
        connection.execute(f"INSERT INTO readings_1m SELECT {row} FROM range(40_000) r(i)")
        checkpoint(connection.cursor(), tidy=False)


def test_parts_of_roll_ups_are_put_together_although_that_takes_more_memory(tmp_path: Path) -> None:
    with connect(tmp_path / "air.duckdb") as connection:
        migrate(connection, "air.duckdb")
        fill_roll_ups(connection, 3)
        write(connection, datetime(2026, 3, 2, tzinfo=UTC))
        # Little for three parts is what 128 MB are for sixty.
        connection.execute("SET memory_limit = '48MB'")
        checkpoint(connection.cursor(), tidy=True)
        assert connection.execute("SELECT count(*) FROM readings_1m").fetchall() == [(120_000,)]
        assert connection.execute("SELECT current_setting('memory_limit')").fetchall() == [("122.0 MiB",)]


def test_store_whose_parts_cannot_be_put_together_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB does not survive a want of memory there: the file is opened anew, and the log comes into it without that."""
    path, now = tmp_path / "air.duckdb", datetime(2026, 3, 2, tzinfo=UTC)
    with connect(path) as connection:
        migrate(connection, path)
        fill_roll_ups(connection, 3)
    monkeypatch.setattr(file, "TIDY_MEMORY_LIMIT", "40MB")
    monkeypatch.setattr(store_module, "TIDY_EVERY_S", 0.0)
    monkeypatch.setattr(store_module, "CHECKPOINT_BYTES", 1)
    store = DuckDBStore(path)
    entry = LedgerEntry("jeonju", "a", "1", 0, 1, 0, 0, 0, 0)

    def write_and_wait(count: int) -> None:
        store.write(Commit(ledger=[entry._replace(last_seq=count)]))
        assert store._checkpointing is not None
        store._checkpointing.join()

    write_and_wait(1)
    monkeypatch.setattr(store_module, "TIDY_EVERY_S", 600.0)
    with pytest.raises(UnavailableError, match="did not take a commit"):
        write_and_wait(2)
    write_and_wait(3)
    assert not store._log_bytes()
    assert store.ledger("jeonju") == [entry._replace(last_seq=3)]
    list(store.maintenance(now))
    store.close()


@settings(max_examples=25)
@given(
    steps=st.lists(
        st.sampled_from(["upkeep", "checkpoint", "tidy", "reopen"])
        | st.sets(st.tuples(st.sampled_from(["jeonju", "iksan"]), st.sampled_from("abc")), min_size=1),
        max_size=30,
    )
)
def test_newest_entry_of_each_device_stands_in_the_ledger_and_alone_after_upkeep(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str | set[tuple[str, str]]]
) -> None:
    path, now = tmp_path_factory.mktemp("store") / "air.duckdb", datetime(2026, 3, 2, tzinfo=UTC)
    store, known = DuckDBStore(path), dict[tuple[str, str], LedgerEntry]()
    for number, step in enumerate([*steps, "upkeep"]):
        if step == "upkeep":
            list(store.maintenance(now))
        elif step == "reopen":
            store.close()
            store = DuckDBStore(path)
        elif isinstance(step, str):
            checkpoint(store._connection.cursor(), tidy=step == "tidy")
        else:
            changed = {key: LedgerEntry(*key, "1", number, number, 0, 0, 0, 0) for key in step}
            store.write(Commit(ledger=list(changed.values())))
            known |= changed
        for site in ("jeonju", "iksan"):
            assert store.ledger(site) == [entry for key, entry in sorted(known.items()) if key[0] == site]
    store.close()
    with connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM ledger_entries").fetchall() == [(len(known),)]
