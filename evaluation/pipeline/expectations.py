"""What a scenario may expect. Each kind reads its members and returns a check, which says why it does not hold."""

import json
import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from paho.mqtt.client import topic_matches_sub

from jeonju.common.errors import UserError
from jeonju.contract.gateways import PLACE_KEYS
from jeonju.contract.topics import is_filter
from jeonju.evaluation.pipeline.found import Found

Expected = dict[str, Any]
# Returns None where the expectation holds, else why not.
Check = Callable[[Found], str | None]

RELATIVE_TOLERANCE: Final = 1e-6
NOWHERE_WITHIN_DEG: Final = 1e-6
# What flags and extras may call what an expectation calls otherwise.
_OTHER_NAMES: Final = {"position": ("position", "lat", "lon", *PLACE_KEYS)}
MOST_SHOWN: Final = 200


class Kind(NamedTuple):
    """How a kind of expectation is read, and its members."""

    read: Callable[[Expected], Check]
    needs: dict[str, type | tuple[type, ...]]
    may_have: dict[str, type | tuple[type, ...]] = {}  # noqa: RUF012  (never changed)


def read_expectation(expected: object) -> Check:
    """Return the check of one line of `expect`. Raises UserError, saying why, where it is not understood."""
    if not isinstance(expected, dict):
        raise UserError(f"{_shown(expected)} is no object")
    name = next((name for name in KINDS if name in expected), None)
    if name is None:
        raise UserError(f"{_shown(expected)} is of no known kind; there are: {', '.join(KINDS)}")
    kind = KINDS[name]
    if missing := sorted(kind.needs.keys() - expected.keys()):
        raise UserError(f"{_shown(expected)} has no {missing[0]!r}")
    members = kind.needs | kind.may_have
    if unknown := sorted(expected.keys() - members.keys()):
        raise UserError(f"{_shown(expected)} has an unknown member {unknown[0]!r}; {name} has: {', '.join(members)}")
    for member, value in expected.items():
        if not isinstance(value, members[member]) or (isinstance(value, bool) and members[member] in (int, _NUMBER)):
            raise UserError(f"{_shown(expected)}: {member!r} cannot be {_shown(value)}")
    return kind.read(expected)


def _alive(expected: Expected) -> Check:
    wanted = expected["alive"]
    return lambda found: None if found.alive is wanted else f"the platform {'does not run' if wanted else 'runs'}"


def _latest(expected: Expected) -> Check:
    device, key, wanted = expected["latest"], expected["key"], expected["value"]

    def check(found: Found) -> str | None:
        if device not in found.readings:
            return f"no reading of {device} is stored{_instead(found)}"
        value = _value(found.readings[device], key)
        return None if _same(value, wanted) else f"{device} {key} is {_shown(value)}, expected {_shown(wanted)}"

    return check


def _latest_value(expected: Expected) -> Check:
    key, wanted = expected["key"], expected["latest_value"]

    def check(found: Found) -> str | None:
        values = {device: _value(reading, key) for device, reading in found.readings.items()}
        if any(_same(value, wanted) for value in values.values()):
            return None
        there = {device: value for device, value in values.items() if value is not None}
        return f"no device has {key} {_shown(wanted)}, there is {_shown(there)}{_instead(found)}"

    return check


def _flagged(expected: Expected) -> Check:
    return _flagged_on(expected["flagged"], [expected["key"]])


def _flagged_any(expected: Expected) -> Check:
    if not all(isinstance(key, str) for key in expected["keys"]):
        raise UserError(f"{_shown(expected)}: 'keys' must be names")
    return _flagged_on(expected["flagged_any"], expected["keys"])


def _flagged_on(device: str, keys: list[str]) -> Check:
    def check(found: Found) -> str | None:
        if device not in found.readings:
            return f"no reading of {device} is stored{_instead(found)}"
        flags = found.readings[device].get("quality", {})
        return (
            None
            if any(key in flags for key in keys)
            else f"{device} has no flag on {' or '.join(keys)} (flags: {_shown(flags)})"
        )

    return check


def _trace(expected: Expected) -> Check:
    device, of = expected["trace"], expected["of"]
    names = "|".join(map(re.escape, _OTHER_NAMES.get(of, (of,))))
    word = re.compile(rf"(?<![^\W\d_])(?:{names})(?![^\W\d_])", re.IGNORECASE)

    def check(found: Found) -> str | None:
        if device not in found.readings:
            return f"no reading of {device} is stored{_instead(found)}"
        said = {name: found.readings[device].get(name, {}) for name in ("quality", "extra")}
        text = json.dumps(said, ensure_ascii=False)
        return None if word.search(text) else f"neither a flag nor an extra of {device} speaks of {of}: {_shown(said)}"

    return check


def _any_trace(expected: Expected) -> Check:
    device = expected["any_trace"]
    return lambda found: None if found.has_trace(device) else f"no reading, device or dead letter of {device} is there"


