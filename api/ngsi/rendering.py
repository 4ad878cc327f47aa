"""Entities in the forms of NGSI-LD: normalized, and simplified (also called `keyValues`)."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal

import orjson
from fastapi import Response
from starlette.datastructures import Headers

from jeonju.api.http.answers import OPTIONS
from jeonju.api.ngsi.entities import Attribute, Entity
from jeonju.api.ngsi.models import CONTEXT_PATH, CORE_CONTEXT

Form = Literal["normalized", "keyValues"]
JSON_LD: Final = "application/ld+json"
_CONTEXT_LINK: Final = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def entity_json(
    entity: Entity, form: Form, attributes: Iterable[str] = (), *, with_times: bool = False
) -> dict[str, Any]:
    """Return an entity, with some of its attributes where some are named, and with when it changed where that is asked for."""
    names = set(attributes)
    shown = {name: one for name, one in entity.attributes.items() if not names or name in names}
    made = {name: one.value if form == "keyValues" else attribute_json(one) for name, one in shown.items()}
    times = {"modifiedAt": text(entity.changed_at)} if with_times else {}
    return {"id": entity.id, "type": entity.type, **times, **made}


def attribute_json(attribute: Attribute) -> dict[str, Any]:
    """Return an attribute in the normalized form."""
    said = {"observedAt": text(attribute.observed_at)} if attribute.observed_at is not None else {}
    value = {"object" if attribute.kind == "Relationship" else "value": attribute.value}
    return {"type": attribute.kind, **value, **said, **attribute.more}


def text(at: datetime) -> str:
    """Return an instant in ISO 8601."""
    return at.isoformat().replace("+00:00", "Z")


def respond(
    content: Any, headers: Headers, root: str, *, status: int = 200, more: Mapping[str, str] | None = None
) -> Response:
    """Answer as JSON-LD where that is asked for; as JSON otherwise, whose context a link names (clause 6.3.5)."""
    address = f"{root}{CONTEXT_PATH}"
    sent = dict(more or {})
    if JSON_LD not in headers.get("accept", ""):
        sent["Link"] = ", ".join(filter(None, (f"<{address}>; {_CONTEXT_LINK}", sent.get("Link"))))
        return Response(orjson.dumps(content, option=OPTIONS), status, sent, media_type="application/json")
    return Response(orjson.dumps(with_context(content, address), option=OPTIONS), status, sent, media_type=JSON_LD)


def with_context(content: Any, address: str) -> Any:
    """Return entities with what their names mean."""
    if isinstance(content, list):
        return [with_context(one, address) for one in content]
    return {**content, "@context": [address, CORE_CONTEXT]}
