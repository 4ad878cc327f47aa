"""FIWARE UltraLight 2.0 over MQTT, as devices send it to an IoT Agent. See README.md beside this file."""

import re
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import PLACE_KEYS, Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, mapped_names
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message, bare_text, refuse_too_large
from jeonju.decoders.times import UnreadTime, When, first_time, instant, site_time

MEASURES: Final = "attrs"
# What an agent and its devices say to each other besides.
COMMANDS: Final = ("cmd", "cmdexe", "configuration")
GROUPS, FIELDS = "#", "|"
# A place in one text, as NGSI's geo:point has it: the latitude first.
PLACES: Final = ("location", "position", "gps")
_DEGREES: Final = r"\s*([-+]?[0-9]{1,3}(?:\.[0-9]{0,20})?)\s*"
_PLACE: Final = re.compile(f"{_DEGREES}[,/;]{_DEGREES}")
# The attribute that an agent makes of a group's time; some devices send it by this name.
TIME: Final = "TimeInstant"


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the measures of a device; raises RejectedError for what is no UltraLight."""
    device, attribute = _place(message.levels)
    if device is None:
        return Decoding(nothing="command")
    text, gathered = _text(message.payload), Gathered()
    if attribute is not None:
        _add(gathered, device, None, {attribute: text}, gateway)
        return gathered.decoding()
    faults = []
    for group in text.split(GROUPS):
        spend()
        try:
            at, measures = parse_group(group, gateway.timezone)
        except RejectedError as error:
            faults.append((str(error), group))
        else:
            _add(gathered, device, at, measures, gateway)
    if faults and not gathered:
        raise RejectedError(faults[0][0])
    for reason, group in faults:
        gathered.reject(reason, group.encode)
    return gathered.decoding()


def parse_group(group: str, timezone: str | None = None) -> tuple[When, dict[str, str]]:
    """Return time and measures of one group: names and values in turn, a time before them where their number is odd.

    Raises RejectedError for anything else.
    """
    fields = [field.strip() for field in group.strip().removeprefix(FIELDS).split(FIELDS)]
    at: When = None
    if len(fields) % 2:
        at = instant(fields.pop(0), timezone)
        if isinstance(at, UnreadTime) and not at.text[:4].isdecimal():
            raise RejectedError(f"is no UltraLight: {group.strip()[:40]!r} is neither name|value nor time|name|value")
    names, values = fields[::2], fields[1::2]
    if not names or not all(names):
        raise RejectedError(f"is no UltraLight: {group.strip()[:40]!r} has no measure, or one without a name")
    measures = dict(zip(names, values, strict=True))
    return first_time(at, instant(measures.pop(TIME, None), timezone)), measures


def _place(levels: list[str]) -> tuple[str | None, str | None]:
    """Return the device, and the attribute where the topic names one; no device where the topic is not of measures."""
    if levels[-1] == MEASURES and len(levels) > 1:
        return levels[-2], None
    if len(levels) > 2 and levels[-2] == MEASURES:
        return levels[-3], levels[-1]
    if any(level in COMMANDS for level in levels[-2:]):
        return None, None
    raise RejectedError(
        f"the topic is not {{apikey}}/{{device}}/{MEASURES} or {{apikey}}/{{device}}/{MEASURES}/{{name}}"
    )


def _text(payload: bytes) -> str:
    refuse_too_large(payload)
    try:
        return bare_text(payload).decode()
    except UnicodeDecodeError as error:
        raise RejectedError(f"is not UTF-8: {error.reason}") from error


def _add(gathered: Gathered, device: str, at: When, measures: dict[str, Any], gateway: Gateway) -> None:
    at, mapped = first_time(site_time(gateway, measures), at), mapped_names(gateway)
    gathered.put_named(device, at, measures, skip=mapped)
    for name, text in measures.items():
        if name.lower() in PLACES and name not in mapped and (found := _PLACE.fullmatch(text)):
            for key, degrees in zip(PLACE_KEYS, found.groups(), strict=True):
                gathered.put(device, at, key, float(degrees))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(measures, pointer))
