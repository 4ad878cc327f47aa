"""Gaussian puffs: what many sources release, carried by the wind of each moment."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Surroundings, wind_towards
from jeonju.airquality.dispersion.plume_rise import Rise
from jeonju.airquality.dispersion.sigmas import averaging_factor, coefficients, open_coefficients
from jeonju.airquality.dispersion.surface_layer import (
    mean_height_slope,
    mechanical_mixing_height_m,
    sigma_v_m_s,
    speed_per_u_star,
)
from jeonju.airquality.dispersion.wind_grid import REFERENCE_HEIGHT_M, WindGrid
from jeonju.common.arrays import Floats

# A puff is never narrower than this at release; keeps the first metres finite.
LEAST_SIGMA_M: Final = 0.5
# Rain takes particles out at Λ = A·R^B [1/s], R in mm/h: A = 8.4e-5, B = 0.79 for particles of about 1 µm and above
# (Sportisse 2007, Atmos. Environ. 41, 2683, range of reviewed values 1e-5 to 1e-3 at 1 mm/h).
WASHOUT_A_PER_S: Final = 8.4e-5
WASHOUT_B: Final = 0.79
NO_RISE: Final = Rise(0.0, 0.0)
_NOWHERE: Final = np.zeros((1, 0, 3))
_ALIKE: Final = WindGrid(0.0, 0.0, 1.0, np.zeros((0, 1, 1)), np.zeros((0, 1, 1)))


class Puffs:
    """All puffs in the air over one site, of all its sources.

    `box_m` is (west, south, east, north): puffs outside it are forgotten, as are those older than `max_age_s`. `averaging_time_s` is
    the time below which the meander of the wind is part of the spread instead of moving the puffs: 600 s for a wind that is given as
    10-minute means, less for one that itself meanders. `surroundings` chooses how puffs spread: by Briggs' curves for city or country, or, over open
    land, by the surface layer and the wind's unsteadiness.
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
        self._surroundings: Surroundings = surroundings
        self._box = np.array(box_m, dtype=float)
        self._scale_y = np.array([[averaging_factor(averaging_time_s), 1.0, 1.0], [1.0, 1.0, 1.0]])
        self._max_age_s = max_age_s
        self._table = np.zeros((kernels.ROWS, 1024))
        self._count = 0
        self._waiting: list[tuple[int, Floats]] = []
        self._curves = np.zeros((2, 3))
        self._lid_m = np.inf

    def __len__(self) -> int:
        return self._count

    @property
    def table(self) -> Floats:
        """A copy of what is known of each puff (rows of `_kernels`, puffs)."""
        return self._table[:, : self._count].copy()

    @property
    def mass(self) -> Floats:
        """Mass of each puff, in the unit it was released in."""
        return self._table[kernels.MASS, : self._count].copy()

    @property
    def centres_m(self) -> Floats:
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
        tick: int = 0,
    ) -> None:
        """Release one puff at each (x, y) when tick `tick` of the next march begins; `mass` is shared by all or given for each, in any unit."""
        x = np.atleast_1d(np.asarray(x_m, dtype=float))
        new = np.zeros((kernels.ROWS, len(x)))
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
        self._waiting.append((tick, new))

    def march(
        self,
        dt_s: float,
        airs: Sequence[Meteorology],
        receptors_m: NDArray[np.float64] = _NOWHERE,
        *,
        winds: WindGrid | None = None,
        cull_sigmas: float = kernels.CULL_SIGMAS,
    ) -> Floats:
        """Carry, spread and lift all puffs through ticks of `dt_s` seconds, each with its own air.

        `receptors_m` is (ticks, receptors, 3), or (1, receptors, 3) for those that stay: x, y, z [m]; a receptor keeps its height. Returns
        what each source adds at each receptor at the end of each tick, as released mass per m³: (ticks, receptors, sources, 2), gases, and
        particles after washout. `cull_sigmas` is how many σ away a puff still counts; infinity adds up every puff.

        Where `winds` are given, each puff is carried by the wind at its own place, which changes with height as that of the air does; all else
        (stability, mixing height, turbulence, rain) stays that of the air.
        """
        winds = _ALIKE if winds is None else winds.checked(len(airs))
        waiting, due = self._take_waiting()
        profiles, profile_of = self._profiles(airs)
        curves = np.array([self._curves_in(air) for air in airs])
        if len(self._table[0]) < self._count + len(due):
            self._table = np.concatenate([self._table, np.zeros((kernels.ROWS, self._count + len(due)))], axis=1)
        out = np.zeros((len(airs), receptors_m.shape[1], self.n_sources, 2))
        self._count = kernels.march(
            self._table,
            self._count,
            waiting,
            due,
            dt_s,
            _columns(airs, dt_s),
            profiles,
            profile_of,
            self._curves,
            curves,
            winds.frame(),
            winds.nodes(),
            np.ascontiguousarray(receptors_m, dtype=np.float64),
            cull_sigmas,
            self._box,
            self._max_age_s,
            out,
        )
        self._curves, self._lid_m = curves[-1], airs[-1].mixing_height_m
        return out

    def step(self, dt_s: float, air: Meteorology) -> None:
        """Let one tick pass."""
        self.march(dt_s, [air])

    def concentration(
        self, receptors_m: NDArray[np.float64], *, cull_sigmas: float = kernels.CULL_SIGMAS
    ) -> NDArray[np.float64]:
        """Return what each source adds now at each receptor (receptors, 3), as `march` does for each tick: (receptors, sources, 2)."""
        receptors = np.ascontiguousarray(receptors_m, dtype=np.float64)
        out = np.zeros((len(receptors), self.n_sources, 2))
        order = np.argsort(receptors[:, 0], kind="stable")
        _, level = np.unique(receptors[:, 2], return_inverse=True)
        kernels.add_up(self._table, self._count, receptors, order, level, self._lid_m, cull_sigmas, out)
        return out

    def _take_waiting(self) -> tuple[Floats, NDArray[np.int64]]:
        """Return the puffs to come as columns, and the tick of each, in order."""
        waiting, self._waiting = sorted(self._waiting, key=lambda pair: pair[0]), []
        if not waiting:
            return np.zeros((kernels.ROWS, 0)), np.zeros(0, dtype=np.int64)
        due = np.repeat([tick for tick, _ in waiting], [new.shape[1] for _, new in waiting])
        return np.concatenate([new for _, new in waiting], axis=1), due.astype(np.int64)

    def _profiles(self, airs: Sequence[Meteorology]) -> tuple[Floats, NDArray[np.int64]]:
        """Return the distinct profiles of these ticks and which each tick has."""
        keys = [(air.surface_layer().obukhov_length_m, air.surface_layer().roughness_m) for air in airs]
        distinct = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        tables = np.array([_profile(*key, grows=self._surroundings == "open") for key in distinct])
        return tables, np.array([distinct[key] for key in keys])

    def _curves_in(self, air: Meteorology) -> Floats:
        if self._surroundings != "open":
            return coefficients(self._surroundings, air.stability) * self._scale_y
        layer = air.surface_layer()
        height_m = max(air.mixing_height_m, mechanical_mixing_height_m(layer))
        if air.direction_std_deg is not None:
            return open_coefficients(float(np.radians(air.direction_std_deg)), height_m)
        std_rad = sigma_v_m_s(layer, air.mixing_height_m) / max(air.wind_speed_m_s, kernels.LEAST_GROWTH_SPEED)
        return open_coefficients(std_rad * self._scale_y[0, 0], height_m)


