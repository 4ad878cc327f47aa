"""What is forgotten lives on in means, and nothing is forgotten that is not in them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from jeonju.contract.columns import readings_table
from jeonju.storage.duckdb import rollup as duckdb_rollup
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention, Series
from tests.storage.rolled_up import DAY, T0, check, some_rows, tidy, write


def test_what_is_forgotten_lives_on_in_minutes_and_hours(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(DAY.total_seconds(), 10 * DAY.total_seconds(), None))
    rows = some_rows(3, 1500)
    write(store, rows)
    assert tidy(store, T0 + 2 * DAY) > 3
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows == 0
    for every_s in (60, 300, 3600):
        check(store, rows, every_s)
    assert tidy(store, T0 + 2 * DAY) == 0
    assert tidy(store, T0 + 12 * DAY) > 0
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY, every_s=60)).num_rows == 0
    check(store, rows, 3600)
    store.close()


def test_reading_older_than_anything_is_kept_is_in_the_means_before_it_is_forgotten(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(DAY.total_seconds(), 10 * DAY.total_seconds(), None))
    arrival = T0 + 60 * DAY
    rows = [row | {"received_at": arrival} for row in some_rows(11, 300)]
    for part in (rows[:200], rows[200:]):
        assert store.write(Commit(readings=readings_table(part))) == {}
        tidy(store, arrival)
        assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows in (200, 300)
    tidy(store, arrival + 2 * DAY)
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows == 0
    check(store, rows, 60)
    tidy(store, arrival + 12 * DAY)
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY, every_s=60)).num_rows == 0
    check(store, rows, 3600)
    # Nobody kept the store in order before its time was over: it is rolled up first all the same.
    late = [row | {"time": row["time"] - DAY, "received_at": arrival} for row in rows]
    write(store, late)
    tidy(store, arrival + 5 * DAY)
    assert store.readings(Series(site="jeonju", start=T0 - DAY, end=T0)).num_rows == 0
    check(store, late, 60, T0 - DAY, T0)
    store.close()


def test_reading_that_comes_after_its_minute_was_forgotten_does_no_harm(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(DAY.total_seconds(), 10 * DAY.total_seconds(), None))
    rows = some_rows(4, 1500)
    write(store, rows)
    now = T0 + 12 * DAY
    tidy(store, T0 + 2 * DAY)
    late = {
        "site": "jeonju",
        "device": "a",
        "time": T0 + timedelta(minutes=30, microseconds=5),
        "received_at": T0 + 2 * DAY,
        "pm25": 9999.0,
    }
    write(store, [late])
    tidy(store, T0 + 2 * DAY)
    check(store, rows, 60)
    check(store, rows, 3600)
    # What has just come is not forgotten at once, though it is old.
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows == 1
    tidy(store, now)
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows == 0
    store.close()


def test_old_reading_that_comes_once_more_while_old_ones_are_forgotten_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(DAY.total_seconds(), None, None))
    rows, now = some_rows(10, 50), T0 + 2 * DAY
    write(store, rows)
    forget = duckdb_rollup.forget

    def beside_a_write(connection: duckdb.DuckDBPyConnection, *step: Any) -> bool:
        is_any = forget(connection, *step)
        monkeypatch.undo()
        write(store, [{**rows[0], "received_at": now, "pm25": 5.0}])
        return is_any

    monkeypatch.setattr(duckdb_rollup, "forget", beside_a_write)
    tidy(store, now)
    tidy(store, now)
    left = store.readings(Series(site="jeonju", start=T0, end=now)).to_pylist()
    assert [(row["time"], row["pm25"]) for row in left] == [(rows[0]["time"], 5.0)]
    store.close()
