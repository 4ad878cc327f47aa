"""Smoke, dust and releases on timelines on which they must be raised, and on which they must not."""

from datetime import timedelta

import pytest

from jeonju.contract.known_source import KnownSource
from jeonju.contract.site import Site
from tests.detection.smoke.timelines import ROBOTS, SMOKE, STATIONS, T0, WARM_S, Adds, at, details, judged

END_S = WARM_S + 600.0


def test_smoke_alert_comes_within_a_minute_with_class_reasons_and_probability(jeonju: Site) -> None:
    (alert,) = judged(jeonju, at("palbok-03", SMOKE), END_S)
    assert (alert.kind, alert.device, alert.severity, alert.quantity) == ("smoke", "palbok-03", "warning", "pm25")
    assert alert.started_at - T0 <= timedelta(seconds=WARM_S + 60)
    found = details(alert)
    assert found["class"] == "fire"
    assert found["confidence"] == found["classes"]["fire"] > 0.97
    assert set(found["classes"]) == {"fire", "industrial", "dust", "traffic", "regional", "sensor fault"}
    assert any("CO" in reason or "Carbon" in reason for reason in found["reasons_en"])
    assert any("일산화탄소" in reason for reason in found["reasons_ko"])


@pytest.mark.parametrize(
    ("added", "kind"),
    [({"pm10": 420.0, "pm25": 50.0}, "dust"), ({"tvoc": 900.0, "h2s": 0.08}, "release"), ({"h2s": 0.05}, "release")],
)
def test_dust_and_gases_are_not_smoke(jeonju: Site, added: dict[str, float], kind: str) -> None:
    (alert,) = judged(jeonju, at("palbok-02", added), END_S)
    assert (alert.kind, alert.device, alert.severity) == (kind, "palbok-02", "warning")


@pytest.mark.parametrize(
    "adds",
    [
        at(STATIONS, SMOKE),  # haze: it rises everywhere
        at(STATIONS, {"pm10": 400.0, "pm25": 70.0}),  # Asian dust
        at("palbok-03", SMOKE, WARM_S, WARM_S + 10),  # one window
        at("palbok-03", {"co": 1.5, "no2": 0.18, "pm25": 25.0, "pm10": 70.0, "tvoc": 60.0}),  # rush hour at a junction
        at("palbok-03", {"pm25": 60.0, "pm10": 85.0, "humidity": 43.0}),  # fog: no carbon monoxide
        at("palbok-03", {"pm25": 60.0, "pm10": 85.0}),  # steam in dry air
        at("palbok-03", {"pm25": 400.0}),  # a counter that is stuck high
        at("palbok-03", {"co": 3.0}),  # a cell that has gone wrong
        at("palbok-03", {"pm25": 9.0, "pm10": 11.0, "co": 0.06}),  # wood stoves
        at("palbok-03", SMOKE, 60.0, 300.0),  # what is usual has not been learnt yet
    ],
    ids=[
        "haze",
        "asian-dust",
        "one-window",
        "traffic",
        "fog",
        "steam",
        "stuck-counter",
        "wrong-cell",
        "heating",
        "warming-up",
    ],
)
def test_no_local_alert(jeonju: Site, adds: Adds) -> None:
    assert judged(jeonju, adds, END_S) == []


def test_haze_that_builds_up_for_hours_after_a_fire_stays_haze(jeonju: Site) -> None:
    """A level that stood still while it was busy would take what comes to all for smoke."""

    def adds(name: str, second: float) -> dict[str, float]:
        haze = max(second - WARM_S, 0.0) / 60
        smoke = SMOKE if name == "palbok-03" and WARM_S <= second < WARM_S + 600 else {}
        return {
            "pm25": haze + smoke.get("pm25", 0),
            "pm10": 1.3 * haze + smoke.get("pm10", 0),
            "co": 0.005 * haze + smoke.get("co", 0),
        }

    (alert,) = judged(jeonju, adds, WARM_S + 5400)
    assert alert.ended_at is not None
    assert alert.ended_at - T0 < timedelta(seconds=WARM_S + 600 + 1200)


def test_robots_that_see_damp_air_as_dust_are_compared_with_robots(jeonju: Site) -> None:
    damp = at(ROBOTS, {"pm25": 45.0, "pm10": 80.0, "co": 0.02})
    assert judged(jeonju, damp, END_S, devices=(*STATIONS, *ROBOTS)) == []


