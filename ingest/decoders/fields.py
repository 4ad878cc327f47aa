"""What all decoders share: JSON that is JSON, numbers that are numbers, names, pointers, and readings gathered by device and instant."""

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract.extras import DROPPED, LONGEST_NAME, MOST_NAMES, dropped_flag
from jeonju.contract.gateways import PLACE_KEYS, Gateway
from jeonju.contract.quality import Flag
from jeonju.contract.reading import Reading
from jeonju.ingest.decoded import Decoding
from jeonju.ingest.message import parse_json

# PM1.0 must not become PM10: only these spellings are known, nothing is stripped.
_OTHER_NAMES: Final = {"pm2.5": "pm25", "pm2_5": "pm25", "pm1.0": "pm1", "pm1_0": "pm1"}
_LEADING_NUMBER: Final = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_MISSING: Final = object()
_OUR_KEYS: Final = frozenset((*QUANTITY, *PLACE_KEYS))


def number(value: Any) -> float | None:
    """Return a finite number, also one that comes as text; None for anything else."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def leading_number(value: Any) -> float | None:
    """Return a number, also the one that a text such as "3.3 V" begins with."""
    if isinstance(value, str) and (found := _LEADING_NUMBER.match(value)):
        return number(found[1])
    return number(value)


def key_of(name: str) -> str | None:
    """Return our key for a name that means it, whatever its case."""
    lower = name.strip().lower()
    lower = _OTHER_NAMES.get(lower, lower)
    return lower if lower in QUANTITY or lower in PLACE_KEYS else None


def at_pointer(content: Any, pointer: str) -> Any:
    """Return what a JSON pointer (RFC 6901) leads to, None where it leads nowhere; documents inside strings are entered."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        content = inner_document(content)
        if isinstance(content, list):
            content = content[int(name)] if name.isdecimal() and int(name) < len(content) else _MISSING
        elif isinstance(content, dict):
            content = content.get(name, _MISSING)
        else:
            return None
        if content is _MISSING:
            return None
    return content


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


def text_or_pointer(setting: str | None, content: Any) -> Any:
    """Return a fixed text, or what the message holds where the setting is a pointer."""
    return at_pointer(content, setting) if setting is not None and setting.startswith("/") else setting


def named_device(gateway: Gateway, content: Any) -> str:
    """Return the device that the site file names, or points at.

    Raises RejectedError where it does neither.
    """
    device = text_or_pointer(gateway.device, content)
    if isinstance(device, bool) or not isinstance(device, str | int) or not str(device).strip():
        raise RejectedError(
            f"names no device: the site file points at {gateway.device}, where there is none"
            if gateway.device
            else "names no device, and the site file neither"
        )
    return str(device)


def refuse_other(said: Any, of_topic: str) -> None:
    """Raise RejectedError where a message says that it is of another device than its topic, by which rights are given."""
    if of_topic and isinstance(said, str | int) and str(said) and str(said) != of_topic:
        raise RejectedError(f"says it is {str(said)[:80]!r} on the topic of {of_topic[:80]!r}")


def says_nothing(members: Mapping[str, Any], gateway: Gateway, look_up: Callable[[str], Any]) -> bool:
    """Tell whether neither a name nor the mapping leads to a quantity: such a message is no reject, even if it names no device."""
    return not any(key_of(name) and leading_number(value) is not None for name, value in members.items()) and all(
        leading_number(look_up(entry.pointer)) is None for entry in gateway.mapping
    )


@dataclass
class Gathered:
    """Values by device and instant, in the order in which they came; a later value of the same key stands.

    Of the names that are none of ours no more are held than are kept of a reading; the rest is counted and flagged.
    """

    _values: dict[tuple[str, datetime | None], dict[str, float]] = field(default_factory=dict)
    _flags: dict[tuple[str, datetime | None], dict[str, Flag]] = field(default_factory=dict)
    _unknown: Counter[tuple[str, datetime | None]] = field(default_factory=Counter)
    _dropped: Counter[tuple[str, datetime | None]] = field(default_factory=Counter)

    def put(self, device: str, at: datetime | None, key: str, value: float | None, flag: Flag | None = None) -> None:
        """Add one value; None is none."""
        if value is None:
            return
        if not device.strip():
            raise RejectedError("has a device without a name")
        values = self._values.setdefault((device, at), {})
        if key not in _OUR_KEYS and key not in values:
            if len(key) > LONGEST_NAME or self._unknown[device, at] >= MOST_NAMES:
                self._dropped[device, at] += 1
                return
            self._unknown[device, at] += 1
        values[key] = value
        if flag is not None:
            self._flags.setdefault((device, at), {})[key] = flag

    def put_named(
        self, device: str, at: datetime | None, members: Mapping[str, Any], *, skip: frozenset[str] = frozenset()
    ) -> None:
        """Add members by their names: our keys in our units; other numbers under their own names, to be kept and flagged."""
        for name, value in members.items():
            if name in skip:
                continue
            key = key_of(name)
            if key is None and isinstance(value, str):
                continue
            self.put(device, at, key or name, leading_number(value))

    def put_mapped(self, device: str, at: datetime | None, gateway: Gateway, look_up: Callable[[str], Any]) -> None:
        """Add what the site file's mapping points at."""
        for entry in gateway.mapping:
            value = leading_number(look_up(entry.pointer))
            self.put(device, at, entry.key, None if value is None else entry.convert(value))

    def __bool__(self) -> bool:
        """Tell whether there is any value."""
        return bool(self._values)

    def decoding(self, **more: Any) -> Decoding:
        """Return all of it as readings."""
        readings: list[Reading] = []
        flags: dict[int, dict[str, Flag]] = {}
        for (device, at), values in self._values.items():
            position = None
            if PLACE_KEYS[0] in values and PLACE_KEYS[1] in values:
                place = values.pop(PLACE_KEYS[0]), values.pop(PLACE_KEYS[1])
                position = place if abs(place[0]) <= 90 and abs(place[1]) <= 180 else None
            of_reading = dict(self._flags.get((device, at), {}))
            if dropped := self._dropped[device, at]:
                of_reading[DROPPED] = dropped_flag(dropped)
            if of_reading:
                flags[len(readings)] = of_reading
            readings.append(Reading(device=device, time=at, position=position, values=dict(values)))
        return Decoding(readings, flags, **more)


def mapped_names(gateway: Gateway, below: str = "") -> frozenset[str]:
    """Return the names directly below a pointer that the mapping takes care of: they are not read by name as well."""
    return frozenset(
        step.replace("~1", "/").replace("~0", "~")
        for entry in gateway.mapping
        if entry.pointer.startswith(below + "/") and "/" not in (step := entry.pointer[len(below) + 1 :])
    )
