"""The clock that the whole stack is given: the wall clock, or one that starts elsewhere and runs faster."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jeonju.common.clock import utc_now


@dataclass(frozen=True)
class ScaledClock:
    """A clock that shows `start_at` when it is made and then runs `speed` times as fast as the wall clock."""

    start_at: datetime = field(default_factory=utc_now)
    speed: float = 1.0
    _made_monotonic_s: float = field(default_factory=time.monotonic)

    def now(self) -> datetime:
        """Return the present instant of this clock."""
        return self.start_at + timedelta(seconds=(time.monotonic() - self._made_monotonic_s) * self.speed)
