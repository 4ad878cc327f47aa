"""Retention and roll-ups in InfluxDB: policies and buckets, marks that outlive kills and races, means that outlive the readings."""

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jeonju.airquality.pollutants import KEYS
from jeonju.common.errors import UnavailableError
from jeonju.contract.columns import READINGS, TOO_LARGE, readings_table
from jeonju.contract.records import LetterMark
from jeonju.decoders.native import decoder as native
from jeonju.storage.influx import http
from jeonju.storage.influx import rollup as influx_rollup
from jeonju.storage.influx.http import Precision
from jeonju.storage.influx.influxql import Part
from jeonju.storage.influx.names import AIR, HOURS, MINUTES, POLICIES, RAW
from jeonju.storage.influx.server import Server
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.influx.v2 import Version2
from jeonju.storage.port import Commit, Retention, Series
from tests.storage.influx.examples import T0, WHOLE, Stumbling
from tests.storage.influx.servers import Influxd, StandIn, real_influxdb_2
from tests.storage.letters import as_written
from tests.storage.rolled_up import check, some_rows, tidy, write
from tests.waiting import wait_until

DAY_S = 86_400.0


@pytest.fixture(params=["influxdb1", "influxdb2-stand-in", "influxdb2"])
def url(request: pytest.FixtureRequest, database: str) -> str:
    if request.param == "influxdb1":
        return str(request.getfixturevalue("influxd").url(database))
    if request.param == "influxdb2-stand-in":
        return str(request.getfixturevalue("stand_in").url(database))
    return real_influxdb_2().replace("?", f"{database}?")


def kept_s(store: InfluxStore) -> list[float | None]:
    """Return how long each policy keeps; InfluxQL of 2.x says 0s whatever a bucket does, so its api is asked."""
    server = store._server
    if isinstance(server, Version2):
        buckets = [server._find_bucket(server._client.buckets_api(), server._bucket(policy)) for policy in POLICIES]
        return [bucket.retention_rules[0].every_seconds or None for bucket in buckets]
    kept = {name: duration for part in server.query("SHOW RETENTION POLICIES") for name, duration, *_ in part.rows}
    return [float(kept[policy].removesuffix("h0m0s").removesuffix("s")) * 3600 or None for policy in POLICIES]


def test_policies_are_made_and_keep_for_as_long_as_they_are_told(url: str) -> None:
    store = InfluxStore(url)
    assert kept_s(store) == [None, None, None]
    store.close()
    for raw_s in (30 * DAY_S, 7200.0, None, 90 * DAY_S):
        store = InfluxStore(url, Retention(raw_s, 400 * DAY_S, None))
        assert kept_s(store) == [raw_s, 400 * DAY_S, None]
        store.close()
    # Who only reads, such as the api, leaves them as they are.
    store = InfluxStore(url)
    assert kept_s(store) == [90 * DAY_S, 400 * DAY_S, None]
    store.close()


