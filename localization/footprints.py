"""Footprints: the dilution from every possible source to every sensor, from the simulator's puffs run forward at unit rate."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Surroundings
from jeonju.airquality.dispersion.plume_rise import Rise
from jeonju.airquality.dispersion.puffs import NO_RISE, Puffs
from jeonju.common.arrays import Floats

# Puffs are followed this far beyond sensors and candidates.
MARGIN_M: Final = 300.0


class GridSources:
    """Sources in every cell of a grid, at one height and with one plume rise; their puffs are carried on from call to call.

    The wind is assumed to be the same all over the site, so the puffs of one cell are those of any other, shifted: one run serves all cells.
    """

    def __init__(
        self,
        x_m: Floats,
        y_m: Floats,
        *,
        height_m: float,
        rise: Rise = NO_RISE,
        surroundings: Surroundings,
        averaging_time_s: float,
        max_age_s: float,
    ) -> None:
        self.x_m, self.y_m = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)
        self._height_m, self._rise = height_m, rise
        # A source fills its cell: places nearer than half of it are indistinguishable.
        self._sigma_m = float(np.diff(self.x_m).min()) / np.sqrt(12) if len(self.x_m) > 1 else 1.0
        self._options = {"surroundings": surroundings, "averaging_time_s": averaging_time_s, "max_age_s": max_age_s}
        self.forget()

    @property
    def n(self) -> int:
        """How many cells there are."""
        return len(self.x_m) * len(self.y_m)

    def forget(self) -> None:
        """Drop all puffs, as after an hour without wind data."""
        reach_m = float(np.hypot(np.ptp(self.x_m), np.ptp(self.y_m))) + MARGIN_M
        self._puffs = Puffs(n_sources=1, box_m=(-reach_m, -reach_m, reach_m, reach_m), **self._options)  # type: ignore[arg-type]

    def respond(self, dt_s: float, airs: Sequence[Meteorology], receptors_m: Floats) -> Floats:
        """Advance by one tick of `dt_s` for each air; return the dilution [s/m³] of each cell at each receptor (receptors, cells).

        The dilution is concentration per released rate, at the last tick. `receptors_m` is (ticks, receptors, 3), of which the last places count;
        cells are in the order of x first, then y.
        """
        for tick in range(len(airs)):
            self._puffs.release(
                0,
                x_m=0.0,
                y_m=0.0,
                z_m=self._height_m,
                mass=dt_s,
                rise=self._rise,
                tick=tick,
                sigma_y_m=self._sigma_m,
                sigma_z_m=1.0,
            )
        self._puffs.march(dt_s, airs)
        receptors = np.ascontiguousarray(receptors_m[-1], dtype=np.float64)
        out = np.zeros((len(receptors), len(self.x_m), len(self.y_m)))
        table = self._puffs.table
        kernels.add_up_shifted(
            table, table.shape[1], receptors, self.x_m, self.y_m, airs[-1].mixing_height_m, kernels.CULL_SIGMAS, out
        )
        return out.reshape(len(receptors), self.n)
