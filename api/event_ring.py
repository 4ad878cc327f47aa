"""The newest events, encoded once, so that a listener whose connection broke goes on where it left off."""

import secrets
import time
from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final, NamedTuple

MOST_EVENTS: Final = 4000
MOST_BYTES: Final = 16 * 1024 * 1024
KEPT_S: Final = 120.0
# More digits than there will ever be events; `int` takes long to read many.
_LONGEST_NUMBER: Final = 15


class _Kept(NamedTuple):
    at_s: float
    message: bytes


class EventRing:
    """Numbers events and keeps the newest: at most 4 000, of 16 MB, of the last two minutes.

    An id is `EPOCH-NUMBER`. An epoch is one unbroken course of events; an id of another one, such as that of a process before, is not
    known here.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._kept = deque[_Kept]()
        self._bytes = 0
        self.begin()

    def begin(self) -> None:
        """Forget everything: from here on it is another course of events."""
        self._epoch, self._newest = secrets.token_hex(6), 0
        self._kept.clear()
        self._bytes = 0

    @property
    def newest_id(self) -> str:
        """The id of the newest event; before the first one, one that all of them follow."""
        return f"{self._epoch}-{self._newest}"

    def add(self, event: bytes) -> bytes:
        """Keep an event as the newest one, and return it with its id in front."""
        self._newest += 1
        message = b"id: %s\n%s" % (self.newest_id.encode(), event)
        self._kept.append(_Kept(self._now_s(), message))
        self._bytes += len(message)
        self._forget_oldest()
        return message

    def since(self, event_id: str) -> list[bytes] | None:
        """Return what followed an event, or None where that is not known any more."""
        self._forget_oldest()
        epoch, _, number = event_id.partition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()) or len(number) > _LONGEST_NUMBER:
            return None
        missed = self._newest - int(number)
        if not 0 <= missed <= len(self._kept):
            return None
        return [kept.message for kept in islice(self._kept, len(self._kept) - missed, None)]

    def _forget_oldest(self) -> None:
        oldest_s = self._now_s() - KEPT_S
        while self._kept and (
            len(self._kept) > MOST_EVENTS or self._bytes > MOST_BYTES or self._kept[0].at_s < oldest_s
        ):
            self._bytes -= len(self._kept.popleft().message)
