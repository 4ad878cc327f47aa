"""Incidents as rows of the store, and back."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.localization.arrivals import Downwind
from jeonju.localization.trace import Source
from jeonju.response.incidents.incident import Estimate, Incident, LatLon


class IncidentDetails(msgspec.Struct, kw_only=True):
    """The details of a stored incident. Everything has a default: earlier versions wrote less."""

    alerts: list[str] = []
    devices: list[str] = []
    classes: dict[str, float] = {}
    verdict: str | None = None
    places: dict[str, LatLon] = {}
    source: Source | None = None
    downwind: tuple[Downwind, ...] = ()
    visits: list[dict[str, Any]] = []  # robots' missions
    assignee: str = ""
    course: tuple[Estimate, ...] = ()


def record_of(incident: Incident) -> IncidentRecord:
    """Return the row that is stored, with facts only: its sentences are empty (`messages.incidents.summaries` makes them)."""
    source, classes = incident.source, incident.classes
    # A map that says nothing has no place: dashboards would draw one.
    placed = None if source is None or source.says_nothing else source
    details = IncidentDetails(
        alerts=sorted(incident.alerts),
        devices=incident.devices,
        classes=classes,
        verdict=incident.verdict,
        places=incident.places,
        source=source,
        downwind=incident.downwind,
        visits=incident.missions,
        assignee=incident.assignee,
        course=incident.course,
    )
    plain = msgspec.to_builtins(details, builtin_types=(datetime,))
    return IncidentRecord(
        id=incident.id,
        site=incident.site,
        state=incident.state,
        kind=incident.kind,
        severity=incident.severity,
        zone=incident.zone,
        opened_at=incident.opened_at,
        updated_at=incident.updated_at,
        closed_at=incident.closed_at,
        lat=placed.lat if placed else None,
        lon=placed.lon if placed else None,
        radius_m=placed.radius_m if placed else None,
        rate_g_s=source.rate_g_s[1] if source else None,
        confidence=classes[incident.kind],
        summary_ko="",
        summary_en="",
        radius_90_m=placed.radius_90_m or None if placed else None,
        details=json.dumps(plain, ensure_ascii=False, default=datetime.isoformat),
    )


def incident_of(record: IncidentRecord, alerts: Mapping[str, AlertRecord]) -> Incident:
    """Return the incident of a stored row; alerts that the store has no more are left out."""
    details = msgspec.json.decode(record.details, type=IncidentDetails)
    return Incident(
        id=record.id,
        site=record.site,
        opened_at=record.opened_at,
        updated_at=record.updated_at,
        zone=record.zone,
        state=record.state,
        verdict=details.verdict,
        closed_at=record.closed_at,
        alerts={alert_id: alerts[alert_id] for alert_id in details.alerts if alert_id in alerts},
        places=details.places,
        source=details.source,
        downwind=details.downwind,
        missions=details.visits,
        assignee=details.assignee,
        course=details.course,
    )
