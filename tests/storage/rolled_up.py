"""Readings to be rolled up, and what their means over intervals must be."""

import math
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from jeonju.contract.columns import readings_table
from jeonju.storage.port import Commit, Retention, Series, Store

T0 = datetime(2026, 3, 2, tzinfo=UTC)
DAY = timedelta(days=1)
NEVER = Retention(None, None, None)


def some_rows(seed: int, count: int, *, span_s: int = 9000) -> list[dict[str, Any]]:
    """Readings of two devices at distinct instants, with gaps and with quantities that come and go."""
    random = np.random.default_rng(seed)
    seconds = random.choice(span_s, count, replace=False)
    rows = []
    for second in seconds.tolist():
        row: dict[str, Any] = {
            "site": "jeonju",
            "device": "ab"[random.integers(2)],
            "time": T0 + timedelta(seconds=second),
            "received_at": T0,
        }
        row |= {"pm25": random.uniform(0, 99)} if random.random() < 0.8 else {}
        row |= (
            {"no2": random.uniform(0, 1), "lat": 35.8 + random.uniform(0, 0.01), "lon": 127.1}
            if random.random() < 0.4
            else {}
        )
        row |= {"wind_direction": random.uniform(300, 400) % 360} if random.random() < 0.7 else {}
        rows.append(row)
    return rows


def write(store: Store, rows: Iterable[dict[str, Any]]) -> None:
    store.write(Commit(readings=readings_table(rows)))


HEARD = "heard-of-late"


def tidy(store: Store, now: datetime = T0 + DAY) -> int:
    """Keep the store in order at a time until which devices were heard: by a clock that is far ahead of all readings nothing is forgotten."""
    newest = [row["time"] for row in store.latest("jeonju").to_pylist() if row["device"] == HEARD]
    if now > T0 + DAY and newest != [now]:
        row = {"site": "jeonju", "device": HEARD, "time": now, "received_at": now}
        store.write(Commit(readings=readings_table([row])))
    return sum(1 for _ in store.maintenance(now))


def expected(
    rows: list[dict[str, Any]], every_s: int, start: datetime, end: datetime
) -> dict[tuple[str, datetime], dict[str, float]]:
    groups = defaultdict(list)
    for row in rows:
        if start <= row["time"] < end:
            since = (row["time"] - datetime(2000, 1, 3, tzinfo=UTC)).total_seconds()
            groups[row["device"], row["time"] - timedelta(seconds=since % every_s)].append(row)
    means: dict[tuple[str, datetime], dict[str, float]] = {}
    for key, members in groups.items():
        means[key] = {}
        for name in ("pm25", "no2", "lat"):
            if values := [row[name] for row in members if name in row]:
                means[key][name] = math.fsum(values) / len(values)
        if angles := [math.radians(row["wind_direction"]) for row in members if "wind_direction" in row]:
            means[key]["wind_direction"] = (
                math.degrees(math.atan2(sum(map(math.sin, angles)), sum(map(math.cos, angles)))) % 360
            )
    return means


def check(
    store: Store, rows: list[dict[str, Any]], every_s: int, start: datetime = T0 - DAY, end: datetime = T0 + DAY
) -> None:
    found = store.readings(Series(site="jeonju", start=start, end=end, every_s=every_s)).to_pylist()
    assert [(row["time"], row["device"]) for row in found] == sorted((row["time"], row["device"]) for row in found)
    means = expected(rows, every_s, start, end)
    assert {(row["device"], row["time"]) for row in found} == means.keys()
    for row in found:
        known = {name: row[name] for name in ("pm25", "no2", "lat", "wind_direction") if row[name] is not None}
        mean = means[row["device"], row["time"]]
        assert known.keys() == mean.keys(), row["time"]
        # As pytest.approx does it, which takes most of the time of thousands of rows.
        assert all(math.isclose(known[name], mean[name], rel_tol=1e-9, abs_tol=1e-12) for name in known), row["time"]
