"""How a run without orders divides its time: coarse while nothing happens, fine around what does, and no worse for it."""

from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.simulator.cadence import LIVE, OFFLINE, Cadence, catching_up, unattended
from jeonju.simulator.instrument_table import INSTRUMENTS, MEASURED
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.world import World

START = datetime(2026, 1, 15, tzinfo=UTC)
LEAK = {"kind": "leak", "lat": 35.85, "lon": 127.09, "rates_g_s": {"co": 1.0}}
LOST = {"kind": "lost-link", "device": "robot-1"}


def scenario(duration_s: float, *events: dict[str, Any]) -> Scenario:
    return Scenario.model_validate(
        {"title_ko": "", "title_en": "", "start": START, "duration": duration_s, "events": events}
    )


def blocks(of: Scenario) -> list[tuple[float, Cadence]]:
    """Return when each block begins [s from the start], and its cadence."""
    cadence, now_s, found = unattended(of), of.start_s, []
    while now_s + OFFLINE.block_s <= of.start_s + of.duration:
        found.append((now_s - of.start_s, cadence(now_s)))
        now_s += found[-1][1].block_s
    return found


def test_a_quiet_run_is_cut_into_ten_minutes_and_the_rest() -> None:
    assert [(begins, cadence.block_s) for begins, cadence in blocks(scenario(1500))] == [
        (0, 600),
        (600, 600),
        (1200, 300),
    ]
    assert {cadence.tick_s for _, cadence in blocks(scenario(1500))} == {20.0}


@pytest.mark.parametrize("event", [LOST, {"kind": "fault", "device": "palbok-01", "fault": "silent"}])
def test_where_a_device_may_be_silent_blocks_are_of_a_minute(event: dict[str, Any]) -> None:
    """An alert engine fed by ten minutes would take ten minutes for the usual time between arrivals."""
    assert {cadence.block_s for _, cadence in blocks(scenario(3600, {**event, "after": 1800, "duration": 60}))} == {
        60.0
    }


@given(
    st.integers(60, 14_400),
    st.lists(st.tuples(st.just(LEAK), st.integers(0, 14_400), st.integers(1, 3600)), max_size=3),
)
def test_what_happens_is_simulated_in_fine_steps_from_its_beginning_until_it_is_gone(
    duration_s: int, events: list[tuple[dict[str, Any], int, int]]
) -> None:
    given = scenario(duration_s, *({**event, "after": after, "duration": length} for event, after, length in events))
    found = blocks(given)
    end_s = found[-1][0] + found[-1][1].block_s
    assert duration_s - OFFLINE.block_s < end_s <= duration_s
    for begins_s, cadence in found:
        ends_s = begins_s + cadence.block_s
        if any(after < ends_s and begins_s < after + length for _, after, length in events):
            assert cadence == OFFLINE


@given(st.integers(0, 86_400), st.integers(0, 3000))
def test_history_is_caught_up_with_in_coarse_steps_and_its_last_minutes_as_it_lives(
    missing_s: int, begins_tens: int
) -> None:
    """Readings lie a minute apart, ten seconds in the last hour and one second at the end, and there is one at each whole minute."""
    now_s = START.timestamp() + 10 * begins_tens
    end_s = now_s + missing_s
    instants: list[float] = []
    while now_s < end_s:
        cadence = catching_up(now_s, end_s - now_s, is_live=False)
        instants += (now_s + np.arange(cadence.interval_s, cadence.block_s + 1, cadence.interval_s)).tolist()
        now_s += cadence.block_s
    assert end_s <= now_s < end_s + LIVE.block_s
    by_second = [at for at in instants if at % 10]
    assert len(by_second) <= 9 * (60 + 60) / 10
    in_last_hour = [at for at in instants if at > end_s - 3600]
    assert all(later - before <= 10 for before, later in pairwise(in_last_hour))
    minutes = {at for at in instants if at % 60 == 0}
    assert len(minutes) >= missing_s // 60


def test_a_city_that_is_live_goes_on_second_by_second_until_it_is_ten_minutes_behind() -> None:
    at_s = START.timestamp()
    assert catching_up(at_s, 600.0, is_live=True) == LIVE
    assert catching_up(at_s, 601.0, is_live=True).interval_s == 10.0
    assert catching_up(at_s + 1.0, 601.0, is_live=True) == LIVE


@pytest.mark.parametrize("key", ["pm25", "no2", "co"])
def test_ticks_of_twenty_seconds_depart_from_those_of_one_by_a_fraction_of_noise(
    courses: dict[float, Floats], key: str
) -> None:
    column = KEYS.index(key)
    fine, coarse = courses[1.0][:, :, column], courses[20.0][:, :, column]
    instrument = INSTRUMENTS[MEASURED.index(key)]
    noise = instrument.noise + instrument.noise_share * fine.mean()
    assert 0 < np.std(coarse - fine) < noise / 3
    # And nothing is lost on the way: the same mean over devices and two hours.
    assert abs((coarse - fine).mean()) < 0.005 * fine.mean()


def _always(cadence: Cadence, _now_s: float) -> Cadence:
    return cadence


@pytest.fixture(scope="module")
def courses(jeonju: Site) -> dict[float, Floats]:
    """Two hours of true air every 10 s, by how often it was computed [s]."""
    found = {}
    for tick_s in (1.0, 20.0):
        env, sink = simpy.Environment(START.timestamp()), MemorySink()
        cadence = Cadence(interval_s=10.0, tick_s=tick_s, block_s=600.0)
        World(jeonju, env, sink, seed=1, cadence=partial(_always, cadence))
        env.run(until=START.timestamp() + 7200 + 1e-6)
        found[tick_s] = np.concatenate([block.truth for block in sink.blocks])
    return found


def test_scenario_without_a_whole_minute_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 60"):
        scenario(59)
