"""A SimPy environment that never runs ahead of a clock.

Started in the past it runs at full speed until it reaches the clock, then keeps to it: history, live operation and resuming after the computer slept
are the same code. A clock that was set back, or far ahead, is no time that passed: then it ends, for another one to begin at the clock.
"""

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

import simpy

# So much is caught up with once the clock was reached, as after a day of sleep; what is further ahead is a clock that was wrong.
MOST_BEHIND_S: Final = 90_000.0
# No event is that far away: they come every few seconds.
MOST_EARLY_S: Final = 120.0


class PacedEnvironment(simpy.Environment):
    """`now` returns the clock's time; the clock runs `speed()` times as fast as the wall clock. `caught_up` is set once the clock is reached."""

    def __init__(
        self, initial_s: float, now: Callable[[], datetime], *, speed: Callable[[], float] = lambda: 1.0
    ) -> None:
        super().__init__(initial_time=initial_s)
        self._clock = now
        self._speed = speed
        self._stopped = threading.Event()
        self.is_off = False
        self.caught_up = threading.Event()

    def stop(self) -> None:
        """Make `run_paced` return soon; may be called from any thread."""
        self._stopped.set()

    def run_paced(self) -> None:
        """Process events, each not before its time, until stopped or the clock was set elsewhere: then `is_off` is set."""
        while not self._stopped.is_set():
            early_s = self.peek() - self._clock().timestamp()
            if early_s > MOST_EARLY_S * self._speed() or (
                self.caught_up.is_set() and -early_s > MOST_BEHIND_S * self._speed()
            ):
                self.is_off = True
                return
            if early_s > 0:
                self.caught_up.set()
                if self._stopped.wait(early_s / self._speed()):
                    return
            self.step()
