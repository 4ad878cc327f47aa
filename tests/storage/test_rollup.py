"""Means over intervals are the same from readings and from roll-ups, whatever came late or was killed."""

import itertools
import math
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jeonju.contract.columns import TOO_LARGE, readings_table
from jeonju.ingest.maintenance import maintain
from jeonju.storage.duckdb import rollup as duckdb_rollup
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention, Series, Store
from jeonju.storage.rollup import HOUR_S, MINUTE_S, sources
from tests.storage.rolled_up import DAY, NEVER, T0, check, expected, some_rows, tidy, write

EDGES = [
    (T0 - DAY, T0 + DAY),
    (T0 + timedelta(seconds=17), T0 + timedelta(seconds=8000.5)),
    (T0 + timedelta(seconds=70), T0 + timedelta(seconds=110)),
    (T0 + timedelta(minutes=59, seconds=59), T0 + timedelta(hours=2)),
]


def test_means_are_those_of_the_readings_before_and_after_upkeep(store: Store) -> None:
    intervals_s = (10, 60, 90, 300, 3600, 7200, 86_400)
    rows = some_rows(1, 450)
    write(store, rows[:300])
    for _ in range(2):
        for every_s, (start, end) in itertools.product(intervals_s, EDGES):
            check(store, rows[:300], every_s, start, end)
        tidy(store)
    # Late ones, which fall between the others.
    write(store, rows[300:])
    for _ in range(2):
        for every_s in intervals_s:
            check(store, rows, every_s)
        tidy(store)


def test_devices_and_limit_are_kept_to_in_roll_ups(store: Store) -> None:
    rows = some_rows(2, 800)
    write(store, rows)
    tidy(store)
    of_b = [row for row in rows if row["device"] == "b"]
    found = store.readings(
        Series(site="jeonju", start=T0, end=T0 + DAY, every_s=60, devices=("b",), limit=7)
    ).to_pylist()
    assert [(row["device"], row["time"]) for row in found] == sorted(expected(of_b, 60, T0, T0 + DAY))[:7]
    assert store.readings(Series(site="elsewhere", start=T0, end=T0 + DAY, every_s=3600)).num_rows == 0
    assert store.readings(Series(site="jeonju", start=T0, end=T0, every_s=3600)).num_rows == 0


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**31),
    cuts=st.lists(st.tuples(st.integers(0, 100), st.booleans()), max_size=6),
    every_s=st.sampled_from([60, 180, 3600]),
)
def test_whenever_upkeep_runs_the_means_are_right(seed: int, cuts: list[tuple[int, bool]], every_s: int) -> None:
    store = DuckDBStore(":memory:")
    rows, done = some_rows(seed, 100), 0
    for cut, tidies in sorted(cuts):
        write(store, rows[done:cut])
        done = max(done, cut)
        if tidies:
            tidy(store)
        check(store, rows[:done], every_s)
    store.close()


