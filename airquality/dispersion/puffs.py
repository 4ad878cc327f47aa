"""Gaussian puffs: what many sources release, carried by the wind of each moment."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Surroundings
from jeonju.airquality.dispersion.plume_rise import Rise
from jeonju.airquality.dispersion.sigmas import (
    LEAST_SIGMA_M,
    averaging_factor,
    coefficients,
    least_sigma_m,
    open_coefficients,
)
from jeonju.airquality.dispersion.surface_layer import (
    mean_height_slope,
    mechanical_mixing_height_m,
    sigma_v_m_s,
    speed_per_u_star,
)
from jeonju.airquality.dispersion.wind_grid import REFERENCE_HEIGHT_M, WindGrid
from jeonju.common.arrays import Floats

# Rain takes particles out at Λ = A·R^B [1/s], R in mm/h: A = 8.4e-5, B = 0.79 for particles of about 1 µm and above
# (Sportisse 2007, Atmos. Environ. 41, 2683, range of reviewed values 1e-5 to 1e-3 at 1 mm/h).
WASHOUT_A_PER_S: Final = 8.4e-5
WASHOUT_B: Final = 0.79
NO_RISE: Final = Rise(0.0, 0.0)
_NOWHERE: Final = np.zeros((1, 0, 3))
# Rows of a table that begin a multiple of 4096 bytes apart would share the same lines of the processor's cache.
_ODD: Final = 72
_ALIKE: Final = WindGrid(0.0, 0.0, 1.0, np.zeros((0, 1, 1)), np.zeros((0, 1, 1)))


class _Release(NamedTuple):
    """What one call of `Puffs.release` asked for."""

    tick: int
    source: int
    x_m: float | Floats
    y_m: float | Floats
    z_m: float
    mass: float | Floats
    sigma_y_m: float
    sigma_z_m: float
    rise: Rise


class Puffs:
    """All puffs in the air over one site, of all its sources.

    `box_m` is (west, south, east, north): puffs outside it are forgotten, as are those older than `max_age_s`. `averaging_time_s` is
    the time below which the meander of the wind is part of the spread instead of moving the puffs: 600 s for a wind that is given as
    10-minute means, less for one that itself meanders. `surroundings` chooses how puffs spread: by Briggs' curves for city or country, in a downtown
    from a spread of 40 m on, or, over open land, by the surface layer and the wind's unsteadiness.
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
        self._table = np.zeros((kernels.ROWS, 1024 + _ODD))
        self._count = 0
        self._waiting: list[_Release] = []
        self._ticks = 0
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
        least_m = least_sigma_m(self._surroundings, z_m)
        spread_m = max(sigma_y_m, least_m), max(sigma_z_m, least_m)
        self._waiting.append(_Release(tick, source, _kept(x_m), _kept(y_m), z_m, _kept(mass), *spread_m, rise))

    def march(
        self,
        dt_s: float,
        airs: Sequence[Meteorology],
        receptors_m: NDArray[np.float64] = _NOWHERE,
        *,
        winds: WindGrid | None = None,
        cull_sigmas: float = kernels.CULL_SIGMAS,
        merge_sigmas: float = kernels.MERGE_SIGMAS,
    ) -> Floats:
        """Carry, spread and lift all puffs through ticks of `dt_s` seconds, each with its own air.

        `receptors_m` is (ticks, receptors, 3), or (1, receptors, 3) for those that stay: x, y, z [m]; a receptor keeps its height. Returns
        what each source adds at each receptor at the end of each tick, as released mass per m³: (ticks, receptors, sources, 2), gases, and
        particles after washout. `cull_sigmas` is how many σ away a puff still counts; infinity adds up every puff.
        `merge_sigmas` is how many σ near to each other two puffs of one train become one; at zero all are kept.

        Where `winds` are given, each puff is carried by the wind at its own place, which changes with height as that of the air does; all else
        (stability, mixing height, turbulence, rain) stays that of the air.
        """
        winds = _ALIKE if winds is None else winds.checked(len(airs))
        waiting, due = self._take_waiting()
        layers = _Layers(airs)
        profiles, profile_of = self._profiles(layers)
        curves, curves_of = self._growth(airs)
        if len(self._table[0]) < self._count + len(due):
            self._table = np.concatenate([self._table, np.zeros((kernels.ROWS, self._count + len(due) + _ODD))], axis=1)
        out = np.zeros((len(airs), receptors_m.shape[1], self.n_sources, 2))
        self._count = kernels.march(
            self._table,
            self._count,
            waiting,
            due,
            dt_s,
            _columns(airs, layers, dt_s),
            profiles,
            profile_of,
            self._curves,
            curves,
            curves_of,
            winds.frame(),
            winds.nodes(),
            np.ascontiguousarray(receptors_m, dtype=np.float64),
            cull_sigmas,
            merge_sigmas,
            self._ticks,
            self._box,
            self._max_age_s,
            out,
        )
        self._ticks = (self._ticks + len(airs)) % kernels.MERGE_EVERY
        self._curves, self._lid_m = curves[curves_of[-1]], airs[-1].mixing_height_m
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
        waiting, self._waiting = sorted(self._waiting, key=lambda release: release.tick), []
        if not waiting:
            return np.zeros((kernels.ROWS, 0)), np.zeros(0, dtype=np.int64)
        sizes = [len(release.x_m) if isinstance(release.x_m, np.ndarray) else 1 for release in waiting]
        tick, source, z_m, sigma_y_m, sigma_z_m, rise_m, rise_distance_m = np.repeat(
            np.array([(w.tick, w.source, w.z_m, w.sigma_y_m, w.sigma_z_m, *w.rise) for w in waiting]).T, sizes, axis=1
        )
        new = np.zeros((kernels.ROWS, len(tick)))
        new[kernels.X] = _row([release.x_m for release in waiting], sizes)
        new[kernels.Y] = _row([release.y_m for release in waiting], sizes)
        new[kernels.MASS] = _row([release.mass for release in waiting], sizes)
        new[kernels.Z] = new[kernels.RELEASE_Z] = z_m
        new[kernels.SIGMA_Y], new[kernels.SIGMA_Z] = sigma_y_m, sigma_z_m
        new[kernels.INITIAL_Y2], new[kernels.INITIAL_Z2] = sigma_y_m**2, sigma_z_m**2
        new[kernels.RISE], new[kernels.RISE_DISTANCE] = rise_m, rise_distance_m
        new[kernels.PARTICLES_LEFT] = 1.0
        new[kernels.SOURCE] = source
        return new, tick.astype(np.int64)

    def _profiles(self, layers: "_Layers") -> tuple[Floats, NDArray[np.int64]]:
        """Return the distinct profiles of these ticks and which each tick has."""
        grows = self._surroundings == "open"
        return np.array([_profile(*kind, grows=grows) for kind in layers.kinds]), layers.kind_of

    def _growth(self, airs: Sequence[Meteorology]) -> tuple[Floats, NDArray[np.int64]]:
        """Return the distinct curves of these ticks and which each tick has."""
        if self._surroundings == "open":
            return np.array([self._open_curves(air) for air in airs]), np.arange(len(airs))
        classes, curves_of = np.unique([air.stability for air in airs], return_inverse=True)
        curves = np.array([coefficients(self._surroundings, each) for each in classes]) * self._scale_y
        return curves, curves_of

    def _open_curves(self, air: Meteorology) -> Floats:
        layer = air.surface_layer()
        height_m = max(air.mixing_height_m, mechanical_mixing_height_m(layer))
        if air.direction_std_deg is not None:
            return open_coefficients(float(np.radians(air.direction_std_deg)), height_m)
        std_rad = sigma_v_m_s(layer, air.mixing_height_m) / max(air.wind_speed_m_s, kernels.LEAST_GROWTH_SPEED)
        return open_coefficients(std_rad * self._scale_y[0, 0], height_m)


