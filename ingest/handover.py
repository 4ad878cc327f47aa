"""Empty a session that is no longer used, so that nothing in it is lost and it does not fill the broker.

Its subscriptions live until it is cleared, so what comes now comes twice, over it and over the sessions in use. It is empty when nothing has come for
a while that did not come over those as well.
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
    """Compares what comes over the old session with what comes over the others; each is called from a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._begun = time.monotonic()
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._alone: OrderedDict[int, float] = OrderedDict()

    def over_a_used_one(self, topic: str, payload: bytes) -> None:
        """Note a message that has come over a session in use."""
        key = hash((topic, payload))
        with self._lock:
            if self._alone.pop(key, None) is None:
                self._seen[key] = None
                if len(self._seen) > MOST_REMEMBERED:
                    self._seen.popitem(last=False)

    def over_the_old_one(self, topic: str, payload: bytes) -> None:
        """Note a message that has come over the session that is given up."""
        key = hash((topic, payload))
        with self._lock:
            if key not in self._seen:
                self._alone[key] = time.monotonic()
                self._alone.move_to_end(key)
                if len(self._alone) > MOST_REMEMBERED:
                    self._alone.popitem(last=False)

    @property
    def is_empty(self) -> bool:
        """Whether what waited in it has come."""
        now = time.monotonic()
        with self._lock:
            newest = next(reversed(self._alone.values()), self._begun)
        return now - self._begun >= AT_LEAST_S and now - newest >= QUIET_S

    @property
    def is_overdue(self) -> bool:
        """Whether to leave it to the next start."""
        return time.monotonic() - self._begun > AT_MOST_S
