"""The boundary layer from wind, sun and cloud by the surface energy balance; no stability class is asked for.

Day: Holtslag and van Ulden (1983, J. Climate Appl. Meteorol. 22, 517), the turbulent heat flux from the net radiation.
Night: Venkatram (1980), as in the preprocessor of AERMOD (EPA-454/R-03-004, section 3.2): friction velocity from cloud
and wind. Wind profile after Businger and Dyer.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from jeonju.common.arrays import Floats

KARMAN: Final = 0.4
GRAVITY_M_S2: Final = 9.81
STEFAN_BOLTZMANN: Final = 5.67e-8
# ρ·cp [J/(m³·K)] at 20 °C.
HEAT_CAPACITY_J_M3_K: Final = 1210.0
ALBEDO: Final = 0.18
# Of the net radiation a tenth goes into the ground; of the rest, where little evaporates, three fifths are sensible heat (Bowen ratio 1.5).
SENSIBLE_SHARE: Final = 0.9 * 0.6
# Heat flux [W/m²], or temperature scale θ* [K] at night, where a scenario prescribes the class instead of sun and cloud.
FLUX_OF_CLASS: Final = {"A": 300.0, "B": 200.0, "C": 100.0, "D": 0.0}
THETA_OF_CLASS: Final = {"E": 0.05, "F": 0.09}
# The heat stored in a city keeps its lowest air from becoming very stable: least L of 30 m for cities and large towns (ADMS 5 user guide).
LEAST_CITY_LENGTH_M: Final = 30.0
LEAST_LENGTH_M: Final = 5.0
# Air never stands quite still: least friction velocity [m/s], and the wind it goes with.
LEAST_U_STAR: Final = 0.03
NEUTRAL_LENGTH_M: Final = 1e5
# Where buildings are: their mean height, the displacement of the profile above them, and how fast the wind falls below (Cionco 1965; Macdonald 2000).
ROOFS_M: Final = 10.0
DISPLACEMENT: Final = 0.5
CANOPY_ATTENUATION: Final = 1.0
REFERENCE_M: Final = 10.0
# Above the boundary layer the potential temperature rises by about 1 K in 100 m.
CAPPING_K_M: Final = 0.01
STEEPEST_K_M: Final = 0.04


@dataclass(frozen=True)
class Layer:
    """The boundary layer of one moment. `length_m` is Obukhov's, `height_m` that of the layer, `roofs_m` 0 in open land."""

    u_star_m_s: float
    length_m: float
    height_m: float
    roughness_m: float
    roofs_m: float
    temperature_k: float = 293.0

    @property
    def displacement_m(self) -> float:
        """How much the wind profile is lifted by buildings."""
        return DISPLACEMENT * self.roofs_m

    @property
    def w_star_m_s(self) -> float:
        """The convective velocity scale; 0 in stable air."""
        if self.length_m > 0:
            return 0.0
        return self.u_star_m_s * float((self.height_m / (KARMAN * -self.length_m)) ** (1 / 3))

    def speed_m_s(self, height_m: ArrayLike) -> Floats:
        """Return the mean wind at heights: logarithmic above the roofs, exponential below."""
        z = np.asarray(height_m, dtype=float)
        lowest = max(self.roofs_m, 2.0 * self.roughness_m)
        above = np.clip(z, lowest, 0.5 * self.height_m + lowest) - self.displacement_m
        speed = np.maximum(self.u_star_m_s / KARMAN * _profile(above, self.roughness_m, self.length_m), 0.0)
        if self.roofs_m > 0:
            return np.asarray(speed * np.exp(CANOPY_ATTENUATION * np.minimum(z / self.roofs_m - 1.0, 0.0)))
        # Nearest to the ground, where there is nothing to stand on, the speed goes to zero in a line.
        return np.asarray(speed * np.minimum(z / lowest, 1.0))

    def stability_per_s2(self, height_m: ArrayLike) -> Floats:
        """Return N² at heights: that of the surface layer where it is stable, none in mixed air, a capping inversion above."""
        z = np.asarray(height_m, dtype=float)
        gradient = 0.0
        if self.length_m > 0:
            theta_star = self.temperature_k * self.u_star_m_s**2 / (KARMAN * GRAVITY_M_S2 * self.length_m)
            level = np.maximum(z, 20.0)
            gradient = theta_star / KARMAN * (1 / level + 5 / self.length_m)
        inside = np.minimum(gradient, STEEPEST_K_M)
        return np.asarray(GRAVITY_M_S2 / self.temperature_k * np.where(z < self.height_m, inside, CAPPING_K_M))


