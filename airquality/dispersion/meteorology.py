"""The state of the air that dispersion depends on: wind, stability, mixing height. Extrinsic, so always an argument."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.airquality.dispersion.surface_layer import SurfaceLayer, obukhov_length_m, surface_layer_of

# What the spread of puffs follows: Briggs' curves for a city, for a district of tall buildings or for open country, or the surface layer over flat,
# open land.
Surroundings = Literal["urban", "downtown", "rural", "open"]


class Stability(IntEnum):
    """Pasquill's classes, from very unstable (A) to stable (F)."""

    A = 0
    B = 1
    C = 2
    D = 3
    E = 4
    F = 5


# Vertical gradient of potential temperature [K/m] for classes A … F; E and F as in ISC3, neutral and unstable air has none.
POTENTIAL_TEMPERATURE_GRADIENT_K_M: Final = (0.0, 0.0, 0.0, 0.0, 0.020, 0.035)


@dataclass(frozen=True, kw_only=True, slots=True)
class Meteorology:
    """The air of one moment over one site; the wind is given at `wind_height_m` and direction is where it comes from.

    `surface` and `direction_std_deg` (of the horizontal wind, over the averaging time) are given where they were measured; without them they follow
    from wind, stability and roughness.
    """

    wind_speed_m_s: float
    wind_from_deg: float
    stability: Stability
    mixing_height_m: float
    temperature_k: float
    rain_mm_h: float = 0.0
    wind_height_m: float = 10.0
    roughness_m: float = 0.8
    surface: SurfaceLayer | None = None
    direction_std_deg: float | None = None

    def surface_layer(self) -> SurfaceLayer:
        """Return the turbulence near the ground, as measured or as it goes with this wind and stability."""
        if self.surface is not None:
            return self.surface
        length_m = obukhov_length_m(self.stability, self.roughness_m)
        return surface_layer_of(self.wind_speed_m_s, self.wind_height_m, length_m, self.roughness_m)


def solar_elevation_deg(posix_s: ArrayLike, lat: float, lon: float) -> NDArray[np.float64]:
    """Return the height of the sun above the horizon [degrees] at POSIX times, within about 0.5°.

    Declination and equation of time are the Fourier series of Spencer (1971); refraction is left out.
    """
    days = np.asarray(posix_s, dtype=float) / 86_400.0
    # The Gregorian year repeats closely enough after 365.2425 days for these series.
    gamma = 2 * np.pi * np.mod(days, 365.2425) / 365.2425
    declination = (
        0.006918
        - 0.399912 * np.cos(gamma)
        + 0.070257 * np.sin(gamma)
        - 0.006758 * np.cos(2 * gamma)
        + 0.000907 * np.sin(2 * gamma)
        - 0.002697 * np.cos(3 * gamma)
        + 0.00148 * np.sin(3 * gamma)
    )
    equation_of_time_min = 229.18 * (
        0.000075
        + 0.001868 * np.cos(gamma)
        - 0.032077 * np.sin(gamma)
        - 0.014615 * np.cos(2 * gamma)
        - 0.040849 * np.sin(2 * gamma)
    )
    hour_angle = np.radians(np.mod(days, 1.0) * 360.0 + lon + equation_of_time_min / 4.0 - 180.0)
    latitude = np.radians(lat)
    sine = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))


# Pasquill's table (1961) by wind speed class (below 2, 2–3, 3–5, 5–6, above 6 m/s); half classes are taken towards neutral.
_WIND_EDGES_M_S: Final = np.array([2.0, 3.0, 5.0, 6.0])
_STRONG_SUN: Final = np.array([0, 0, 1, 2, 2])
_MODERATE_SUN: Final = np.array([0, 1, 1, 2, 3])
_SLIGHT_SUN: Final = np.array([1, 2, 2, 3, 3])
_CLOUDY_NIGHT: Final = np.array([4, 4, 3, 3, 3])
_CLEAR_NIGHT: Final = np.array([5, 5, 4, 3, 3])
_TABLE: Final = np.stack([_STRONG_SUN, _MODERATE_SUN, _SLIGHT_SUN, _CLOUDY_NIGHT, _CLEAR_NIGHT])
# Turner (1970) sorts the sun by its elevation; above 60° strong, above 35° moderate, above 15° slight, below that neutral.
_STRONG_ABOVE_DEG, _MODERATE_ABOVE_DEG, _SLIGHT_ABOVE_DEG = 60.0, 35.0, 15.0
OVERCAST_FRACTION: Final = 0.95
CLOUDY_NIGHT_FRACTION: Final = 0.5


def pasquill_stability(
    wind_speed_m_s: ArrayLike, solar_elevation: ArrayLike, cloud_fraction: ArrayLike
) -> NDArray[np.int64]:
    """Return Pasquill's class (0 = A … 5 = F) for the 10 m wind [m/s], the sun's elevation [degrees] and the cloud [0 … 1].

    After Pasquill (1961) and Turner (1970). Cloud weakens the sun by one class above one half; overcast and the hour
    around sunrise and sunset are neutral. Meant for open and suburban land at middle latitudes.
    """
    wind, sun, cloud = np.broadcast_arrays(wind_speed_m_s, solar_elevation, cloud_fraction)
    column = np.searchsorted(_WIND_EDGES_M_S, wind, side="right")
    by_day = np.select([sun > _STRONG_ABOVE_DEG, sun > _MODERATE_ABOVE_DEG], [0, 1], 2)
    by_day = np.minimum(by_day + (cloud > 0.5), 2)
    row = np.where(sun > _SLIGHT_ABOVE_DEG, by_day, np.where(cloud > CLOUDY_NIGHT_FRACTION, 3, 4))
    neutral = (cloud >= OVERCAST_FRACTION) | ((sun > -3.0) & (sun <= _SLIGHT_ABOVE_DEG))
    return np.where(neutral, int(Stability.D), _TABLE[row, column])


def wind_towards(air: Meteorology) -> tuple[float, float]:
    """Return the unit vector (east, north) that the air moves along."""
    angle = np.radians(air.wind_from_deg)
    return -float(np.sin(angle)), -float(np.cos(angle))
