"""The clock of the stack follows the wall clock when that is set, and over suspensions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from jeonju.common.scaled_clock import ScaledClock

START = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@dataclass
class Machine:
    """Its steady clock stands still while it is suspended; its wall clock can be set."""

    steady_s: float = 1000.0
    offset_s: float = 5000.0

    def clock(self, *, speed: float = 1.0, own: bool = False) -> ScaledClock:
        return ScaledClock(START, speed, own, lambda: self.steady_s, lambda: self.offset_s)


@pytest.mark.parametrize("step", [timedelta(hours=2), timedelta(days=2), timedelta(days=20_000), timedelta(days=-700)])
def test_clock_that_is_set_is_followed_at_once_there_and_back(step: timedelta) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.steady_s += 60
    machine.offset_s += step.total_seconds()
    assert clock.now() == START + step + timedelta(seconds=60)
    machine.offset_s -= step.total_seconds()
    assert clock.now() == START + timedelta(seconds=60)


def test_fast_clock_is_set_by_as_much() -> None:
    machine = Machine()
    clock = machine.clock(speed=10)
    machine.steady_s += 60
    machine.offset_s += 3600
    assert clock.now() == START + timedelta(seconds=600 + 3600)
    assert clock.offset_s() == 3600


def test_clock_of_a_scenario_is_its_own() -> None:
    machine = Machine()
    clock = machine.clock(own=True)
    machine.steady_s += 60
    machine.offset_s += 3600
    assert clock.now() == START + timedelta(seconds=60)
    assert clock.offset_s() == 0


def test_clock_goes_on_from_where_it_is_at_another_speed() -> None:
    machine = Machine()
    clock = machine.clock(speed=10)
    machine.steady_s += 60
    clock.set_speed(2)
    assert clock.now() == START + timedelta(seconds=600)
    machine.steady_s += 60
    assert clock.now() == START + timedelta(seconds=720)
    assert (clock.speed, clock.start_at) == (2, START)
