"""The city at one instant in one answer: what was measured, which alerts lasted, which incidents were open. The console asks for it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import pyarrow as pa
from fastapi import APIRouter, HTTPException, Query, Response

from jeonju.api.http.answers import answer, example
from jeonju.api.http.instants import Instant
from jeonju.api.http.state import Air, State
from jeonju.api.reading_json import reading_json
from jeonju.contract.as_json import incident_json
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.storage.port import Series

router = APIRouter(prefix="/api/v1", tags=["site"])

# A device that reports every few minutes is still there; after that its minute means are asked for, which outlive the readings.
JUST_NOW: Final = timedelta(minutes=2)
BEFORE: Final = timedelta(minutes=15)
INSTANT: Final = timedelta(microseconds=1)
# A store gives the earliest rows first, so a span that has more is halved until it has not.
MOST_ROWS: Final = 20_000
SHORTEST: Final = timedelta(seconds=5)
MOST_RECORDS: Final = 500
# Of one incident; more are no region that anybody sees.
MOST_CELLS: Final = 5000

_MOMENT: Final = {
    "at": "2026-03-04T03:00:00Z",
    "latest": [{"device": "palbok-03", "time": "2026-03-04T02:59:55Z", "values": {"pm25": 23.4}}],
    "alerts": [],
    "incidents": [],
    "left_out": {"alerts": 0, "incidents": 0},
}


@router.get("/state", responses=example(_MOMENT))
async def state(
    air: Air,
    at: Annotated[Instant | None, Query(description="The instant; now by default.")] = None,
) -> Response:
    """The newest reading of every device up to an instant, the alerts that lasted then, and the incidents that were open, with their cells.

    An answer holds at most 500 alerts and 500 incidents, the newest, and 5 000 cells of each; `left_out` says how many more there were. What
    people did about alerts and incidents is as it stands now. Of a source the newest map alone has cells; before it, `source` is what the map of
    that time said of place and radii, or null. Where the readings are no longer kept, minute
    means stand in their place.
    """
    now = air.now()
    if at is not None and at > now + timedelta(days=1):
        raise HTTPException(422, "at: lies in the future")
    return await air.turns.exports.run(lambda: answer(_moment(air, at, now)))


def _moment(air: State, at: datetime | None, now: datetime) -> dict[str, Any]:
    rows = newest_rows(air, at).to_pylist()
    alerts, incidents = _alerts(air, at), _incidents(air, at)
    return {
        "at": (at or now).astimezone(UTC),
        "latest": [reading_json(row) for row in sorted(rows, key=lambda row: row["device"])],
        "alerts": [air.alerts.to_json(alert) for alert in alerts[:MOST_RECORDS]],
        "incidents": [
            _with_cells(incident) if at is None else _as_known_at(incident, at) for incident in incidents[:MOST_RECORDS]
        ],
        "left_out": {
            "alerts": max(len(alerts) - MOST_RECORDS, 0),
            "incidents": max(len(incidents) - MOST_RECORDS, 0),
        },
    }


def newest_rows(air: State, at: datetime | None) -> pa.Table:
    """Return the newest row of every device, up to an instant if one is given.

    Of the past, minute means stand for those that said nothing in the two minutes before."""
    if at is None:
        return air.store.latest(air.site.name)
    # Whole minutes are stored as they are; a part of one would be made from readings, and these come last anyway.
    minute = at.replace(second=0, microsecond=0)
    every = pa.concat_tables([_rows(air, minute, BEFORE, every_s=60), _rows(air, at + INSTANT, JUST_NOW)])
    last = {device: number for number, device in enumerate(every["device"].to_pylist())}
    return every.take(pa.array(list(last.values()), pa.int64()))


def _rows(air: State, end: datetime, span: timedelta, every_s: int | None = None) -> pa.Table:
    while True:
        wanted = Series(site=air.site.name, start=end - span, end=end, every_s=every_s, limit=MOST_ROWS + 1)
        table = air.store.readings(wanted)
        if table.num_rows <= MOST_ROWS or span <= SHORTEST:
            return table
        span /= 2


def _alerts(air: State, at: datetime | None) -> list[AlertRecord]:
    if at is None:
        return air.store.alerts(air.site.name, active=True)
    found = air.store.alerts(air.site.name, since=at)
    return [alert for alert in found if alert.started_at <= at and (alert.ended_at is None or alert.ended_at > at)]


def _incidents(air: State, at: datetime | None) -> list[IncidentRecord]:
    if at is None:
        return air.store.incidents(air.site.name, active=True)
    found = air.store.incidents(air.site.name, since=at)
    return [
        incident
        for incident in found
        if incident.opened_at <= at and (incident.closed_at is None or incident.closed_at > at)
    ]


def _with_cells(incident: IncidentRecord) -> dict[str, Any]:
    out = incident_json(incident)
    if (source := out["details"]["source"]) is not None:
        source["cells"] = source["cells"][:MOST_CELLS]
    return out


def _as_known_at(incident: IncidentRecord, at: datetime) -> dict[str, Any]:
    """Return an incident with what was known of its source then."""
    out = _with_cells(incident)
    details = out["details"]
    source, course = details["source"], details["course"]
    if source is None or datetime.fromisoformat(source["traced_at"]) <= at or not course:
        return out
    known = [estimate for estimate in course if datetime.fromisoformat(estimate["at"]) <= at]
    details["downwind"] = []
    details["source"] = None
    if known:
        then = dict(known[-1])
        details["source"] = source | {"cells": [], "cells_of_half": 0, "traced_at": then.pop("at")} | then
    return out
