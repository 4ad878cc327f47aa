"""The online detector: what opens an event and what must not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from jeonju.evaluation.release_detector import QUIET_MIN, Event, ReleaseDetector

SENSORS = ("north", "east", "south", "west")


def watch(values: np.ndarray) -> list[Event]:
    """Feed rows of minutes, and return every event."""
    detector = ReleaseDetector(SENSORS, least_excess=0.15, resolution=0.01, unit="ppm")
    closed = [event for minute, row in enumerate(values) if (event := detector.update(60.0 * minute, row)[1])]
    last = detector.finish()
    return [*closed, last] if last else closed


def quiet(minutes: int, seed: int = 1) -> np.ndarray:
    return 2.0 + 0.01 * np.random.default_rng(seed).standard_normal((minutes, 4))


def puffs(minutes: int, height: float, seed: int = 2) -> np.ndarray:
    """A plume that passes every few minutes."""
    return height * (np.random.default_rng(seed).random(minutes) > 0.6)


def test_plume_at_one_sensor_opens_an_event_within_minutes_and_says_why() -> None:
    air = quiet(400)
    air[200:260, 1] += puffs(60, 1.0)
    (event,) = watch(air)
    assert 200 <= event.started_s / 60 <= 212
    assert 250 <= event.last_evidence_s / 60 <= 270
    assert set(event.hits) == {"east"}
    assert event.reasons
    assert all(reason.startswith("east: ") and "0.15 ppm" in reason for reason in event.reasons)


def test_event_ends_when_no_evidence_came_for_long_and_its_end_is_the_last_evidence() -> None:
    air = quiet(600)
    air[100:130, 0] += puffs(30, 1.0)
    air[300:330, 0] += puffs(30, 1.0)
    first, second = watch(air)
    assert first.ended_s == first.last_evidence_s < 145 * 60
    assert second.started_s > 299 * 60


def test_gap_shorter_than_the_quiet_time_does_not_cut_an_event() -> None:
    air = quiet(500)
    air[100:130, 0] += puffs(30, 1.0)
    air[130 + QUIET_MIN - 30 : 130 + QUIET_MIN, 0] += puffs(30, 1.0)
    assert len(watch(air)) == 1


@pytest.mark.parametrize("sensors", [[1], [0, 1, 2, 3]])
def test_slow_rise_is_no_release(sensors: list[int]) -> None:
    """A sensor that drifts, or a valley that fills up at night: half a ppm, but smoothly."""
    air = quiet(400)
    air[200:300, sensors] += np.linspace(0, 0.5, 100)[:, None]
    assert watch(air) == []


def test_unsteady_rise_of_the_whole_network_is_weather() -> None:
    air = quiet(400)
    air[200:260] += puffs(60, 1.0)[:, None]
    assert watch(air) == []


def test_nothing_is_decided_from_the_future() -> None:
    air = quiet(300)
    air[200:230, 2] += puffs(30, 1.0)
    changed = air.copy()
    changed[215:] = 50.0
    assert watch(air)[0].started_s == watch(changed)[0].started_s


def test_sensor_that_never_reports_and_gaps_do_not_hide_a_plume() -> None:
    air = quiet(400)
    air[:, 3] = np.nan
    air[150:170] = np.nan
    air[200:260, 1] += puffs(60, 1.0)
    (event,) = watch(air)
    assert event.started_s / 60 < 215


def test_single_sensor_is_enough() -> None:
    detector = ReleaseDetector(["only"], least_excess=0.15, resolution=0.01, unit="ppm")
    air = quiet(300)[:, :1]
    air[200:260, 0] += puffs(60, 1.0)
    for minute, row in enumerate(air):
        detector.update(60.0 * minute, row)
    assert detector.event is not None


def coarse(minutes: int, step: float, seed: int = 3) -> np.ndarray:
    """Sensors that hold a value and now and then report one or two steps more, in bursts."""
    rng = np.random.default_rng(seed)
    bursts = (np.arange(minutes) // 30 % 4 == 0)[:, None] & (rng.random((minutes, 4)) < 0.4)
    return 2.0 + step * bursts * rng.integers(1, 3, (minutes, 4))


@pytest.mark.parametrize("step", [0.1, 0.5])
def test_steps_of_a_coarse_sensor_are_no_release(step: float) -> None:
    air = coarse(480, step)
    air[400:460, 1] += puffs(60, 10.0 * step)
    (event,) = watch(air)
    assert 400 <= event.started_s / 60 <= 415


def test_sensors_that_never_change_see_a_plume_after_an_hour() -> None:
    air = np.full((300, 4), 2.0)
    air[100:160, 1] += puffs(60, 1.0)
    assert [event.started_s // 60 > 100 for event in watch(air)] == [True]


@settings(max_examples=50, deadline=None)
@given(hnp.arrays(np.float64, (40, 4), elements=st.one_of(st.floats(-1e6, 1e6), st.just(np.nan))))
def test_any_values_are_taken(values: np.ndarray) -> None:
    for event in watch(values):
        assert event.started_s <= event.last_evidence_s
        assert event.reasons