class _Layers:
    """The surface layers of many ticks: their distinct kinds (Obukhov length, roughness), the kind and the friction velocity of each tick."""

    def __init__(self, airs: Sequence[Meteorology]) -> None:
        numbers: dict[tuple[float, float], int] = {}
        seen: dict[tuple[float, ...], tuple[int, float]] = {}
        of_tick = []
        for air in airs:
            key = (air.stability, air.roughness_m, air.wind_height_m)
            if air.surface is None and key in seen:
                number, per_u_star = seen[key]
                of_tick.append((number, air.wind_speed_m_s / per_u_star))
                continue
            layer = air.surface_layer()
            number = numbers.setdefault((layer.obukhov_length_m, layer.roughness_m), len(numbers))
            of_tick.append((number, layer.friction_velocity_m_s))
            if air.surface is None:
                seen[key] = (
                    number,
                    float(speed_per_u_star(air.wind_height_m, layer.obukhov_length_m, layer.roughness_m)),
                )
        self.kinds = list(numbers)
        self.kind_of = np.array([number for number, _ in of_tick], dtype=np.int64)
        self.friction_velocity_m_s = np.array([u_star for _, u_star in of_tick])


def _kept(value: ArrayLike) -> float | Floats:
    """Return a number as it is, and a copy of anything else."""
    return value if isinstance(value, float) else np.array(value, dtype=float, ndmin=1)


