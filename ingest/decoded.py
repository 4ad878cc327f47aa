"""What a decoder returns."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.quality import Flag
from jeonju.contract.reading import Reading

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


class Decoding(msgspec.Struct, frozen=True, gc=False):
    """All that one message says.

    `flags` (key → flag) are what the sender itself does not trust, `extra` what else the message held beside a reading: both by the position in
    `readings`. `answers` are messages to publish, as topic and payload.

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
