"""For how long readings stand."""

import numpy as np

from jeonju.detection.smoke.pace import Pace


def steps(times_s: list[float]) -> list[float]:
    pace = Pace()
    pace.grow(1)
    return [float(pace.step(np.array([True]), time_s)[0]) for time_s in times_s]


def test_reading_stands_for_the_usual_step_of_its_device() -> None:
    assert steps([600.0 * number for number in range(5)]) == [10.0, 600.0, 600.0, 600.0, 600.0]
    assert steps([10.0 * number for number in range(4)]) == [10.0] * 4


def test_gap_does_not_make_a_reading_count_for_more() -> None:
    assert steps([0.0, 10.0, 20.0, 5000.0])[-1] < 12.0
