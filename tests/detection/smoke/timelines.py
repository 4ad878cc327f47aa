"""Timelines of made-up air for the smoke alerts: what every device says, step by step, and what the engine makes of it."""

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from jeonju.contract.columns import readings_table
from jeonju.contract.known_source import KnownSource
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.messages.alerts import Labels, with_words

T0 = datetime(2026, 3, 6, 6, 0, tzinfo=UTC)  # Friday 15:00 in Korea
CLEAN = {
    "pm25": 18.0,
    "pm10": 32.0,
    "no2": 0.012,
    "o3": 0.03,
    "co": 0.4,
    "so2": 0.003,
    "tvoc": 60.0,
    "h2s": 0.0003,
    "nh3": 0.02,
    "humidity": 55.0,
    "temperature": 8.0,
}
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
Row = dict[str, Any]


def rows(
    site: Site, adds: Adds, begin_s: float, end_s: float, *, devices: Iterable[str] = STATIONS, seed: int = 1
) -> list[list[Row]]:
    """Return what is said, in steps of 10 s."""
    rng = np.random.default_rng(seed)
    places = {station.name: (station.lat, station.lon) for station in site.stations} | {
        robot.name: robot.dock for robot in site.robots
    }
    steps = []
    for second in np.arange(begin_s, end_s, 10.0):
        step = []
        for device in devices:
            added = adds(device, second)
            if added is None:
                continue
            values = {key: value + NOISE.get(key, 0.0) * rng.standard_normal() for key, value in CLEAN.items()}
            for key, value in added.items():
                values[key] = values.get(key, 0.0) + value
            time = T0 + timedelta(seconds=float(second))
            lat, lon = places[device]
            step.append(
                {
                    "site": site.name,
                    "device": device,
                    "time": time,
                    "received_at": time,
                    "lat": lat,
                    "lon": lon,
                    **values,
                }
            )
        steps.append(step)
    return steps


def play(engine: AlertEngine, steps: Iterable[list[Row]]) -> list[AlertRecord]:
    """Feed an engine; return everything that it said, in order."""
    said = []
    for step in steps:
        if step:
            said += engine.update(readings_table(step))
    return said


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
    found = local_alerts([*play(engine, rows(site, adds, 0.0, end_s, devices=devices)), *engine.finish()])
    return [with_words(alert, Labels(site)) for alert in found]


def at(device: str | tuple[str, ...], values: dict[str, float], begin_s: float = WARM_S, end_s: float = np.inf) -> Adds:
    names = (device,) if isinstance(device, str) else device
    return lambda name, second: values if name in names and begin_s <= second < end_s else {}


def details(alert: AlertRecord) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(alert.details)
    return found
