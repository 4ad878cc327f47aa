"""The platform's own JSON messages: readings, states and adoptions of devices. See README.md beside this file."""

from collections.abc import Sequence
from datetime import UTC
from functools import lru_cache, partial
from typing import Any, Final, TypeVar

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.gateways import Gateway
from jeonju.contract.quality import IMPOSSIBLE_POSITION, POSITION
from jeonju.contract.reading import VERSION, Adoption, DeviceStatus, Instant, Reading
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding, DeviceUpdate, RejectedParts
from jeonju.decoders.message import Message, NotJsonError, bare_text, parse_json, refuse_too_large

# Every native topic has this route; no site file names it.
GATEWAY: Final = Gateway.model_construct(topic=f"{topics.ROOT}/#", format="native", mapping=[], names={})
# The last level of the topics that are ingest's.
KINDS: Final = ("readings", "status", "adopt")
# A topic is taken apart once; a sender that makes topics up must not fill the memory.
MOST_REMEMBERED: Final = 50_000
_DECODER: Final = msgspec.json.Decoder(Reading | list[Reading])
_FIELDS: Final = frozenset(Reading.__struct_fields__)
_Body = TypeVar("_Body", DeviceStatus, Adoption)


def decode(message: Message, _gateway: Gateway) -> Decoding:
    """Return what a message on a native topic says.

    Raises RejectedError for other topics, for what is no reading, status or adoption at all, and for what names another device than its topic.
    """
    site, device, kind = _place(message.topic)
    if kind == "status":
        return Decoding(updates=_status(device, message.payload), nothing="status-of-the-simulator", site=site)
    if kind == "adopt":
        adoption = _body(message.payload, Adoption, "adoption")
        return Decoding(updates=[DeviceUpdate(device, kind=adoption.kind, zone=adoption.zone)], site=site)
    decoding = decode_readings(message.payload)
    _refuse_others(site, device, decoding.readings)
    return msgspec.structs.replace(decoding, site=site)


def decode_readings(payload: bytes) -> Decoding:
    """Return the readings of a payload, what else it held, and the parts that are no readings.

    Raises RejectedError where nothing of it is a reading.
    """
    refuse_too_large(payload)
    try:
        content = _DECODER.decode(payload)
    except msgspec.ValidationError:
        return _decode_leniently(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (bare := bare_text(payload)) != payload:
            return decode_readings(bare)
        raise NotJsonError(f"is not JSON: {error}") from error
    return Decoding(content if isinstance(content, list) else [content])


@lru_cache(maxsize=MOST_REMEMBERED)
def _place(topic: str) -> tuple[str, str, str]:
    """Return site, device and kind of a native topic; raises RejectedError for any other."""
    place = topics.site_and_device(topic)
    if place is None or not all(topics.NAME.fullmatch(name) for name in place):
        raise RejectedError("the topic is not air/v1/{site}/{device}/readings with plain names")
    return *place, topic.rpartition("/")[2]


def _status(device: str, payload: bytes) -> list[DeviceUpdate]:
    # The simulator is no device; a retained status is cleared with an empty payload.
    if device == topics.SIMULATOR or not payload:
        return []
    status = _body(payload, DeviceStatus, "status")
    return [DeviceUpdate(device, status.state, status.kind or None, status.origin)]


def _body(payload: bytes, kind: type[_Body], name: str) -> _Body:
    refuse_too_large(payload)
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(f"is no {name}: {error}") from error


def _refuse_others(site: str, of_topic: str, readings: Sequence[Reading]) -> None:
    """Raise RejectedError where a message holds a reading of another device than that of its topic: rights to publish are by topic."""
    for reading in readings:
        if reading.device == of_topic:
            continue
        if not topics.speaks_for_all(site, of_topic):
            raise RejectedError(f"says it is {reading.device[:80]!r} on the topic of {of_topic!r}")
        if not topics.NAME.fullmatch(reading.device):
            raise RejectedError(f"{reading.device[:80]!r} is no device name: 1 to 64 letters, digits, '-' or '_'")


def _decode_leniently(payload: bytes) -> Decoding:
    """Take apart a message with unknown or unfit members: what fits is read, the rest is kept."""
    content = parse_json(payload)
    readings: list[Reading] = []
    extra: dict[int, dict[str, Any]] = {}
    rejected = RejectedParts()
    for part in content if isinstance(content, list) else [content]:
        spend()
        try:
            reading, more = _read(part)
        except RejectedError as error:
            rejected.add(str(error), partial(msgspec.json.encode, part))
            continue
        if more:
            extra[len(readings)] = more
        readings.append(reading)
    if rejected.count and not readings:
        raise RejectedError(rejected.summary("parts"))
    misplaced = {position: {POSITION: IMPOSSIBLE_POSITION} for position, more in extra.items() if POSITION in more}
    return Decoding(readings, misplaced, extra, rejected=rejected.all())


def _read(part: Any) -> tuple[Reading, dict[str, Any]]:
    if not isinstance(part, dict):
        raise RejectedError(f"a reading must be a JSON object, not {type(part).__name__}")
    if part.get("v", VERSION) != VERSION:
        raise RejectedError(f"is of version {part['v']!r:.20}; this ingest knows version {VERSION}")
    extra: dict[str, Any] = {key: value for key, value in part.items() if key not in _FIELDS}
    known = {key: value for key, value in part.items() if key in _FIELDS}
    for group in ("values", "status"):
        values = known.get(group, {})
        if not isinstance(values, dict):
            raise RejectedError(f"`{group}` must be a JSON object, not {type(values).__name__}")
        unfit = {key: value for key, value in values.items() if not _is_number(value)}
        if unfit:
            extra[group] = unfit
            known[group] = {key: value for key, value in values.items() if key not in unfit}
    if not _is_time(known.get("time")):
        extra["time"] = known.pop("time")
    if not _is_place(known.get(POSITION)):
        extra[POSITION] = known.pop(POSITION)
    try:
        return msgspec.convert(known, Reading), extra
    except msgspec.ValidationError as error:
        raise RejectedError(f"is no reading: {error}") from error


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_place(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(map(_is_number, value)) and None not in value
    )


def _is_time(value: Any) -> bool:
    if value is None:
        return True
    try:
        return msgspec.convert(value, Instant).astimezone(UTC) is not None
    except (msgspec.ValidationError, OverflowError):
        return False
