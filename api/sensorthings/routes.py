"""The service: its root, sets, entities, properties and links, all by GET (OGC 18-088, resource-path)."""

import re
from typing import Any, Final

import orjson
from fastapi import APIRouter, HTTPException, Request, Response

from jeonju.api.http.answers import OPTIONS, answer, example
from jeonju.api.http.state import Air, State
from jeonju.api.parameters import documented
from jeonju.api.sensorthings.answers import Answers
from jeonju.api.sensorthings.city import City
from jeonju.api.sensorthings.evaluation import Evaluation
from jeonju.api.sensorthings.graph import Graph, Several
from jeonju.api.sensorthings.kinds import KINDS, SETS, Entity, Kind, link_of
from jeonju.api.sensorthings.options import MOST_ON_PAGE, Options, read_options, split
from jeonju.api.sensorthings.page import Pages
from jeonju.api.windows import Reader

PREFIX: Final = "/sta/v1.1"
router = APIRouter(prefix=PREFIX, tags=["SensorThings"])

_SPEC: Final = "http://www.opengis.net/spec/iot_sensing/1.1/req/"
CONFORMANCE: Final = tuple(
    _SPEC + name
    for name in (
        "datamodel",
        "resource-path/resource-path-to-entities",
        "request-data/order",
        "request-data/expand",
        "request-data/select",
        "request-data/status-code",
        "request-data/query-status-code",
        "request-data/orderby",
        "request-data/top",
        "request-data/skip",
        "request-data/count",
        "request-data/filter",
        "request-data/built-in-filter-operations",
        "request-data/built-in-query-functions",
        "request-data/pagination",
    )
)
MOST_BYTES: Final = 16 * 1024 * 1024
MOST_SEGMENTS: Final = 12
_QUERY: Final = {
    "$filter": "Such as `result gt 75 and phenomenonTime ge now() sub duration'PT1H'`.",
    "$orderby": "Such as `phenomenonTime desc`; up to 5 keys.",
    "$top": f"{MOST_ON_PAGE} at most.",
    "$skip": "How many are skipped.",
    "$count": "`true`: how many there are on all pages.",
    "$select": "Names of properties.",
    "$expand": "Names of links, each with options in brackets.",
}
_SEGMENT: Final = re.compile(r"([A-Za-z]+)(?:\((?:'((?:[^']|'')*)'|([^()']*))\))?")
_EXAMPLE = {
    "value": [
        {
            "@iot.id": "palbok-03:pm25",
            "@iot.selfLink": "http://127.0.0.1:8000/sta/v1.1/Datastreams('palbok-03:pm25')",
            "name": "PM2.5 at Centre of Palbok-dong",
            "unitOfMeasurement": {"name": "microgram per cubic metre", "symbol": "µg/m³", "definition": "ucum:ug/m3"},
        }
    ]
}


@router.get("", responses=example({"value": [{"name": "Things", "url": "…/Things"}], "serverSettings": {}}))
@router.get("/", include_in_schema=False)
async def service(request: Request) -> Response:
    """The sets of the OGC SensorThings API 1.1, and the requirements of the standard that are kept (docs/standards.md)."""
    root = _root(request)
    return answer(
        {
            "value": [{"name": name, "url": f"{root}/{name}"} for name in SETS],
            "serverSettings": {"conformance": CONFORMANCE},
        }
    )


@router.get("/{resource:path}", responses=example(_EXAMPLE), openapi_extra=documented(_QUERY))
async def resource(air: Air, request: Request, resource: str) -> Response:
    """Entities of the OGC SensorThings API 1.1: `Things`, `Datastreams('ID')/Observations` and so on, with its query options.

    Without an order, Observations come newest first.
    """
    pairs, root = request.query_params.multi_items(), _root(request)
    return await air.turns.exports.run(lambda: _answered(air, root, resource, pairs))


