"""Which devices may stand in one plume."""

import numpy as np
import pytest

from jeonju.detection.smoke.corroboration import Wind, supports
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES

WEST_WIND = np.array([3.0, 0.0])


@pytest.mark.parametrize(
    ("place_m", "wind_m_s", "agrees"),
    [
        ((400.0, 0.0), WEST_WIND, True),  # straight downwind
        ((-400.0, 0.0), WEST_WIND, True),  # upwind: the same plume, nearer to its source
        ((400.0, 150.0), WEST_WIND, True),
        ((0.0, 400.0), WEST_WIND, False),  # beside it
        ((400.0, 700.0), WEST_WIND, False),
        ((3000.0, 0.0), WEST_WIND, False),  # too far
        ((0.0, 400.0), np.array([0.3, 0.0]), True),  # in weak wind every near device agrees
        ((0.0, 900.0), np.array([0.3, 0.0]), False),
        ((0.0, 400.0), np.array([np.nan, np.nan]), True),
        ((np.nan, np.nan), WEST_WIND, False),  # its place is unknown
    ],
)
def test_places_agree_with_the_wind(place_m: tuple[float, float], wind_m_s: np.ndarray, agrees: bool) -> None:
    found = supports(0, [0, 1], np.array([[0.0, 0.0], place_m]), wind_m_s)
    assert [support.number for support in found] == ([1] if agrees else [])


def test_the_nearest_support_comes_first() -> None:
    found = supports(0, [1, 2], np.array([[0.0, 0.0], [600.0, 0.0], [200.0, 50.0]]), WEST_WIND)
    assert [support.number for support in found] == [2, 1]


def test_wind_from_both_sides_of_north_does_not_come_from_the_south() -> None:
    wind, means = Wind(), np.full((2, len(QUANTITIES)), np.nan)
    for row, from_deg in enumerate((350.0, 10.0)):
        means[row, QUANTITIES.index("wind_east_m_s")] = -2 * np.sin(np.radians(from_deg))
        means[row, QUANTITIES.index("wind_north_m_s")] = -2 * np.cos(np.radians(from_deg))
    wind.step(Window(10.0, ["a", "b"], means))
    assert wind.vector_m_s == pytest.approx([0.0, -2 * np.cos(np.radians(10.0))], abs=1e-9)
