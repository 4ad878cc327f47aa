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


class Decoding(msgspec.Struct, frozen=True, gc=False):
    """All that one message says.

    `flags` (key → flag) are what the sender itself does not trust, `extra` what else the message held beside a reading: both by the position in
    `readings`. `answers` are messages to publish, as topic and payload.

    `site` is said by native topics alone. Where it is absent the message is of the site of this ingest, and names of devices are those of their
    gateway (see `routing.device_name`).
    """

    readings: Sequence[Reading] = ()
    flags: Mapping[int, Mapping[str, Flag]] = NOTHING
    extra: Mapping[int, dict[str, Any]] = NOTHING
    updates: Sequence[DeviceUpdate] = ()
    answers: Sequence[tuple[str, bytes]] = ()
    site: str | None = None


class AnsweredRejectionError(RejectedError):
    """A message that cannot be read before its sender has been answered; `answers` are messages to publish, as topic and payload."""

    def __init__(self, reason: str, answers: list[tuple[str, bytes]]) -> None:
        super().__init__(reason)
        self.answers = answers
