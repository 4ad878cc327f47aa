"""A SimPy environment that never runs ahead of a clock.

Started in the past it makes up for it at full speed and then goes on with the clock: history and live are the same code, and so is waking up after
a computer slept.
"""

import threading
from collections.abc import Callable
from datetime import datetime

import simpy


class PacedEnvironment(simpy.Environment):
    """`now` tells the time, `seconds_ahead` turns simulated seconds into seconds to wait (1 when the clock is the wall clock)."""

    def __init__(self, initial_s: float, now: Callable[[], datetime], *, speed: float = 1.0) -> None:
        super().__init__(initial_time=initial_s)
        self._clock = now
        self._speed = speed
        self._stopped = threading.Event()
        self.caught_up = threading.Event()

    def stop(self) -> None:
        """Let `run_paced` return soon, from any thread."""
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
