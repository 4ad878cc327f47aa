"""How rows of the store look to the outside: plain JSON with instants in UTC, without what is absent."""

import json
from datetime import datetime
from typing import Any

from jeonju.contract.records import AlertRecord, IncidentRecord, JournalEntry


def details_of(record: IncidentRecord) -> dict[str, Any]:
    """Return the details of a stored row; what an earlier version did not write, such as visits, is empty."""
    empty: dict[str, Any] = {
        "alerts": [],
        "devices": [],
        "classes": {},
        "verdict": None,
        "places": {},
        "source": None,
        "downwind": [],
        "visits": [],
        "assignee": "",
        "course": [],
    }
    return empty | json.loads(record.details)


def alert_json(alert: AlertRecord) -> dict[str, Any]:
    """Return one alert with its details unpacked and its instants as text."""
    return {**_unpacked(alert), "active": alert.ended_at is None}


def incident_json(incident: IncidentRecord) -> dict[str, Any]:
    """Return one incident with its details unpacked and its instants as text."""
    return {**_unpacked(incident), "details": details_of(incident), "active": incident.closed_at is None}


def journal_json(entry: JournalEntry) -> dict[str, Any]:
    """Return one entry with its details unpacked and its instant as text."""
    return _unpacked(entry)


def _unpacked(record: AlertRecord | IncidentRecord | JournalEntry) -> dict[str, Any]:
    out = record._asdict()
    for name, value in out.items():
        if isinstance(value, datetime):
            out[name] = value.isoformat().replace("+00:00", "Z")
    out["details"] = json.loads(record.details)
    return out
