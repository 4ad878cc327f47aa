"""Means over intervals are the same from readings and from roll-ups, whatever came late, was killed, migrated or forgotten."""

import itertools
import math
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
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
from jeonju.storage.duckdb.schema import SCHEMA_VERSION
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Retention, Series, Store
from jeonju.storage.rollup import HOUR_S, MINUTE_S, sources
from tests.storage import older

T0 = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
NEVER = Retention(None, None, None)


def some_rows(seed: int, count: int, *, span_s: int = 9000) -> list[dict[str, Any]]:
    """Readings of two devices at distinct instants, with gaps and with quantities that come and go."""
    random = np.random.default_rng(seed)
    seconds = random.choice(span_s, count, replace=False)
    rows = []
    for second in seconds.tolist():
        row: dict[str, Any] = {
            "site": "jeonju",
            "device": "ab"[random.integers(2)],
            "time": T0 + timedelta(seconds=second),
            "received_at": T0,
        }
        row |= {"pm25": random.uniform(0, 99)} if random.random() < 0.8 else {}
        row |= (
            {"no2": random.uniform(0, 1), "lat": 35.8 + random.uniform(0, 0.01), "lon": 127.1}
            if random.random() < 0.4
            else {}
        )
        row |= {"wind_direction": random.uniform(300, 400) % 360} if random.random() < 0.7 else {}
        rows.append(row)
    return rows


def write(store: Store, rows: Iterable[dict[str, Any]]) -> None:
    store.write(Commit(readings=readings_table(rows)))


HEARD = "heard-of-late"


def tidy(store: Store, now: datetime = T0 + DAY) -> int:
    """Keep the store in order at a time until which devices were heard: by a clock that is far ahead of all readings nothing is forgotten."""
    newest = [row["time"] for row in store.latest("jeonju").to_pylist() if row["device"] == HEARD]
    if now > T0 + DAY and newest != [now]:
        row = {"site": "jeonju", "device": HEARD, "time": now, "received_at": now}
        store.write(Commit(readings=readings_table([row])))
    return sum(1 for _ in store.maintenance(now))


def expected(
    rows: list[dict[str, Any]], every_s: int, start: datetime, end: datetime
) -> dict[tuple[str, datetime], dict[str, float]]:
    groups = defaultdict(list)
    for row in rows:
        if start <= row["time"] < end:
            since = (row["time"] - datetime(2000, 1, 3, tzinfo=UTC)).total_seconds()
            groups[row["device"], row["time"] - timedelta(seconds=since % every_s)].append(row)
    means: dict[tuple[str, datetime], dict[str, float]] = {}
    for key, members in groups.items():
        means[key] = {}
        for name in ("pm25", "no2", "lat"):
            if values := [row[name] for row in members if name in row]:
                means[key][name] = math.fsum(values) / len(values)
        if angles := [math.radians(row["wind_direction"]) for row in members if "wind_direction" in row]:
            means[key]["wind_direction"] = (
                math.degrees(math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles)))) % 360
            )
    return means


def check(
    store: Store, rows: list[dict[str, Any]], every_s: int, start: datetime = T0 - DAY, end: datetime = T0 + DAY
) -> None:
    found = store.readings(Series(site="jeonju", start=start, end=end, every_s=every_s)).to_pylist()
    assert [(row["time"], row["device"]) for row in found] == sorted((row["time"], row["device"]) for row in found)
    means = expected(rows, every_s, start, end)
    assert {(row["device"], row["time"]) for row in found} == means.keys()
    for row in found:
        known = {name: row[name] for name in ("pm25", "no2", "lat", "wind_direction") if row[name] is not None}
        mean = means[row["device"], row["time"]]
        assert known.keys() == mean.keys(), row["time"]
        # As pytest.approx does it, which takes most of the time of thousands of rows.
        assert all(math.isclose(known[name], mean[name], rel_tol=1e-9, abs_tol=1e-12) for name in known), row["time"]


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
