"""The wind over a city where it is not the same everywhere: speeds at the nodes of a square grid, for each tick."""

from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats

# The height at which the winds of a grid hold [m].
REFERENCE_HEIGHT_M: Final = 10.0


class WindGrid(NamedTuple):
    """The wind at 10 m above ground at nodes `cell_m` apart, the first at (west, south).

    Speeds are (ticks, ny, nx), or (1, ny, nx) for a wind that lasts. Between nodes it is bilinear, beyond the outermost as at the nearest edge.
    """

    west_m: float
    south_m: float
    cell_m: float
    east_m_s: Floats
    north_m_s: Floats

    def checked(self, ticks: int) -> "WindGrid":
        """Return this grid if it can carry puffs through so many ticks, else raise ValueError."""
        if self.east_m_s.ndim != 3 or self.east_m_s.shape != self.north_m_s.shape or not self.east_m_s.size:
            raise ValueError("the winds of a grid must both be (ticks, ny, nx) with at least one node")
        if len(self.east_m_s) not in (1, ticks):
            raise ValueError(f"the winds of a grid are for {len(self.east_m_s)} ticks; there are {ticks}")
        if not self.cell_m > 0.0:
            raise ValueError("the cells of a wind grid must be wider than zero")
        if not (np.isfinite(self.east_m_s).all() and np.isfinite(self.north_m_s).all()):
            raise ValueError("a wind grid must not have gaps: every speed must be a finite number")
        return self

    def nodes(self) -> Floats:
        """Return the winds as the kernel takes them: (ticks, ny, nx, east or north)."""
        return np.stack([self.east_m_s, self.north_m_s], axis=-1, dtype=np.float64)

    def frame(self) -> tuple[float, float, float]:
        """Return west, south and the width of a cell [m]."""
        return float(self.west_m), float(self.south_m), float(self.cell_m)
