"""What the file of the embedded store is like inside."""

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.contract.records import LedgerEntry
from jeonju.storage.duckdb.file import checkpoint, connect
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
    with connect(path) as connection:
        assert sum(parts(connection)) == 70
        assert len(parts(connection)) < 3


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
