"""What all decoders share: names of quantities, pointers into messages, and which device a message is of."""

import base64
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract.extras import LONGEST_NAME
from jeonju.contract.gateways import PLACE_KEYS, Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.message import parse_json

# PM1.0 must not become PM10: only these spellings are known, nothing is stripped.
_OTHER_NAMES: Final = {"pm2.5": "pm25", "pm2_5": "pm25", "pm1.0": "pm1", "pm1_0": "pm1"}
_MISSING: Final = object()
# That tells elements of a list apart: longer ones are not written out to be compared.
_LARGEST_NUMBER: Final = 2**64


def key_of(name: str) -> str | None:
    """Return our key for a name that means it, whatever its case."""
    # What senders make up must not fill the memory of the cache.
    return _key_of(name) if len(name) <= LONGEST_NAME else None


@lru_cache(maxsize=10_000)
def _key_of(name: str) -> str | None:
    lower = name.strip().lower()
    lower = _OTHER_NAMES.get(lower, lower)
    return lower if lower in QUANTITY or lower in PLACE_KEYS else None


def at_pointer(content: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) leads to, None where it leads nowhere; documents inside strings are entered, also in base64.

    A step may also be `name=value`: in a list the first element that holds that member, in an object itself where it does.
    """
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        content = _decoded_document(inner_document(content))
        if isinstance(content, list):
            content = _element(content, name)
        elif isinstance(content, dict):
            content = content[name] if name in content else content if _holds(content, name) else _MISSING
        else:
            return None
        if content is _MISSING:
            return None
    return content


def _element(content: list[Any], step: str) -> Any:
    """Return the element at a position, or the first of which a step such as `name=temperature` is true."""
    if step.isdecimal():
        return content[int(step)] if int(step) < len(content) else _MISSING
    for element in content:
        spend()
        if isinstance(element, dict) and _holds(element, step):
            return element
    return _MISSING


def _holds(content: dict[str, Any], step: str) -> bool:
    """Tell whether a member is a text or whole number, as a step such as `name=temperature` says."""
    name, equals, wanted = step.partition("=")
    said = content.get(name) if equals else None
    return said == wanted or (type(said) is int and abs(said) < _LARGEST_NUMBER and str(said) == wanted)


def in_entry(entry: Any, path: str, pointer: str) -> Any:
    """Return what a pointer leads to that begins at an entry of the message, to which `path` leads, or at the message."""
    return at_pointer(entry, pointer[len(path) :] if pointer.startswith(path + "/") else pointer)


def inner_document(value: Any) -> Any:
    """Return the JSON document that a string holds, also one that was put into a string twice, or the value as it is."""
    for _ in range(2):
        if not isinstance(value, str) or value.lstrip()[:1] not in ("{", "[", '"'):
            break
        try:
            value = parse_json(value.encode())
        except RejectedError:
            break
    return value


def _decoded_document(value: Any) -> Any:
    """Return the JSON document that a text holds in base64, as clouds pass on what they did not look into, or the value as it is."""
    if not isinstance(value, str):
        return value
    try:
        text = base64.b64decode(value, validate=True).lstrip()
        return parse_json(text) if text[:1] in (b"{", b"[") else value
    except (ValueError, RejectedError):
        return value


def text_or_pointer(setting: str | None, content: Any, look_up: Callable[[Any, str], Any] = at_pointer) -> Any:
    """Return a fixed text, or what the message holds where the setting is a pointer."""
    return look_up(content, setting) if setting is not None and setting.startswith("/") else setting


def named_device(gateway: Gateway, content: Any, look_up: Callable[[Any, str], Any] = at_pointer) -> str:
    """Return the device that the site file names, or points at.

    Raises RejectedError where it does neither.
    """
    device = text_or_pointer(gateway.device, content, look_up)
    if isinstance(device, bool) or not isinstance(device, str | int) or not str(device).strip():
        raise RejectedError(
            f"names no device: the site file points at {gateway.device}, where there is none"
            if gateway.device
            else "names no device, and the site file neither"
        )
    return str(device)


# Longer than any topic level, EUI or URN that gateways send. Behind it a message makes one name per value.
LONGEST_IDENTITY: Final = 1000


def refuse_long(name: str) -> None:
    """Raise RejectedError for the name of a device or a part of it that is no name any more."""
    if len(name) > LONGEST_IDENTITY:
        raise RejectedError(f"has a name of {len(name)} characters, more than {LONGEST_IDENTITY}: {name[:40]!r}…")


def refuse_other(said: Any, of_topic: str) -> None:
    """Raise RejectedError where a message says that it is of another device than its topic, by which rights are given."""
    if of_topic and isinstance(said, str | int) and str(said) and str(said) != of_topic:
        raise RejectedError(f"says it is {str(said)[:80]!r} on the topic of {of_topic[:80]!r}")


def mapped_names(gateway: Gateway, below: str = "") -> frozenset[str]:
    """Return the names directly below a pointer that the mapping takes care of: they are not read by name as well."""
    return frozenset(
        step.replace("~1", "/").replace("~0", "~")
        for entry in gateway.mapping
        if entry.pointer.startswith(below + "/") and "/" not in (step := entry.pointer[len(below) + 1 :])
    )
