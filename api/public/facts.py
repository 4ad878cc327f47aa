"""What the public page tells, gathered anew every few seconds."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, get_args

from jeonju.airquality.index import Cai
from jeonju.api.http.official import forecast_of
from jeonju.api.http.state import State
from jeonju.common.errors import UnavailableError
from jeonju.contract.as_json import details_of
from jeonju.contract.kinds import KIND_OF_CLASS
from jeonju.contract.official import official_stations
from jeonju.contract.quality import decode_flags
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.contract.site import Site, Station

SHOWN: Final = ("pm25", "pm10")
# A zone that smoke reaches with less than this probability is not named.
LEAST_PROBABILITY: Final = 0.5
Certainty = Literal["confirmed", "unconfirmed", "downwind"]
# The surest first.
CERTAINTIES: Final[tuple[Certainty, ...]] = get_args(Certainty)


@dataclass(frozen=True, kw_only=True)
class StationFacts:
    """One station: its index of the last full hour, and what it measured last, without values that are flagged as bad."""

    station: Station
    index: Cai | None = None
    values: Mapping[str, float]
    measured_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OfficialFacts:
    """What an official station of the national network measured in its last hour, without values that are flagged as bad."""

    name: str
    values: Mapping[str, float]
    measured_at: datetime


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Smoke in a zone, or on its way there; only the zone is told, never a place."""

    zone: str
    certainty: Certainty
    since: datetime


@dataclass(frozen=True, kw_only=True)
class PublicFacts:
    """Stations in the order of the site file, notices with the surest first, and the end of the hour that the indexes are of."""

    stations: tuple[StationFacts, ...]
    notices: tuple[Notice, ...] = ()
    officials: tuple[OfficialFacts, ...] = ()
    # As the route answers it; None where it cannot be read.
    official_forecast: Mapping[str, Any] | None = None
    hour: datetime | None = None
    is_simulated: bool = False


def nothing_known(site: Site) -> PublicFacts:
    """Return what can be told before anything could be read."""
    return PublicFacts(stations=tuple(StationFacts(station=station, values={}) for station in site.stations))


def gather(air: State) -> PublicFacts:
    """Return what can be told now. Raises UnavailableError while the store is away."""
    rows = {row["device"]: row for row in air.store.latest(air.site.name).to_pylist()}
    index = air.detection.snapshot.index
    return PublicFacts(
        stations=tuple(
            _station(station, index.cai.get(station.name), rows.get(station.name)) for station in air.site.stations
        ),
        notices=_notices(air),
        officials=tuple(_officials(air, rows)),
        official_forecast=_official_forecast(air),
        hour=index.hour,
        is_simulated=any(record.origin == "simulated" for record in air.store.devices(air.site.name)),
    )


def _station(station: Station, index: Cai | None, row: dict[str, Any] | None) -> StationFacts:
    if row is None:
        return StationFacts(station=station, index=index, values={})
    return StationFacts(station=station, index=index, values=_values(row), measured_at=row["time"])


def _values(row: dict[str, Any]) -> dict[str, float]:
    flags = decode_flags(row["quality"]) if row["quality"] else {}
    bad = {key for key, flag in flags.items() if flag.severity == "bad"}
    return {key: row[key] for key in SHOWN if row[key] is not None and key not in bad}


def _officials(air: State, rows: Mapping[str, dict[str, Any]]) -> Iterator[OfficialFacts]:
    """Yield the official stations that the site file names and that were heard; those upwind of the city are not in it."""
    for device, name in official_stations(air.site).items():
        row = rows.get(device)
        # An hour that has not ended has no value, whatever an answer says.
        if row is not None and row["time"] <= air.now():
            yield OfficialFacts(name=name, values=_values(row), measured_at=row["time"])


def _official_forecast(air: State) -> Mapping[str, Any] | None:
    with suppress(UnavailableError):
        return forecast_of(air)
    return None


def _notices(air: State) -> tuple[Notice, ...]:
    """Return one notice for each zone, the surest; a zone where smoke is needs no word that it may come."""
    incidents = air.store.incidents(air.site.name, active=True)
    of_incidents = {alert_id for incident in incidents for alert_id in details_of(incident)["alerts"]}
    found = [notice for incident in incidents if _is_smoke(incident) for notice in _of_incident(incident)]
    found += [
        Notice(zone=alert.zone or "", certainty="unconfirmed", since=alert.started_at)
        for alert in air.detection.snapshot.active
        if alert.id not in of_incidents and _is_told(air, alert)
    ]
    found.sort(key=lambda notice: (CERTAINTIES.index(notice.certainty), notice.since))
    by_zone = dict[str, Notice]()
    for notice in found:
        by_zone.setdefault(notice.zone, notice)
    return tuple(by_zone.values())


def _is_smoke(incident: IncidentRecord) -> bool:
    return (
        incident.kind == "fire"
        and incident.state != "false-alarm"
        and (incident.severity == "critical" or incident.state == "confirmed")
    )


def _is_told(air: State, alert: AlertRecord) -> bool:
    """Return whether an alert of no incident yet is for the public: not what people have silenced, or called a false alarm."""
    if alert.kind != KIND_OF_CLASS["fire"] or alert.severity != "critical" or alert.ended_at is not None:
        return False
    handling = air.alerts.handling(alert.id)
    return handling.verdict != "false-alarm" and air.alerts.held_back_by(alert, air.now()) is None


def _of_incident(incident: IncidentRecord) -> Iterator[Notice]:
    certainty: Certainty = "confirmed" if incident.state == "confirmed" else "unconfirmed"
    yield Notice(zone=incident.zone or "", certainty=certainty, since=incident.opened_at)
    for reached in details_of(incident)["downwind"]:
        if reached["probability"] >= LEAST_PROBABILITY:
            yield Notice(zone=reached["zone"], certainty="downwind", since=incident.opened_at)
