"""How often something may happen within a minute. Not by the package `limits`, which starts a thread for every request it counts."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

MINUTE_S: Final = 60.0
# Who else comes makes the limiter forget who came first; an attacker with more addresses than this is stopped by no count of addresses.
MOST_REMEMBERED: Final = 10_000


class Limit(NamedTuple):
    """A limit: the number of requests within any minute."""

    amount: int


class _Count(NamedTuple):
    began_s: float
    before: int  # in the minute before this one
    now: int


class Limiter:
    """Counts by name over a sliding minute: what came in the minute before weighs by how much of it is still within reach."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: dict[str, _Count] = {}

    def hit(self, limit: Limit, who: str) -> bool:
        """Count one more, and return whether it is within the limit; what is not does not count."""
        now_s = self._clock()
        count = _moved(self._counts.pop(who, None), now_s)
        still_counts = count.before * (1 - (now_s - count.began_s) / MINUTE_S)
        is_within = still_counts + count.now < limit.amount
        # Put at the end: the first ones are those that were not seen for the longest time.
        self._counts[who] = count._replace(now=count.now + is_within)
        if len(self._counts) > MOST_REMEMBERED:
            del self._counts[next(iter(self._counts))]
        return is_within


def _moved(count: _Count | None, now_s: float) -> _Count:
    """Return the count of the minute that `now_s` is in."""
    if count is None or now_s - count.began_s >= 2 * MINUTE_S:
        return _Count(now_s, 0, 0)
    if now_s - count.began_s >= MINUTE_S:
        return _Count(count.began_s + MINUTE_S, count.now, 0)
    return count
