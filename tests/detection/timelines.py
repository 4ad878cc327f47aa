"""Recorded days for rules, made from a few lines of data: clean, noisy air with changes on top."""

import json
from collections import Counter
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from jeonju.contract.forecast import CityForecast, ForecastHour, ModelOfQuantity, QuantityForecast
from jeonju.contract.records import AlertRecord, LedgerEntry
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import LinkState, Observations
from jeonju.detection.engine import AlertEngine
from jeonju.rules.rules import Rules
from tests.detection import feeding
from tests.detection.feeding import STATIONS, T0, Row, last_states, noisy_air, row


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
    forecast_bad_in_h: int | None = None  # PM2.5, so many hours ahead
    unreachable: Literal["broker", "store"] | None = None

    def holds(self, device: str) -> bool:
        """Return whether the change applies to the device."""
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


def changed_row(site: Site, device: str, now: datetime, changes: list[Change], noise: np.random.Generator) -> Row:
    """Return what ingest writes of a reading that arrives now."""
    reading = row(site, device, now, noisy_air(noise))
    for change in changes:
        reading |= change.values
        reading["time"] += timedelta(seconds=change.clock_ahead_s)
        if change.quality is not None:
            reading["quality"] = json.dumps(change.quality)
        if change.beside is not None:
            reading |= next({"lat": it.lat, "lon": it.lon} for it in site.stations if it.name == change.beside)
    return reading


def forecast_of_bad_air(now: datetime, hours_ahead: int) -> CityForecast:
    """Return a forecast of one bad hour at palbok-01."""
    hour = ForecastHour(
        at=now + timedelta(hours=hours_ahead),
        hours_ahead=hours_ahead,
        mean=48.0,
        median=45.0,
        low=30.0,
        high=80.0,
        classes={"good": 0.0, "moderate": 0.2, "bad": 0.7, "very-bad": 0.1},
        warns=True,
    )
    return CityForecast(
        made_at=now,
        last_hour=now - timedelta(hours=1),
        models={"pm25": ModelOfQuantity(model="learnt", history_hours=2000)},
        stations={"palbok-01": {"pm25": QuantityForecast(hours=[hour])}},
    )


def play(site: Site, rules: Rules, case: Case, seed: int = 1) -> list[AlertRecord]:
    """Return every alert of a case in its last state."""
    noise = np.random.default_rng(seed)
    engine, heard_at = AlertEngine(site, rules=rules), T0
    alerts: list[AlertRecord] = []
    rows: list[Row] = []
    received, repeated = Counter[str](), Counter[str]()
    devices = (*STATIONS, *case.robots)
    for step in range(round(case.hours * 3600 / case.every_s)):
        now = T0 + timedelta(seconds=step * case.every_s)
        before = len(rows)
        holding = [change for change in case.change if change.from_h <= step * case.every_s / 3600 < change.until_h]
        unreachable = {change.unreachable for change in holding}
        for device in devices:
            changes = [change for change in holding if change.holds(device)]
            if not any(change.away or change.unreachable for change in changes):
                rows.append(changed_row(site, device, now, changes, noise))
                received[device] += 1
                repeated[device] += any(received[device] % 10 < 10 * change.repeated_share for change in changes)
        if len(rows) > before:
            heard_at = now
        links = LinkState("store" not in unreachable, "broker" not in unreachable, heard_at)
        changed = engine.observe(Observations(at=now, links=links))
        for ahead_h in (change.forecast_bad_in_h for change in holding if change.forecast_bad_in_h):
            changed += engine.observe(Observations(at=now, forecast=forecast_of_bad_air(now, ahead_h)))
        if step % 6 == 5 or len(rows) == before:
            changed += feeding.play(engine, [rows])
            ledger = [
                LedgerEntry(site.name, name, "1", None, received[name], repeated[name], 0, 0, 0) for name in devices
            ]
            changed += engine.observe(Observations(at=now, ledger=ledger))
            rows = []
        alerts += changed
    return last_states(site, [*alerts, *feeding.play(engine, [rows]), *engine.finish()], rules.title)
