"""The platform's own JSON messages: one reading, or an array of them. See README.md beside this file."""

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from airquality.errors import RejectedError
from airquality.reading import VERSION, Reading
from ingest.decoded import Decoded

_DECODER: Final = msgspec.json.Decoder(Reading | list[Reading])
_FIELDS: Final = frozenset(Reading.__struct_fields__)
MAX_PAYLOAD_BYTES: Final = 4 * 1024 * 1024


def decode(payload: bytes) -> list[Decoded]:
    """Return the readings of a message.

    What does not belong to a reading is kept beside it as `extra`. Raises RejectedError for what is no reading at all.
    """
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise RejectedError(f"payload of {len(payload)} bytes is larger than {MAX_PAYLOAD_BYTES}")
    try:
        message = _DECODER.decode(payload)
    except msgspec.ValidationError:
        return _decode_leniently(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(f"is not JSON: {error}") from error
    return [Decoded(_checked(reading)) for reading in (message if isinstance(message, list) else [message])]


def _decode_leniently(payload: bytes) -> list[Decoded]:
    """Take apart a message with unknown or unfit members: what fits is read, the rest is kept."""
    try:
        message = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(f"is not JSON: {error}") from error
    return [_read(part) for part in (message if isinstance(message, list) else [message])]


def _read(part: Any) -> Decoded:
    if not isinstance(part, dict):
        raise RejectedError(f"a reading must be a JSON object, not {type(part).__name__}")
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
        return Decoded(_checked(msgspec.convert(known, Reading)), extra)
    except msgspec.ValidationError as error:
        raise RejectedError(f"is no reading: {error}") from error


def _checked(reading: Reading) -> Reading:
    if reading.v != VERSION:
        raise RejectedError(f"is of version {reading.v}; this ingest knows version {VERSION}")
    if reading.time is not None and reading.time.tzinfo is None:
        # A time without a zone is no time.
        return msgspec.structs.replace(reading, time=None)
    return reading


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _is_time(value: Any) -> bool:
    if value is None:
        return True
    try:
        return msgspec.convert(value, datetime).astimezone(UTC) is not None
    except (msgspec.ValidationError, OverflowError):
        return False
