"""oneM2M content instances, as Mobius notifies of them or devices create them. See README.md beside this file."""

import base64
import binascii
import re
from functools import partial
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import OverBudgetError, spend
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding
from jeonju.decoders.fields import inner_document, key_of, named_device
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.lists import Place, at_place
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import read_amount
from jeonju.decoders.times import When, first_time, instant, site_time

# What the resource of the CSE itself is called unless configured otherwise: by Mobius, ACME and OM2M.
CSE_BASES: Final = frozenset(
    ("Mobius", *(f"cse-{kind}" for kind in ("in", "mn", "asn")), *(f"{kind}-name" for kind in ("in", "mn", "asn")))
)
NOTIFY: Final = 5
OK: Final = 2000
_RESPONSE_TOPIC: Final = re.compile(r"((?:^|/)oneM2M/(?:reg_)?)req/")
# A flexContainer is called by the short name of its kind, which some domain defines: cod:tempe (TS-0023). Numbers that all resources have are no
# values.
FLEX_CONTAINER: Final = re.compile(r"m2m:fcnt|(?!m2m:)[A-Za-z][\w.-]*:[\w.-]+")
NOT_OF_FLEX_CONTAINER: Final = ("ty", "st", "cs")
# Encodings of contentInfo: Base64 of a text, and of bytes.
BASE64: Final = ("1", "2")
# More than any server sends together: notifications, or instances of a container.
MOST_TOGETHER: Final = 10_000


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what instances say: notified one by one (m2m:sgn) or together (m2m:agn), in a primitive (pc) or bare.

    A notification is answered whatever it says: servers give up subscriptions of those who do not answer.
    """
    content = message.object()
    answers = _answers(message, content)
    try:
        return msgspec.structs.replace(_decoded(content, gateway), answers=answers)
    except RejectedError as error:
        if not answers:
            raise
        raise AnsweredRejectionError(str(error), answers) from error
    except OverBudgetError as error:
        error.answers = answers
        raise


def _decoded(content: dict[str, Any], gateway: Gateway) -> Decoding:
    primitive = _primitive(content)
    body = inner_document(_member(primitive, "pc"))
    body = body if isinstance(body, dict) else primitive
    gathered = Gathered()
    together, listed = _member(_member(body, "agn"), "sgn"), _instances(body)
    if isinstance(together, list):
        for notice in together[:MOST_TOGETHER]:
            _add_part(gathered, notice, gateway)
        if len(together) > MOST_TOGETHER:
            reason = f"holds {len(together)} notifications, of which {MOST_TOGETHER} are read"
            gathered.reject(reason, partial(msgspec.json.encode, together[MOST_TOGETHER:]))
    elif listed is not None:
        _add_instances(gathered, content, body, listed, gateway)
    else:
        if _member(_member(body, "sgn"), "vrq") is True:
            return Decoding(nothing="verification")
        _add(gathered, content, primitive, body, gateway)
    return gathered.decoding()


def _add_part(gathered: Gathered, notice: Any, gateway: Gateway) -> None:
    """Add one of several notifications, as if it had come alone; pointers of the mapping lead into it."""
    alone = {"pc": {"m2m:sgn": notice}}
    if not isinstance(notice, dict):
        gathered.reject(
            f"a notification must be an object, not {type(notice).__name__}", partial(msgspec.json.encode, alone)
        )
        return
    try:
        _add(gathered, alone, alone, alone["pc"], gateway)
    except RejectedError as error:
        gathered.reject(str(error), partial(msgspec.json.encode, alone))


def _add(
    gathered: Gathered, content: dict[str, Any], primitive: dict[str, Any], body: dict[str, Any], gateway: Gateway
) -> None:
    spend()
    notice = _member(body, "sgn")
    is_notice = isinstance(notice, dict)
    instance = _instance(_member(_member(notice, "nev"), "rep") if is_notice else body)
    if instance is None:
        return
    # A bare instance knows its container, by an identifier mostly, by its path in older servers.
    path = _member(notice, "sur") if is_notice else _member(primitive, "to") or instance.get("pi")
    _add_instance(gathered, (content,), _names(path, is_subscription=is_notice), instance, gateway)


def _instances(body: dict[str, Any]) -> list[Any] | None:
    """Return the instances with which a retrieved container, or a list of its children, is answered."""
    for holder in (_member(body, "cnt"), _member(body, "rsp"), body):
        if isinstance(listed := _member(holder, "cin"), list):
            return listed
    return None


def _add_instances(
    gathered: Gathered, content: dict[str, Any], body: dict[str, Any], listed: list[Any], gateway: Gateway
) -> None:
    """Add each of several instances; `*` in pointers stands for it. The container is the device: nothing says what it is part of."""
    container = _member(_member(body, "cnt"), "rn")

    def message_of(instances: list[Any]) -> bytes:
        held = {"m2m:cnt": {"rn": container, "m2m:cin": instances}} if container else {"m2m:cin": instances}
        return msgspec.json.encode(held if body is content else {"pc": held})

    for instance in listed[:MOST_TOGETHER]:
        if not isinstance(instance, dict) or "con" not in instance:
            gathered.reject("a content instance must be an object with con", partial(message_of, [instance]))
            continue
        try:
            names = [container] if isinstance(container, str) else _names(instance.get("pi"), is_subscription=False)
            _add_instance(gathered, (content, instance), names, instance, gateway)
        except RejectedError as error:
            gathered.reject(str(error), partial(message_of, [instance]))
    if len(listed) > MOST_TOGETHER:
        reason = f"holds {len(listed)} content instances, of which {MOST_TOGETHER} are read"
        gathered.reject(reason, partial(message_of, listed[MOST_TOGETHER:]))


def _add_instance(
    gathered: Gathered, place: Place, names: list[str], instance: dict[str, Any], gateway: Gateway
) -> None:
    spend()
    inside = inner_document(_plain(instance))
    if not isinstance(inside, dict):
        inside = _scalar(inside, names, gateway)
    look_up = partial(at_place, place)
    mapped = frozenset(_name_in_content(entry.pointer) for entry in gateway.mapping)
    try:
        device = _device(names, gateway, place)
    except RejectedError:
        if says_nothing({name: value for name, value in inside.items() if name not in mapped}, gateway, look_up):
            return
        raise
    at = first_time(site_time(gateway, place, at_place), _time(inside, instance, gateway))
    gathered.put_named(device, at, inside, skip=mapped)
    gathered.put_mapped(device, at, gateway, look_up)


def _name_in_content(pointer: str) -> str:
    """Return what a pointer leads to within the content, or within a flexContainer."""
    holder, _, name = pointer.rpartition("/")
    return name if FLEX_CONTAINER.fullmatch(holder.rpartition("/")[2]) else pointer.rpartition("/con/")[2]


def _primitive(content: dict[str, Any]) -> dict[str, Any]:
    wrapped = _member(content, "rqp")
    return wrapped if isinstance(wrapped, dict) else content


def _answers(message: Message, content: dict[str, Any]) -> list[tuple[str, bytes]]:
    """Return the answer to a notification that waits for one (TS-0010, section 6.5): on the response topic, with the same request identifier."""
    primitive = _primitive(content)
    topic = _RESPONSE_TOPIC.sub(r"\1resp/", message.topic, count=1)
    request = primitive.get("rqi")
    if primitive.get("op") != NOTIFY or topic == message.topic or not isinstance(request, str | int):
        return []
    answer = {"rsc": OK, "rqi": request}
    if "rvi" in primitive:
        answer["rvi"] = primitive["rvi"]
    wrapper = next((name.replace("rqp", "rsp") for name in ("m2m:rqp", "rqp") if name in content), None)
    return [(topic, msgspec.json.encode(answer if wrapper is None else {wrapper: answer}))]


def _instance(parent: Any) -> dict[str, Any] | None:
    """Return a content instance, one of a time series, or what a flexContainer holds in their form."""
    for kind in ("cin", "tsi"):
        if isinstance(instance := _member(parent, kind), dict) and "con" in instance:
            return instance
    parent = inner_document(parent)
    for name, members in parent.items() if isinstance(parent, dict) and len(parent) == 1 else ():
        if FLEX_CONTAINER.fullmatch(name) and isinstance(members, dict):
            values = {member: value for member, value in members.items() if member not in NOT_OF_FLEX_CONTAINER}
            return {"con": values, "ct": members.get("lt", members.get("ct"))}
    return None


def _plain(instance: dict[str, Any]) -> Any:
    """Return the content, decoded where its type says that it is Base64 (TS-0004, contentInfo: `application/json:1`)."""
    said, content = str(instance.get("cnf")).split(":"), instance["con"]
    if len(said) < 2 or said[1] not in BASE64 or not isinstance(content, str):
        return content
    try:
        return base64.b64decode(content, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise RejectedError(f"says that its content is Base64, which it is not: {error}") from error


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


def _device(names: list[str], gateway: Gateway, place: Place) -> str:
    """The path is application entity, device, container …; a shorter one has no application entity."""
    if gateway.device is not None or not names:
        return named_device(gateway, place, at_place)
    return names[1] if len(names) > 2 else names[0]


def _scalar(value: Any, names: list[str], gateway: Gateway) -> dict[str, Any]:
    """A lone number is named by its container, or by the mapping."""
    if read_amount(value) is None or any(entry.pointer.endswith("/con") for entry in gateway.mapping):
        return {}
    if not names:
        raise RejectedError("is a number without a name: con holds no object, and no path says what it is")
    return {names[-1]: value} if key_of(names[-1]) else {}


def _time(inside: dict[str, Any], instance: dict[str, Any], gateway: Gateway) -> When:
    """Return con.Timestamp, else the time of generation in a time series, else that of creation.

    Basic ISO format without a zone letter: UTC, unless the device's clock has another zone.
    """
    of_device = instant(inside.get("Timestamp"), gateway.timezone or "UTC")
    return first_time(of_device, instant(instance.get("dgt"), "UTC"), instant(instance.get("ct"), "UTC"))
