"""A size of particles cannot be above one that contains it."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.ingest.quality.checks import Checks
from tests.ingest.quality.feeding import feed

SIZES = ("pm1", "pm25", "pm10")


def reason(smaller: str, larger: str) -> tuple[str, str]:
    return "suspect", f"{smaller} above {larger} in the same reading, though part of it: one of them is wrong"


@pytest.mark.parametrize(
    ("smaller", "larger", "said"),
    [("pm25", "pm10", ("PM2.5", "PM10")), ("pm1", "pm25", ("PM1", "PM2.5")), ("pm1", "pm10", ("PM1", "PM10"))],
)
def test_both_sizes_are_flagged(smaller: str, larger: str, said: tuple[str, str]) -> None:
    values: dict[str, Any] = {smaller: [80, 12, 35], larger: [12, 80, 15]}
    expected = {(row, key): reason(*said) for row in (0, 2) for key in (smaller, larger)}
    assert feed(Checks(), [0, 900, 1900], **values) == expected


@pytest.mark.parametrize(
    ("pm25", "pm10"),
    [
        (25, 25),
        (0, 0),
        (15.5, 3.9),
        (14.9, 0),
        (144, 100),
        (600, 480),
        (80, np.nan),
        (np.nan, 12),
        (-3, -5),
        (500, 500),
    ],
)
def test_noise_and_absent_sizes_are_left_alone(pm25: float, pm10: float) -> None:
    assert feed(Checks(), 0, pm25=pm25, pm10=pm10) == {}


def test_wet_particles_are_given_twice_as_much() -> None:
    said = feed(Checks(), [0, 900, 1800], pm25=[45, 45, 80], pm10=[20, 20, 12], humidity=[60, 90, 90])
    flagged = {place for place, (_, words) in said.items() if "in the same reading" in words}
    assert flagged == {(0, "pm25"), (0, "pm10"), (2, "pm25"), (2, "pm10")}


def test_all_pairs_of_a_reading_are_named() -> None:
    said = feed(Checks(), 0, pm1=300, pm25=100, pm10=20)
    assert [said[0, key][1].count("in the same reading") for key in SIZES] == [2, 2, 2]


NUMBER = st.floats(0, 6000) | st.just(math.nan)


@given(st.lists(st.tuples(NUMBER, NUMBER, NUMBER), min_size=1, max_size=10))
def test_sizes_in_order_are_never_flagged_and_flags_come_in_pairs(rows: list[tuple[float, float, float]]) -> None:
    # Far apart, so that no step is seen.
    times = np.arange(len(rows)) * 2000.0
    columns = np.array(rows).T
    assert feed(Checks(), times, **dict(zip(SIZES, np.sort(columns, axis=0), strict=True))) == {}
    said = feed(Checks(), times, **dict(zip(SIZES, columns, strict=True)))
    for row in {row for row, _ in said}:
        assert len([key for key in SIZES if (row, key) in said]) >= 2
