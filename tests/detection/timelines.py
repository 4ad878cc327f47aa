"""Recorded days for rules, made from a few lines of data: clean, noisy air with changes on top."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord, LedgerEntry
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import LinkState, Observations
from jeonju.detection.engine import AlertEngine
from jeonju.messages.alerts import Labels, with_words
from jeonju.rules.rules import Rules

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


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Change(_Strict):
    """From then until then these devices measure other values, send otherwise, or are away; or nothing of what everything hangs on is reached."""

    devices: list[str] = ["*"]
    from_h: float
    until_h: float
    values: dict[str, float] = {}
    quality: dict[str, tuple[str, str]] | None = None  # as ingest writes it: quantity, flag, reason
    clock_ahead_s: float = 0.0
    beside: str | None = None  # the station at which a robot stands
    repeated_share: float = 0.0  # of the messages, by the ledger
    away: bool = False
    unreachable: Literal["broker", "store"] | None = None

    def holds(self, device: str) -> bool:
        """Tell whether the device is meant."""
        return any(fnmatchcase(device, glob) for glob in self.devices)


class Raised(_Strict):
    """An alert of the kind is raised at the place, at most so long after then."""

    place: str
    after_h: float
    within_s: float


class Case(_Strict):
    name: str
    hours: float
    every_s: float = 10.0
    robots: list[str] = []
    change: list[Change]
    raised: list[Raised] = []
    lasts: bool = False


class Cases(_Strict):
    firing: list[Case]
    silent: list[Case]


def row(site: Site, device: str, now: datetime, changes: list[Change], noise: np.random.Generator) -> dict[str, Any]:
    """Return what ingest writes of a reading that arrives now."""
    clean = {key: value + NOISE.get(key, 0) * noise.standard_normal() for key, value in CLEAN.items()}
    reading: dict[str, Any] = {"site": site.name, "device": device, "time": now, "received_at": now, **clean}
    for one in changes:
        reading |= one.values
        reading["time"] += timedelta(seconds=one.clock_ahead_s)
        if one.quality is not None:
            reading["quality"] = json.dumps(one.quality)
        if one.beside is not None:
            reading |= next({"lat": it.lat, "lon": it.lon} for it in site.stations if it.name == one.beside)
    return reading


def play(site: Site, rules: Rules, case: Case, seed: int = 1) -> list[AlertRecord]:
    """Return every alert of a case in its last state."""
    noise = np.random.default_rng(seed)
    engine, heard_at = AlertEngine(site, rules=rules), T0
    found: dict[str, AlertRecord] = {}
    rows: list[dict[str, Any]] = []
    received, repeated = Counter[str](), Counter[str]()
    devices = (*STATIONS, *case.robots)
    for step in range(round(case.hours * 3600 / case.every_s)):
        now = T0 + timedelta(seconds=step * case.every_s)
        before = len(rows)
        holding = [one for one in case.change if one.from_h <= step * case.every_s / 3600 < one.until_h]
        unreachable = {one.unreachable for one in holding}
        for device in devices:
            changes = [one for one in holding if one.holds(device)]
            if not any(one.away or one.unreachable for one in changes):
                rows.append(row(site, device, now, changes, noise))
                received[device] += 1
                repeated[device] += any(received[device] % 10 < 10 * one.repeated_share for one in changes)
        if len(rows) > before:
            heard_at = now
        links = LinkState("store" not in unreachable, "broker" not in unreachable, heard_at)
        changed = engine.observe(Observations(at=now, links=links))
        if step % 6 == 5 or len(rows) == before:
            changed += engine.update(readings_table(rows))
            ledger = [LedgerEntry(site.name, one, "1", None, received[one], repeated[one], 0, 0, 0) for one in devices]
            changed += engine.observe(Observations(at=now, ledger=ledger))
            rows = []
        found.update({alert.id: alert for alert in changed})
    found.update({alert.id: alert for alert in [*engine.update(readings_table(rows)), *engine.finish()]})
    return [with_words(alert, Labels(site), rules.title) for alert in found.values()]
