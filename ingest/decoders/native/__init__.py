"""The platform's own JSON messages: one reading, or an array of them. See README.md beside this file."""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract import topics
from jeonju.contract.reading import VERSION, Instant, Reading

_DECODER: Final = msgspec.json.Decoder(Reading | list[Reading])
_FIELDS: Final = frozenset(Reading.__struct_fields__)
MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024


def decode(payload: bytes) -> tuple[list[Reading], dict[int, dict[str, Any]]]:
    """Return the readings of a message, and by their position what else it held that does not belong to a reading.

    Raises RejectedError for what is no reading at all.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise RejectedError(f"payload of {len(payload)} bytes is larger than {MAX_PAYLOAD_BYTES}")
    try:
        message = _DECODER.decode(payload)
    except msgspec.ValidationError:
        return _decode_leniently(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(f"is not JSON: {error}") from error
    return (message if isinstance(message, list) else [message]), {}


def refuse_others(site: str, of_topic: str, readings: Sequence[Reading]) -> None:
    """Raise RejectedError where a message holds a reading of another device than that of its topic: rights to publish are by topic."""
    if topics.speaks_for_all(site, of_topic):
        wrong = next((one.device for one in readings if not topics.NAME.fullmatch(one.device)), None)
        if wrong is not None:
            raise RejectedError(f"{wrong[:80]!r} is no device name: 1 to 64 letters, digits, '-' or '_'")
        return
    for one in readings:
        if one.device != of_topic:
            raise RejectedError(f"says it is {one.device[:80]!r} on the topic of {of_topic!r}")


def _decode_leniently(payload: bytes) -> tuple[list[Reading], dict[int, dict[str, Any]]]:
    """Take apart a message with unknown or unfit members: what fits is read, the rest is kept."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(f"is not JSON: {error}") from error
    parts = [_read(part) for part in (message if isinstance(message, list) else [message])]
    return [reading for reading, _ in parts], {position: extra for position, (_, extra) in enumerate(parts) if extra}


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
    try:
        return msgspec.convert(known, Reading), extra
    except msgspec.ValidationError as error:
        raise RejectedError(f"is no reading: {error}") from error


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_time(value: Any) -> bool:
    if value is None:
        return True
    try:
        return msgspec.convert(value, Instant).astimezone(UTC) is not None
    except (msgspec.ValidationError, OverflowError):
        return False
