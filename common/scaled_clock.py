"""The clock that the whole stack is given: the wall clock, or one that starts elsewhere and runs faster."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jeonju.common.clock import utc_now, wall_offset_s


@dataclass
class ScaledClock:
    """A clock that shows `start_at` when it is made and then runs `speed` times as fast as the wall clock.

    It follows the wall clock when that is set, and over suspensions, unless it is `own`, as that of a scenario is. `set_speed` may be called from
    any thread.
    """

    start_at: datetime = field(default_factory=utc_now)
    speed: float = 1.0
    own: bool = False
    _steady_s: Callable[[], float] = time.monotonic
    _wall_offset_s: Callable[[], float] = wall_offset_s
    # Since when it runs at its speed: what it showed then, the steady clock, the speed. Replaced as one, so that no thread sees half of it.
    _pace: tuple[datetime, float, float] = field(init=False)
    _made_offset_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Note when it is made, by both clocks."""
        self._pace = self.start_at, self._steady_s(), self.speed
        self._made_offset_s = self._wall_offset_s()

    def set_speed(self, speed: float) -> None:
        """Go on from the present instant at another speed."""
        steady_s = self._steady_s()
        self._pace = self._run_until(steady_s), steady_s, speed
        self.speed = speed

    def now(self) -> datetime:
        """Return the present instant of this clock."""
        return self._run_until(self._steady_s()) + timedelta(seconds=self.offset_s())

    def offset_s(self) -> float:
        """Return by how much this clock was set forward since it was made [s]; it changes when it is set again."""
        return 0.0 if self.own else self._wall_offset_s() - self._made_offset_s

    def _run_until(self, steady_s: float) -> datetime:
        at, since_s, speed = self._pace
        return at + timedelta(seconds=(steady_s - since_s) * speed)
