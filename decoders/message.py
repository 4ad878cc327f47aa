"""A message as it came from the broker."""

from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from jeonju.common.errors import RejectedError

LARGEST_PAYLOAD_BYTES: Final = 4 * 1024 * 1024
BYTE_ORDER_MARKS_16: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
# Some encoders write a byte order mark before a text (RFC 8259, section 8.1, lets readers skip it), firmware in C the end of its string behind it.
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
END_OF_STRING: Final = b"\0"


class Message(NamedTuple):
    """Topic, payload and time of arrival (UTC). A retained message was kept by the broker: nobody knows since when."""

    topic: str
    payload: bytes
    received_at: datetime
    retained: bool = False

    @property
    def levels(self) -> list[str]:
        """The levels of the topic."""
        return self.topic.split("/")

    def json(self) -> Any:
        """Return the content of the payload; see `parse_json`."""
        return parse_json(self.payload)

    def object(self) -> dict[str, Any]:
        """Return the payload's JSON object; raises RejectedError for anything else."""
        content = self.json()
        if not isinstance(content, dict):
            raise RejectedError(f"must be a JSON object, not {type(content).__name__}")
        return content


class NotJsonError(RejectedError):
    """The payload is not one JSON document."""


def parse_json(payload: bytes) -> Any:
    """Return the content of a JSON document.

    Raises RejectedError for what is too large, no JSON or too deep.
    """
    refuse_too_large(payload)
    try:
        return msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if (bare := bare_text(payload)) != payload:
            return parse_json(bare)
        raise NotJsonError(f"is not JSON: {error}") from error


def as_utf8(payload: bytes) -> bytes:
    """Return a text in UTF-8, which it may be in UTF-16, in EUC-KR or in Latin-1: so do .NET and devices with an old Windows send it."""
    if encoding := _utf_16(payload):
        return payload.decode(encoding, "replace").removeprefix("\ufeff").encode("utf-8", "replace")
    if payload.isascii():
        return payload
    with suppress(UnicodeDecodeError):
        payload.decode()
        return payload
    with suppress(UnicodeDecodeError):
        return payload.decode("euc_kr").encode()
    # A Western text is hardly ever a Korean one as well: there each letter has two bytes above 127.
    return payload.decode("latin_1").encode()


def _utf_16(payload: bytes) -> str | None:
    """Return which UTF-16 a text is in; None for another encoding. What is sent here begins with an ASCII character, or with a byte order mark."""
    begin = payload[:2]
    if len(payload) % 2 or len(begin) < 2:
        return None
    if begin in BYTE_ORDER_MARKS_16:
        return BYTE_ORDER_MARKS_16[begin]
    if 0 not in begin or not any(begin):
        return None
    return "utf-16-le" if begin[1] == 0 else "utf-16-be"


def bare_text(payload: bytes) -> bytes:
    """Return a text without a byte order mark before it and the end of a string of C behind it."""
    return payload.removeprefix(BYTE_ORDER_MARK).rstrip(END_OF_STRING)


def refuse_too_large(payload: bytes) -> None:
    """Raise RejectedError for a payload of more than LARGEST_PAYLOAD_BYTES."""
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        raise RejectedError(f"payload of {len(payload)} bytes is larger than {LARGEST_PAYLOAD_BYTES}")
