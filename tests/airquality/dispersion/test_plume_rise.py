"""Worked by hand from the formulas in Briggs (1975) as the ISC3 guide prints them."""

import numpy as np
import pytest

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.plume_rise import buoyant_rise, fire_buoyancy_flux, momentum_rise, stack_buoyancy_flux


def air(stability: Stability, temperature_k: float = 293.15) -> Meteorology:
    return Meteorology(
        wind_speed_m_s=3.0,
        wind_from_deg=270.0,
        stability=stability,
        mixing_height_m=1000.0,
        temperature_k=temperature_k,
    )


def test_stack_flux_of_a_worked_example() -> None:
    # 9.80665 · 10 · 2² · (400 − 300) / (4 · 400) = 24.5
    flux = stack_buoyancy_flux(exit_speed_m_s=10, diameter_m=2, exit_temperature_k=400, air_temperature_k=300)
    assert flux == pytest.approx(24.5, rel=1e-3)


def test_stack_colder_than_the_air_has_no_buoyancy() -> None:
    assert stack_buoyancy_flux(exit_speed_m_s=10, diameter_m=2, exit_temperature_k=280, air_temperature_k=300) == 0


def test_fire_flux_is_about_nine_per_convective_megawatt() -> None:
    # 9.80665 · 10⁶ / (π · 1.204 · 1005 · 293.15) = 8.80
    assert fire_buoyancy_flux(1e6 / 0.7, 293.15) == pytest.approx(8.80, rel=1e-3)


@pytest.mark.parametrize(
    ("flux", "final_m", "distance_m"),
    [(20.0, 21.425 * 20**0.75 / 3, 49 * 20**0.625), (200.0, 38.71 * 200**0.6 / 3, 119 * 200**0.4)],
)
def test_neutral_rise_below_and_above_the_change_of_exponent(flux: float, final_m: float, distance_m: float) -> None:
    assert buoyant_rise(flux, 3.0, air(Stability.D)) == pytest.approx((final_m, distance_m))


def test_both_neutral_branches_nearly_meet() -> None:
    low, high = buoyant_rise(54.999, 3.0, air(Stability.D)), buoyant_rise(55.001, 3.0, air(Stability.D))
    assert low.final_m == pytest.approx(high.final_m, rel=0.02)


def test_stable_rise_of_a_worked_example() -> None:
    # s = 9.80665 · 0.035 / 293.15 = 1.171e-3; 2.6 · (50 / (2 · 1.171e-3))^(1/3) = 72.0 m over 2.0715 · 2 / √s = 121 m
    assert buoyant_rise(50.0, 2.0, air(Stability.F)) == pytest.approx((72.0, 121.1), rel=2e-3)


def test_calm_air_does_not_lift_without_limit() -> None:
    assert np.isfinite(buoyant_rise(50.0, 0.0, air(Stability.A)).final_m)


def test_momentum_rise_of_a_worked_example() -> None:
    assert momentum_rise(10.0, 1.0, 2.0).final_m == pytest.approx(15.0)
