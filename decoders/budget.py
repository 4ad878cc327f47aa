"""How much one message may take: time, readings and values. What takes more is a dead letter with the reason, so that others do not wait for it.

Time is the processor time of the thread: a machine that is busy with something else makes no message too slow. Who decodes without a budget, such as
an evaluation, is not bound.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

from jeonju.common.errors import JeonjuError
from jeonju.contract.reading import Reading
from jeonju.contract.records import LARGEST_LETTER_BYTES, LONGEST_LETTER_BYTES


class Limits(NamedTuple):
    """What one message may take. `values` are members of all its readings together, of ours and unknown ones.

    Of one that is refused `kept_bytes` become a dead letter.
    """

    cpu_s: float
    readings: int
    values: int
    kept_bytes: int


LIVE: Final = Limits(cpu_s=1.0, readings=20_000, values=200_000, kept_bytes=LONGEST_LETTER_BYTES)
# Of a dead letter that a person has replayed: a slow machine may have refused what is right.
REPLAY: Final = Limits(cpu_s=10.0, readings=200_000, values=2_000_000, kept_bytes=LARGEST_LETTER_BYTES)
# The clock is looked at after so many steps: one takes some microseconds.
STEPS_BETWEEN_LOOKS: Final = 100


class OverBudgetError(JeonjuError):
    """The message takes too much. It is no RejectedError: who sets one part of a message aside must not go on with the next."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        # Messages to publish all the same, as topic and payload.
        self.answers: Sequence[tuple[str, bytes]] = ()


class Budget:
    """What is left for the present message. `steps` counts what was done for it."""

    def __init__(self, limits: Limits = LIVE, clock: Callable[[], float] = time.thread_time) -> None:
        self.limits = limits
        self.steps = 0
        self._clock = clock
        self._begun_s = 0.0
        self._next_look = STEPS_BETWEEN_LOOKS

    def begin(self) -> None:
        """Begin with the next message."""
        self.steps, self._next_look = 0, STEPS_BETWEEN_LOOKS
        self._begun_s = self._clock()

    def spend(self, steps: int) -> None:
        """Count steps; raises OverBudgetError where the time is used up."""
        self.steps += steps
        if self.steps >= self._next_look:
            self._next_look = self.steps + STEPS_BETWEEN_LOOKS
            if self._clock() - self._begun_s > self.limits.cpu_s:
                raise OverBudgetError(f"took longer than {self.limits.cpu_s:g} s: send smaller messages")

    def admit(self, readings: Sequence[Reading]) -> None:
        """Raise OverBudgetError for more readings or values than one message may hold, and where decoding them took too long."""
        if len(readings) > self.limits.readings:
            raise OverBudgetError(
                f"holds {len(readings)} readings, more than {self.limits.readings}: send smaller messages"
            )
        values = sum(len(reading.values) + len(reading.status) for reading in readings)
        if values > self.limits.values:
            raise OverBudgetError(f"holds {values} values, more than {self.limits.values}: send smaller messages")
        if self.steps or len(readings) > 1 or values > STEPS_BETWEEN_LOOKS:
            self.spend(STEPS_BETWEEN_LOOKS)


_PRESENT: Final[ContextVar[Budget | None]] = ContextVar("budget", default=None)


@contextmanager
def within(budget: Budget) -> Iterator[Budget]:
    """Decode within a budget: `spend` counts on it."""
    token = _PRESENT.set(budget)
    try:
        yield budget
    finally:
        _PRESENT.reset(token)


def spend(steps: int = 1) -> None:
    """Count steps that take some microseconds each, in every loop that a sender can make long. Raises OverBudgetError where the time is used up."""
    if (budget := _PRESENT.get()) is not None:
        budget.spend(steps)


def look() -> None:
    """Look at the clock before a step that takes long by itself. Raises OverBudgetError where the time is used up."""
    spend(STEPS_BETWEEN_LOOKS)
