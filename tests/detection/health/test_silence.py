"""Silent devices: found once, by the time of the network, and kept over gaps and restarts."""

import json
from datetime import timedelta
from typing import Any

import pytest

from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import Observations
from tests.detection.feeding import STATIONS, T0
from tests.detection.health.feeding import City, Row, hour_of

LOST = "palbok-02"


def step_by_step(site: Site) -> City:
    """A city whose every step is a batch: when a device is found silent depends on the batches."""
    return City(site, steps_per_batch=1)


def quiet(device: str, begin_h: float, end_h: float = 1e9) -> Row:
    return lambda name, hour: None if name == device and begin_h <= hour < end_h else {}


def test_one_alert_that_ends_when_it_is_heard_again(jeonju: Site) -> None:
    city = step_by_step(jeonju)
    city.feed(0, 3, quiet(LOST, 1, 2))
    (alert,) = city.of("silent", "many-silent")
    assert (alert.device, alert.severity) == (LOST, "info")
    assert 1.05 < hour_of(alert) < 1.08
    assert alert.ended_at is not None
    assert T0 + timedelta(hours=1, minutes=59) <= alert.ended_at <= T0 + timedelta(hours=2, minutes=2)


def test_last_will_is_believed_sooner(jeonju: Site) -> None:
    city = step_by_step(jeonju)
    city.feed(0, 1, every_s=10)
    city.engine.observe(Observations(device_states={LOST: "offline"}))
    city.feed(1, 1.1, quiet(LOST, 1), every_s=10)
    (alert,) = city.of("silent")
    assert hour_of(alert) < 1 + 90 / 3600
    assert json.loads(alert.details)["offline"] is True


def test_device_that_was_silent_before_a_restart_stays_so_until_it_is_heard(jeonju: Site) -> None:
    city = step_by_step(jeonju)
    city.feed(0, 50, quiet(LOST, 1), every_s=300)
    city.restart()
    city.feed(50, 52, quiet(LOST, 1), every_s=60)
    (alert,) = city.of("silent")
    assert alert.ended_at is None
    assert "51 h" in alert.summary_en or "50 h" in alert.summary_en
    city.feed(52, 52.2, every_s=60)
    (alert,) = city.of("silent")
    assert alert.ended_at is not None


def test_device_that_fell_silent_while_the_api_was_away_is_found(jeonju: Site) -> None:
    city = step_by_step(jeonju)
    city.feed(0, 1)
    city.restart()
    # How often it sends is not known any more, so it is waited for as for an hourly one.
    city.feed(1.5, 5, quiet(LOST, 0), every_s=60)
    (alert,) = city.of("silent", "many-silent")
    assert alert.device == LOST
    assert 4.4 < hour_of(alert) < 4.8


def test_restart_by_itself_makes_no_device_silent(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(0, 1)
    city.restart()
    city.feed(9, 10)
    assert city.of() == []


def test_network_that_was_away_makes_no_device_silent_when_devices_come_back_one_by_one(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(0, 1)
    back_h = {device: 5 + number * 25 / 3600 for number, device in enumerate(STATIONS)}
    city.feed(5, 7, lambda device, hour: {} if hour >= back_h[device] else None)
    assert city.of() == []


def test_most_of_a_network_falling_silent_at_once_is_one_alert(jeonju: Site) -> None:
    gone = STATIONS[:5]
    city = City(jeonju)
    # They do not stop in the very same moment.
    city.feed(
        0, 3, lambda name, hour: None if name in gone and 1 + gone.index(name) * 4 / 3600 <= hour < 2 else {}, every_s=5
    )
    (alert,) = city.of("silent", "many-silent")
    assert (alert.kind, alert.value, alert.severity) == ("many-silent", 5.0, "critical")
    assert alert.ended_at is not None


def test_what_is_left_of_many_is_reported_one_by_one(jeonju: Site) -> None:
    gone = STATIONS[:5]
    city = City(jeonju)
    city.feed(0, 3, lambda name, hour: None if name in gone and 1 <= hour < (2 if name != LOST else 9) else {})
    many, one = city.of("silent", "many-silent")
    assert many.ended_at is not None
    assert (one.kind, one.device, one.ended_at) == ("silent", LOST, None)


def test_more_than_half_gone_for_good_does_not_stop_the_judging_of_the_rest(jeonju: Site) -> None:
    gone = STATIONS[:5]
    city = City(jeonju)
    smoke = {"pm25": 95.0, "pm10": 120.0, "co": 0.9}
    city.feed(
        0,
        4,
        lambda name, hour: (
            None if name in gone and hour >= 1 else {"co": 0.4} | (smoke if name == STATIONS[-1] and hour > 3.5 else {})
        ),
        every_s=10,
    )
    assert [alert.device for alert in city.of("smoke")] == [STATIONS[-1]]


def test_slow_device_is_not_silent_between_its_readings(jeonju: Site) -> None:
    city = City(jeonju, (*STATIONS, "airkorea-palbok"))
    city.feed(0, 12, lambda name, hour: {} if name != "airkorea-palbok" or hour % 1 == 0 else None, every_s=60)
    assert city.of("silent") == []


def test_device_missing_for_a_day_is_one_alert(jeonju: Site) -> None:
    city = step_by_step(jeonju)
    city.feed(0, 30, quiet(LOST, 2, 26), every_s=120)
    assert [alert.device for alert in city.of("silent", "many-silent")] == [LOST]


@pytest.mark.parametrize("late", [timedelta(hours=1), timedelta(minutes=15)])
def test_device_with_a_slow_clock_is_not_silent(jeonju: Site, late: timedelta) -> None:
    city = City(jeonju)
    city.feed(
        0, 3, lambda name, hour: {"time": T0 + timedelta(hours=hour) - late} if name == LOST and hour >= 1 else {}
    )
    assert city.of("silent", "many-silent") == []


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(minutes=10), timedelta(seconds=50)], ids=str)
def test_clock_that_is_ahead_neither_lies_nor_stops_the_others(jeonju: Site, ahead: timedelta) -> None:
    def row(name: str, hour: float) -> dict[str, Any]:
        if name == LOST:
            return {"co": 0.4, "time": T0 + timedelta(hours=hour) + ahead}
        return {"co": 0.4} | ({"pm25": 95.0, "pm10": 120.0, "co": 0.9} if name == "palbok-03" and hour > 1.0 else {})

    city = City(jeonju)
    city.feed(0, 1.2, row, every_s=10)
    assert {(alert.kind, alert.device) for alert in city.of()} == {("smoke", "palbok-03")}


def test_device_that_was_taken_away_long_ago_is_forgotten(jeonju: Site) -> None:
    city = City(jeonju)
    city.feed(0, 1)
    old = T0 - timedelta(days=31)
    city.latest["retired"] = {"site": "jeonju", "device": "retired", "time": old, "received_at": old}
    city.restart()
    city.feed(1, 6, every_s=120)
    assert city.of() == []
