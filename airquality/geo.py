"""A city-sized flat map: metres east (x) and north (y) of a site's origin, and the way back to WGS84 degrees."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Radii of curvature follow WGS84 (EPSG:7030); over 20 km the flat map errs by less than 1 part in 1000.
WGS84_SEMI_MAJOR_AXIS_M = 6_378_137.0
WGS84_FIRST_ECCENTRICITY_SQUARED = 6.694_379_990_14e-3


@dataclass(frozen=True)
class LocalMap:
    """A plane touching the Earth at (`lat`, `lon`) [degrees]; valid within about 20 km of that point."""

    lat: float
    lon: float

    @cached_property
    def _metres_per_degree(self) -> tuple[float, float]:
        sine = np.sin(np.radians(self.lat))
        root = np.sqrt(1 - WGS84_FIRST_ECCENTRICITY_SQUARED * sine**2)
        prime_vertical_m = WGS84_SEMI_MAJOR_AXIS_M / root
        meridian_m = WGS84_SEMI_MAJOR_AXIS_M * (1 - WGS84_FIRST_ECCENTRICITY_SQUARED) / root**3
        return np.radians(meridian_m), np.radians(prime_vertical_m * np.cos(np.radians(self.lat)))

    def to_xy(self, lat: ArrayLike, lon: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return metres east and north of the origin for WGS84 degrees (scalars or arrays of one shape)."""
        per_lat_m, per_lon_m = self._metres_per_degree
        return (
            (np.asarray(lon, dtype=float) - self.lon) * per_lon_m,
            (np.asarray(lat, dtype=float) - self.lat) * per_lat_m,
        )

    def to_latlon(self, x_m: ArrayLike, y_m: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return WGS84 degrees (lat, lon) for metres east and north of the origin."""
        per_lat_m, per_lon_m = self._metres_per_degree
        return np.asarray(y_m, dtype=float) / per_lat_m + self.lat, np.asarray(x_m, dtype=float) / per_lon_m + self.lon


def is_within(
    corners_x_m: NDArray[np.float64], corners_y_m: NDArray[np.float64], x_m: ArrayLike, y_m: ArrayLike
) -> NDArray[np.bool_]:
    """Return which places lie within a polygon: a ray to the east crosses its outline an odd number of times."""
    x, y = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)
    inside = np.zeros(x.shape, dtype=bool)
    for (x1, y1), (x2, y2) in zip(
        zip(corners_x_m, corners_y_m, strict=True),
        zip(np.roll(corners_x_m, -1), np.roll(corners_y_m, -1), strict=True),
        strict=True,
    ):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < x1 + (y - y1) / (y2 - y1) * (x2 - x1))
    return inside


# 0, 0 after a conversion: a tenth of a metre, less than receivers resolve.
NOWHERE_DEG = 1e-6


def is_position(lat: NDArray[np.float64], lon: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which positions can be: on the globe, and not at 0, 0 where receivers are that have no fix. NaN cannot be.

    Swapped axes are not swapped back: often both orders are possible.
    """
    on_globe = (np.abs(lat) <= 90) & (np.abs(lon) <= 180)
    return on_globe & ((np.abs(lat) > NOWHERE_DEG) | (np.abs(lon) > NOWHERE_DEG))
