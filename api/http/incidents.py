"""Incidents: what belongs together, where it comes from, where it goes, and what is done about it."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import BaseModel, Field

from jeonju.api.export import FILES, AsFormat, file_of, records_table
from jeonju.api.http.alerts import simulated_devices
from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.instants import Instant
from jeonju.api.http.paging import BySkipping
from jeonju.api.http.state import Air, State
from jeonju.common.errors import UserError
from jeonju.contract.as_json import alert_json, incident_json, journal_json
from jeonju.contract.records import IncidentRecord
from jeonju.messages.catalogue import Language
from jeonju.response.incidents.incident import Action
from jeonju.response.incidents.report import as_html, as_pdf
from jeonju.response.notify.cap_incident import downwind_entry
from jeonju.response.notify.cap_parts import document

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

# Of one incident.
MOST_ALERTS: Final = 500
MOST_ENTRIES: Final = 500

_INCIDENT = {
    "id": "jeonju-20231005T040520-palbok-03",
    "state": "open",
    "kind": "fire",
    "severity": "critical",
    "zone": "palbok",
    "opened_at": "2023-10-05T04:05:20Z",
    "lat": 35.8546,
    "lon": 127.0976,
    "radius_m": 90,
    "confidence": 0.93,
}


class Doing(BaseModel):
    """What an operator does about an incident."""

    action: Action
    note: Annotated[str, Field(max_length=2000)] = ""
    assignee: Annotated[
        str, Field(max_length=100, description="Of `assign`: who is to look after it; empty: nobody.")
    ] = ""


@router.get("", responses=example([_INCIDENT], FILES))
def incidents(
    air: Air,
    page: BySkipping,
    state: Annotated[Literal["open", "closed", "all"], Query(description="Which incidents.")] = "open",
    since: Annotated[Instant | None, Query(description="Only incidents that touch the time from here on.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    as_format: AsFormat = "json",
) -> Response:
    """Incidents, the newest first, without their cells; the `Link` header gives the next page."""
    active = {"open": True, "closed": False, "all": None}[state]
    found = air.store.incidents(air.site.name, since=since, active=active)
    if as_format != "json":
        return file_of(air, "incidents", [records_table(IncidentRecord, found)], as_format)
    return page.answer(found, limit, _brief)


@router.get("/{incident}", responses=example(_INCIDENT | {"alerts": [], "journal": [], "details": {}}))
def incident(air: Air, incident: str) -> Response:
    """One incident with its newest 500 alerts, the map of its source, zones downwind, and the newest 500 entries of its journal.

    `alerts_total` and `journal_total` are how many there are.
    """
    return answer(_whole(air, found_incident(air, incident)))


@router.get("/{incident}/map", responses=example({"type": "FeatureCollection", "features": []}))
def source_map(air: Air, incident: str) -> Response:
    """The cells that hold nine tenths of the probability as GeoJSON squares, each with its `probability` and `region` (50 or 90 %)."""
    source = incident_json(found_incident(air, incident))["details"]["source"]
    if source is None:
        raise HTTPException(404, "the source is not traced yet; ask again in a few seconds")
    squares = [_square(air, lat, lon, share, source["cell_m"]) for lat, lon, share in source["cells"]]
    for number, square in enumerate(squares):
        square["properties"]["region"] = 50 if number < source.get("cells_of_half", 0) else 90
    about = {key: value for key, value in source.items() if key != "cells"}
    return answer({"type": "FeatureCollection", "features": squares, "properties": about})


@router.get("/{incident}/cap.xml", response_class=Response)
def cap(air: Air, incident: str) -> Response:
    """Where the wind carries it, as a CAP 1.2 message: a polygon for each zone downwind, with arrival times; 404 before there is a map."""
    found = downwind_entry(air.site, air.alerts.rules, found_incident(air, incident), simulated_devices(air))
    if found is None:
        raise HTTPException(404, "no map of its source tells anything yet; ask again in a minute")
    return Response(document(found.message), media_type="application/cap+xml; charset=utf-8")


@router.post("/{incident}", responses=example(_INCIDENT))
def act(air: Air, who: Who, incident: str, doing: Doing) -> Response:
    """Acknowledge, comment, assign, confirm, call it a false alarm, or close it; it is written down with the name of the key and the time."""
    found_incident(air, incident)
    try:
        return answer(_brief(air.orders.act(incident, doing.action, who, doing.note, doing.assignee.strip())))
    except UserError as error:
        raise HTTPException(409, str(error)) from error


@router.get("/{incident}/report.html", response_class=Response)
async def report(air: Air, incident: str, language: Literal["ko", "en"] = "ko") -> Response:
    """The report on one page. Reports are made one after the other; when many wait, 429."""
    html = await air.turns.reports.run(lambda: _html(air, incident, language))
    return Response(html, media_type="text/html")


@router.get("/{incident}/report.pdf", response_class=Response)
async def report_pdf(air: Air, incident: str, language: Literal["ko", "en"] = "ko") -> Response:
    """The report on one page, to print or send. Reports are made one after the other; when many wait, 429."""
    pdf = await air.turns.reports.run(lambda: as_pdf(_html(air, incident, language)))
    headers = {"Content-Disposition": f"inline; filename*=UTF-8''{quote(incident, safe='')}.pdf"}
    return Response(pdf, media_type="application/pdf", headers=headers)


def _html(air: State, incident: str, language: Language) -> str:
    return as_html(air.site, _whole(air, found_incident(air, incident)), language, air.now())


def found_incident(air: State, incident_id: str) -> IncidentRecord:
    """Return an incident of this site. Raises HTTPException 404 where there is none of this name."""
    found = air.store.incident(incident_id)
    if found is not None and found.site == air.site.name:
        return found
    raise HTTPException(404, f"no incident is called {incident_id[:200]!r}; see /api/v1/incidents?state=all")


def _brief(record: IncidentRecord) -> dict[str, Any]:
    out = incident_json(record)
    if out["details"]["source"] is not None:
        out["details"]["source"].pop("cells")
    return out


def _whole(air: State, record: IncidentRecord) -> dict[str, Any]:
    out = incident_json(record)
    known, journal = out["details"]["alerts"], air.store.journal(air.site.name, subject=record.id)
    alerts = [alert for alert in map(air.store.alert, known[-MOST_ALERTS:]) if alert is not None]
    out["alerts"] = [alert_json(alert) for alert in sorted(alerts, key=lambda alert: alert.started_at)]
    out["journal"] = [journal_json(entry) for entry in journal[-MOST_ENTRIES:]]
    return out | {"alerts_total": len(known), "journal_total": len(journal)}


def _square(air: State, lat: float, lon: float, share: float, cell_m: float) -> dict[str, Any]:
    x, y = (float(value) for value in air.site.map.to_xy(lat, lon))
    half = cell_m / 2
    corners = [
        (x - half, y - half),
        (x + half, y - half),
        (x + half, y + half),
        (x - half, y + half),
        (x - half, y - half),
    ]
    ring = [
        [round(float(b), 6), round(float(a), 6)] for a, b in (air.site.map.to_latlon(*corner) for corner in corners)
    ]
    return {
        "type": "Feature",
        "properties": {"probability": share},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
