"""The alert engine alone, with 10 000 devices that report every second: its share of a core, from arrival to alert, memory for each device.

Batches of a tenth of the devices arrive ten times a second, as ingest commits them, with fires at a few devices. Each batch arrives at its
own instant and is taken as soon as the engine is free, so that time spent waiting counts. The delay of an alert runs from the arrival of the batch
that completed its window (the wait for late readings, 10 s of event time, is over with it) until the alert is out.
"""

import time
import tracemalloc
from typing import Any

import numpy as np
import pyarrow as pa

from jeonju.contract.columns import INSTANT, READINGS
from jeonju.contract.site import Site, Station, load_site
from jeonju.detection.engine import AlertEngine

DEVICES = 10_000
BATCHES_A_SECOND = 10
# What is usual must be learnt before anything is raised; it is not timed.
WARM_UP_S = 960
MEASURED_S = 600
FIRE_EVERY_S = 60
FIRES = 5
BEGIN_S = 1_772_000_000
USUAL = {
    "pm25": (18.0, 1.2),
    "pm10": (32.0, 2.0),
    "no2": (0.012, 0.003),
    "o3": (0.03, 0.003),
    "co": (0.4, 0.012),
    "so2": (0.003, 0.001),
    "tvoc": (60.0, 3.0),
    "humidity": (55.0, 0.3),
    "temperature": (8.0, 0.1),
}
SMOKE = {"pm25": 90.0, "pm10": 110.0, "co": 0.45, "tvoc": 25.0}


def _site(devices: int) -> Site:
    """Return a city with so many stations, spread over 20 by 20 km."""
    jeonju = load_site("jeonju")
    side = int(np.ceil(np.sqrt(devices)))
    lat, lon = jeonju.map.to_latlon(
        200.0 * (np.arange(devices) % side - side / 2), 200.0 * (np.arange(devices) // side - side / 2)
    )
    stations = [
        Station(name=f"s{n:05}", zone="palbok", lat=float(lat[n]), lon=float(lon[n]), quantities=list(USUAL))
        for n in range(devices)
    ]
    return jeonju.model_copy(update={"stations": stations, "robots": []})


class _Feed:
    """Makes the tables of arriving batches."""

    def __init__(self, site: Site) -> None:
        self._rng = np.random.default_rng(7)
        self._names = pa.array([station.name for station in site.stations])
        self._lat = np.array([station.lat for station in site.stations])
        self._lon = np.array([station.lon for station in site.stations])
        self.burning: set[int] = set()

    def batch(self, second: int, part: int, parts: int) -> pa.Table:
        """Return what one share of the devices says in one second."""
        rows = np.arange(part, len(self._names), parts)
        now = pa.array(np.full(len(rows), (BEGIN_S + second) * 1_000_000)).cast(INSTANT)
        columns: dict[str, Any] = {
            "site": pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(rows), dtype=np.int32)), ["jeonju"]),
            "device": pa.DictionaryArray.from_arrays(
                pa.array(np.arange(len(rows), dtype=np.int32)), self._names.take(pa.array(rows))
            ),
            "time": now,
            "received_at": now,
            "lat": self._lat[rows],
            "lon": self._lon[rows],
        }
        fire = np.isin(rows, list(self.burning))
        for key, (level, noise) in USUAL.items():
            columns[key] = (
                level + noise * self._rng.standard_normal(len(rows)) + np.where(fire, SMOKE.get(key, 0.0), 0.0)
            )
        missing = {field.name: pa.nulls(len(rows), field.type) for field in READINGS if field.name not in columns}
        return pa.table({**columns, **missing})


def _memory_per_device(site: Site) -> dict[str, int]:
    """Return the bytes that the engine holds for each device after an hour and after a day, with a reading every ten minutes."""
    feed, held = _Feed(site), {}
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    engine = AlertEngine(site)
    for hour in range(25):
        for tenth in range(6):
            engine.update(feed.batch(3600 * hour + 600 * tenth, 0, 1))
        if hour in (0, 24):
            held[f"after {hour + 1} h"] = round((tracemalloc.get_traced_memory()[0] - before) / len(site.stations))
    tracemalloc.stop()
    return held


def _measure(devices: int) -> dict[str, Any]:
    site = _site(devices)
    engine, feed = AlertEngine(site), _Feed(site)
    for second in range(WARM_UP_S):
        # As fast as possible, in one batch.
        engine.update(feed.batch(second, 0, 1))
    free_at, busy_s, delays, alerts = 0.0, 0.0, [], 0
    for second in range(WARM_UP_S, WARM_UP_S + MEASURED_S):
        if second % FIRE_EVERY_S == 0:
            feed.burning = set(np.random.default_rng(second).integers(devices, size=FIRES).tolist())
        for part in range(BATCHES_A_SECOND):
            table = feed.batch(second, part, BATCHES_A_SECOND)
            arrives_at = second + part / BATCHES_A_SECOND
            begun = time.perf_counter()
            changed = engine.update(table)
            took_s = time.perf_counter() - begun
            busy_s += took_s
            free_at = max(free_at, arrives_at) + took_s
            delays += [free_at - arrives_at] * len(changed)
            alerts += sum(alert.kind == "smoke" and alert.updated_at == alert.started_at for alert in changed)
    return {
        "devices": devices,
        "seconds": MEASURED_S,
        "share_of_a_core": round(busy_s / MEASURED_S, 4),
        "smoke_alerts": alerts,
        "arrival_to_alert_p50_ms": round(1000 * float(np.quantile(delays, 0.5)), 1),
        "arrival_to_alert_p99_ms": round(1000 * float(np.quantile(delays, 0.99)), 1),
        "memory_per_device_bytes": _memory_per_device(site),
    }


def run() -> dict[str, Any]:
    """Return the figures of the pilot's 26 devices and of a large network."""
    return {"pilot": _measure(26), "large": _measure(DEVICES)}
