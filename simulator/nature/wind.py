"""The wind over the city: the weather's mean, eddies of up to three kilometres, and at night a flow off the slopes.

The eddies are a sum of plane waves of a stream function, so that air is neither made nor lost; each wave swells and
fades by itself. Their strength is that of submeso motions: some tenths of a metre per second however weak the mean wind
is (Mahrt 2009, Boundary-Layer Meteorol. 131, 415; Anfossi and others 2005, Boundary-Layer Meteorol. 114, 179), more in
a fresh wind. The flow off the slopes is a jet of its own, along which it does not change.
"""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats

WAVES: Final = 24
WAVELENGTHS_M: Final = (500.0, 3000.0)
# A wave of 3 km lives for about 40 minutes, one of 500 m for 10.
LIFE_S: Final = (600.0, 2400.0)
CELL_M: Final = 125.0
CALM_EDDIES_M_S: Final = 0.2
EDDIES_PER_WIND: Final = 0.12
# Jeonju lies at the north-western foot of the mountains; on clear, quiet nights air flows off them at some tenths of a metre per second, up to 1 m/s
# in valleys. It sets in as the sun goes and is lost in cloud and wind.
DRAINAGE_FROM_DEG: Final = 140.0
DRAINAGE_M_S: Final = 0.7
VALLEY_WIDTH_M: Final = 1500.0
DRAINAGE_MEMORY_M_S: Final = 2.5
MINUTE_S: Final = 60.0
KEPT_MINUTES: Final = 180
KEPT_GRIDS: Final = 15
# Height at which winds are said, and depth of the drainage flow.
SAID_AT_M: Final = 10.0
DRAINAGE_DEPTH_M: Final = 40.0


class CityWind:
    """What the wind of a place and moment has besides the mean, on a grid over `box_m` and at places; the same for the same seed."""

    def __init__(self, box_m: tuple[float, float, float, float], *, seed: int, start_s: float) -> None:
        west, south, east, north = box_m
        self.x_m = np.arange(west, east + CELL_M, CELL_M)
        self.y_m = np.arange(south, north + CELL_M, CELL_M)
        self.place = np.array([west, south, CELL_M])
        self._rng = np.random.default_rng([seed, 91])
        shortest, longest = np.log(WAVELENGTHS_M)
        length_m = np.exp(self._rng.uniform(shortest, longest, size=WAVES))
        angle = self._rng.uniform(0, 2 * np.pi, WAVES)
        self._k = 2 * np.pi / length_m[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
        self._fade = np.exp(-MINUTE_S / np.interp(length_m, WAVELENGTHS_M, LIFE_S))
        self._amplitudes = self._rng.standard_normal((2, WAVES))
        self._minute = int(np.floor(start_s / MINUTE_S))
        self._grids: dict[int, Floats] = {}
        self._waves = {self._minute: self._amplitudes}

    def eddies(self, time_s: float) -> Floats:
        """Return the eddies of σ 1 on the grid (2, columns, rows): east, north."""
        low, share = self._around(time_s)
        return np.asarray((1 - share) * self._grid(low) + share * self._grid(low + 1))

    def eddies_at(self, times_s: Floats, xy_m: Floats) -> Floats:
        """Return the eddies of σ 1 at places (times, places, 2) that may move: (times, places, 2)."""
        out = np.empty(xy_m.shape)
        for t, time_s in enumerate(times_s):
            low, share = self._around(float(time_s))
            waves = (1 - share) * self._amplitudes_of(low) + share * self._amplitudes_of(low + 1)
            out[t] = self._velocity(waves, xy_m[t])
        return out

    def _around(self, time_s: float) -> tuple[int, float]:
        low = int(np.floor(time_s / MINUTE_S))
        return low, time_s / MINUTE_S - low

    def _amplitudes_of(self, minute: int) -> Floats:
        """Return the amplitudes of a minute; each follows from the one before, and only those of the last hours are kept."""
        while self._minute < minute:
            shocks = self._rng.standard_normal((2, WAVES)) * np.sqrt(1 - self._fade**2)
            self._amplitudes = self._fade * self._amplitudes + shocks
            self._minute += 1
            self._waves[self._minute] = self._amplitudes
            self._waves.pop(self._minute - KEPT_MINUTES, None)
        return self._waves[minute]

    def _grid(self, minute: int) -> Floats:
        if minute not in self._grids:
            x, y = np.meshgrid(self.x_m, self.y_m, indexing="ij")
            there = np.column_stack([x.ravel(), y.ravel()])
            velocity = self._velocity(self._amplitudes_of(minute), there)
            self._grids[minute] = np.ascontiguousarray(velocity.T.reshape(2, *x.shape))
            self._grids.pop(minute - KEPT_GRIDS, None)
        return self._grids[minute]

    def _velocity(self, amplitudes: Floats, xy_m: Floats) -> Floats:
        """Return (−∂ψ/∂y, ∂ψ/∂x) of waves ψ with variance such that each component of the velocity has σ 1 on average."""
        phase = xy_m @ self._k.T
        slope = amplitudes[0] * -np.sin(phase) + amplitudes[1] * np.cos(phase)
        unit = self._k[:, ::-1] * np.array([-1.0, 1.0]) / np.linalg.norm(self._k, axis=1)[:, None]
        return np.asarray(slope @ unit * np.sqrt(2 / WAVES))


def eddy_strength_m_s(wind_speed_m_s: Floats) -> Floats:
    """Return σ of each component of the eddies for a mean wind."""
    return CALM_EDDIES_M_S + EDDIES_PER_WIND * wind_speed_m_s


def drainage_m_s(wind_speed_m_s: Floats, sun_deg: Floats, cloud_fraction: Floats) -> Floats:
    """Return the speed of the flow off the slopes in the middle of the valley, at the ground."""
    night = np.clip(-sun_deg / 8.0, 0.0, 1.0)
    clear = 1 - 0.8 * np.clip(cloud_fraction, 0, 1) ** 2
    return np.asarray(DRAINAGE_M_S * night * clear * np.exp(-((wind_speed_m_s / DRAINAGE_MEMORY_M_S) ** 2)))


def downhill() -> Floats:
    """Return the unit vector (east, north) of the flow off the slopes."""
    angle = np.radians(DRAINAGE_FROM_DEG)
    return np.array([-np.sin(angle), -np.cos(angle)])


def drainage_share(xy_m: Floats) -> Floats:
    """Return how strong the flow off the slopes is at places (…, 2), 1 in the middle of the valley."""
    east, north = downhill()
    across = xy_m @ np.array([north, -east])
    return np.asarray(0.4 + 0.6 * np.exp(-((across / VALLEY_WIDTH_M) ** 2)))
