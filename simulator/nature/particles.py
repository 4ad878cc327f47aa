"""All particles in the air over one site: released, carried, thinned out, and counted at receptors.

Sampling error: at a receptor the kernels of about n = (q/U)·h·√(4π)/8 particles overlap, with q particles released per
second, U the wind and h the kernel's width, a quarter of the plume's σ; the relative error of one instant is about 1/√n
(figures in docs/decisions/0036).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.simulator.nature import _kernels as kernels
from jeonju.simulator.nature.boundary_layer import Layer
from jeonju.simulator.nature.turbulence import large_m_s, side_memory_s, sigma_u_v_m_s, table

# More are not carried at once: the oldest are dropped, and counted.
MOST: Final = 400_000
# Batches are of a multiple of this, so that thinning out three times keeps the mass to the gram.
BATCH: Final = 8
# Dry deposition of fine particles over a city [m/s], and rain-out Λ = A·R^B [1/s] with R in mm/h, as FLEXPART has them for aerosols.
DEPOSITION_M_S: Final = 0.002
WASHOUT_A_PER_S: Final = 1.0e-4
WASHOUT_B: Final = 0.8


class Air:
    """The air of one tick as the particles need it."""

    def __init__(
        self,
        layer: Layer,
        wind_m_s: tuple[float, float],
        *,
        drainage_m_s: tuple[float, float] = (0.0, 0.0),
        rain_mm_h: float = 0.0,
        sigma_v_m_s: float | None = None,
        side_memory: float | None = None,
    ) -> None:
        """`wind_m_s` is the mean at 10 m (east, north); `sigma_v_m_s` and `side_memory` where they were measured."""
        sigma_u, sigma_v = sigma_u_v_m_s(layer)
        self.table = table(layer)
        if sigma_v_m_s is not None:
            sigma_v = sigma_v_m_s
        self.columns = np.array(
            [
                *wind_m_s,
                large_m_s(layer, sigma_u),
                large_m_s(layer, sigma_v),
                side_memory_s(layer) if side_memory is None else side_memory,
                layer.height_m,
                layer.roofs_m,
                *drainage_m_s,
                0.0,
                0.0,
            ]
        )
        self._rain_mm_h = rain_mm_h

    def over(self, dt_s: float) -> Floats:
        """Return the columns with what is deposited and washed out in `dt_s` seconds."""
        out = self.columns.copy()
        out[kernels.DRY] = np.exp(-DEPOSITION_M_S / kernels.DEPOSITION_M * dt_s)
        out[kernels.WASHOUT] = np.exp(-WASHOUT_A_PER_S * self._rain_mm_h**WASHOUT_B * dt_s)
        return out


class Particles:
    """Particles of all sources of one site. `box_m` is (west, south, east, north): what leaves it is forgotten."""

    def __init__(self, *, box_m: tuple[float, float, float, float], seed: Sequence[int] = (0,)) -> None:
        self._box = np.array(box_m, dtype=float)
        self._rng = np.random.default_rng([*seed, 1])
        self._state = np.maximum(np.random.default_rng([*seed, 2]).integers(1, 2**63, size=1, dtype=np.uint64), 1)
        self._table = np.zeros((kernels.ROWS, 4096))
        self._count = 0
        self._waiting: list[tuple[int, Floats]] = []
        self.dropped = 0

    def __len__(self) -> int:
        return self._count

    @property
    def table(self) -> Floats:
        """A copy of what is known of each particle (rows of `_kernels`, particles)."""
        return self._table[:, : self._count].copy()

    def release(
        self,
        source: int,
        places_m: Floats,
        *,
        mass: float,
        tick: int,
        late_s: Floats | float = 0.0,
        width_m: float = 1.0,
        height_m: float = 0.5,
        rises: Floats | None = None,
    ) -> None:
        """Release particles at places (n, 3), n a multiple of BATCH, in tick `tick` of the next march, sharing `mass`.

        `width_m`, `height_m` are the first widths of a kernel; `rises` (4, n) are buoyancy, volume and momentum flux and entrainment.
        """
        count = len(places_m)
        new = np.zeros((kernels.ROWS, count))
        new[kernels.MASS], new[kernels.LEFT] = mass / count, 1.0
        new[[kernels.X, kernels.Y, kernels.Z]] = places_m.T
        new[kernels.U : kernels.SMALL_V + 1] = self._rng.standard_normal((5, count))
        new[kernels.WIDE2], new[kernels.HIGH2] = width_m**2, height_m**2
        new[kernels.SOURCE] = source
        # In random order: which of a batch are thinned out must not depend on where or when they were released.
        new[kernels.BITS] = self._rng.permutation(np.arange(count) % BATCH)
        new[kernels.LATE] = late_s
        if rises is not None:
            new[kernels.BUOYANCY : kernels.ENTRAINMENT + 1] = rises
        self._waiting.append((tick, new))

    def march(
        self,
        dt_s: float,
        airs: Sequence[Air],
        receptors_m: NDArray[np.float64],
        n_sources: int,
        grids: Floats | None = None,
        place: Floats | None = None,
    ) -> Floats:
        """Carry all particles through ticks of `dt_s` seconds, each with its own air.

        `receptors_m` is (ticks or 1, receptors, 3). `grids` (ticks, 3, columns, rows) adds to the mean wind and says where
        the drainage flow is how strong, on a grid at `place` (west, south, cell).
        Returns what each source adds at each receptor at the end of each tick, as released mass per m³: (ticks, receptors, sources, 2), gases, and
        particulate matter after rain and deposition.
        """
        waiting = sorted(self._waiting, key=lambda pair: pair[0])
        self._waiting = []
        new = np.concatenate([batch for _, batch in waiting], axis=1) if waiting else np.zeros((kernels.ROWS, 0))
        due = np.repeat([tick for tick, _ in waiting], [batch.shape[1] for _, batch in waiting]).astype(np.int64)
        self._make_room(new.shape[1])
        out = np.zeros((len(airs), receptors_m.shape[1], n_sources, 2))
        self._count = kernels.march(
            self._table,
            self._count,
            new,
            due,
            dt_s,
            np.array([air.over(dt_s) for air in airs]),
            np.array([air.table for air in airs]),
            np.zeros((len(airs), 3, 2, 2)) if grids is None else grids,
            np.array([0.0, 0.0, 1.0]) if place is None else place,
            np.ascontiguousarray(receptors_m, dtype=np.float64),
            self._box,
            self._state,
            out,
        )
        return out

    def _make_room(self, more: int) -> None:
        """Drop the oldest where there would be too many, and lengthen the table where it is full."""
        excess = self._count + more - MOST
        if excess > 0:
            order = np.argsort(self._table[kernels.AGE, : self._count], kind="stable")
            kept = order[: max(self._count - excess, 0)]
            self.dropped += self._count - len(kept)
            self._table[:, : len(kept)] = self._table[:, kept]
            self._count = len(kept)
        if self._table.shape[1] < self._count + more:
            self._table = np.concatenate([self._table, np.zeros((kernels.ROWS, self._count + more))], axis=1)
