"""Pollution as the law sees it: full hours, zones and stations, dust, odour; and what bad input must not do to it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from tests.detection.feeding import STATIONS, T0
from tests.detection.health.feeding import City, hour_of

CLEAN: dict[str, float] = {
    "pm25": 12.0,
    "pm10": 25.0,
    "no2": 0.012,
    "o3": 0.025,
    "co": 0.4,
    "so2": 0.003,
    "h2s": 0.001,
    "nh3": 0.02,
}
ONE = "palbok-02"


def air(change: Callable[[str, float], dict[str, Any] | None]) -> Callable[[str, float], dict[str, Any] | None]:
    """Return clean air with changes on top; None means that a device says nothing."""

    def row(name: str, hour: float) -> dict[str, Any] | None:
        changed = change(name, hour)
        return None if changed is None else CLEAN | changed

    return row


def city(
    site: Site, hours: float, change: Callable[[str, float], dict[str, Any] | None], *, every_s: float = 120.0
) -> City:
    made = City(site)
    made.feed(0, hours, air(change), every_s=every_s)
    return made


def at(alerts: list[AlertRecord], place: str) -> list[AlertRecord]:
    return [alert for alert in alerts if place in (alert.device, alert.zone if alert.device is None else None)]


def test_advisory_of_one_station_leaves_its_zone_alone(jeonju: Site) -> None:
    found = city(
        jeonju, 8, lambda name, hour: {"pm25": 90.0, "pm10": 100.0} if name == ONE and 2 <= hour < 5 else {}
    ).of("pm25-advisory")
    (alert,) = found
    assert (alert.device, alert.zone, alert.severity, alert.limit) == (ONE, "palbok", "warning", 75)
    assert hour_of(alert) == pytest.approx(4, abs=0.02)
    assert alert.ended_at is not None
    assert (alert.ended_at - T0).total_seconds() / 3600 == pytest.approx(6, abs=0.02)
    assert "참고용" in alert.summary_ko
    assert "reference only" in alert.summary_en


def test_warning_steps_down_to_an_advisory_within_one_alert(jeonju: Site) -> None:
    pm10 = {2: 330.0, 3: 330.0, 4: 200.0, 5: 120.0}
    made = city(jeonju, 6.5, lambda _n, hour: {"pm10": pm10.get(int(hour), 25.0), "pm25": 20.0})
    (alert,) = at(made.of("pm10-advisory"), "palbok")
    assert json.loads(alert.details)["level"] == "advisory"
    made.feed(6.5, 8, air(lambda _n, _h: {}), every_s=120)
    assert all(alert.ended_at is not None for alert in made.of("pm10-advisory"))


def test_advisory_lasts_over_missing_hours_but_not_for_a_day(jeonju: Site) -> None:
    high = {"pm25": 90.0, "pm10": 100.0}
    made = city(
        jeonju,
        40,
        lambda name, hour: high if hour < 3 else None if hour < 33 and name == ONE else high if hour < 6 else {},
    )
    (before,) = at(made.of("pm25-advisory"), ONE)
    assert before.ended_at is not None
    assert (before.ended_at - T0).total_seconds() / 3600 == pytest.approx(
        10, abs=0.1
    )  # 3 + 6 hours of patience, raised at the end of the next


def test_one_hour_without_data_neither_ends_nor_doubles_bad_air(jeonju: Site) -> None:
    bad = {"pm25": 60.0, "pm10": 90.0}
    made = city(jeonju, 16, lambda _n, hour: None if 11 <= hour < 12 else bad)
    assert {alert.device for alert in made.of("cai")} == set(STATIONS)
    assert len(made.of("cai")) == len(STATIONS)
    assert all(alert.ended_at is None for alert in made.of("cai"))


def test_index_around_a_hundred_does_not_flap(jeonju: Site) -> None:
    made = city(
        jeonju, 20, lambda name, hour: {"o3": 0.095 if int(hour) % 2 else 0.08} if name == ONE and hour > 9 else {}
    )
    (alert,) = made.of("cai")
    assert alert.ended_at is None
    assert json.loads(alert.details)["sub_indices"]


def test_asian_dust_is_one_alert_for_the_city_and_haze_is_none(jeonju: Site) -> None:
    dust = city(jeonju, 8, lambda _n, hour: {"pm10": 850.0, "pm25": 120.0} if 2 <= hour < 4 else {}).of("asian-dust")
    (alert,) = dust
    assert (alert.device, alert.zone, alert.severity) == (None, None, "critical")
    assert alert.ended_at is not None
    assert "황사" in alert.summary_ko
    assert (
        city(jeonju, 8, lambda _n, hour: {"pm10": 400.0, "pm25": 300.0} if 2 <= hour < 6 else {}).of("asian-dust") == []
    )


@pytest.mark.parametrize(
    ("device", "h2s", "raised"),
    [("palbok-02", 0.05, False), ("palbok-02", 0.07, True), ("manseong-01", 0.03, True), ("manseong-01", 0.019, False)],
)
def test_odour_limit_depends_on_the_area(jeonju: Site, device: str, h2s: float, raised: bool) -> None:
    found = city(jeonju, 3, lambda name, hour: {"h2s": h2s} if name == device and 1 <= hour < 2 else {}, every_s=60).of(
        "odour"
    )
    assert [alert.device for alert in found] == ([device] if raised else [])
    if raised:
        assert found[0].quantity == "h2s"
        assert found[0].ended_at is not None
        assert timedelta(minutes=55) < found[0].ended_at - found[0].started_at < timedelta(minutes=75)


def test_odour_around_its_limit_does_not_flap(jeonju: Site) -> None:
    found = city(
        jeonju,
        4,
        lambda name, hour: {"nh3": 1.1 if int(hour * 6) % 2 else 0.9} if name == "manseong-01" and hour >= 1 else {},
        every_s=60,
    ).of("odour")
    assert len(found) == 1


def test_advisory_and_dust_go_on_after_a_restart_longer_than_what_is_remembered(jeonju: Site) -> None:
    """Fallen below the level of issue, but not below that of the end, for a day and more: only the alert itself shows that it is in force."""
    made = city(
        jeonju,
        5,
        lambda _n, hour: {"pm10": 310.0, "pm25": 90.0} if hour < 3 else {"pm10": 160.0, "pm25": 50.0},
        every_s=300,
    )
    made.feed(5, 36, air(lambda _n, _h: {"pm10": 160.0, "pm25": 50.0}), every_s=600)
    lasting = [alert for alert in made.of() if alert.ended_at is None]
    assert {alert.kind for alert in lasting} == {"pm10-advisory", "pm25-advisory", "asian-dust", "cai", "pm25-day"}
    engine = AlertEngine(jeonju)
    means = [
        {
            "site": "jeonju",
            "device": name,
            "time": T0 + timedelta(hours=11, minutes=10 * step),
            "received_at": T0,
            **CLEAN,
            "pm10": 160.0,
            "pm25": 50.0,
        }
        for step in range(150)
        for name in STATIONS
    ]
    engine.restore(lasting, readings_table(means), 600, readings_table(made.latest.values()))
    made.engine = engine
    made.feed(36, 38, air(lambda _n, _h: {"pm10": 160.0, "pm25": 50.0}), every_s=120)
    assert {alert.id for alert in made.of() if alert.ended_at is None} == {alert.id for alert in lasting}


def test_hour_late_and_repeated_readings_change_no_index(jeonju: Site) -> None:
    def run(*, untidy: bool) -> dict[str, float]:
        engine = AlertEngine(jeonju)
        for minute in range(0, 720, 5):
            now = T0 + timedelta(minutes=minute)
            rows = [
                {"site": "jeonju", "device": name, "time": now, "received_at": now, **CLEAN, "pm25": 20.0}
                for name in STATIONS
            ]
            if untidy:
                # Everything twice, and what one device measured an hour ago once more, with other values: too late to be judged.
                rows += rows
                if minute >= 60:
                    rows.append({**rows[0], "time": now - timedelta(hours=1), "pm25": 900.0, "no2": 1.0})
            engine.update(readings_table(rows))
        return {name: index.value for name, index in engine.pollution.cai.items()}

    assert run(untidy=True) == run(untidy=False)
    assert set(run(untidy=False)) == set(STATIONS)


def test_us_index_stands_beside_the_korean_one(jeonju: Site) -> None:
    made = city(jeonju, 20, lambda _n, _h: {"pm25": 12.0, "pm10": 20.0})
    assert made.engine.pollution.us_aqi[ONE].value == 56
    assert made.engine.pollution.cai[ONE].pollutant in ("o3", "pm25")
