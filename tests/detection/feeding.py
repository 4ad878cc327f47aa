"""Rows of clean, noisy air for the alert engine, and the alerts that it raises on them."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.engine import AlertEngine
from jeonju.messages.alerts import Labels, Title, kind_title, with_words

T0 = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
STATIONS = ("palbok-01", "palbok-02", "palbok-03", "manseong-01", "manseong-02", "innovation-01", "innovation-02")
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
NOISE = {"pm25": 1.2, "pm10": 2.0, "co": 0.01, "tvoc": 3.0, "h2s": 0.0002, "nh3": 0.005, "no2": 0.002, "o3": 0.002}

STEPS_PER_BATCH = 6

Row = dict[str, Any]


def row(site: Site, device: str, time: datetime, values: Mapping[str, Any]) -> Row:
    """Return a reading that arrives at once, as ingest commits it."""
    return {"site": site.name, "device": device, "time": time, "received_at": time, **values}


def noisy_air(rng: np.random.Generator, noise: Mapping[str, float] = NOISE) -> dict[str, float]:
    return {key: value + noise.get(key, 0.0) * rng.standard_normal() for key, value in CLEAN.items()}


def play(engine: AlertEngine, batches: Iterable[list[Row]]) -> list[AlertRecord]:
    """Feed an engine; return every alert that began, changed or ended, in order."""
    return [alert for rows in batches if rows for alert in engine.update(readings_table(rows))]


def joined(steps: list[list[Row]], steps_per_batch: int = STEPS_PER_BATCH) -> Iterator[list[Row]]:
    """Join steps into batches, as ingest commits what arrives within a while; it halves the time that the engine takes."""
    for begin in range(0, len(steps), steps_per_batch):
        yield [row for step in steps[begin : begin + steps_per_batch] for row in step]


def last_states(site: Site, changes: Iterable[AlertRecord], title: Title = kind_title) -> list[AlertRecord]:
    """Return each alert in its last state, with its sentences."""
    latest = {alert.id: alert for alert in changes}
    return [with_words(alert, Labels(site), title) for alert in latest.values()]
