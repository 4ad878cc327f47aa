"""How rows of the store look to the outside: plain JSON with instants in UTC, without what is absent."""

import json
from datetime import datetime
from typing import Any

import pyarrow as pa

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.records import AlertRecord, IncidentRecord, JournalEntry


def reading_json(row: dict[str, Any]) -> dict[str, Any]:
    """Return one reading: device, time, place, values, and the quality of those that are not `ok`."""
    out: dict[str, Any] = {"site": row["site"], "device": row["device"], "time": row["time"]}
    if row["lat"] is not None and row["lon"] is not None:
        out["position"] = [row["lat"], row["lon"]]
    if row["seq"] is not None:
        out["seq"] = row["seq"]
    if row["boot"] is not None:
        out["boot"] = row["boot"]
    out["values"] = {key: row[key] for key in KEYS if row[key] is not None}
    for name in ("quality", "extra"):
        if row[name] is not None:
            out[name] = json.loads(row[name])
    return out


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


def series_json(table: pa.Table, keys: list[str]) -> dict[str, dict[str, list[Any]]]:
    """Return columns per device: times and one list for each quantity, null where nothing was measured."""
    out: dict[str, dict[str, list[Any]]] = {}
    for device in sorted(set(table["device"].to_pylist())):
        rows = table.filter(pa.compute.equal(table["device"], device))
        columns = {key: rows[key].to_pylist() for key in keys if rows[key].null_count < rows.num_rows}
        quality = [json.loads(text) if text else None for text in rows["quality"].to_pylist()]
        out[device] = {"time": rows["time"].to_pylist(), **columns}
        if any(quality):
            out[device]["quality"] = quality
    return out