def _row(values: Sequence[float | Floats], sizes: list[int]) -> Floats:
    """Return one row of a table of puffs: the values of all releases, each for one puff or for all of its release."""
    if all(isinstance(value, float) for value in values):
        return np.repeat(np.array(values), sizes)
    return np.concatenate(
        [value if np.size(value) == size else np.full(size, value) for value, size in zip(values, sizes, strict=True)]
    )


def _columns(airs: Sequence[Meteorology], layers: _Layers, dt_s: float) -> Floats:
    """Return the air of each tick as the kernel takes it."""
    columns = np.empty((len(airs), kernels.AIR_COLUMNS))
    wind_from, columns[:, kernels.LID], rain_mm_h = np.array(
        [(air.wind_from_deg, air.mixing_height_m, air.rain_mm_h) for air in airs]
    ).T
    angle = np.radians(wind_from)
    columns[:, kernels.TOWARDS_X], columns[:, kernels.TOWARDS_Y] = -np.sin(angle), -np.cos(angle)
    columns[:, kernels.U_STAR] = layers.friction_velocity_m_s
    columns[:, kernels.SURVIVAL] = np.exp(-WASHOUT_A_PER_S * rain_mm_h**WASHOUT_B * dt_s)
    columns[:, kernels.PER_REFERENCE] = np.array([_u_star_per_reference(*kind) for kind in layers.kinds])[
        layers.kind_of
    ]
    return columns


@lru_cache(maxsize=128)
def _u_star_per_reference(obukhov_length_m: float, roughness_m: float) -> float:
    """Return u*/u at the height at which the winds of a grid hold."""
    return 1.0 / float(speed_per_u_star(REFERENCE_HEIGHT_M, obukhov_length_m, roughness_m))


@lru_cache(maxsize=128)
def _profile(obukhov_length_m: float, roughness_m: float, *, grows: bool) -> Floats:
    """Return u/u*, dσz/dx where puffs grow with the surface layer, and the u/u* that carries a puff on the ground, at the heights of the tables."""
    speed = speed_per_u_star(kernels.HEIGHTS_M, obukhov_length_m, roughness_m)
    slope = mean_height_slope(kernels.HEIGHTS_M, obukhov_length_m, roughness_m) / kernels.MEAN_HEIGHT
    # A puff on the ground is carried by the wind at its mean height.
    return np.stack([speed, slope if grows else np.zeros_like(slope), speed])
