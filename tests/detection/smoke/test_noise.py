"""The noise and step of sensors, and what they do to alerts."""

import numpy as np
import pytest

from jeonju.contract.site import Site
from jeonju.detection.smoke.baseline import WATCHED
from jeonju.detection.smoke.noise import SensorNoise, stated_steps
from jeonju.detection.smoke.tracker import SmokeTracker
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES

PM25 = WATCHED.index("pm25")


def sigma(readings: np.ndarray, *, busy: bool = False) -> float:
    """Show one sensor its readings of PM2.5."""
    noise = SensorNoise({})
    noise.grow(["a"])
    for value in readings:
        row = np.full((1, len(WATCHED)), np.nan)
        row[0, PM25] = value
        noise.learn(row, np.array([busy]))
    return float(noise.sigma[0, PM25])


@pytest.mark.parametrize("true", [0.5, 4.0])
def test_noise_is_learnt_from_the_changes(true: float) -> None:
    assert sigma(20.0 + true * np.random.default_rng(1).standard_normal(1000)) == pytest.approx(true, rel=0.3)


def test_noise_of_a_coarse_sensor_is_its_step() -> None:
    """It holds one value most of the time, and changes by five."""
    readings = 20.0 + 5.0 * (np.arange(600) % 20 == 0)
    assert sigma(readings) == pytest.approx(5.0, rel=0.1)


def test_jumps_that_are_rare_and_gaps_do_not_count() -> None:
    rng = np.random.default_rng(2)
    readings = 20.0 + rng.standard_normal(1000)
    readings[::50] += 100.0
    readings[::7] = np.nan
    assert sigma(readings) == pytest.approx(1.0, rel=0.3)


def test_nothing_is_known_of_a_sensor_that_never_changes_or_only_while_something_goes_on() -> None:
    assert sigma(np.full(100, 20.0)) == 0.0
    assert sigma(np.arange(100.0), busy=True) == 0.0


def with_steps(site: Site, steps: dict[str, float]) -> Site:
    stations = [station.model_copy(update={"steps": steps}) for station in site.stations]
    return site.model_copy(update={"stations": stations})


def test_stated_step_counts_before_anything_is_learnt(jeonju: Site) -> None:
    noise = SensorNoise(stated_steps(with_steps(jeonju, {"pm25": 5.0})))
    noise.grow([jeonju.stations[0].name, "robot-1"])
    assert noise.sigma[:, PM25] == pytest.approx([5.2, 0.0], abs=0.1)


def raised_by_one_step(site: Site, *, before: int) -> list[str]:
    """A cell of carbon monoxide that reports in steps of 0.2 ppm, beside smoke-like particles that it does not explain; `before` steps were seen."""
    names = [station.name for station in site.stations]
    tracker, rng = SmokeTracker(site), np.random.default_rng(3)
    for number in range(360):
        means = np.full((len(names), len(QUANTITIES)), np.nan)
        for key, level, scatter in (("pm25", 5.0, 0.3), ("pm10", 7.0, 0.4), ("co", 0.4, 0.0), ("humidity", 40.0, 0.1)):
            means[:, QUANTITIES.index(key)] = level + scatter * rng.standard_normal(len(names))
        if number >= 340 or (number < 330 and number % (330 // before) == 1):
            means[0, QUANTITIES.index("co")] += 0.2
        if number >= 340:
            means[0, QUANTITIES.index("pm25")] += 40.0
            means[0, QUANTITIES.index("pm10")] += 48.0
        tracker.step(Window(10.0 * (number + 1), names, means))
    return [finding.kind for finding in tracker.raised.values()]


def test_one_step_of_a_coarse_sensor_is_no_evidence(jeonju: Site) -> None:
    assert raised_by_one_step(jeonju, before=1) == ["smoke"]  # as from a sensor that is fine
    assert raised_by_one_step(jeonju, before=20) == []
    assert raised_by_one_step(with_steps(jeonju, {"co": 0.2}), before=1) == []