def layer_of(
    *,
    wind_speed_m_s: float,
    sun_deg: float,
    cloud_fraction: float,
    temperature_k: float,
    height_m: float,
    roughness_m: float,
    is_city: bool,
    stability: str | None = None,
) -> Layer:
    """Return the boundary layer that goes with the 10 m wind, the sun and the cloud, or with a class that the scenario prescribes."""
    roofs = ROOFS_M if is_city else 0.0
    level = max(REFERENCE_M - DISPLACEMENT * roofs, 2.0 * roughness_m)
    flux = _heat_flux(sun_deg, cloud_fraction, temperature_k) if stability is None else FLUX_OF_CLASS.get(stability, -1)
    if flux >= 0:
        u_star, length = _convective(wind_speed_m_s, level, roughness_m, flux, temperature_k)
    else:
        theta = 0.09 * (1 - 0.5 * cloud_fraction**2) if stability is None else THETA_OF_CLASS[stability]
        u_star, length = _stable(wind_speed_m_s, level, roughness_m, theta, temperature_k)
        length = max(length, LEAST_CITY_LENGTH_M if is_city else LEAST_LENGTH_M)
        # With the length kept from below, the wind at the reference height is as given again.
        u_star = max(KARMAN * wind_speed_m_s / float(_profile(level, roughness_m, length)), LEAST_U_STAR)
    return Layer(u_star, length, height_m, roughness_m, roofs, temperature_k)


def _heat_flux(sun_deg: float, cloud: float, temperature_k: float) -> float:
    """Return the sensible heat flux [W/m²]; below zero when the ground cools."""
    sine = np.sin(np.radians(sun_deg))
    incoming = max(990.0 * sine - 30.0, 0.0) * (1 - 0.75 * cloud**3.4)
    longwave = 5.31e-13 * temperature_k**6 - STEFAN_BOLTZMANN * temperature_k**4 + 60.0 * cloud
    net = ((1 - ALBEDO) * incoming + longwave) / 1.12
    return float(SENSIBLE_SHARE * net)


def _profile(level_m: ArrayLike, roughness_m: float, length_m: float) -> Floats:
    """Return κ·u/u* at levels above the displacement."""
    z = np.asarray(level_m, dtype=float)
    return np.asarray(np.log(z / roughness_m) - _psi(z / length_m) + _psi(np.asarray(roughness_m / length_m)))


def _psi(zeta: Floats) -> Floats:
    if zeta.flat[0] > 0:
        # Holtslag and de Bruin (1988): holds for very stable air, too.
        return np.asarray(-(0.7 * zeta + 0.75 * (zeta - 14.3) * np.exp(-0.35 * zeta) + 10.7))
    x = (1 - 16 * zeta) ** 0.25
    return np.asarray(2 * np.log((1 + x) / 2) + np.log((1 + x * x) / 2) - 2 * np.arctan(x) + np.pi / 2)


def _convective(speed: float, level: float, roughness: float, flux: float, temperature: float) -> tuple[float, float]:
    length = -NEUTRAL_LENGTH_M
    u_star = LEAST_U_STAR
    for _ in range(8):
        u_star = max(KARMAN * speed / float(_profile(level, roughness, length)), LEAST_U_STAR)
        if flux < 1.0:
            break
        buoyancy = KARMAN * GRAVITY_M_S2 * flux / (HEAT_CAPACITY_J_M3_K * temperature)
        length = -max(u_star**3 / buoyancy, 1.0)
    return u_star, length


def _stable(speed: float, level: float, roughness: float, theta_star: float, temperature: float) -> tuple[float, float]:
    drag = KARMAN / np.log(level / roughness)
    u0_squared = 5.0 * level * theta_star * GRAVITY_M_S2 / temperature
    critical = 2 * np.sqrt(u0_squared / drag)
    root = np.sqrt(max(1 - (critical / max(speed, critical)) ** 2, 0.0))
    u_star = max(0.5 * drag * max(speed, critical) * (1 + root) * min(speed / critical, 1.0), LEAST_U_STAR)
    theta = theta_star * min(speed / critical, 1.0)
    length = temperature * u_star**2 / (KARMAN * GRAVITY_M_S2 * max(theta, 1e-4))
    return float(u_star), float(min(length, NEUTRAL_LENGTH_M))
