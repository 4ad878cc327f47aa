import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.limits import (
    ADVISORY_LEVELS,
    DUST_STAGES,
    LONGEST_WITHOUT_DATA_H,
    AdvisoryState,
    Level,
    is_dust,
    next_state,
)


def course(levels: tuple[Level, ...], hours: list[float]) -> list[int]:
    state, found = AdvisoryState(), []
    for value in hours:
        state = next_state(levels, state, value)
        found.append(state.level)
    return found


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
        ("pm10", [149.9] * 5, [0] * 5),
        ("pm10", [160, 310, 310, 160, 150, 149.9, 99.9], [0, 1, 2, 2, 2, 1, 0]),  # issued upwards from an advisory
        ("pm10", [310, 160, 310], [0, 1, 1]),  # two hours in a row for the warning, too
        ("pm10", [310, 310, 140, 310, 310], [0, 2, 1, 1, 2]),
        ("pm25", [74.9, 75, 75], [0, 0, 1]),
        ("pm25", [149, 150, 150, 75, 74], [0, 1, 2, 2, 1]),
        ("o3", [0.1199, 0.12, 0.2999, 0.3, 0.4999, 0.5], [0, 1, 1, 2, 2, 3]),
        ("o3", [0.5, 0.1], [3, 0]),
        ("o3", [math.nan, 0.12, math.nan, 0.119], [0, 1, 1, 0]),
    ],
)
def test_advisory_follows_the_law(quantity: str, hours: list[float], levels: list[int]) -> None:
    assert course(ADVISORY_LEVELS[quantity], hours) == levels


@given(st.sampled_from(sorted(ADVISORY_LEVELS)), st.lists(st.floats(0, 1000), max_size=30))
def test_clean_hours_always_end_an_advisory(quantity: str, hours: list[float]) -> None:
    assert course(ADVISORY_LEVELS[quantity], [*hours, 0.0])[-1] == 0


def test_advisory_of_which_nothing_is_heard_for_long_is_in_force_no_more() -> None:
    levels = course(ADVISORY_LEVELS["pm10"], [160, 160, *[math.nan] * (LONGEST_WITHOUT_DATA_H + 1)])
    assert levels == [0, 1, *[1] * LONGEST_WITHOUT_DATA_H, 0]


@given(
    st.sampled_from(sorted(ADVISORY_LEVELS)), st.lists(st.one_of(st.just(math.nan), st.floats(-10, 2000)), max_size=60)
)
def test_advisory_never_climbs_without_an_hour_at_its_level(quantity: str, hours: list[float]) -> None:
    levels = ADVISORY_LEVELS[quantity]
    found = course(levels, hours)
    for before, now, value in zip([0, *found], found, hours, strict=False):
        assert 0 <= now <= len(levels)
        if now > before:
            assert value >= levels[now - 1].issue_at


@pytest.mark.parametrize(
    ("hours", "stages"),
    [
        ([300, 300, 299, 150, 149], [0, 1, 1, 1, 0]),
        ([800, 800, 400, 399, 149], [0, 2, 2, 1, 0]),
        ([300, 299, 300, 300], [0, 0, 0, 1]),
        ([800, 300, 800, 800], [0, 1, 1, 2]),
    ],
)
def test_stages_of_asian_dust(hours: list[float], stages: list[int]) -> None:
    assert course(DUST_STAGES, hours) == stages


@pytest.mark.parametrize(
    ("pm10", "pm25", "coarse"), [(400, 100, True), (400, 200, True), (400, 201, False), (400, math.nan, True)]
)
def test_dust_is_coarse_and_haze_is_not(pm10: float, pm25: float, coarse: bool) -> None:
    assert is_dust(pm10, pm25) is coarse
