"""oneM2M content instances, as Mobius notifies of them or devices create them. See README.md beside this file."""

from functools import partial
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.ingest.decoded import Decoding
from jeonju.ingest.decoders.fields import at_pointer, inner_document, key_of, named_device
from jeonju.ingest.decoders.gathered import Gathered, says_nothing
from jeonju.ingest.decoders.numbers import read_amount
from jeonju.ingest.decoders.times import When, first_time, instant, site_time
from jeonju.ingest.message import Message

# What the resource of the CSE itself is called unless configured otherwise: by Mobius, ACME and OM2M.
CSE_BASES: Final = frozenset(
    ("Mobius", *(f"cse-{kind}" for kind in ("in", "mn", "asn")), *(f"{kind}-name" for kind in ("in", "mn", "asn")))
)


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what a content instance says: notified (m2m:sgn), in a primitive (pc) or bare."""
    content = message.object()
    primitive = _member(content, "rqp")
    primitive = primitive if isinstance(primitive, dict) else content
    body = inner_document(_member(primitive, "pc"))
    body = body if isinstance(body, dict) else primitive
    notice = _member(body, "sgn")
    is_notice = isinstance(notice, dict)
    instance = _member(_member(_member(notice, "nev"), "rep") if is_notice else body, "cin")
    if not isinstance(instance, dict) or "con" not in instance:
        return Decoding()
    # A bare instance knows its container, by an identifier mostly, by its path in older servers.
    path = _member(notice, "sur") if is_notice else _member(primitive, "to") or instance.get("pi")
    names = _names(path, is_subscription=is_notice)
    inside = inner_document(instance["con"])
    if not isinstance(inside, dict):
        inside = _scalar(inside, names, gateway)
    look_up = partial(at_pointer, content)
    mapped = frozenset(entry.pointer.rpartition("/con/")[2] for entry in gateway.mapping)
    try:
        device = _device(names, gateway, content)
    except RejectedError:
        if says_nothing({name: value for name, value in inside.items() if name not in mapped}, gateway, look_up):
            return Decoding()
        raise
    at, gathered = first_time(site_time(gateway, content), _time(inside, instance, gateway)), Gathered()
    gathered.put_named(device, at, inside, skip=mapped)
    gathered.put_mapped(device, at, gateway, look_up)
    return gathered.decoding()


def _member(parent: Any, name: str) -> Any:
    """Return a member by its short name; OM2M writes `m2m:` before more of them than others do."""
    parent = inner_document(parent)
    if not isinstance(parent, dict):
        return None
    return parent.get(f"m2m:{name}", parent.get(name))


def _names(path: Any, *, is_subscription: bool) -> list[str]:
    """Return the resources of a path, without the CSE before and the subscription after them."""
    if not isinstance(path, str) or "://" in path:
        return []
    names = [name for name in path.split("/") if name]
    # An absolute path names the service provider before the CSE; over HTTP `~` stands before a CSE.
    if path.startswith("//") or names[:1] == ["~"]:
        names = names[1:]
    # The CSE is named by its identifier, its resource or both: /id-in/cse-in/…
    if len(names) > 1 and names[1] in CSE_BASES:
        names = names[1:]
    return names[1:-1] if is_subscription else names[1:]


def _device(names: list[str], gateway: Gateway, content: Any) -> str:
    """The path is application entity, device, container …; a shorter one has no application entity."""
    if gateway.device is not None or not names:
        return named_device(gateway, content)
    return names[1] if len(names) > 2 else names[0]


def _scalar(value: Any, names: list[str], gateway: Gateway) -> dict[str, Any]:
    """A lone number is named by its container, or by the mapping."""
    if read_amount(value) is None or any(entry.pointer.endswith("/con") for entry in gateway.mapping):
        return {}
    if not names:
        raise RejectedError("is a number without a name: con holds no object, and no path says what it is")
    return {names[-1]: value} if key_of(names[-1]) else {}


def _time(inside: dict[str, Any], instance: dict[str, Any], gateway: Gateway) -> When:
    """Return con.Timestamp, else the creation time: basic ISO format without a zone letter, UTC unless the device's clock has another zone."""
    of_device = instant(inside.get("Timestamp"), gateway.timezone or "UTC")
    return first_time(of_device, instant(instance.get("ct"), "UTC"))