def _columns(airs: Sequence[Meteorology], dt_s: float) -> Floats:
    """Return the air of each tick as the kernel takes it."""
    return np.array(
        [
            (
                *wind_towards(air),
                air.surface_layer().friction_velocity_m_s,
                air.mixing_height_m,
                np.exp(-WASHOUT_A_PER_S * air.rain_mm_h**WASHOUT_B * dt_s) if air.rain_mm_h > 0 else 1.0,
                _u_star_per_reference(air.surface_layer().obukhov_length_m, air.surface_layer().roughness_m),
            )
            for air in airs
        ]
    )


@lru_cache(maxsize=128)
def _u_star_per_reference(obukhov_length_m: float, roughness_m: float) -> float:
    """Return u*/u at the height at which the winds of a grid hold."""
    return 1.0 / float(speed_per_u_star(REFERENCE_HEIGHT_M, obukhov_length_m, roughness_m))


@lru_cache(maxsize=128)
def _profile(obukhov_length_m: float, roughness_m: float, *, grows: bool) -> Floats:
    """Return u/u* and, where puffs grow with the surface layer, dσz/dx at the heights of the kernel's tables."""
    speed = speed_per_u_star(kernels.HEIGHTS_M, obukhov_length_m, roughness_m)
    slope = mean_height_slope(kernels.HEIGHTS_M, obukhov_length_m, roughness_m) / kernels.MEAN_HEIGHT
    return np.stack([speed, slope if grows else np.zeros_like(slope)])
