"""Gaussian puffs: what many sources release, carried by the wind of each moment."""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from airquality.dispersion import _kernels as kernels
from airquality.dispersion.meteorology import (
    PROFILE_HIGHEST_M,
    PROFILE_LOWEST_M,
    WIND_PROFILE_EXPONENT,
    Meteorology,
    Surroundings,
    wind_towards,
)
from airquality.dispersion.plume_rise import Rise
from airquality.dispersion.sigmas import averaging_factor, coefficients

# Even in a calm, slow eddies spread a puff as if it moved this fast.
LEAST_GROWTH_SPEED_M_S: Final = 0.5
# A puff is never narrower than this at release; keeps the first metres finite.
LEAST_SIGMA_M: Final = 0.5
# Rain takes particles out at Λ = A·R^B [1/s], R in mm/h: A = 8.4e-5, B = 0.79 for particles of about 1 µm and above
# (Sportisse 2007, Atmos. Environ. 41, 2683, range of reviewed values 1e-5 to 1e-3 at 1 mm/h).
WASHOUT_A_PER_S: Final = 8.4e-5
WASHOUT_B: Final = 0.79
NO_RISE: Final = Rise(0.0, 0.0)

_HEIGHTS_M: Final = np.arange(0.0, PROFILE_HIGHEST_M + 1.0)


class Puffs:
    """All puffs in the air over one site, of all its sources.

    `box_m` is (west, south, east, north): puffs outside it are forgotten, as are those older than `max_age_s`. `averaging_time_s` is
    the time below which the meander of the wind is part of the spread instead of moving the puffs: 600 s for a wind that is given as
    10-minute means, less for one that itself meanders.
    """

    def __init__(
        self,
        *,
        n_sources: int,
        box_m: tuple[float, float, float, float],
        surroundings: Surroundings = "urban",
        averaging_time_s: float = 600.0,
        max_age_s: float = 7200.0,
    ) -> None:
        self.n_sources = n_sources
        self.surroundings: Surroundings = surroundings
        self._box = np.array(box_m, dtype=float)
        self._scale_y = averaging_factor(averaging_time_s)
        self._max_age_s = max_age_s
        self._table = np.zeros((kernels.ROWS, 1024))
        self._count = 0
        self._stability: int | None = None
        self._curves = np.zeros((2, 3))
        self._lid_m = np.inf

    def __len__(self) -> int:
        return self._count

    @property
    def mass(self) -> NDArray[np.float64]:
        """Mass of each puff, in the unit it was released in."""
        return self._table[kernels.MASS, : self._count].copy()

    @property
    def centres_m(self) -> NDArray[np.float64]:
        """Centre of each puff (puffs, 3): x, y, z."""
        return self._table[kernels.X : kernels.Z + 1, : self._count].T.copy()

    def add_source(self) -> int:
        """Make room for one more source and return its number."""
        self.n_sources += 1
        return self.n_sources - 1

    def release(
        self,
        source: int,
        *,
        x_m: ArrayLike,
        y_m: ArrayLike,
        z_m: float,
        mass: ArrayLike,
        sigma_y_m: float = LEAST_SIGMA_M,
        sigma_z_m: float = LEAST_SIGMA_M,
        rise: Rise = NO_RISE,
    ) -> None:
        """Release one puff at each (x, y); `mass` is shared by all or given for each, in any unit."""
        x = np.atleast_1d(np.asarray(x_m, dtype=float))
        first, last = self._count, self._count + len(x)
        if last > self._table.shape[1]:
            self._table = np.concatenate([self._table, np.zeros((kernels.ROWS, max(last, 1024)))], axis=1)
        new = self._table[:, first:last]
        new[:] = 0.0
        new[kernels.X], new[kernels.Y], new[kernels.Z] = x, y_m, z_m
        new[kernels.RELEASE_Z] = z_m
        new[kernels.SIGMA_Y] = max(sigma_y_m, LEAST_SIGMA_M)
        new[kernels.SIGMA_Z] = max(sigma_z_m, LEAST_SIGMA_M)
        new[kernels.INITIAL_Y2] = new[kernels.SIGMA_Y] ** 2
        new[kernels.INITIAL_Z2] = new[kernels.SIGMA_Z] ** 2
        new[kernels.RISE], new[kernels.RISE_DISTANCE] = rise
        new[kernels.MASS] = mass
        new[kernels.PARTICLES_LEFT] = 1.0
        new[kernels.SOURCE] = source
        self._count = last

    def step(self, dt_s: float, air: Meteorology) -> None:
        """Carry, spread and lift all puffs through `dt_s` seconds of this air."""
        self._follow_stability(air.stability)
        self._lid_m = air.mixing_height_m
        exponent = WIND_PROFILE_EXPONENT[self.surroundings][air.stability]
        profile = (np.maximum(_HEIGHTS_M, PROFILE_LOWEST_M) / air.wind_height_m) ** exponent
        washout_per_s = WASHOUT_A_PER_S * air.rain_mm_h**WASHOUT_B if air.rain_mm_h > 0 else 0.0
        towards_x, towards_y = wind_towards(air)
        self._count = kernels.advance(
            self._table,
            self._count,
            dt_s,
            towards_x,
            towards_y,
            air.wind_speed_m_s * profile,
            self._curves,
            self._scale_y,
            LEAST_GROWTH_SPEED_M_S,
            float(np.exp(-washout_per_s * dt_s)),
            self._box,
            self._max_age_s,
        )

    def concentration(
        self, receptors_m: NDArray[np.float64], *, cull_sigmas: float = kernels.CULL_SIGMAS
    ) -> NDArray[np.float64]:
        """Return what each source adds at each receptor, as released mass per m³.

        `receptors_m` is (receptors, 3): x, y, z [m]. The result is (receptors, sources, 2): gases, and particles after washout.
        `cull_sigmas` is how many σ away a puff still counts; infinity adds up every puff.
        """
        out = np.zeros((len(receptors_m), self.n_sources, 2))
        receptors = np.asarray(receptors_m, dtype=float)
        order = np.argsort(receptors[:, 0], kind="stable")
        _, level = np.unique(receptors[order, 2], return_inverse=True)
        kernels.add_up(self._table, self._count, receptors[order], order, level, self._lid_m, cull_sigmas, out)
        return out

    def _follow_stability(self, stability: int) -> None:
        """Go on growing from the present spread when the class changes: a puff never jumps and never shrinks."""
        if stability == self._stability:
            return
        curves = np.array(coefficients(self.surroundings, stability))
        if self._stability is not None:
            kernels.rebase(self._table, self._count, self._curves, curves, self._scale_y)
        self._curves, self._stability = curves, stability
