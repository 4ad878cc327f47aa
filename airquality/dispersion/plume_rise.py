"""How far heat and momentum lift what a stack or a fire releases: the formulas of Briggs.

Briggs, G. A. (1975): Plume rise predictions, in: Lectures on Air Pollution and Environmental Impact Analyses; in the form of the US EPA's
ISC3 model (EPA-454/B-95-003b, section 1.1.4). Made for hot stacks; for fires they are used with the convective part of the heat release.
"""

from typing import Final, NamedTuple

import numpy as np

from jeonju.airquality.dispersion.meteorology import POTENTIAL_TEMPERATURE_GRADIENT_K_M, Meteorology

GRAVITY_M_S2: Final = 9.80665
AIR_DENSITY_KG_M3: Final = 1.204  # dry air at 20 °C and 1013.25 hPa
AIR_HEAT_CAPACITY_J_KG_K: Final = 1005.0
# Share of a fire's heat that goes into the plume, the rest is radiated: 0.6 to 0.75 for most fuels.
CONVECTIVE_FRACTION: Final = 0.7
# In calm air Briggs' rise has no limit; ISC3 takes 1 m/s as the least wind.
LEAST_WIND_M_S: Final = 1.0
# Where the neutral formulas change their exponent [m⁴ s⁻³].
LARGE_FLUX_M4_S3: Final = 55.0


class Rise(NamedTuple):
    """The final height [m] that a plume gains and the distance [m] over which it gains it."""

    final_m: float
    distance_m: float


def stack_buoyancy_flux(
    *, exit_speed_m_s: float, diameter_m: float, exit_temperature_k: float, air_temperature_k: float
) -> float:
    """Return F = g·v·d²·(Ts − Ta)/(4·Ts) [m⁴ s⁻³]; zero for a plume colder than the air."""
    excess_k = max(exit_temperature_k - air_temperature_k, 0.0)
    return GRAVITY_M_S2 * exit_speed_m_s * diameter_m**2 * excess_k / (4.0 * exit_temperature_k)


def fire_buoyancy_flux(heat_release_w: float, air_temperature_k: float) -> float:
    """Return F = g·Qc/(π·ρ·cp·Ta) [m⁴ s⁻³] for the convective part Qc of a fire's heat release [W]."""
    convective_w = CONVECTIVE_FRACTION * heat_release_w
    density = AIR_DENSITY_KG_M3 * 293.15 / air_temperature_k
    return GRAVITY_M_S2 * convective_w / (np.pi * density * AIR_HEAT_CAPACITY_J_KG_K * air_temperature_k)


def buoyant_rise(flux_m4_s3: float, wind_speed_m_s: float, air: Meteorology) -> Rise:
    """Return the rise of a buoyant plume for the wind [m/s] at its source.

    Neutral and unstable: Δh = 21.425·F^(3/4)/u within 49·F^(5/8) m below F = 55, else 38.71·F^(3/5)/u within 119·F^(2/5) m.
    Stable: Δh = 2.6·(F/(u·s))^(1/3) within 2.0715·u/√s, but never above the neutral rise. While rising Δh(x) = 1.6·F^(1/3)·x^(2/3)/u.
    """
    if flux_m4_s3 <= 0.0:
        return Rise(0.0, 0.0)
    wind = max(wind_speed_m_s, LEAST_WIND_M_S)
    if flux_m4_s3 < LARGE_FLUX_M4_S3:
        neutral = Rise(21.425 * flux_m4_s3**0.75 / wind, 49.0 * flux_m4_s3**0.625)
    else:
        neutral = Rise(38.71 * flux_m4_s3**0.6 / wind, 119.0 * flux_m4_s3**0.4)
    gradient = POTENTIAL_TEMPERATURE_GRADIENT_K_M[air.stability]
    if gradient == 0.0:
        return neutral
    stability_per_s2 = GRAVITY_M_S2 * gradient / air.temperature_k
    stable_m = 2.6 * (flux_m4_s3 / (wind * stability_per_s2)) ** (1 / 3)
    return Rise(stable_m, 2.0715 * wind / np.sqrt(stability_per_s2)) if stable_m < neutral.final_m else neutral


def momentum_rise(exit_speed_m_s: float, diameter_m: float, wind_speed_m_s: float) -> Rise:
    """Return the rise of a jet, Δh = 3·d·v/u, reached at once compared with the buoyant rise; counts for cold stacks only."""
    return Rise(3.0 * diameter_m * exit_speed_m_s / max(wind_speed_m_s, LEAST_WIND_M_S), 0.0)
