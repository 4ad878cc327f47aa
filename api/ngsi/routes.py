"""The routes of NGSI-LD for reading: entities, types, and the context (ETSI GS CIM 009, clause 6)."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson
from fastapi import APIRouter, Request, Response

from jeonju.api.http.answers import answer, example
from jeonju.api.http.paging import MOST_SKIPPED
from jeonju.api.http.state import Air, State
from jeonju.api.ngsi.asked import Asked, read_asked, read_number
from jeonju.api.ngsi.entities import Entities, Entity
from jeonju.api.ngsi.models import ALERT, CONTEXT_PATH, TYPE_IRIS, TYPES, context
from jeonju.api.ngsi.problems import NgsiError
from jeonju.api.ngsi.rendering import JSON_LD, entity_json, respond
from jeonju.api.ngsi.temporal import History, read_span
from jeonju.api.parameters import documented

PREFIX: Final = "/ngsi-ld/v1"
router = APIRouter(tags=["NGSI-LD"])
MOST_ON_PAGE: Final = 1000
_CHOICE: Final = {
    "type": "Types, with commas.",
    "id": "Ids, with commas.",
    "idPattern": "A pattern (RE2) in the id.",
    "attrs": "Attributes, with commas: those that are answered; who has none of them is left out.",
    "q": 'Such as `pm25>35;pm25.quality=="ok"`.',
    "georel": "`near;maxDistance==METRES`, `near;minDistance==METRES`, within, contains, intersects, equals, disjoint, overlaps.",
    "geometry": "Point, LineString, Polygon, or several of one of them.",
    "coordinates": "As GeoJSON has them, longitude first.",
    "geoproperty": "`location` by default.",
}
_FORM: Final = {"attrs": "Attributes, with commas.", "options": "`keyValues`, `sysAttrs`."}
_LISTED: Final = _CHOICE | {
    "options": "`keyValues`, `count`, `sysAttrs`, with commas.",
    "limit": f"{MOST_ON_PAGE} at most, 100 by default.",
    "offset": "How many are skipped.",
    "count": "`true`: the header `NGSILD-Results-Count` says how many there are.",
}
_SPAN: Final = {
    "timerel": "`before`, `after` or `between`.",
    "timeAt": "An instant.",
    "endTimeAt": "Of `between`: the end.",
    "lastN": "So many of the newest values of each attribute.",
    "options": "`temporalValues` or `aggregatedValues`.",
    "aggrPeriodDuration": "Of `aggregatedValues`: over which means are taken, such as `PT1H`.",
}
_ENTITY = {
    "id": "urn:ngsi-ld:AirQualityObserved:jeonju:palbok-03",
    "type": "AirQualityObserved",
    "pm25": {"type": "Property", "value": 23.4, "unitCode": "GQ", "observedAt": "2026-03-02T08:15:30Z"},
}
_PAST = {
    "id": "urn:ngsi-ld:AirQualityObserved:jeonju:palbok-03",
    "type": "AirQualityObserved",
    "pm25": [{"type": "Property", "value": 23.4, "unitCode": "GQ", "observedAt": "2026-03-02T08:15:30Z"}],
}


def root_of(request: Request) -> str:
    """Return the address under which the service was asked."""
    return str(request.base_url).rstrip("/")


async def answered(air: State, work: Callable[[], Response]) -> Response:
    """Answer from the store in its turn, errors as the standard names them."""
    try:
        return await air.turns.exports.run(work)
    except NgsiError as error:
        body = orjson.dumps(error.to_json())
        return Response(body, error.status_code, media_type="application/problem+json")


@router.get(CONTEXT_PATH, responses=example({"@context": ["…"]}))
async def served_context() -> Response:
    """What every name means, as JSON-LD."""
    return Response(answer(context()).body, media_type=JSON_LD)


@router.get(f"{PREFIX}/types", responses=example({"type": "EntityTypeList", "typeList": list(TYPES)}))
async def types(request: Request) -> Response:
    """The types of entities that there are."""
    content = {"id": "urn:ngsi-ld:EntityTypeList:all", "type": "EntityTypeList", "typeList": list(TYPE_IRIS)}
    return respond(content, request.headers, root_of(request))


@router.get(f"{PREFIX}/entities", responses=example([_ENTITY]), openapi_extra=documented(_LISTED))
async def entities(air: Air, request: Request) -> Response:
    """Entities as of now, of a type, with some attributes, by a query or by their place.

    Alerts are those that last and those that ended within the last day. The `Link` header gives the next page.
    """
    query, root = dict(request.query_params), root_of(request)
    return await answered(air, lambda: _listed(air, request, query, root))


@router.get(f"{PREFIX}/entities/{{entity}}", responses=example(_ENTITY), openapi_extra=documented(_FORM))
async def one_entity(air: Air, request: Request, entity: str) -> Response:
    """One entity as of now, an alert however old; `attrs` and `options` as above."""
    query, root = dict(request.query_params), root_of(request)

    def work() -> Response:
        asked = read_asked(query, air.site, needs_choice=False)
        found = Entities(air).find(entity)
        if found is None or (asked.attrs and not asked.attrs & found.attributes.keys()):
            raise NgsiError("ResourceNotFound", f"there is no {entity[:200]!r}, or nothing of it that is asked for")
        return respond(_shown(found, asked), request.headers, root)

    return await answered(air, work)


@router.get(f"{PREFIX}/temporal/entities", responses=example([_PAST]), openapi_extra=documented(_CHOICE | _SPAN))
async def past(air: Air, request: Request) -> Response:
    """How entities developed in a span of time, or their newest values.

    `aggregatedValues` are means, which outlive the readings. At most 20 000 values: where there are more, the
    answer is 206, and `Content-Range` says which span it holds. Alerts have no past here.
    """
    query, root = dict(request.query_params), root_of(request)

    def work() -> Response:
        asked = read_asked(query, air.site)
        chosen = [entity for entity in Entities(air).of_types(asked.types) if asked.holds(entity)]
        return _past(air, request, chosen, asked, query, root)

    return await answered(air, work)


@router.get(f"{PREFIX}/temporal/entities/{{entity}}", responses=example(_PAST), openapi_extra=documented(_FORM | _SPAN))
async def past_of_one(air: Air, request: Request, entity: str) -> Response:
    """How one entity developed, as above."""
    query, root = dict(request.query_params), root_of(request)

    def work() -> Response:
        asked = read_asked(query, air.site, needs_choice=False)
        found = Entities(air).find(entity)
        if found is None or found.type == ALERT:
            raise NgsiError("ResourceNotFound", f"there is no {entity[:200]!r} with a past")
        return _past(air, request, [found], asked, query, root, is_one=True)

    return await answered(air, work)


def _past(
    air: State,
    request: Request,
    chosen: list[Entity],
    asked: Asked,
    query: dict[str, str],
    root: str,
    *,
    is_one: bool = False,
) -> Response:
    history = History(air, chosen, asked, read_span(query, asked, air.now()))
    found: Any = history.to_json()
    if is_one:
        if not found:
            raise NgsiError("ResourceNotFound", "nothing was measured in that span")
        found = found[0]
    status, more = (200, {}) if history.range is None else (206, {"Content-Range": history.range})
    return respond(found, request.headers, root, status=status, more=more)


def _listed(air: State, request: Request, query: dict[str, str], root: str) -> Response:
    asked = read_asked(query, air.site)
    limit = read_number(query, "limit", 100, MOST_ON_PAGE)
    offset = read_number(query, "offset", 0, MOST_SKIPPED)
    everything = Entities(air)
    found = [entity for entity in everything.of_types(asked.types) if asked.holds(entity)]
    headers = {"NGSILD-Results-Count": str(len(found))} if asked.counts else {}
    page = found[offset : offset + limit]
    if links := list(_links(request, len(found), limit, offset)):
        headers["Link"] = ", ".join(links)
    return respond([_shown(entity, asked) for entity in page], request.headers, root, more=headers)


def _shown(entity: Entity, asked: Asked) -> dict[str, Any]:
    return entity_json(entity, asked.form, asked.attrs, with_times=asked.with_times)


def _links(request: Request, total: int, limit: int, offset: int) -> Iterator[str]:
    # Relative: what is said of our own name in the request is not to be believed.
    path = request.scope["path"]
    for name, start in (("prev", max(offset - limit, 0) if offset else None), ("next", offset + limit)):
        if start is not None and limit and (name == "prev" or start < total):
            address = request.url.include_query_params(offset=start, limit=limit)
            yield f'<{path}?{address.query}>; rel="{name}"; type="application/ld+json"'
