import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airquality.limits import ADVISORY_LEVELS, AdvisoryState, next_advisory_state


def course(quantity: str, hours: list[float]) -> list[int]:
    state, levels = AdvisoryState(), []
    for value in hours:
        state = next_advisory_state(quantity, state, value)
        levels.append(state.level)
    return levels


@pytest.mark.parametrize(
    ("quantity", "hours", "levels"),
    [
        ("pm10", [160, 140, 160, 160], [0, 0, 0, 1]),  # two hours in a row are needed
        ("pm10", [150, 150, 120, 100, 99], [0, 1, 1, 1, 0]),  # stays until below 100
        ("pm10", [310, 310, 310, 200, 149, 99], [0, 2, 2, 2, 1, 0]),  # warning steps down to advisory, then ends
        ("pm25", [80, 80, 40, 35, 34], [0, 1, 1, 1, 0]),
        ("pm25", [160, 160, 74, 34], [0, 2, 1, 0]),
        ("pm25", [160, 160, 20], [0, 2, 0]),  # clean air at once ends all
        ("o3", [0.12, 0.119], [1, 0]),  # ozone needs no second hour
        ("o3", [0.31, 0.2, 0.1], [2, 1, 0]),
        ("o3", [0.5, 0.4, 0.2, 0.1], [3, 2, 1, 0]),
        ("pm10", [160, math.nan, 160, 160], [0, 0, 0, 1]),  # an hour without data breaks the row
        ("pm10", [160, 160, math.nan, math.nan, 90], [0, 1, 1, 1, 0]),  # and lifts nothing
    ],
)
def test_advisory_follows_the_law(quantity: str, hours: list[float], levels: list[int]) -> None:
    assert course(quantity, hours) == levels


@given(st.sampled_from(sorted(ADVISORY_LEVELS)), st.lists(st.floats(0, 1000), max_size=30))
def test_clean_hours_always_end_an_advisory(quantity: str, hours: list[float]) -> None:
    assert course(quantity, [*hours, 0.0])[-1] == 0
