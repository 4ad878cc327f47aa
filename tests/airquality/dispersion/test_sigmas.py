import warnings

import numpy as np
import pytest

from jeonju.airquality.dispersion.meteorology import Stability
from jeonju.airquality.dispersion.sigmas import averaging_factor, sigma_y, sigma_z


@pytest.mark.parametrize(
    ("stability", "surroundings", "sigma_y_m", "sigma_z_m"),
    [
        # At 1 km, worked from the table in Hanna, Briggs & Hosker (1982): 0.08·1000/√1.1 and 0.06·1000/√2.5, and so on.
        (Stability.D, "rural", 76.3, 37.9),
        (Stability.A, "rural", 209.8, 200.0),
        (Stability.F, "rural", 38.1, 12.3),
        (Stability.D, "urban", 135.2, 122.8),
        (Stability.A, "urban", 270.4, 339.4),
        (Stability.F, "urban", 93.0, 50.6),
    ],
)
def test_spread_at_one_kilometre(stability: Stability, surroundings: str, sigma_y_m: float, sigma_z_m: float) -> None:
    assert sigma_y(1000.0, stability, surroundings) == pytest.approx(sigma_y_m, rel=2e-3)  # type: ignore[arg-type]
    assert sigma_z(1000.0, stability, surroundings) == pytest.approx(sigma_z_m, rel=2e-3)  # type: ignore[arg-type]


def test_curves_grow_with_distance_and_fall_with_stability() -> None:
    x = np.geomspace(100, 10_000, 50)
    for curve in (sigma_y, sigma_z):
        by_class = np.stack([curve(x, stability, "rural") for stability in Stability])
        assert np.all(np.diff(by_class, axis=1) > 0)
        assert np.all(np.diff(by_class, axis=0) < 0)


@pytest.mark.parametrize("distance_m", [10.0, 20_000.0])
def test_distance_outside_the_measured_range_warns_and_answers(distance_m: float) -> None:
    with pytest.warns(UserWarning, match="100 m to 10 km"):
        assert sigma_y(distance_m, Stability.D, "urban") > 0


def test_distance_inside_the_measured_range_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sigma_y([100.0, 10_000.0], Stability.D, "urban")


def test_averaging_over_three_minutes_is_narrower() -> None:
    assert averaging_factor(180.0) == pytest.approx(0.3**0.2)
    assert averaging_factor(600.0) == 1.0
