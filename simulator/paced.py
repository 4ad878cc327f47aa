"""A SimPy environment that never runs ahead of a clock.

Started in the past it runs at full speed until it reaches the clock, then keeps to it: history, live operation and resuming after the computer slept
are the same code.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import simpy


class PacedEnvironment(simpy.Environment):
    """`now` returns the clock's time; the clock runs `speed` times as fast as the wall clock. `caught_up` is set once the clock is reached."""

    def __init__(self, initial_s: float, now: Callable[[], datetime], *, speed: float = 1.0) -> None:
        super().__init__(initial_time=initial_s)
        self._clock = now
        self._speed = speed
        self._stopped = threading.Event()
        self.caught_up = threading.Event()

    def stop(self) -> None:
        """Make `run_paced` return soon; may be called from any thread."""
        self._stopped.set()

    def run_paced(self) -> None:
        """Process events, each not before its time, until stopped."""
        while not self._stopped.is_set():
            early_s = self.peek() - self._clock().timestamp()
            if early_s > 0:
                self.caught_up.set()
                if self._stopped.wait(early_s / self._speed):
                    return
            self.step()