def _possible_position(expected: Expected) -> Check:
    def is_possible(lat: float, lon: float) -> bool:
        return abs(lat) <= 90 and abs(lon) <= 180

    return _position(expected["possible_position"], is_possible)


def _no_position(expected: Expected) -> Check:
    def is_somewhere(lat: float, lon: float) -> bool:
        return max(abs(lat), abs(lon)) > NOWHERE_WITHIN_DEG

    return _position(expected["no_position"], is_somewhere)


def _position(device: str, is_fine: Callable[[float, float], bool]) -> Check:
    """Return a check that also holds where there is no position, but not before the message has arrived."""

    def check(found: Found) -> str | None:
        position = found.readings.get(device, {}).get("position")
        if position is None:
            return None if found.has_trace(device) else f"no reading, device or dead letter of {device} is there"
        return None if is_fine(*position) else f"{device} is at {position}"

    return check


def _rows(expected: Expected) -> Check:
    device, wanted = expected["rows"], expected["count"]

    def check(found: Found) -> str | None:
        count = found.rows(device)
        return (
            None
            if count == wanted
            else f"{count} readings of {device} are stored, expected {wanted}{_instead(found) if count == 0 else ''}"
        )

    return check


def _heard(expected: Expected) -> Check:
    topic = expected["heard"]
    if not is_filter(topic):
        raise UserError(f"{_shown(expected)}: {topic!r} is no topic")
    fields = _field_numbers(expected)

    def check(found: Found) -> str | None:
        on_topic = [message for message in found.heard if topic_matches_sub(topic, message.topic)]
        if any(_has_members(one.payload, expected) and _has_fields(one.payload, fields) for one in on_topic):
            return None
        if not on_topic:
            others = sorted({message.topic for message in found.heard})
            return f"nothing was heard on {topic}" + (f", only on {_shown(others)}" if others else "")
        wanted = expected.get("json", expected.get("protobuf_fields"))
        return f"what was heard on {topic} has not {_shown(wanted)}: {_shown(on_topic[-1].payload)}"

    return check


def _field_numbers(expected: Expected) -> dict[int, Any]:
    try:
        return {int(number): value for number, value in expected.get("protobuf_fields", {}).items()}
    except ValueError:
        raise UserError(f"{_shown(expected)}: 'protobuf_fields' must be numbers of fields") from None


def _has_members(payload: bytes, expected: Expected) -> bool:
    if "json" not in expected:
        return True
    try:
        return _contains(json.loads(payload), expected["json"])
    except ValueError:
        return False


def _contains(found: Any, wanted: Any) -> bool:
    """Return whether objects have the wanted members, at any depth; everything else must be the same."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and _contains(found[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(_contains, found, wanted))
    return _same(found, wanted)


def _has_fields(payload: bytes, wanted: dict[int, Any]) -> bool:
    """Return whether a message of any type has these fields; a text only says what a field is, a number is its value."""
    if not wanted:
        return True
    try:
        fields = UnknownFieldSet(Empty.FromString(payload))
    except DecodeError:
        return False
    there = [(fields[place].field_number, fields[place].data) for place in range(len(fields))]
    return all(
        any(number == one and (not _is_number(value) or _same(data, value)) for one, data in there)
        for number, value in wanted.items()
    )


def _value(reading: dict[str, Any], key: str) -> Any:
    if key in PLACE_KEYS and "position" in reading:
        return reading["position"][PLACE_KEYS.index(key)]
    return reading["values"].get(key)


def _same(found: Any, wanted: Any) -> bool:
    if _is_number(found) and _is_number(wanted):
        return math.isclose(found, wanted, rel_tol=RELATIVE_TOLERANCE, abs_tol=1e-9)
    return type(found) is type(wanted) and bool(found == wanted)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instead(found: Found) -> str:
    """Return the newest dead letter in words: it is often why nothing else is there."""
    return f" (a dead letter: {found.letters[0][:MOST_SHOWN]})" if found.letters else ""


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


_NUMBER: Final = (int, float)
_ANY: Final = (int, float, str, list, dict, type(None))
KINDS: Final = {
    "alive": Kind(_alive, {"alive": bool}),
    "latest": Kind(_latest, {"latest": str, "key": str, "value": _ANY}),
    "latest_value": Kind(_latest_value, {"latest_value": _NUMBER, "key": str}),
    "flagged": Kind(_flagged, {"flagged": str, "key": str}),
    "flagged_any": Kind(_flagged_any, {"flagged_any": str, "keys": list}),
    "trace": Kind(_trace, {"trace": str, "of": str}),
    "any_trace": Kind(_any_trace, {"any_trace": str}),
    "possible_position": Kind(_possible_position, {"possible_position": str}),
    "no_position": Kind(_no_position, {"no_position": str}),
    "rows": Kind(_rows, {"rows": str, "count": int}),
    "heard": Kind(_heard, {"heard": str}, {"json": _ANY, "protobuf_fields": dict}),
}
