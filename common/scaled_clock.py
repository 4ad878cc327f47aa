"""The clock that the whole stack is given: the wall clock, or one that starts elsewhere and runs faster."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from jeonju.common.clock import utc_now, wall_offset_s


@dataclass(frozen=True)
class ScaledClock:
    """A clock that shows `start_at` when it is made and then runs `speed` times as fast as the wall clock.

    It follows the wall clock when that is set, and over suspensions, unless it is `own`, as that of a scenario is.
    """

    start_at: datetime = field(default_factory=utc_now)
    speed: float = 1.0
    own: bool = False
    _steady_s: Callable[[], float] = time.monotonic
    _wall_offset_s: Callable[[], float] = wall_offset_s
    _made_steady_s: float = field(init=False)
    _made_offset_s: float = field(init=False)

    def __post_init__(self) -> None:
        """Note when it is made, by both clocks."""
        object.__setattr__(self, "_made_steady_s", self._steady_s())
        object.__setattr__(self, "_made_offset_s", self._wall_offset_s())

    def now(self) -> datetime:
        """Return the present instant of this clock."""
        return self.start_at + timedelta(
            seconds=(self._steady_s() - self._made_steady_s) * self.speed + self.offset_s()
        )

    def offset_s(self) -> float:
        """Return by how much this clock was set forward since it was made [s]; it changes when it is set again."""
        return 0.0 if self.own else self._wall_offset_s() - self._made_offset_s
