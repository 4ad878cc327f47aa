"""What a fork of the living city begins with, read from the store: nothing of a simulator, so that a city of real devices has it too."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jeonju.common.errors import UserError
from jeonju.contract import known_source
from jeonju.contract.as_json import details_of
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.known_source import KnownSource
from jeonju.contract.records import AlertRecord, DeviceRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.contract.what_if import WhatIf
from jeonju.detection.restore import HISTORY_EVERY_S, RELEARNT, REMEMBERED, not_after
from jeonju.rules.rules import Rules
from jeonju.storage.port import Series, Store

# The wind of an hour shows how much it differs over the city.
RECENT: Final = timedelta(hours=1)
RECENT_EVERY_S: Final = 10
# A device that said nothing for so long takes no part, and a city of which nothing was heard has no present.
HEARD_WITHIN: Final = timedelta(minutes=15)
# Of a larger city those nearest to what is changed take part; the work is bounded by their number.
MOST_DEVICES: Final = 150
# How often devices report is seen in so long: a step that fits a minute [s].
STEP_OVER: Final = timedelta(minutes=2)
STEPS_S: Final = (1, 2, 5, 10, 20, 30, 60)
MOST_ROWS: Final = 20_000
# Incidents whose source is known go on to emit; more would be a city on fire.
MOST_SOURCES: Final = 5


class SourceNow(NamedTuple):
    """The source of an open incident as its map has it: where, of what and how much [g/s], since when, and by which devices it was noticed."""

    incident: str
    kind: str
    lat: float
    lon: float
    quantity: str
    rate_g_s: float
    since: datetime
    devices: tuple[str, ...]


class MissionNow(NamedTuple):
    """A robot that is on its way to an incident, and its last stop."""

    robot: str
    incident: str
    lat: float
    lon: float


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """The city at an instant, to be sent to another process.

    `recent` are means over `RECENT_EVERY_S` of the last hour, `history` those of the day before (READINGS).
    """

    site: Site
    wanted: WhatIf
    at: datetime
    recent: pa.Table
    history: pa.Table
    latest: pa.Table
    known: tuple[DeviceRecord, ...]
    active: tuple[AlertRecord, ...]
    known_sources: tuple[KnownSource, ...]
    sources: tuple[SourceNow, ...]
    missions: tuple[MissionNow, ...]
    rules: Rules
    step_s: int  # how often the devices report
    left_out: int  # devices of the site that take no part, as it has too many


def gather(site: Site, store: Store, wanted: WhatIf, rules: Rules, now: datetime) -> Gathered:
    """Read the state of a city at `wanted.at`, or now. Raises UserError where nothing was measured, UnavailableError while the store is away."""
    at = _instant(wanted, now)
    part = _near(site, wanted)
    names = tuple(device.name for device in part.devices)
    series = Series(site=site.name, start=at - RECENT, end=at, devices=names, every_s=RECENT_EVERY_S)
    recent = store.readings(series)
    if not recent.num_rows or pc.max(recent["time"]).as_py() < at - HEARD_WITHIN:
        minutes = HEARD_WITHIN.total_seconds() / 60
        raise UserError(
            f"nothing was measured in the {minutes:.0f} minutes before {at:%Y-%m-%d %H:%M}Z, so there is no present to go on from"
        )
    split = datetime.fromtimestamp((at - RELEARNT).timestamp() // HISTORY_EVERY_S * HISTORY_EVERY_S, UTC)
    history = store.readings(replace(series, start=at - REMEMBERED, end=split, every_s=HISTORY_EVERY_S))
    is_now = wanted.at is None
    incidents = _open(store.incidents(site.name, **({"active": True} if is_now else {"since": at})), at)
    alerts = store.alerts(site.name, **({"active": True} if is_now else {"since": at}))
    marked = known_source.known_sources(store.journal(site.name, subject=known_source.SUBJECT))
    return Gathered(
        site=part,
        wanted=wanted,
        at=at,
        recent=recent,
        history=history,
        latest=_latest(not_after(store.latest(site.name), at) if is_now else recent, names),
        known=tuple(record for record in store.devices(site.name) if record.device in set(names)),
        active=tuple(replaced for alert in alerts if (replaced := _as_at(alert, at)) is not None),
        known_sources=tuple(marked.values()),
        sources=tuple(_sources(incidents, at))[:MOST_SOURCES],
        missions=tuple(_missions(incidents, at)),
        rules=Rules(rules.rules),
        step_s=_step_s(store, replace(series, start=at - STEP_OVER, every_s=None, limit=MOST_ROWS)),
        left_out=len(site.devices) - len(part.devices),
    )


def _instant(wanted: WhatIf, now: datetime) -> datetime:
    if wanted.at is not None and wanted.at > now:
        raise UserError("at: lies in the future; leave it out to start from now")
    return datetime.fromtimestamp((wanted.at or now).timestamp() // RECENT_EVERY_S * RECENT_EVERY_S, UTC)


def _step_s(store: Store, series: Series) -> int:
    """Return the usual step of the devices, of STEPS_S."""
    rows = store.readings(series)
    if not rows.num_rows:
        return STEPS_S[-1]
    counts = np.unique(rows["device"].cast(pa.string()).to_numpy(zero_copy_only=False), return_counts=True)[1]
    step = STEP_OVER.total_seconds() / float(np.median(counts))
    return min(STEPS_S, key=lambda known: abs(math.log(known / step)))


def _near(site: Site, wanted: WhatIf) -> Site:
    """Return the site with the devices nearest to what is changed, where it has too many of them."""
    if len(site.devices) <= MOST_DEVICES:
        return site
    places = [(change.lat, change.lon) for change in wanted.changes if isinstance(change, Fire | Leak | Dust)]
    middle = np.array(places or [site.origin]).mean(axis=0)
    x0, y0 = (float(value) for value in site.map.to_xy(*middle))

    def far(lat: float, lon: float) -> float:
        x, y = (float(value) for value in site.map.to_xy(lat, lon))
        return math.hypot(x - x0, y - y0)

    robots = sorted(site.robots, key=lambda robot: far(*robot.dock))[: MOST_DEVICES // 5]
    stations = sorted(site.stations, key=lambda one: far(one.lat, one.lon))[: MOST_DEVICES - len(robots)]
    kept = {station.name for station in stations} | {robot.name for robot in robots}
    return site.with_devices(
        [station for station in site.stations if station.name in kept],
        [robot for robot in site.robots if robot.name in kept],
    )


def _latest(rows: pa.Table, names: Sequence[str]) -> pa.Table:
    """Return the last row of each of the devices."""
    device = rows["device"].cast(pa.string())
    rows = rows.filter(pc.is_in(device, value_set=pa.array(names, pa.string())))
    last = {device: number for number, device in enumerate(rows["device"].to_pylist())}
    return rows.take(pa.array(list(last.values()), pa.int64()))


def _as_at(alert: AlertRecord, at: datetime) -> AlertRecord | None:
    """Return an alert as it lasted at an instant, None for one that did not."""
    if alert.started_at > at or (alert.ended_at is not None and alert.ended_at <= at):
        return None
    return alert._replace(ended_at=None, updated_at=min(alert.updated_at, at))


def _open(incidents: Iterable[IncidentRecord], at: datetime) -> list[IncidentRecord]:
    return [
        incident
        for incident in incidents
        if incident.opened_at <= at and (incident.closed_at is None or incident.closed_at > at)
    ]


def _sources(incidents: Iterable[IncidentRecord], at: datetime) -> Iterable[SourceNow]:
    """Return the sources that maps had found by an instant."""
    for incident in incidents:
        details = details_of(incident)
        source: dict[str, Any] | None = details["source"]
        if source is None or incident.state == "false-alarm":
            continue
        if datetime.fromisoformat(source["traced_at"]) > at:
            then = [one for one in details["course"] if datetime.fromisoformat(one["at"]) <= at]
            source = {**source, **then[-1]} if then else None
        if source is not None and not source.get("says_nothing"):
            rate = source["rate_g_s"]
            yield SourceNow(
                incident=incident.id,
                kind=incident.kind,
                lat=source["lat"],
                lon=source["lon"],
                quantity=source["quantity"],
                rate_g_s=float(rate[1] if isinstance(rate, list) else rate),
                since=incident.opened_at,
                devices=tuple(details["devices"]),
            )


def _missions(incidents: Iterable[IncidentRecord], at: datetime) -> Iterable[MissionNow]:
    for incident in incidents:
        for visit in details_of(incident)["visits"]:
            ended = visit.get("ended_at")
            is_under_way = not ended or datetime.fromisoformat(ended) > at
            if is_under_way and visit["places"] and datetime.fromisoformat(visit["sent_at"]) <= at:
                yield MissionNow(visit["robot"], incident.id, *visit["places"][-1])
