"""What is usual at a device, and what rises above it."""

import numpy as np
import pytest

from jeonju.detection.smoke.baseline import STALE_AFTER_S, WATCHED, Baseline, Rises, watched
from jeonju.rules.watched import QUANTITIES

PM25, TVOC = WATCHED.index("pm25"), WATCHED.index("tvoc")
ALIKE = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])


def means(pm25: list[float]) -> np.ndarray:
    out = np.full((len(pm25), len(QUANTITIES)), np.nan)
    out[:, QUANTITIES.index("pm25")] = pm25
    return out


def learnt(level: float = 20.0) -> Baseline:
    baseline = Baseline()
    baseline.grow(len(ALIKE))
    for step in range(1, 181):
        see(baseline, [level] * len(ALIKE), 10.0 * step)
    return baseline


def see(baseline: Baseline, pm25: list[float], end_s: float) -> Rises:
    rises = baseline.rises(means(pm25), end_s, ALIKE)
    baseline.learn(rises, 10.0, np.zeros(len(ALIKE), dtype=bool))
    return rises


def test_a_rise_of_one_device_is_local_and_a_rise_of_all_is_not() -> None:
    one = see(learnt(), [70.0] + 8 * [20.0], 1810.0)
    assert one.local[0, PM25] == pytest.approx(50.0)
    assert one.local[1:, PM25] == pytest.approx(0.0)
    everyone = see(learnt(), 9 * [70.0], 1810.0)
    assert everyone.local[:, PM25] == pytest.approx(0.0)
    assert everyone.spread[0, PM25] > 10.0  # of what all share, some may show more


def test_robots_are_compared_with_robots() -> None:
    rises = see(learnt(), 5 * [20.0] + 3 * [60.0] + [120.0], 1810.0)
    assert rises.local[5:, PM25] == pytest.approx([0.0, 0.0, 0.0, 60.0])


def test_a_group_that_is_too_small_is_compared_with_all() -> None:
    rises = see(learnt(), 5 * [20.0] + [float("nan"), float("nan"), 60.0, 20.0], 1810.0)
    assert rises.local[7, PM25] == pytest.approx(40.0)


def test_devices_that_report_at_different_moments_are_compared_by_their_last_readings() -> None:
    """Each sends every ten minutes, none in the window of another; all rise together."""
    baseline = Baseline()
    baseline.grow(len(ALIKE))
    nobody, usual_s = np.zeros(len(ALIKE), dtype=bool), np.full(len(ALIKE), 600.0)
    for step in range(10 * len(ALIKE)):
        level, device = (20.0 if step < 9 * len(ALIKE) else 60.0), step % len(ALIKE)
        pm25 = [level if number == device else float("nan") for number in range(len(ALIKE))]
        rises = baseline.rises(means(pm25), 60.0 * step, ALIKE, usual_s)
        baseline.learn(rises, usual_s, nobody)
    assert rises.local[device, PM25] == pytest.approx(0.0, abs=1.0)


def test_nothing_rises_before_the_level_is_learnt_or_after_it_is_forgotten() -> None:
    young = Baseline()
    young.grow(len(ALIKE))
    see(young, 9 * [20.0], 10.0)
    assert see(young, [90.0] + 8 * [20.0], 20.0).local[0, PM25] == 0.0
    stale = learnt()
    assert see(stale, [90.0] + 8 * [20.0], 1800.0 + STALE_AFTER_S + 60).local[0, PM25] == 0.0


def test_a_step_that_stays_becomes_usual_but_slowly() -> None:
    baseline = learnt()
    for step in range(181, 541):
        rises = see(baseline, [26.0] + 8 * [20.0], 10.0 * step)
    assert 0.0 < rises.local[0, PM25] < 2.0


def test_a_voc_index_is_read_as_the_voc_that_shows_it_in_city_air() -> None:
    one = means([20.0, 20.0])
    one[0, QUANTITIES.index("voc_index")] = 300.0
    one[1, QUANTITIES.index("voc_index")], one[1, QUANTITIES.index("tvoc")] = 300.0, 75.0
    assert watched(one)[:, TVOC] == pytest.approx([60.0 * 3 ** (1 / 0.9), 75.0])
