"""Recorded days for rules, made from a few lines of data: clean, noisy air with changes on top."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from airquality.site import Site
from api.alerts.engine import AlertEngine
from api.alerts.health.links import NO_DATA
from api.alerts.rules import Rules
from storage.schema import AlertRecord, readings_table

T0 = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
STATIONS = ("palbok-01", "palbok-02", "palbok-03", "manseong-01", "manseong-02", "innovation-01", "innovation-02")
CLEAN = {"pm25": 18.0, "pm10": 32.0, "no2": 0.012, "o3": 0.03, "co": 0.4, "so2": 0.003, "tvoc": 60.0, "h2s": 0.0003, "nh3": 0.02, "humidity": 55.0,
         "temperature": 8.0}  # fmt: skip
NOISE = {"pm25": 1.2, "pm10": 2.0, "co": 0.01, "tvoc": 3.0, "h2s": 0.0002, "nh3": 0.005, "no2": 0.002, "o3": 0.002}
# As the live side does by the clock on the wall.
NO_DATA_AFTER_S = 180.0


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Change(_Strict):
    """From then until then these devices measure other values, or are away."""

    devices: list[str] = ["*"]
    from_h: float
    until_h: float
    values: dict[str, float] = {}
    away: bool = False


class Raised(_Strict):
    """An alert of the kind is raised at the place, at most so long after then."""

    place: str
    after_h: float
    within_s: float


class Case(_Strict):
    name: str
    hours: float
    every_s: float = 10.0
    change: list[Change]
    raised: list[Raised] = []
    lasts: bool = False


class Cases(_Strict):
    firing: list[Case]
    silent: list[Case]


def play(site: Site, rules: Rules, case: Case, seed: int = 1) -> list[AlertRecord]:
    """Return every alert of a case in its last state."""
    rng = np.random.default_rng(seed)
    engine = AlertEngine(site, rules=rules)
    found: dict[str, AlertRecord] = {}
    rows: list[dict[str, Any]] = []
    heard_s = 0.0
    for second in np.arange(0, case.hours * 3600, case.every_s):
        now = T0 + timedelta(seconds=float(second))
        before = len(rows)
        for device in STATIONS:
            changes = [
                one for one in case.change
                if one.from_h <= second / 3600 < one.until_h and any(fnmatchcase(device, glob) for glob in one.devices)
            ]  # fmt: skip
            if not any(one.away for one in changes):
                values = {key: value + NOISE.get(key, 0) * rng.standard_normal() for key, value in CLEAN.items()}
                for one in changes:
                    values |= one.values
                rows.append({"site": site.name, "device": device, "time": now, "received_at": now, **values})
        changed: list[AlertRecord] = []
        if len(rows) > before:
            heard_s = second
            changed += engine.note_link(None, now)
        elif second - heard_s > NO_DATA_AFTER_S:
            changed += engine.note_link(NO_DATA, now)
        if len(rows) >= 6 * len(STATIONS) or len(rows) == before:
            changed += engine.update(readings_table(rows))
            rows = []
        found.update({alert.id: alert for alert in changed})
    found.update({alert.id: alert for alert in [*engine.update(readings_table(rows)), *engine.finish()]})
    return list(found.values())