def _root(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{PREFIX}"


class _Request:
    """What one request needs."""

    def __init__(self, air: State, root: str) -> None:
        reader = Reader(air.store, air.site.name)
        self.graph = Graph(City(air), reader)
        evaluation = Evaluation(self.graph.values, air.now())
        self.pages = Pages(self.graph, reader, evaluation)
        self.answers = Answers(root, self.graph, self.pages)


def _answered(air: State, root: str, resource: str, pairs: list[tuple[str, str]]) -> Response:
    asked = _Request(air, root)
    found, rest, kind = _follow(asked, _segments(resource))
    if rest and rest != ["$ref"]:
        if pairs_with_options := [name for name, _ in pairs if name.startswith("$")]:
            raise HTTPException(400, f"{pairs_with_options[0][:40]} cannot be asked of a property")
        if not isinstance(found, Entity):
            raise _unknown(rest[0])
        return _property(found, rest)
    options = read_options(pairs, kind)
    if isinstance(found, Entity):
        return _one(asked, found, options, is_reference=bool(rest))
    page = asked.pages.page(found, options)
    if rest:
        return _bounded(asked.answers.references(page, resource))
    return _bounded(asked.answers.of_page(page, options, resource))


def _one(asked: _Request, entity: Entity, options: Options, *, is_reference: bool) -> Response:
    if is_reference:
        return answer({"@iot.selfLink": asked.answers.address(entity)})
    if wrong := options.given.keys() - {"$select", "$expand"}:
        raise HTTPException(400, f"{min(wrong)} cannot be asked of one entity")
    return _bounded(asked.answers.of_entity(entity, options))


def _segments(resource: str) -> list[str]:
    segments = [segment for segment in split(resource.strip("/"), "/") if segment]
    if not 1 <= len(segments) <= MOST_SEGMENTS:
        raise HTTPException(404, f"a path has at least one part, and at most {MOST_SEGMENTS}")
    return segments


def _follow(asked: _Request, segments: list[str]) -> tuple[Entity | Several, list[str], Kind]:
    """Return what a path leads to, what follows of it that is no link, and the kind of what it leads to."""
    name, entity_id = _read(segments[0])
    if (kind := SETS.get(name)) is None:
        raise _unknown(name)
    found = _start(asked, kind, entity_id)
    for number, segment in enumerate(segments[1:], 1):
        name, entity_id = _read(segment) if not segment.startswith("$") else (segment, None)
        link = link_of(kind, name) if isinstance(found, Entity) else None
        if link is None or not isinstance(found, Entity):
            return found, segments[number:], kind
        before, kind = found, KINDS[kind.links[link]]
        related = asked.graph.related(before, link)
        if entity_id is not None:
            related = _member(asked, before, link, kind, entity_id)
        if related is None:
            raise _unknown(name)
        found = related
    return found, [], kind


def _start(asked: _Request, kind: Kind, entity_id: str | None) -> Entity | Several:
    if entity_id is None:
        return asked.graph.everything(kind)
    return _found(asked.graph.find(kind, entity_id), kind, entity_id)


def _member(asked: _Request, before: Entity, link: str, kind: Kind, entity_id: str) -> Entity:
    """Return an entity of an id, if it is one of those that a link leads to."""
    entity = _found(asked.graph.find(kind, entity_id), kind, entity_id)
    back = next((name for name, target in kind.links.items() if target == before.kind.name), None)
    owners = asked.graph.related(entity, back) if back is not None else None
    several = owners if isinstance(owners, list) else [owners]
    if not any(isinstance(one, Entity) and one.id == before.id for one in several):
        raise _unknown(f"{link}('{entity_id}')")
    return entity


def _read(segment: str) -> tuple[str, str | None]:
    """Return the name and the id of a part of a path, which is a number or stands in quotes."""
    found = _SEGMENT.fullmatch(segment)
    if found is None:
        return segment, None
    quoted = found[2].replace("''", "'") if found[2] is not None else found[3]
    return found[1], quoted


def _found(entity: Entity | None, kind: Kind, entity_id: str) -> Entity:
    if entity is None:
        raise HTTPException(404, f"{kind.entity_set} have none with the id {entity_id[:100]!r}")
    return entity


def _unknown(name: str) -> HTTPException:
    return HTTPException(404, f"there is no {name[:100]!r} here; {PREFIX} lists what there is")


def _property(entity: Entity, segments: list[str]) -> Response:
    """Answer a property, or with `$value` its bare value."""
    is_bare = segments[-1] == "$value"
    names = segments[:-1] if is_bare else segments
    content: Any = {"id": entity.id, "@iot.id": entity.id, **entity.properties}
    for name in names:
        if not isinstance(content, dict) or name not in content:
            raise _unknown(name)
        content = content[name]
    if not names:
        raise _unknown("$value")
    if content is None:
        return Response(status_code=204)
    if not is_bare:
        return answer({names[-1]: content})
    text = content if isinstance(content, str) else orjson.dumps(content, option=OPTIONS).decode().strip('"')
    return Response(text, media_type="text/plain; charset=utf-8")


def _bounded(content: Any) -> Response:
    answered = answer(content)
    if len(answered.body) > MOST_BYTES:
        raise HTTPException(
            400, f"the answer would have more than {MOST_BYTES // 2**20} MB; ask with a smaller $top, or expand less"
        )
    return answered
