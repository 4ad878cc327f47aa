"""Each kind of alert on timelines on which it must fire, and on which it must stay silent."""

import json
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pytest

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from tests.detection import feeding
from tests.detection.feeding import CLEAN, STATIONS, T0, Row, joined, last_states, noisy_air, play, row

NOISE = feeding.NOISE | {"h2s": 0.0006, "nh3": 0.01}

Change = Callable[[str, float], dict[str, float] | None]


def timeline(
    site: Site,
    hours: float,
    change: Change,
    *,
    every_s: float = 10.0,
    seed: int = 1,
    devices: tuple[str, ...] = STATIONS,
) -> list[AlertRecord]:
    """Feed a day of clean noisy air with changes on top; None means that a device says nothing. Return every alert in its last state."""
    rng = np.random.default_rng(seed)
    engine, steps = AlertEngine(site), list[list[Row]]()
    for second in np.arange(0, hours * 3600, every_s):
        time = T0 + timedelta(seconds=float(second))
        changes = {device: change(device, second / 3600) for device in devices}
        steps.append(
            [
                row(site, device, time, noisy_air(rng, NOISE) | changed)
                for device, changed in changes.items()
                if changed is not None
            ]
        )
    return last_states(site, [*play(engine, joined(steps)), *engine.finish()])


def kinds(alerts: list[AlertRecord]) -> set[tuple[str, str | None]]:
    return {(alert.kind, alert.device) for alert in alerts}


def only(device: str, begin_h: float, end_h: float, **values: float) -> Change:
    return lambda name, hour: values if name == device and begin_h <= hour < end_h else {}


def everywhere(begin_h: float, end_h: float, **values: float) -> Change:
    return lambda _name, hour: values if begin_h <= hour < end_h else {}


def test_clean_air_is_silent(jeonju: Site) -> None:
    assert timeline(jeonju, 6, lambda _n, _h: {}) == []


def test_smoke_fires_where_fine_particles_and_carbon_monoxide_rise_together(jeonju: Site) -> None:
    (alert,) = timeline(jeonju, 1.5, only("palbok-03", 0.75, 1.05, pm25=90.0, pm10=115.0, co=0.75))
    assert (alert.kind, alert.device, alert.severity) == ("smoke", "palbok-03", "warning")
    assert timedelta(minutes=45) < alert.started_at - T0 < timedelta(minutes=47)
    assert alert.ended_at is not None
    assert "초미세먼지" in alert.summary_ko
    assert "PM2.5" in alert.summary_en
    assert json.loads(alert.details)["class"] == "fire"


@pytest.mark.parametrize(
    "change",
    [
        everywhere(0.75, 1.5, pm25=90.0, pm10=115.0, co=0.75),  # haze: it rises everywhere
        only("palbok-03", 0.75, 0.751, pm25=500.0, pm10=600.0, co=3.0),  # one window
        only("palbok-03", 0.75, 1.25, pm25=60.0, pm10=70.0, humidity=98.0),  # fog: no carbon monoxide
        only("palbok-03", 0.75, 1.25, pm25=30.0, pm10=45.0, co=2.5),  # engines: much carbon monoxide, few particles
        only("palbok-03", 0.05, 0.2, pm25=90.0, pm10=115.0, co=0.75),  # the baseline is not learnt yet
    ],
    ids=["haze-everywhere", "single-spike", "fog", "engines", "warming-up"],
)
def test_smoke_stays_silent(jeonju: Site, change: Change) -> None:
    assert ("smoke", "palbok-03") not in kinds(timeline(jeonju, 1.5, change))


def test_flame_before_a_thermal_camera_fires_at_once(jeonju: Site) -> None:
    devices = (*STATIONS, "robot-3")
    (alert,) = timeline(jeonju, 1, only("robot-3", 0.75, 0.85, thermal_max=240.0), devices=devices)
    assert (alert.kind, alert.device, alert.quantity, alert.value) == ("smoke", "robot-3", "thermal_max", 240.0)


def test_sun_on_a_roof_is_no_flame(jeonju: Site) -> None:
    assert timeline(jeonju, 1, only("robot-3", 0.5, 0.9, thermal_max=62.0), devices=(*STATIONS, "robot-3")) == []


def test_release_fires_without_signs_of_combustion(jeonju: Site) -> None:
    (alert,) = timeline(jeonju, 1.5, only("palbok-02", 0.75, 1.15, tvoc=900.0, h2s=0.05))
    assert (alert.kind, alert.device) == ("release", "palbok-02")


