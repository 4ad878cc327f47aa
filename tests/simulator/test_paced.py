"""Simulated time keeps to the clock, whatever is done to that."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
import simpy

from jeonju.simulator.paced import MOST_BEHIND_S, MOST_EARLY_S, PacedEnvironment
from tests.waiting import wait_until

BEGIN_S = datetime(2026, 3, 4, tzinfo=UTC).timestamp()


class Clock:
    def __init__(self) -> None:
        self.s = BEGIN_S + 100

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.s, UTC)


def ticking(env: simpy.Environment) -> simpy.events.ProcessGenerator:
    while True:
        yield env.timeout(0.01)


@pytest.mark.parametrize("step_s", [-MOST_EARLY_S - 10, -(86_400.0 * 700), MOST_BEHIND_S + 10, 86_400.0 * 20_000])
def test_clock_that_was_set_ends_it(step_s: float) -> None:
    clock = Clock()
    env = PacedEnvironment(BEGIN_S, clock.now)
    env.process(ticking(env))
    thread = threading.Thread(target=env.run_paced)
    thread.start()
    wait_until(env.caught_up.is_set)
    assert not env.is_off
    clock.s += step_s
    thread.join(60)
    assert env.is_off


def test_a_night_of_sleep_is_caught_up_with() -> None:
    clock = Clock()
    env = PacedEnvironment(BEGIN_S, clock.now)
    env.process(ticking(env))
    thread = threading.Thread(target=env.run_paced)
    thread.start()
    wait_until(env.caught_up.is_set)
    clock.s += timedelta(minutes=10).total_seconds()
    wait_until(lambda: env.now > clock.s - 1)
    env.stop()
    thread.join(60)
    assert not env.is_off
