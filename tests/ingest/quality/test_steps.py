from typing import Any

import numpy as np
import pytest

from jeonju.ingest.quality.checks import Checks
from tests.ingest.quality.feeding import feed


def of(key: str, values: float | list[float]) -> dict[str, Any]:
    return {key: values}


@pytest.mark.parametrize(
    ("key", "values", "interval_s", "flagged"),
    [
        ("pm25", [20, 420, 21, 22], 1, [1]),
        ("pm25", [20, 420, 419, 421, 20, 21], 1, [1, 2, 3]),  # until it is back, and not what it comes back to
        ("pm25", [20, 240, 450, 640], 1, []),  # smoke arrives
        ("pm25", [20, 900], 10, []),  # ten seconds are enough for smoke
        ("pm25", [20, 900], 1000, []),  # after a gap nothing is judged
        ("pm25", [600, 900], 1, []),  # the counter's noise grows with the value
        ("pm10", [20, 900, 30], 1, [1]),
        ("no2", [0.02, 0.3, 0.02], 1, [1]),
        ("no2", [0.02, 0.045, 0.02], 1, []),
        ("co", [0.4, 40, 0.4], 1, [1]),
        ("temperature", [21.0, 35.0, 21.1], 1, [1]),
        ("temperature", [21.0, 35.0], 60, []),  # out of a heated bay
        ("humidity", [40, 70, 41], 1, [1]),
        ("pressure", [1013.0, 990.0, 1013.1], 60, [1]),
        ("wind_speed", [1, 30, 2], 1, []),  # gusts are not judged
        ("thermal_max", [20, 280, 20], 1, []),  # a flame comes into view
    ],
)
@pytest.mark.parametrize("one_by_one", [False, True])
def test_only_what_air_and_instrument_cannot_do_is_suspect(
    key: str, values: list[float], interval_s: int, flagged: list[int], *, one_by_one: bool
) -> None:
    checks = Checks()
    times = interval_s * np.arange(len(values))
    if one_by_one:
        found = [at for at, value in enumerate(values) if feed(checks, times[at], **of(key, value))]
    else:
        found = sorted(row for row, _ in feed(checks, times, **of(key, values)))
    assert found == flagged


def test_the_reason_names_both_values_and_the_time_between() -> None:
    said = feed(Checks(), [0, 1], pm25=[23.6, 422.9])
    assert said == {(1, "pm25"): ("suspect", "jumped from 23.6 to 422.9 µg/m³ within 1 s")}


def test_a_new_level_is_believed_after_a_minute() -> None:
    said = feed(Checks(), np.arange(120), pm25=[20] + [420] * 119)
    assert sorted(row for row, _ in said) == list(range(1, 61))


def test_late_and_repeated_readings_neither_are_judged_nor_disturb() -> None:
    checks = Checks()
    feed(checks, np.arange(100), pm25=20)
    assert feed(checks, [50, 99, 99], pm25=[900, 900, 900]) == {}
    assert feed(checks, [100, 101], pm25=[20, 21]) == {}
    assert list(feed(checks, 102, pm25=500)) == [(0, "pm25")]


def test_order_within_a_batch_does_not_matter() -> None:
    checks = Checks()
    assert list(feed(checks, [3, 0, 2, 1], pm25=[20, 20, 420, 20])) == [(2, "pm25")]


def test_devices_are_judged_apart() -> None:
    assert feed(Checks(), [0, 1, 2, 3], ["a", "b", "a", "b"], pm25=[20, 420, 20, 420]) == {}
