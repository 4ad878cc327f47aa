"""What a clock that was ahead has left in the file does no harm once it is right."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jeonju.contract.columns import readings_table
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
YEARS = timedelta(days=800)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "air.duckdb")
    yield opened
    opened.close()


def write(store: DuckDBStore, time: datetime, received_at: datetime, pm25: float) -> None:
    row = {"site": "jeonju", "device": "a", "time": time, "received_at": received_at, "pm25": pm25}
    store.write(Commit(readings=readings_table([row])))


def latest(store: DuckDBStore) -> list[float]:
    values: list[float] = store.latest("jeonju")["pm25"].to_pylist()
    return values


def test_newest_row_is_no_longer_one_that_claims_a_time_to_come(store: DuckDBStore, tmp_path: Path) -> None:
    write(store, NOW + YEARS, NOW + YEARS, 1.0)
    write(store, NOW, NOW, 2.0)
    assert latest(store) == [2.0]
    write(store, NOW - timedelta(hours=1), NOW + timedelta(seconds=1), 3.0)
    assert latest(store) == [2.0], "history that comes later is not the newest"
    write(store, NOW + timedelta(seconds=2), NOW + timedelta(seconds=2), 4.0)
    assert latest(store) == [4.0]
    # The same instant once more stays one row.
    write(store, NOW + YEARS, NOW + timedelta(seconds=3), 1.0)
    assert store.readings(Series(site="jeonju", start=NOW - YEARS, end=NOW + 2 * YEARS)).num_rows == 4


def test_clock_that_is_years_ahead_makes_nothing_old(store: DuckDBStore) -> None:
    write(store, NOW, NOW, 2.0)
    for _ in store.maintenance(NOW + YEARS):
        pass
    assert store.readings(Series(site="jeonju", start=NOW - YEARS, end=NOW + YEARS)).num_rows == 1