def test_coarse_local_dust_is_dust(jeonju: Site) -> None:
    (alert,) = timeline(jeonju, 1.5, only("palbok-02", 0.75, 1.15, pm10=420.0, pm25=50.0))
    assert (alert.kind, alert.device) == ("dust", "palbok-02")


def test_asian_dust_raises_an_advisory_for_every_zone_and_no_local_alert(jeonju: Site) -> None:
    alerts = timeline(jeonju, 8, everywhere(2.0, 6.0, pm10=330.0, pm25=60.0), every_s=30.0)
    advisories = [alert for alert in alerts if alert.kind == "pm10-advisory"]
    assert {alert.zone for alert in advisories if alert.device is None} == {"palbok", "manseong", "innovation"}
    assert {alert.device for alert in advisories if alert.device} == set(STATIONS)
    assert all(alert.ended_at is not None for alert in advisories)
    assert {alert.severity for alert in advisories} <= {"warning", "critical"}
    assert not {"smoke", "dust"} & {alert.kind for alert in alerts}


def test_two_hours_above_are_needed_for_a_particle_advisory(jeonju: Site) -> None:
    assert not [
        a for a in timeline(jeonju, 5, everywhere(1.0, 2.0, pm10=200.0), every_s=30.0) if a.kind == "pm10-advisory"
    ]


def test_one_hour_of_ozone_is_enough(jeonju: Site) -> None:
    found = [a for a in timeline(jeonju, 4, everywhere(1.0, 2.0, o3=0.13), every_s=30.0) if a.kind == "o3-advisory"]
    assert len(found) == 3 + len(STATIONS)
    assert all(a.ended_at is not None and a.ended_at - a.started_at == timedelta(hours=1) for a in found)


def test_bad_index_needs_nine_hours_of_particles_and_is_per_station(jeonju: Site) -> None:
    alerts = [
        a for a in timeline(jeonju, 14, everywhere(0.0, 14.0, pm25=60.0, pm10=90.0), every_s=60.0) if a.kind == "cai"
    ]
    assert {a.device for a in alerts} == set(STATIONS)
    assert min(a.started_at for a in alerts) == T0 + timedelta(hours=9, seconds=10)
    assert all(a.value is not None and a.value > 100 for a in alerts)


def test_silent_device_is_found_by_the_time_of_the_others_and_once(jeonju: Site) -> None:
    alerts = timeline(jeonju, 1, lambda name, hour: None if name == "palbok-02" and 0.3 <= hour < 0.6 else {})
    (alert,) = alerts
    assert (alert.kind, alert.device) == ("silent", "palbok-02")
    assert timedelta(minutes=2) < alert.started_at - T0 - timedelta(hours=0.3) < timedelta(minutes=5)
    assert alert.ended_at is not None


def test_network_that_falls_silent_as_a_whole_raises_no_alert_per_device(jeonju: Site) -> None:
    assert timeline(jeonju, 1.5, lambda _name, hour: None if 0.5 <= hour < 1.0 else {}) == []


def test_history_that_comes_device_by_device_makes_no_device_silent_or_late(jeonju: Site) -> None:
    engine = AlertEngine(jeonju)
    alerts = play(
        engine,
        (
            [row(jeonju, device, T0 + timedelta(seconds=600 * block + 10 * step), CLEAN) for step in range(60)]
            for block in range(12)
            for device in STATIONS
        ),
    )
    assert alerts == []
    assert engine.late == 0


def test_repeats_and_shuffled_batches_change_nothing(jeonju: Site) -> None:
    smoke = {"pm25": 90.0, "pm10": 115.0, "co": 0.75}

    def run(shuffle: bool) -> list[AlertRecord]:
        rng, batches = np.random.default_rng(3), list[list[Row]]()
        for minute in range(70):
            rows = [
                row(
                    jeonju,
                    device,
                    T0 + timedelta(seconds=60 * minute + 10 * step),
                    CLEAN | (smoke if device == "palbok-03" and 45 <= minute < 55 else {}),
                )
                for step in range(6)
                for device in STATIONS
            ]
            batches.append([rows[i] for i in rng.permutation(len(rows))] + rows[:3] if shuffle else rows)
        return last_states(jeonju, play(AlertEngine(jeonju), batches))

    assert [(a.id, a.kind) for a in run(shuffle=True)] == [(a.id, a.kind) for a in run(shuffle=False)]
