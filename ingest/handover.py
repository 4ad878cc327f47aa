"""Empty a session that is no longer used, so that nothing in it is lost and nothing is stored twice.

Its subscriptions live until it is cleared, so what comes now comes twice, over it and over the sessions in use: one of the two is left out. It is
empty when nothing has come for a while that did not come over those as well.
"""

import threading
import time
from collections import OrderedDict
from typing import Final

# NATS sends what was under way when its reader died again after 30 s.
AT_LEAST_S: Final = 35.0
QUIET_S: Final = 5.0
AT_MOST_S: Final = 900.0
MOST_REMEMBERED: Final = 100_000


class Handover:
    """Pairs what comes over old sessions with what comes over those in use; may be called from several threads.

    Each method returns whether the message is the first of its pair. What is published twice makes two pairs. `pairs` False where nothing comes
    over both.
    """

    def __init__(self, *, pairs: bool = True) -> None:
        self._pairs = pairs
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._seen = _Counts()
        self._alone = _Counts()

    def begin(self) -> None:
        """Count the time from now on."""
        self._begun = time.monotonic()

    def over_a_used_one(self, topic: str, payload: bytes) -> bool:
        """Note a message that has come over a session in use."""
        if not self._pairs:
            return True
        key = hash((topic, payload))
        with self._lock:
            if self._alone.take(key):
                return False
            self._seen.add(key)
            return True

    def over_the_old_one(self, topic: str, payload: bytes) -> bool:
        """Note a message that has come over a session that is given up."""
        key = hash((topic, payload))
        with self._lock:
            if self._seen.take(key):
                return False
            self._alone.add(key)
            return True

    @property
    def is_empty(self) -> bool:
        """Whether what waited in it has come."""
        now = time.monotonic()
        with self._lock:
            newest = self._alone.newest_at or self._begun
        return now - self._begun >= AT_LEAST_S and now - newest >= QUIET_S

    @property
    def is_overdue(self) -> bool:
        """Whether to leave it to the next start."""
        return time.monotonic() - self._begun > AT_MOST_S


class _Counts:
    """How often each key was added and not yet taken, and when last; the oldest keys are forgotten."""

    def __init__(self) -> None:
        self._counts: OrderedDict[int, tuple[int, float]] = OrderedDict()

    @property
    def newest_at(self) -> float | None:
        """When the newest was added of those that are not taken."""
        return next(reversed(self._counts.values()))[1] if self._counts else None

    def add(self, key: int) -> None:
        before, _ = self._counts.pop(key, (0, 0.0))
        self._counts[key] = before + 1, time.monotonic()
        if len(self._counts) > MOST_REMEMBERED:
            self._counts.popitem(last=False)

    def take(self, key: int) -> bool:
        left, at = self._counts.get(key, (0, 0.0))
        if left > 1:
            self._counts[key] = left - 1, at
        elif left:
            del self._counts[key]
        return left > 0
