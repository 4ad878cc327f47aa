"""Monin and Obukhov's similarity, against values worked by hand and what must hold for any of its forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.airquality.dispersion.meteorology import Stability
from jeonju.airquality.dispersion.surface_layer import (
    SurfaceLayer,
    mean_height_slope,
    mechanical_mixing_height_m,
    obukhov_length_m,
    phi_h,
    psi_m,
    sigma_v_m_s,
    speed_per_u_star,
    surface_layer_of,
    wind_speed_at,
)


def test_neutral_wind_is_the_logarithm() -> None:
    # 0.4/0.4 · ln(10/0.1) = 4.605
    assert wind_speed_at(SurfaceLayer(0.4, np.inf, 0.1), 10.0) == pytest.approx(4.605, rel=1e-3)


def test_stable_wind_is_the_log_linear_law() -> None:
    # 0.2/0.4 · [ln(10/0.1) + 5·(10 − 0.1)/50] = 0.5 · (4.605 + 0.99)
    assert wind_speed_at(SurfaceLayer(0.2, 50.0, 0.1), 10.0) == pytest.approx(2.798, rel=1e-3)


def test_unstable_correction_of_a_worked_example() -> None:
    # ζ = −1: x = 17^(1/4) = 2.0305; 2·ln(1.5153) + ln(2.5615) − 2·atan(2.0305) + π/2 = 1.1168
    assert float(psi_m(-1.0)) == pytest.approx(1.1168, rel=1e-3)


@given(st.floats(-5, 5))
def test_correction_is_the_integral_of_its_gradient(zeta: float) -> None:
    """dψ/dlnζ = 1 − φm, with φm² = φh in unstable and φm = φh in stable air."""
    step = 1e-4 * max(abs(zeta), 0.01)
    slope = float(psi_m(zeta + step) - psi_m(zeta - step)) / (2 * step) * zeta
    phi_m = float(np.sqrt(phi_h(zeta))) if zeta < 0 else float(phi_h(zeta))
    assert slope == pytest.approx(1 - phi_m, abs=0.02)


@pytest.mark.parametrize("stability", Stability)
def test_layer_has_the_wind_it_was_made_from(stability: Stability) -> None:
    layer = surface_layer_of(3.0, 10.0, obukhov_length_m(stability, 0.8), 0.8)
    assert wind_speed_at(layer, 10.0) == pytest.approx(3.0)


def test_lengths_of_the_classes_are_those_of_the_fit() -> None:
    # z0 = 0.1 m: A −1/(0.0875·0.1^−0.1029) = −9.0 m, F 1/(0.03849·0.1^−0.1714) = 17.5 m.
    assert obukhov_length_m(Stability.A, 0.1) == pytest.approx(-9.02, rel=1e-2)
    assert obukhov_length_m(Stability.D, 0.1) == np.inf
    assert obukhov_length_m(Stability.F, 0.1) == pytest.approx(17.5, rel=1e-2)


def test_wind_below_the_roughness_sublayer_and_above_the_surface_layer_is_held() -> None:
    low, held = speed_per_u_star([0.0, 0.7], np.inf, 0.1), speed_per_u_star([200.0, 900.0], 40.0, 0.1)
    assert low[0] == low[1] > 0
    assert held[0] == held[1]


def test_stable_air_lifts_a_plume_least() -> None:
    slopes = [float(mean_height_slope(5.0, length, 0.03)) for length in (-10.0, -100.0, np.inf, 100.0, 10.0)]
    assert slopes == sorted(slopes, reverse=True)
    # Neutral: 0.4 / [ln(0.6·5/0.03)/0.4] = 0.0347
    assert slopes[2] == pytest.approx(0.0347, rel=2e-3)


def test_crosswind_turbulence_is_greater_in_convection() -> None:
    neutral, convective = SurfaceLayer(0.3, np.inf, 0.1), SurfaceLayer(0.3, -20.0, 0.1)
    assert sigma_v_m_s(neutral, 1000.0) == pytest.approx(0.3 * np.sqrt(3.6))
    # w*³ = 0.3³·1000/(0.4·20) = 3.375, w* = 1.5; √(3.6·0.09 + 0.35·2.25) = 1.055
    assert sigma_v_m_s(convective, 1000.0) == pytest.approx(1.055, rel=1e-3)


def test_wind_alone_mixes_as_venkatram_found() -> None:
    assert mechanical_mixing_height_m(SurfaceLayer(0.25, np.inf, 0.1)) == pytest.approx(287.5)
