"""What is not to be sent for a time, and places that smoke every Friday."""

import math
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from jeonju.api.http.answers import answer, example
from jeonju.api.http.identity import Who
from jeonju.api.http.instants import Instant
from jeonju.api.http.paging import MOST_ROWS, BySkipping
from jeonju.api.http.state import Air, State
from jeonju.common.durations import parse_duration_s
from jeonju.common.errors import UserError
from jeonju.contract.known_source import KnownSource
from jeonju.response.silences import Silence

router = APIRouter(prefix="/api/v1", tags=["alerts"])

_SILENCE = {
    "id": "91ab…",
    "kind": "dust",
    "zone": "palbok",
    "device": "*",
    "from_at": "2026-03-02T00:00:00Z",
    "until_at": "2026-03-02T09:00:00Z",
    "reason": "demolition at 팔복로",
    "who": "kim",
    "title_ko": "국지적 먼지",
    "title_en": "Local dust",
    "active": True,
}
_KNOWN_SOURCE = {
    "id": "77cd…",
    "lat": 35.8546,
    "lon": 127.0976,
    "radius_m": 80,
    "of_class": "fire",
    "weekdays": [4],
    "from_hour": 17,
    "to_hour": 2,
    "note": "grill street",
}

Limit = Annotated[int, Query(ge=1, le=MOST_ROWS)]
Glob = Annotated[str, Field(min_length=1, max_length=100)]
LONGEST_S: Final = 30 * 86_400.0
FURTHEST_KM: Final = 20.0


class Silencing(BaseModel):
    """What is silenced: globs that must all match, until an instant or for a time, at most 30 days, and why."""

    model_config = ConfigDict(extra="forbid")

    kind: Glob = "*"
    zone: Glob = "*"
    device: Glob = "*"
    until: Instant | None = None
    for_s: Annotated[float | None, BeforeValidator(parse_duration_s), Field(alias="for", gt=0)] = None
    reason: Annotated[str, Field(min_length=3, max_length=2000)]


@router.get("/silences", responses=example([_SILENCE]))
def silences(
    air: Air,
    page: BySkipping,
    state: Annotated[Literal["active", "all"], Query(description="Those that last, or all.")] = "active",
    limit: Limit = MOST_ROWS,
) -> Response:
    """Silences, the newest first; the `Link` header gives the next page."""
    air.alerts.silences.load()
    known = [silence for silence in air.alerts.silences.known.values() if state == "all" or _lasts(air, silence)]
    return page.answer(known[::-1], limit, lambda silence: _silence_json(air, silence))


@router.post("/silences", status_code=201)
def silence(air: Air, who: Who, wanted: Silencing) -> Response:
    """Silence alerts for a time, with a reason: they are raised and shown, but not sent."""
    until = _until(wanted, air.now())
    globs = {"kind": wanted.kind, "zone": wanted.zone, "device": wanted.device}
    try:
        made = air.alerts.silences.add(who, until, wanted.reason, globs)
    except UserError as error:
        raise HTTPException(422, str(error)) from error
    return answer(_silence_json(air, made), 201)


@router.delete("/silences/{silence_id}", status_code=204)
def end_silence(air: Air, who: Who, silence_id: str) -> Response:
    """End a silence before its time; what still lasts is sent."""
    try:
        air.alerts.silences.end(silence_id, who)
    except UserError as error:
        raise HTTPException(404, str(error)) from error
    return Response(status_code=204)


@router.get("/nuisances", responses=example([_KNOWN_SOURCE]))
def nuisances(air: Air, page: BySkipping, limit: Limit = MOST_ROWS) -> Response:
    """Places that were marked because they smoke, smell or dust again and again; the `Link` header gives the next page."""
    air.alerts.known_sources.load()
    marked = list(air.alerts.known_sources.marked.items())
    return page.answer(marked, limit, lambda item: {"id": item[0], **item[1].model_dump()})


@router.post("/nuisances", status_code=201)
def mark(air: Air, who: Who, place: KnownSource) -> Response:
    """Mark a place: what is found there at these hours weighs less. Hours are local; Monday is weekday 0."""
    away_km = math.hypot(*air.site.map.to_xy(place.lat, place.lon)) / 1000
    if away_km > FURTHEST_KM:
        raise HTTPException(422, f"the place is {away_km:.0f} km from the middle of {air.site.label_en}")
    made = air.alerts.known_sources.add(place, who)
    air.detection.refresh_known_sources()
    return answer({"id": made, **place.model_dump()}, 201)


@router.delete("/nuisances/{nuisance_id}", status_code=204)
def unmark(air: Air, who: Who, source_id: Annotated[str, Path(alias="nuisance_id")]) -> Response:
    """Take a mark away."""
    try:
        air.alerts.known_sources.remove(source_id, who)
    except UserError as error:
        raise HTTPException(404, str(error)) from error
    air.detection.refresh_known_sources()
    return Response(status_code=204)


def _until(wanted: Silencing, now: datetime) -> datetime:
    if (wanted.until is None) == (wanted.for_s is None):
        raise HTTPException(422, "say either until when, or for how long, such as 2h")
    length_s = wanted.for_s if wanted.until is None else (wanted.until - now).total_seconds()
    if length_s is None or length_s > LONGEST_S:
        raise HTTPException(422, "a silence lasts at most 30 days; what is never wanted is switched off in the rules")
    return now + timedelta(seconds=length_s)


def _silence_json(air: State, silence: Silence) -> dict[str, Any]:
    title_ko, title_en = air.alerts.rules.title(silence.kind)
    return {
        **asdict(silence),
        "title_ko": title_ko,
        "title_en": title_en,
        "active": _lasts(air, silence),
    }


def _lasts(air: State, silence: Silence) -> bool:
    return silence.from_at <= air.now() < silence.until_at
