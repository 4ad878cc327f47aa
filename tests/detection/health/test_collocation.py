"""Stations and robots compared where they pass each other."""

from datetime import timedelta
from typing import Any

import pytest

from jeonju.contract.site import Site
from tests.detection.feeding import STATIONS, T0
from tests.detection.health.feeding import City

ROBOT, STATION = "robot-3", "palbok-03"


def patrol(
    site: Site, wrong: dict[str, float], hours: float, *, laps_every_min: int = 20, humidity: float = 50.0
) -> City:
    """A robot that stands beside a station for two minutes of each lap and is far away otherwise; `wrong` is added to PM2.5 of a device."""
    city = City(site, (*STATIONS, ROBOT))
    place = next(station for station in site.stations if station.name == STATION)

    def row(name: str, hour: float) -> dict[str, Any]:
        values: dict[str, Any] = {"pm25": 20.0 + wrong.get(name, 0.0), "humidity": humidity}
        if name == ROBOT:
            near = hour * 60 % laps_every_min < 2
            values |= {"lat": place.lat + (0.0002 if near else 0.02), "lon": place.lon}
        return values

    city.feed(0, hours, row, every_s=10)
    return city


def test_station_that_is_apart_from_the_robot_and_the_rest_drifts(jeonju: Site) -> None:
    (alert,) = patrol(jeonju, {STATION: 45.0}, 3).of("drifting")
    assert (alert.device, alert.quantity) == (STATION, "pm25")
    # Four collocations, one every 20 minutes.
    assert timedelta(hours=1) < alert.started_at - T0 < timedelta(hours=1, minutes=10)
    assert "65.0" in alert.summary_en


def test_robot_that_is_apart_from_the_station_and_the_rest_drifts(jeonju: Site) -> None:
    assert [alert.device for alert in patrol(jeonju, {ROBOT: 45.0}, 3).of("drifting")] == [ROBOT]


@pytest.mark.parametrize("wrong", [{}, {STATION: 12.0}, {ROBOT: -8.0}, dict.fromkeys((*STATIONS, ROBOT), 45.0)])
def test_usual_differences_and_a_rise_of_all_are_no_drift(jeonju: Site, wrong: dict[str, float]) -> None:
    assert patrol(jeonju, wrong, 3).of("drifting") == []


def test_few_collocations_prove_nothing(jeonju: Site) -> None:
    assert patrol(jeonju, {STATION: 45.0}, 0.9).of("drifting") == []


def test_nothing_is_compared_in_humid_air(jeonju: Site) -> None:
    assert patrol(jeonju, {ROBOT: 45.0}, 3, humidity=80.0).of("drifting") == []
