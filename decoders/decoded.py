"""What a decoder returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.quality import Flag
from jeonju.contract.reading import Reading
from jeonju.decoders.budget import spend

NOTHING: Final[Mapping[int, Any]] = MappingProxyType({})


class DeviceUpdate(NamedTuple):
    """What a message says of a device itself. None is not said, and stays as it is.

    Only an adoption says a zone; it is for devices that are known.
    """

    device: str
    state: str | None = None
    kind: str | None = None
    origin: str | None = None
    zone: str | None = None


class RejectedPart(NamedTuple):
    """A part of a message that cannot be read, beside others that can: a dead letter of its own."""

    reason: str
    payload: bytes


# What one message can put among the dead letters: so many parts, and so much of them.
MOST_PARTS: Final = 100
MOST_PART_BYTES: Final = 4 * 1024 * 1024


@dataclass
class RejectedParts:
    """The parts of a message that cannot be read. What is beyond the first of them is one part, and what is too much for that is counted only."""

    _first: list[RejectedPart] = field(default_factory=list)
    _rest: list[bytes] = field(default_factory=list)
    _reason_of_rest: str = ""
    _bytes: int = 0
    count: int = 0

    def add(self, reason: str, payload: Callable[[], bytes]) -> None:
        """Add a part; its payload is made only where it is kept."""
        spend()
        self.count += 1
        kept = payload() if self._bytes < MOST_PART_BYTES else None
        self._bytes += len(kept or b"") + 1
        if len(self._first) < MOST_PARTS - 1 and kept is not None:
            self._first.append(RejectedPart(reason, kept))
            return
        self._reason_of_rest = self._reason_of_rest or reason
        if kept is not None:
            self._rest.append(kept)

    def all(self) -> list[RejectedPart]:
        """Return at most so many parts; the last one holds what is beyond, line by line."""
        beyond = self.count - len(self._first)
        if not beyond:
            return self._first
        more = f"; so are {beyond - 1} more after it" if beyond > 1 else ""
        return [*self._first, RejectedPart(self._reason_of_rest + more, b"\n".join(self._rest))]

    def summary(self, noun: str) -> str:
        """Return one line on all of them."""
        more = f"; so are the other {self.count - 1} {noun}" if self.count > 1 else ""
        return self.all()[0].reason + more


class Decoding(msgspec.Struct, frozen=True, gc=False):
    """All that one message says.

    `flags` (key → flag) are what the sender itself does not trust, `extra` what else the message held beside a reading: both by the position in
    `readings`. Empty flags say that it trusts all, whatever it said of that instant before. `answers` are messages to publish, as topic and payload.

    `rejected` are parts that cannot be read. `nothing` is why a message says nothing that is stored, one of a few words: it is counted by it.

    `site` is said by native topics alone. Where it is absent the message is of the site of this ingest, and names of devices are those of their
    gateway (see `routing.device_name`).
    """

    readings: Sequence[Reading] = ()
    flags: Mapping[int, Mapping[str, Flag]] = NOTHING
    extra: Mapping[int, dict[str, Any]] = NOTHING
    updates: Sequence[DeviceUpdate] = ()
    answers: Sequence[tuple[str, bytes]] = ()
    rejected: Sequence[RejectedPart] = ()
    nothing: str = "no-quantity"
    site: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it is stored."""
        return not (self.readings or self.updates or self.rejected)


class AnsweredRejectionError(RejectedError):
    """A message that cannot be read before its sender has been answered; `answers` are messages to publish, as topic and payload."""

    def __init__(self, reason: str, answers: list[tuple[str, bytes]]) -> None:
        super().__init__(reason)
        self.answers = answers