def test_smoke_at_a_robot_stands_out_among_robots(jeonju: Site) -> None:
    def adds(name: str, second: float) -> dict[str, float]:
        damp = {"pm25": 30.0, "pm10": 60.0} if name in ROBOTS and second >= WARM_S else {}
        smoke = SMOKE if name == "robot-3" and second >= WARM_S + 300 else {}
        return {key: damp.get(key, 0.0) + smoke.get(key, 0.0) for key in {*damp, *smoke}}

    (alert,) = judged(jeonju, adds, WARM_S + 900, devices=(*STATIONS, *ROBOTS))
    assert (alert.kind, alert.device) == ("smoke", "robot-3")


def with_wind(adds: Adds, from_deg: float) -> Adds:
    """A fresh wind at one station."""

    def windy(name: str, second: float) -> dict[str, float] | None:
        wind = {"wind_speed": 3.0, "wind_direction": from_deg} if name == "palbok-01" else {}
        added = adds(name, second)
        return None if added is None else {**wind, **added}

    return windy


@pytest.mark.parametrize(("wind_from_deg", "severity"), [(310.0, "critical"), (40.0, "warning")])
def test_two_devices_in_line_with_the_wind_make_it_critical(jeonju: Site, wind_from_deg: float, severity: str) -> None:
    """palbok-03 lies 640 m east of palbok-04, palbok-06 580 m to the north-west of palbok-03."""
    alerts = judged(jeonju, with_wind(at(("palbok-03", "palbok-06"), SMOKE), wind_from_deg), END_S)
    assert {(alert.device, alert.severity) for alert in alerts} == {("palbok-03", severity), ("palbok-06", severity)}
    supported = {alert.device: details(alert)["supported_by"] for alert in alerts}
    assert supported["palbok-03"] == (["palbok-06"] if severity == "critical" else [])


def test_a_robot_in_line_with_the_wind_supports_a_station(jeonju: Site) -> None:
    adds = with_wind(at(("palbok-03", "robot-3"), SMOKE), 240.0)
    alerts = judged(jeonju, adds, END_S, devices=(*STATIONS, *ROBOTS))
    assert {(alert.device, alert.severity) for alert in alerts} == {("palbok-03", "critical"), ("robot-3", "critical")}


def test_a_flame_before_a_camera_is_critical_at_once_and_alone(jeonju: Site) -> None:
    (alert,) = judged(jeonju, at("robot-3", {"thermal_max": 240.0}), END_S, devices=(*STATIONS, "robot-3"))
    assert (alert.kind, alert.device, alert.severity, alert.quantity, alert.value) == (
        "smoke",
        "robot-3",
        "critical",
        "thermal_max",
        240.0,
    )
    assert alert.started_at - T0 <= timedelta(seconds=WARM_S + 10)


GRILL = KnownSource(lat=35.8546, lon=127.0976, radius_m=150.0, weekdays=(4,), from_hour=15, to_hour=23)
GRILL_SMOKE = {"pm25": 30.0, "pm10": 38.0, "co": 0.16, "tvoc": 8.0}


def test_smoke_of_a_marked_grill_raises_no_alert_but_a_fire_there_does(jeonju: Site) -> None:
    assert [a.kind for a in judged(jeonju, at("palbok-03", GRILL_SMOKE), END_S)] == ["smoke"]
    assert judged(jeonju, at("palbok-03", GRILL_SMOKE), END_S, known_sources=[GRILL]) == []
    assert [a.kind for a in judged(jeonju, at("palbok-03", SMOKE), END_S, known_sources=[GRILL])] == ["smoke"]
    # The same smoke elsewhere, or on another day.
    assert [a.device for a in judged(jeonju, at("palbok-02", GRILL_SMOKE), END_S, known_sources=[GRILL])] == [
        "palbok-02"
    ]
    saturday = GRILL.model_copy(update={"weekdays": (5,)})
    assert [a.kind for a in judged(jeonju, at("palbok-03", GRILL_SMOKE), END_S, known_sources=[saturday])] == ["smoke"]


def test_smoke_that_thins_out_and_comes_back_is_one_alert(jeonju: Site) -> None:
    def adds(name: str, second: float) -> dict[str, float]:
        on = name == "palbok-03" and second >= WARM_S and (second // 120) % 2 == 0 and second < WARM_S + 1800
        return SMOKE if on else {}

    (alert,) = judged(jeonju, adds, WARM_S + 3600)
    assert alert.kind == "smoke"
    assert alert.ended_at is not None
    assert alert.ended_at - T0 > timedelta(seconds=WARM_S + 1800)
