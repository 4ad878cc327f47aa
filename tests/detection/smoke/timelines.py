"""Timelines of made-up air for the smoke alerts: what every device says, step by step, and what the engine makes of it."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from jeonju.contract.known_source import KnownSource
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from tests.detection.feeding import Row, joined, last_states, noisy_air, play, row

T0 = datetime(2026, 3, 6, 6, 0, tzinfo=UTC)  # Friday 15:00 in Korea
NOISE = {
    "pm25": 0.5,
    "pm10": 1.0,
    "co": 0.005,
    "tvoc": 2.0,
    "h2s": 0.0003,
    "nh3": 0.008,
    "no2": 0.001,
    "o3": 0.001,
    "so2": 0.0008,
}
STATIONS = ("palbok-01", "palbok-02", "palbok-03", "palbok-04", "palbok-06", "manseong-01", "innovation-01")
ROBOTS = ("robot-1", "robot-2", "robot-3", "robot-4", "robot-5", "robot-6")
SMOKE = {"pm25": 70.0, "pm10": 88.0, "co": 0.35, "tvoc": 15.0}
WARM_S = 1800.0

# What is added to clean air at a device and second; None means that it says nothing.
Adds = Callable[[str, float], dict[str, float] | None]


def rows(
    site: Site,
    adds: Adds,
    begin_s: float,
    end_s: float,
    *,
    devices: Iterable[str] = STATIONS,
    every_s: float = 10.0,
    seed: int = 1,
) -> list[list[Row]]:
    """Return what the devices send, step by step."""
    rng = np.random.default_rng(seed)
    places = {station.name: (station.lat, station.lon) for station in site.stations} | {
        robot.name: robot.dock for robot in site.robots
    }
    steps = []
    for second in np.arange(begin_s, end_s, every_s):
        step = []
        for device in devices:
            added = adds(device, second)
            if added is None:
                continue
            values = noisy_air(rng, NOISE)
            for key, value in added.items():
                values[key] = values.get(key, 0.0) + value
            lat, lon = places[device]
            time = T0 + timedelta(seconds=float(second))
            step.append(row(site, device, time, {"lat": lat, "lon": lon, **values}))
        steps.append(step)
    return steps


def local_alerts(said: Iterable[AlertRecord]) -> list[AlertRecord]:
    """Return each smoke, dust and release alert in its last state."""
    return list({alert.id: alert for alert in said if alert.kind in ("smoke", "dust", "release")}.values())


def judged(
    site: Site,
    adds: Adds,
    end_s: float,
    *,
    devices: Iterable[str] = STATIONS,
    known_sources: Iterable[KnownSource] = (),
) -> list[AlertRecord]:
    engine = AlertEngine(site, known_sources=known_sources)
    steps = rows(site, adds, 0.0, end_s, devices=devices)
    changes = [*play(engine, joined(steps)), *engine.finish()]
    return last_states(site, local_alerts(changes))


def at(device: str | tuple[str, ...], values: dict[str, float], begin_s: float = WARM_S, end_s: float = np.inf) -> Adds:
    names = (device,) if isinstance(device, str) else device
    return lambda name, second: values if name in names and begin_s <= second < end_s else {}


def details(alert: AlertRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(alert.details)
    return found
