"""oneM2M content instances, as Mobius notifies of them or devices create them. See README.md beside this file."""

from datetime import UTC, datetime
from typing import Any

from airquality.errors import RejectedError
from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import (
    Gathered,
    Message,
    at_pointer,
    inner_document,
    key_of,
    named_device,
    number,
    to_millisecond,
)


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what a content instance says: notified (m2m:sgn), in a primitive (pc) or bare."""
    content = message.object()
    primitive = content.get("m2m:rqp", content)
    body = primitive.get("pc", primitive) if isinstance(primitive, dict) else None
    if not isinstance(body, dict):
        return Decoding()
    body = inner_document(body)
    notice = body.get("m2m:sgn")
    path = notice.get("sur") if isinstance(notice, dict) else primitive.get("to")
    instance = at_pointer(notice, "/nev/rep/m2m:cin") if isinstance(notice, dict) else body.get("m2m:cin")
    if not isinstance(instance, dict) or "con" not in instance:
        return Decoding()
    names = _names(path, is_subscription=isinstance(notice, dict))
    inside = inner_document(instance["con"])
    if not isinstance(inside, dict):
        inside = _scalar(inside, names, gateway)
    device = _device(names, gateway, content)
    at, gathered = _time(inside, instance), Gathered()
    mapped = frozenset(one.pointer.rpartition("/con/")[2] for one in gateway.mapping)
    gathered.put_named(device, at, inside, skip=mapped)
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _names(path: Any, *, is_subscription: bool) -> list[str]:
    """Return the resources of a path, without the CSE before and the subscription after them."""
    if not isinstance(path, str) or "://" in path:
        return []
    names = [name for name in path.split("/") if name]
    if names[:1] == ["~"]:
        names = names[1:]
    return names[1:-1] if is_subscription else names[1:]


def _device(names: list[str], gateway: Gateway, content: Any) -> str:
    """The path is application entity, device, container …; a shorter one has no application entity."""
    if gateway.device is not None or not names:
        return named_device(gateway, content)
    return names[1] if len(names) > 2 else names[0]


def _scalar(value: Any, names: list[str], gateway: Gateway) -> dict[str, Any]:
    """A lone number is named by its container, or by the mapping."""
    if number(value) is None or any(one.pointer.endswith("/con") for one in gateway.mapping):
        return {}
    if not names:
        raise RejectedError("is a number without a name: con holds no object, and no path says what it is")
    return {names[-1]: value} if key_of(names[-1]) else {}


def _time(inside: dict[str, Any], instance: dict[str, Any]) -> datetime | None:
    """Return con.Timestamp, else the creation time; basic ISO format, UTC, without a zone letter."""
    for text in (inside.get("Timestamp"), instance.get("ct")):
        try:
            at = datetime.fromisoformat(str(text).replace(",", "."))
        except ValueError:
            continue
        return to_millisecond(at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC))
    return None