def test_means_do_not_depend_on_the_parts_in_which_readings_come(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more of them is read than the limit needs."""
    store = InfluxStore(url)
    rows = some_rows(8, 200, span_s=400)
    store.write(Commit(readings=readings_table(rows)))
    series = Series(site="jeonju", start=T0 - timedelta(hours=1), end=T0 + timedelta(hours=1), every_s=7)
    whole = store.readings(series)
    monkeypatch.setattr(http, "CHUNK_ROWS", 3)
    parts = 0

    def counted(*questions: str, epoch: str = "u") -> Iterator[Part]:
        nonlocal parts
        for part in asked(*questions, epoch=epoch):
            parts += 1
            yield part

    asked = store._server.query
    monkeypatch.setattr(store._server, "query", counted)
    for limit in (1, 2, 5, whole.num_rows - 1, whole.num_rows, whole.num_rows + 1):
        parts = 0
        limited = store.readings(replace(series, limit=limit))
        for name in READINGS.names:
            expected, found = (table[name].to_pylist() for table in (whole.slice(0, limit), limited))
            assert found == pytest.approx(expected) if name in ("lat", "lon", *KEYS) else found == expected, name
        assert parts <= limit + 3
    store.close()


def test_the_newest_of_devices_that_fell_silent_at_different_times(url: str) -> None:
    store = InfluxStore(url)
    seconds = {"a": 0, "b": 1, "c": 4, "d": 60, "e": 7200, "f": 7200}
    rows = [
        {
            "site": "jeonju",
            "device": device,
            "time": T0 + timedelta(seconds=second - back),
            "received_at": T0,
            "pm25": back,
        }
        for device, second in seconds.items()
        for back in (0.0, 1.0, 5.0)
    ]
    store.write(Commit(readings=readings_table(rows)))
    found = store.latest("jeonju").to_pylist()
    assert [(row["device"], row["time"], row["pm25"]) for row in found] == [
        (device, T0 + timedelta(seconds=second), 0.0) for device, second in seconds.items()
    ]
    store.close()


@pytest.mark.parametrize("every_s", [10, 60, 3600])
def test_numbers_that_no_mean_can_hold_are_kept_and_left_out_of_means(url: str, every_s: int) -> None:
    store = InfluxStore(url)
    usable = some_rows(5, 100)
    # Two of them come to more than 64 bits hold; two cancel out.
    beyond = [
        {
            "site": "jeonju",
            "device": "a",
            "time": T0 + timedelta(seconds=number, microseconds=5),
            "received_at": T0,
            name: value,
        }
        for number, (name, value) in enumerate(
            [("pm25", 1.7976931348623157e308)] * 2
            + [("no2", 1e300), ("no2", -1e300), ("wind_direction", TOO_LARGE), ("lat", -TOO_LARGE)]
        )
    ]
    write(store, usable + beyond)
    at_them = [
        {**row, name: 7.0} for row in beyond for name in ("pm25", "no2", "lat", "wind_direction") if name not in row
    ]
    write(store, at_them)
    merged = {(row["device"], row["time"]): dict[str, Any]() for row in beyond}
    for row in at_them:
        merged[row["device"], row["time"]] |= {
            name: value
            for name, value in row.items()
            if value not in (1.7976931348623157e308, 1e300, -1e300, TOO_LARGE, -TOO_LARGE)
        }
    rows = usable + list(merged.values())
    check(store, rows, every_s)
    assert tidy(store) == 3
    check(store, rows, every_s)
    kept = store.readings(Series(site="jeonju", start=T0, end=T0 + timedelta(seconds=2), devices=("a",)))[
        "pm25"
    ].to_pylist()
    assert kept.count(1.7976931348623157e308) == 2
    store.close()


def test_roll_ups_of_numbers_that_no_mean_can_hold_are_left_out_of_coarser_ones(
    influxd: Influxd, database: str
) -> None:
    store = InfluxStore(influxd.url(database))
    rows = some_rows(6, 200)
    write(store, rows)
    tidy(store)
    # As a version that took every number made them, in minutes without other readings.
    lines = [
        f"air_1m,site=jeonju,device=a pm25=1.7976931348623157e308,pm25_max=1.7976931348623157e308,pm25_count=1i,reading_count=1i {int(T0.timestamp()) * 1_000_000 + 60_000_000 * minute}"
        for minute in (151, 152, 153)
    ]
    store._server.write(lines, "us", MINUTES)
    found = store.readings(Series(site="jeonju", start=T0, end=T0 + timedelta(hours=3), every_s=5400, devices=("a",)))
    # Made of minutes; the three stand in the second interval.
    assert [0 < value < 99 for value in found["pm25"].to_pylist()] == [True, True]
    store.close()


@pytest.mark.parametrize(("age_days", "policy"), [(60, MINUTES), (500, HOURS)])
def test_reading_older_than_readings_are_kept_is_a_reading_and_in_the_means_of_its_time(
    url: str, age_days: int, policy: str, caplog: pytest.LogCaptureFixture
) -> None:
    store = InfluxStore(url, Retention(30 * DAY_S, 400 * DAY_S, None))
    now = datetime.now(UTC)
    begin = (now - timedelta(days=age_days)).replace(minute=0, second=0, microsecond=0)
    late = [row | {"time": row["time"] - T0 + begin, "received_at": now} for row in some_rows(1, 120, span_s=4000)]
    fresh = [
        row | {"time": now - timedelta(seconds=number), "received_at": now} for number, row in enumerate(late[:20])
    ]
    # In several commits, some of it repeated, the new among the old, as a device sends its backlog.
    for rows in (late[:48] + fresh, late[40:100], late[100:]):
        assert store.write(Commit(readings=readings_table(rows), devices=WHOLE.devices)) == {}
        with caplog.at_level(logging.WARNING):
            tidy(store)
    assert store.devices("jeonju") == list(WHOLE.devices)
    found = store.readings(Series(site="jeonju", start=begin, end=now + timedelta(days=1)))
    assert [(row["time"], row["device"]) for row in found.select(["time", "device"]).to_pylist()] == sorted(
        (row["time"], row["device"]) for row in late + fresh
    )
    for every_s in (10, 60, 3600) if policy == MINUTES else (10, 3600):
        check(store, late, every_s, begin, begin + timedelta(days=1))
    assert influx_rollup.marked(store._server) == {}
    kept = sum(len(part.rows) for part in store._server.query(f'SELECT received_at FROM "{policy}"."air"'))
    assert kept == len({(row["device"], row["time"]) for row in late})
    assert [record.getMessage() for record in caplog.records] == [
        f"{number} readings are older than the InfluxDB keeps readings (--keep-raw); they are kept with means of their time"
        for number in (48, 60, 20)
    ]
    assert store.latest("jeonju")["time"].to_pylist() == [
        max(row["time"] for row in fresh if row["device"] == device) for device in "ab"
    ]
    store.close()


def test_reading_older_than_anything_is_kept_is_a_dead_letter(url: str) -> None:
    store = InfluxStore(url, Retention(DAY_S, 2 * DAY_S, 10 * DAY_S))
    now = datetime.now(UTC)
    ages = (20, 0, 21, 5)
    rows = [
        {
            "site": "jeonju",
            "device": "a",
            "time": now - timedelta(days=days),
            "received_at": now,
            "seq": days,
            "pm25": 1.0,
            "lat": 35.8,
            "lon": 127.1,
        }
        for days in ages
    ]
    for _ in range(2):
        assert store.write(Commit(readings=readings_table(rows), dead_letters=WHOLE.dead_letters)) == {
            ("jeonju", "a"): 2
        }
    found = store.readings(Series(site="jeonju", start=now - timedelta(days=30), end=now + timedelta(days=1)))
    assert found["seq"].to_pylist() == [5, 0]
    letters = [letter for letter in as_written(store.dead_letters()) if letter not in WHOLE.dead_letters]
    assert {letter.topic for letter in letters} == {"air/v1/jeonju/a/readings"}
    assert {letter.reason for letter in letters} == {"is older than the store keeps readings, minutes and hours"}
    readings = [native.decode_readings(letter.payload).readings[0] for letter in letters]
    assert {reading.seq: (reading.time, reading.values, reading.position) for reading in readings} == {
        days: (now - timedelta(days=days), {"pm25": 1.0}, (35.8, 127.1)) for days in (20, 21)
    }
    store.close()


def test_dead_letter_whose_readings_are_still_too_old_is_not_marked_as_replayed(url: str) -> None:
    store = InfluxStore(url, Retention(DAY_S, 2 * DAY_S, 10 * DAY_S))
    now = datetime.now(UTC)
    old = {"site": "jeonju", "device": "a", "time": now - timedelta(days=20), "received_at": now, "seq": 1, "pm25": 1.0}
    store.write(Commit(readings=readings_table([old])))
    (letter,) = store.letters_in_order(limit=9)
    mark = LetterMark(letter.id, None, now, letter.reason)
    store.write(Commit(readings=readings_table([old]), letter_marks=[mark]))
    assert store.letters_in_order(limit=9) == [letter]
    store.close()


def test_reading_that_comes_again_when_it_is_too_old_is_there_once(influxd: Influxd, database: str) -> None:
    at = datetime.now(UTC) - timedelta(days=5)
    rows = [{"site": "jeonju", "device": "a", "time": at, "received_at": at, "pm25": 1.0}]
    store = InfluxStore(influxd.url(database))
    write(store, rows)
    store.close()
    # The policy gets shorter, and the server has not yet removed what is too old for it.
    store = InfluxStore(influxd.url(database), Retention(DAY_S, None, None))
    write(store, rows)
    kept = [
        sum(len(part.rows) for part in store._server.query(f'SELECT pm25 FROM "{policy}"."air"')) for policy in POLICIES
    ]
    assert kept == [1, 1, 0]
    assert store.readings(Series(site="jeonju", start=at, end=at + timedelta(days=1))).num_rows == 1
    store.close()


def test_marks_outlive_a_restart_and_are_cleared_once(url: str) -> None:
    rows = some_rows(1, 400)
    store = InfluxStore(url)
    write(store, rows)
    store.close()
    store = InfluxStore(url)
    assert len(influx_rollup.marked(store._server)) == len({row["time"].replace(second=0) for row in rows})
    assert tidy(store) == 3
    assert tidy(store) == 0
    assert influx_rollup.marked(store._server) == {}
    check(store, rows, 60)
    store.close()


def test_roll_ups_are_there_for_dashboards(url: str) -> None:
    store = InfluxStore(url)
    rows = [
        {
            "site": "jeonju",
            "device": "a",
            "time": T0 + timedelta(seconds=second),
            "received_at": T0,
            "pm25": value,
            "wind_direction": angle,
        }
        for second, value, angle in ((0, 1.0, 350.0), (30, 3.0, 30.0), (70, 0.5, None))
    ]
    write(store, rows)
    tidy(store)
    columns = "pm25, pm25_min, pm25_max, pm25_count, reading_count, wind_direction"
    (minutes,) = store._server.query(f'SELECT {columns} FROM "minutes"."air_1m" GROUP BY site, device')
    at = int(T0.timestamp()) * 1_000_000
    assert minutes.tags == {"site": "jeonju", "device": "a"}
    assert minutes.rows[0][:-1] == [at, 2.0, 1.0, 3.0, 2, 2]
    assert minutes.rows[0][-1] == pytest.approx(10.0)
    assert minutes.rows[1] == [at + 60_000_000, 0.5, 0.5, 0.5, 1, 1, None]
    (hours,) = store._server.query(f'SELECT {columns} FROM "hours"."air_1h"')
    assert hours.rows[0][:-1] == [at, 1.5, 0.5, 3.0, 3, 3]
    store.close()


class Interrupted:
    """A server during one of whose writes something else happens."""

    def __init__(self, behind: Server, policy: str, happens: Callable[[], None]) -> None:
        self._behind, self._policy, self._happens = behind, policy, happens

    def write(self, lines: Iterable[str], precision: Precision, policy: str | None = None) -> list[int]:
        if policy == self._policy:
            self._policy = ""
            self._happens()
        return self._behind.write(lines, precision, policy)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behind, name)


@pytest.mark.parametrize("policy", [MINUTES, HOURS, RAW])
def test_what_another_process_writes_during_a_roll_up_stays_due(url: str, policy: str) -> None:
    rows = some_rows(2, 120, span_s=1800)
    store, other = InfluxStore(url), InfluxStore(url)
    write(store, rows[:80])
    real = store._server
    store._server = Interrupted(real, policy, lambda: write(other, rows[80:]))
    tidy(store)
    store._server = real
    check(store, rows, 60)
    check(other, rows, 3600)
    assert tidy(store) == 1
    check(other, rows, 60)
    check(store, rows, 3600)
    store.close()
    other.close()


@pytest.mark.parametrize("afterwards", [False, True])
@pytest.mark.parametrize("fails_at", range(3))
def test_roll_up_that_broke_off_is_made_again(influxd: Influxd, database: str, fails_at: int, afterwards: bool) -> None:
    rows = some_rows(3, 120, span_s=1800)
    store = InfluxStore(influxd.url(database))
    write(store, rows)
    real = store._server
    store._server = Stumbling(real, fails_at, afterwards=afterwards)
    with pytest.raises(UnavailableError):
        tidy(store)
    store._server = real
    for _ in range(2):
        check(store, rows, 60)
        check(store, rows, 3600)
        tidy(store)
    store.close()


def test_what_is_forgotten_lives_on_in_minutes_and_hours(new_influxd: Callable[..., Influxd]) -> None:
    server = new_influxd(forgets_at_once=True)
    rows = some_rows(4, 900)
    store = InfluxStore(server.url())
    write(store, rows)
    tidy(store)
    store.close()
    store = InfluxStore(server.url(), Retention(DAY_S, None, None))
    of_day = Series(site="jeonju", start=T0, end=T0 + timedelta(days=1))
    wait_until(lambda: store.readings(of_day).num_rows == 0, what="the readings are forgotten")
    for every_s in (60, 300, 3600):
        check(store, rows, every_s)
    store.close()
    # A reading of a minute whose others are gone is kept, but does not spoil the roll-ups.
    store = InfluxStore(server.url(), Retention(None, None, None))
    late = {"site": "jeonju", "device": "a", "time": T0 + timedelta(minutes=30, microseconds=5), "received_at": T0}
    write(store, [late | {"pm25": 9999.0}])
    assert tidy(store) == 1
    assert store.readings(of_day).num_rows == 1
    check(store, rows, 60)
    check(store, rows, 3600)
    store.close()
    store = InfluxStore(server.url(), Retention(None, DAY_S, None))
    wait_until(
        lambda: not list(store._server.query('SELECT * FROM "minutes"."air_1m"')), what="the minutes are forgotten"
    )
    check(store, rows, 3600)
    store.close()


def test_many_scattered_late_readings_are_read_from_where_they_are(influxd: Influxd, database: str) -> None:
    rows = some_rows(5, 2000)
    store = InfluxStore(influxd.url(database))
    write(store, rows[:1500])
    tidy(store)
    # Every third minute is due again: more questions than one request holds.
    late = [row for row in rows[1500:] if row["time"].minute % 3 == 0]
    write(store, late)
    assert len(influx_rollup.marked(store._server)) > 40
    check(store, rows[:1500] + late, 60)
    check(store, rows[:1500] + late, 3600)
    store.close()


def test_readings_go_where_their_policy_is(stand_in: StandIn, database: str) -> None:
    store = InfluxStore(stand_in.url(database))
    store.write(WHOLE)
    tidy(store)
    answer = stand_in.behind.ask(f'SELECT count(pm25) FROM "{RAW}"."{AIR}"', database)
    assert answer[0]["values"][0][1] == 30
    store.close()
