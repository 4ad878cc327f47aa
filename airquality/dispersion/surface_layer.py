"""The lowest tens of metres of air: wind, mixing and turbulence from friction velocity, Obukhov length and roughness (Monin and Obukhov 1954).

Valid in and a little above the surface layer (about a tenth of the mixing height), over land that is alike for some hundred heights upwind: not
between buildings, not in calm air.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

VON_KARMAN: Final = 0.4
# φm = (1 − 16ζ)^(−1/4), φh = (1 − 16ζ)^(−1/2) in unstable air and 1 + 5ζ in stable air (Dyer 1974, Boundary-Layer Meteorol. 7, 363; −2 < ζ < 1);
# from ζ = 1 on the gradient stays as it is there (Webb 1970, Q. J. R. Meteorol. Soc. 96, 67).
UNSTABLE_GAMMA: Final = 16.0
STABLE_BETA: Final = 5.0
# 1/L = a·z0^b for classes A … F: Golder (1972, Boundary-Layer Meteorol. 3, 47) as fitted by Liu et al. (1976), for roughness of 1 mm to 1 m.
_INVERSE_LENGTH: Final = (
    (-0.08750, -0.1029),
    (-0.03849, -0.1714),
    (-0.00807, -0.3049),
    (0.0, 0.0),
    (0.00807, -0.3049),
    (0.03849, -0.1714),
)
# Over a city the lowest air is hardly ever more than slightly stable: like Briggs' urban curves, class F counts as E there.
CITY_ROUGHNESS_M: Final = 0.5
# A plume on the ground is carried and mixed by the air at 0.6 of its mean height (van Ulden 1978, Atmos. Environ. 12, 2125).
EFFECTIVE_HEIGHT: Final = 0.6
# σv² = 3.6·u*² + 0.35·w*² near the ground (AERMOD formulation, EPA-454/R-03-004, eqs. 38 to 40).
MECHANICAL_SIGMA_V2: Final = 3.6
CONVECTIVE_SIGMA_V2: Final = 0.35
# Below this multiple of the roughness the logarithm does not hold; the wind is taken as constant there, and again above HIGHEST_M.
LOWEST_ROUGHNESSES: Final = 7.0
HIGHEST_M: Final = 200.0


@dataclass(frozen=True, slots=True)
class SurfaceLayer:
    """Turbulence near the ground. `obukhov_length_m` is infinite in neutral, positive in stable, negative in unstable air."""

    friction_velocity_m_s: float
    obukhov_length_m: float
    roughness_m: float


def obukhov_length_m(stability: int, roughness_m: float) -> float:
    """Return the Obukhov length [m] that goes with a Pasquill class over land of this roughness [m]; infinite for class D."""
    a, b = _INVERSE_LENGTH[min(stability, 4) if roughness_m >= CITY_ROUGHNESS_M else stability]
    return 1.0 / (a * roughness_m**b) if a else np.inf


def surface_layer_of(wind_speed_m_s: float, height_m: float, length_m: float, roughness_m: float) -> SurfaceLayer:
    """Return the surface layer in which the wind at `height_m` is `wind_speed_m_s`."""
    return SurfaceLayer(wind_speed_m_s / _speed_per_u_star(height_m, length_m, roughness_m), length_m, roughness_m)


def psi_m(zeta: ArrayLike) -> NDArray[np.float64]:
    """Return the integrated stability correction of the wind profile at ζ = z/L."""
    zeta = np.asarray(zeta, dtype=float)
    x = (1.0 - UNSTABLE_GAMMA * np.minimum(zeta, 0.0)) ** 0.25
    unstable = 2 * np.log((1 + x) / 2) + np.log((1 + x * x) / 2) - 2 * np.arctan(x) + np.pi / 2
    stable = -STABLE_BETA * (np.minimum(zeta, 1.0) + np.log(np.maximum(zeta, 1.0)))
    return np.where(zeta < 0, unstable, stable)


def phi_h(zeta: ArrayLike) -> NDArray[np.float64]:
    """Return the dimensionless gradient of heat (and of any passive matter) at ζ = z/L."""
    zeta = np.asarray(zeta, dtype=float)
    unstable = (1.0 - UNSTABLE_GAMMA * np.minimum(zeta, 0.0)) ** -0.5
    return np.where(zeta < 0, unstable, 1.0 + STABLE_BETA * np.clip(zeta, 0.0, 1.0))


def speed_per_u_star(height_m: ArrayLike, length_m: float, roughness_m: float) -> NDArray[np.float64]:
    """Return u(z)/u*, constant below 7 roughness lengths and above 200 m."""
    z = np.clip(height_m, LOWEST_ROUGHNESSES * roughness_m, HIGHEST_M)
    correction = psi_m(roughness_m / length_m) - psi_m(z / length_m)
    return np.asarray((np.log(z / roughness_m) + correction) / VON_KARMAN)


@lru_cache(maxsize=256)
def _speed_per_u_star(height_m: float, length_m: float, roughness_m: float) -> float:
    return float(speed_per_u_star(height_m, length_m, roughness_m))


def wind_speed_at(layer: SurfaceLayer, height_m: float) -> float:
    """Return the wind speed [m/s] at a height."""
    return layer.friction_velocity_m_s * _speed_per_u_star(height_m, layer.obukhov_length_m, layer.roughness_m)


def mean_height_slope(mean_height_m: ArrayLike, length_m: float, roughness_m: float) -> NDArray[np.float64]:
    """Return dz̄/dx, how fast the mean height of a plume on the ground grows with distance.

    Van Ulden (1978), from diffusion by K = k·u*·z/φh; made for near-ground sources while z̄ is within the surface layer.
    """
    z = np.maximum(EFFECTIVE_HEIGHT * np.asarray(mean_height_m, dtype=float), LOWEST_ROUGHNESSES * roughness_m)
    return VON_KARMAN / (speed_per_u_star(z, length_m, roughness_m) * phi_h(z / length_m))


def sigma_v_m_s(layer: SurfaceLayer, mixing_height_m: float) -> float:
    """Return the standard deviation of the crosswind speed [m/s], where none was measured."""
    u_star, length = layer.friction_velocity_m_s, layer.obukhov_length_m
    w_star2 = 0.0 if length >= 0 else (u_star**3 * mixing_height_m / (VON_KARMAN * -length)) ** (2 / 3)
    return float(np.sqrt(MECHANICAL_SIGMA_V2 * u_star**2 + CONVECTIVE_SIGMA_V2 * w_star2))


def mechanical_mixing_height_m(layer: SurfaceLayer) -> float:
    """Return the height [m] that wind alone mixes: 2300·u*^1.5 (Venkatram 1980, Boundary-Layer Meteorol. 19, 481)."""
    return 2300.0 * layer.friction_velocity_m_s**1.5
