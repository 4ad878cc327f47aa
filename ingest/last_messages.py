"""The last messages of each device as they came, in memory only: for people who want to see what a device really sends."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final, NamedTuple

from jeonju.decoders.message import Message

# At most 2 000 · 8 · 2 KiB = 32 MiB; a city of 26 devices needs 60 kB.
MOST_DEVICES: Final = 2000
KEPT_PER_DEVICE: Final = 8
KEPT_BYTES: Final = 2048


class LastMessage(NamedTuple):
    """The beginning of a payload, and how long all of it was [bytes]."""

    received_at: datetime
    topic: str
    payload: bytes
    payload_bytes: int


class LastMessages:
    """Written by the committer's thread alone; any thread may read. Of more than `MOST_DEVICES`, those that spoke last are kept."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[LastMessage, ...]] = {}

    def note(self, devices: Iterable[str], message: Message) -> None:
        """Keep a message as the newest of each device that it speaks of."""
        payload = message.payload
        kept = LastMessage(message.received_at, message.topic, payload[:KEPT_BYTES], len(payload))
        for device in devices:
            # Taken out and put in again: a dictionary keeps the order in which devices spoke.
            self._of[device] = (*self._of.pop(device, ())[1 - KEPT_PER_DEVICE :], kept)
        while len(self._of) > MOST_DEVICES:
            del self._of[next(iter(self._of))]

    def of(self, device: str) -> list[LastMessage]:
        """Return the last messages of a device, the newest first; none where it has said nothing since the start."""
        return list(reversed(self._of.get(device, ())))