@given(
    start=st.integers(-(10**6), 10**6),
    length=st.integers(0, 10**6),
    marked=st.frozensets(st.integers(-200, 200)),
    every_s=st.sampled_from([7, 60, 300, 3600, 7200]),
)
def test_every_instant_comes_from_exactly_one_table_that_may_give_it(
    start: int, length: int, marked: frozenset[int], every_s: int
) -> None:
    second = 1_000_000
    span = (start * second // 60, (start + length) * second // 60)
    found = sources(span, every_s, marked)
    spans = sorted(item for part in found.values() for item in part)
    assert all(first < last for first, last in spans)
    assert [first for first, _ in spans[1:]] == [last for _, last in spans[:-1]]
    assert ((spans[0][0], spans[-1][1]) if spans else span) == span
    assert spans or span[0] == span[1]
    for table, unit_s in (("readings_1m", MINUTE_S), ("readings_1h", HOUR_S)):
        assert not found[table] or every_s % unit_s == 0
        for first, last in found[table]:
            assert first % (unit_s * second) == last % (unit_s * second) == 0
            assert not marked & set(range(first // (60 * second), last // (60 * second)))


def test_extremes_and_counts_are_kept(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    write(
        store,
        [
            {"site": "jeonju", "device": "a", "time": T0 + timedelta(seconds=second), "received_at": T0, "pm25": value}
            for second, value in ((0, 1.0), (30, 3.0), (70, 0.5), (80, None))
        ],
    )
    tidy(store)
    store.close()
    with duckdb.connect(str(tmp_path / "air.duckdb")) as connection:
        columns = "pm25, pm25_min, pm25_max, pm25_count, reading_count"
        assert connection.execute(f"SELECT {columns} FROM readings_1m ORDER BY time").fetchall() == [
            (2.0, 1.0, 3.0, 2, 2),
            (0.5, 0.5, 0.5, 1, 2),
        ]
        assert connection.execute(f"SELECT {columns} FROM readings_1h").fetchall() == [(1.5, 0.5, 3.0, 3, 4)]
        assert connection.execute("SELECT count(*) FROM rollup_due").fetchall() == [(0,)]


def test_quantity_that_comes_late_counts_in_its_minutes_only(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")

    def send(quantity: str, minutes: Iterable[int], second: int) -> None:
        write(
            store,
            [
                {
                    "site": "jeonju",
                    "device": "a",
                    "time": T0 + timedelta(minutes=minute, seconds=second),
                    "received_at": T0,
                    quantity: 5.0 + minute,
                }
                for minute in minutes
            ],
        )
        tidy(store)

    send("pm25", range(4), 0)
    # Two runs of minutes with one between that has no such quantity.
    send("no2", (0, 2, 3), 30)
    store.close()
    with duckdb.connect(str(tmp_path / "air.duckdb")) as connection:
        columns = "pm25_count, pm25_max, no2, no2_count, no2_min, o3, o3_count, lat_count, wind_direction_sin"
        never = (None, 0, 0, None)
        assert connection.execute(f"SELECT {columns} FROM readings_1m ORDER BY time").fetchall() == [
            (1, 5.0, 5.0, 1, 5.0, *never),
            (1, 6.0, None, 0, None, *never),
            (1, 7.0, 7.0, 1, 7.0, *never),
            (1, 8.0, 8.0, 1, 8.0, *never),
        ]
        assert connection.execute(f"SELECT {columns} FROM readings_1h").fetchall() == [(4, 8.0, 20 / 3, 3, 5.0, *never)]


def test_failed_commit_leaves_its_minutes_unmarked_and_the_next_marks_them(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path / "air.duckdb")
    rows = some_rows(5, 50)
    with pytest.raises(ValueError, match="argument"):
        store.write(Commit(readings=readings_table(rows), ledger=[("too", "short")]))  # type: ignore[list-item]
    write(store, rows)
    store.close()
    store = DuckDBStore(tmp_path / "air.duckdb")
    assert tidy(store) == 1
    check(store, rows, 60)
    store.close()


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from jeonju.contract.columns import readings_table
store = DuckDBStore(sys.argv[1])
t0 = datetime(2026, 3, 2, tzinfo=UTC)
for number in range(100_000):
    # Every third commit is late and falls into minutes that are rolled up already.
    second = number * 7 - (300 if number % 3 == 0 else 0)
    rows = [{"site": "jeonju", "device": d, "time": t0 + timedelta(seconds=second), "received_at": t0, "pm25": float(number)} for d in "ab"]
    store.write(Commit(readings=readings_table(rows)))
    for _ in store.maintenance(t0):
        pass
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [20, 43])
def test_roll_ups_are_right_after_a_kill(tmp_path: Path, after: int) -> None:
    path = tmp_path / "air.duckdb"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    for line in writer.stdout:
        if int(line) >= after:
            break
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()
    store = DuckDBStore(path, NEVER)
    rows = [
        {name: value for name, value in row.items() if value is not None}
        for row in store.readings(Series(site="jeonju", start=T0 - DAY, end=T0 + DAY)).to_pylist()
    ]
    assert len(rows) >= 2 * after
    for _ in range(2):
        check(store, rows, 60)
        check(store, rows, 3600)
        tidy(store)
    store.close()


def test_what_is_written_during_a_roll_up_counts_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, rows = DuckDBStore(tmp_path / "air.duckdb"), some_rows(9, 400)
    write(store, rows[:300])
    roll_up = duckdb_rollup.roll_up

    def beside_a_write(connection: duckdb.DuckDBPyConnection, minutes: list[int]) -> None:
        roll_up(connection, minutes)
        monkeypatch.undo()
        write(store, rows[300:])

    monkeypatch.setattr(duckdb_rollup, "roll_up", beside_a_write)
    tidy(store)
    check(store, rows, 60)
    assert tidy(store)
    check(store, rows, 60)
    assert not tidy(store)
    store.close()


FLAGS = st.sampled_from([None, '{"pm25": ["bad", "x"]}', '{"pm25": ["suspect", "x"], "wind_direction": ["bad", "y"]}'])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.tuples(st.floats(), st.one_of(st.none(), st.floats(-1e3, 1e3), st.floats()), FLAGS), min_size=1, max_size=30
    )
)
@example(values=[(1.7976931348623157e308, -1.7976931348623157e308, None), (5.0, 1.0, None)])
@example(
    values=[(TOO_LARGE, math.inf, None), (math.nan, 1.0, None), (-TOO_LARGE, 2.0, None), (3.4028235e38, 3.0, None)]
)
def test_whatever_is_stored_upkeep_goes_through_and_means_hold_the_usable(
    values: list[tuple[float, float | None, str | None]],
) -> None:
    store = DuckDBStore(":memory:", NEVER)
    some = {"site": "jeonju", "device": "a", "received_at": T0}
    rows: list[dict[str, Any]] = [
        some
        | {
            "time": T0 + timedelta(seconds=7 * number),
            "pm25": pm25,
            "wind_direction": pm25,
            "lat": pm25,
            "no2": no2,
            "quality": flags,
        }
        for number, (pm25, no2, flags) in enumerate(values)
    ]
    write(store, rows)
    for every_s in (10, 60, 3600):
        found = store.readings(Series(site="jeonju", start=T0, end=T0 + DAY, every_s=every_s)).to_pylist()
        usable = [
            {name: row[name] for name in ("pm25", "no2", "lat") if row[name] is not None and abs(row[name]) < TOO_LARGE}
            for row in rows
        ]
        means = expected(
            [item | {"device": "a", "time": row["time"]} for item, row in zip(usable, rows, strict=True)],
            every_s,
            T0,
            T0 + DAY,
        )
        assert {(row["device"], row["time"]) for row in found} == means.keys()
        for row in found:
            known = {name: row[name] for name in ("pm25", "no2", "lat") if row[name] is not None}
            # What cancels out leaves the rounding of the largest.
            largest = max((abs(value) for item in usable for value in item.values()), default=0.0)
            assert known == pytest.approx(means[row["device"], row["time"]], rel=1e-9, abs=1e-12 * largest)
        if every_s == 10:
            assert tidy(store) == 1
            assert not store._marked
    extremes = store._connection.execute("SELECT pm25_min, pm25_max, pm25_count FROM readings_1h").fetchall()
    pm25 = [row["pm25"] for row in rows if abs(row["pm25"]) < TOO_LARGE]
    assert extremes == [(*(float(np.float32(way(pm25))) if pm25 else None for way in (min, max)), len(pm25))]
    # Kept as they are.
    kept = store.readings(Series(site="jeonju", start=T0, end=T0 + DAY))["pm25"].to_pylist()
    assert kept == pytest.approx([row["pm25"] for row in rows], rel=0, abs=0, nan_ok=True)
    store.close()


def test_hour_that_cannot_be_rolled_up_holds_up_no_other_and_is_not_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, rows = DuckDBStore(tmp_path / "air.duckdb", Retention(1.0, None, None)), some_rows(10, 900)
    write(store, rows)
    roll_up = duckdb_rollup.roll_up

    def fail_in_the_second_hour(connection: duckdb.DuckDBPyConnection, minutes: list[int]) -> None:
        if int(T0.timestamp()) // HOUR_S + 1 in {minute * 60 // HOUR_S for minute in minutes}:
            raise duckdb.ConversionException("a value that nobody thought of")
        roll_up(connection, minutes)

    monkeypatch.setattr(duckdb_rollup, "roll_up", fail_in_the_second_hour)
    with pytest.raises(duckdb.ConversionException):
        tidy(store)
    kept = store.readings(Series(site="jeonju", start=T0, end=T0 + DAY))["time"].to_pylist()
    assert sorted(kept) == sorted(row["time"] for row in rows if row["time"] >= T0 + timedelta(hours=1))
    check(store, rows, 3600)
    monkeypatch.undo()
    tidy(store)
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows == 0
    check(store, rows, 3600)
    store.close()


def test_upkeep_runs_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeonju.ingest.maintenance.EVERY_S", 0.01)
    store = DuckDBStore(tmp_path / "air.duckdb", Retention(1.0, None, None))
    rows = some_rows(8, 900)
    write(store, rows)
    stopping = threading.Event()
    runs = 0

    def now() -> datetime:
        nonlocal runs
        runs += 1
        if runs == 3:
            stopping.set()
        return T0 + DAY

    maintain(store, now, stopping)
    assert store.readings(Series(site="jeonju", start=T0, end=T0 + DAY)).num_rows == 0
    check(store, rows, 60)
    store.close()
