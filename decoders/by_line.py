"""Messages that hold several JSON documents, one on each line, as tools for logs and exports write them."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import AnsweredRejectionError, Decoding, RejectedParts
from jeonju.decoders.message import Message

_BEGINNINGS: Final = (b"{", b"[")


def documents(payload: bytes) -> list[bytes]:
    """Return the lines of a payload that can be documents of their own; none where it is not lines of them throughout."""
    lines = [line for line in map(bytes.strip, payload.splitlines()) if line]
    return lines if len(lines) > 1 and all(line.startswith(_BEGINNINGS) for line in lines) else []


def decode_lines(message: Message, lines: list[bytes], decode: Callable[[Message], Decoding]) -> Decoding:
    """Return what the documents of a message say together; a line that cannot be read is a part that is rejected.

    Raises RejectedError where no line can be read.
    """
    parts, found, answers = RejectedParts(), list[Decoding](), list[tuple[str, bytes]]()
    for number, line in enumerate(lines, start=1):
        spend()
        try:
            found.append(decode(message._replace(payload=line)))
        except RejectedError as error:
            parts.add(f"line {number} {error}", lambda line=line: line)  # type: ignore[misc]
            answers += error.answers if isinstance(error, AnsweredRejectionError) else ()
    if not found:
        raise RejectedError(parts.summary("lines"))
    return _joined(found, parts, answers)


def _joined(found: list[Decoding], parts: RejectedParts, answers: list[tuple[str, bytes]]) -> Decoding:
    """Return several decodings as one; what they say by the position of a reading goes along with it."""
    first = len(found[0].readings)
    places = [0, first]
    for decoding in found[1:]:
        places.append(places[-1] + len(decoding.readings))

    def moved(name: str) -> dict[int, Any]:
        return {
            place + at: said
            for place, decoding in zip(places, found, strict=False)
            for at, said in getattr(decoding, name).items()
        }

    for decoding in found:
        for part in decoding.rejected:
            parts.add(part.reason, lambda part=part: part.payload)  # type: ignore[misc]
    return msgspec.structs.replace(
        found[0],
        readings=[reading for decoding in found for reading in decoding.readings],
        flags=moved("flags"),
        extra=moved("extra"),
        updates=[update for decoding in found for update in decoding.updates],
        answers=[*answers, *(answer for decoding in found for answer in decoding.answers)],
        rejected=parts.all(),
    )
