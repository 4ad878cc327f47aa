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
    When the release began is not known: with `onsets`, each cell counts once for each of so many moments. A puff is kept under the last of
    those moments that it follows, so the plume of a release that began at one of them is the sum over that one and all later ones.
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
        onsets: int = 1,
    ) -> None:
        self.x_m, self.y_m = np.asarray(x_m, dtype=float), np.asarray(y_m, dtype=float)
        self._height_m, self._rise, self._onsets = height_m, rise, onsets
        # A source fills its cell: places nearer than half of it are indistinguishable.
        self._sigma_m = float(np.diff(self.x_m).min()) / np.sqrt(12) if len(self.x_m) > 1 else 1.0
        self._options = {"surroundings": surroundings, "averaging_time_s": averaging_time_s, "max_age_s": max_age_s}
        self.forget()

    @property
    def n(self) -> int:
        """How many cells there are, each counted once for each onset."""
        return self._onsets * len(self.x_m) * len(self.y_m)

    def forget(self) -> None:
        """Drop all puffs, as after an hour without wind data."""
        reach_m = float(np.hypot(np.ptp(self.x_m), np.ptp(self.y_m))) + MARGIN_M
        self._puffs = Puffs(n_sources=self._onsets, box_m=(-reach_m, -reach_m, reach_m, reach_m), **self._options)  # type: ignore[arg-type]

    def respond(
        self,
        dt_s: float,
        airs: Sequence[Meteorology],
        receptors_m: Floats,
        *,
        onset: int = 0,
        out: Floats | None = None,
    ) -> Floats:
        """Advance by one tick of `dt_s` for each air; return the dilution [s/m³] of each cell at each receptor (receptors, onsets × cells).

        The dilution is concentration per released rate, in the middle of the ticks: that of their mean, as far as the plume is steady. What is
        released now was released after the moment `onset`, and before the next. `receptors_m` is (ticks, receptors, 3), of which the last places
        count; cells are in the order of onset, x, y. The answer is written to `out` where that is given.
        """
        middle = (len(airs) + 1) // 2
        self._march(dt_s, airs[:middle], onset)
        receptors = np.ascontiguousarray(receptors_m[-1], dtype=np.float64)
        answer = self._dilution(receptors, airs[middle - 1].mixing_height_m, out)
        self._march(dt_s, airs[middle:], onset)
        return answer

    def _march(self, dt_s: float, airs: Sequence[Meteorology], onset: int) -> None:
        for tick in range(len(airs)):
            self._puffs.release(
                onset,
                x_m=0.0,
                y_m=0.0,
                z_m=self._height_m,
                mass=dt_s,
                rise=self._rise,
                tick=tick,
                sigma_y_m=self._sigma_m,
                sigma_z_m=1.0,
            )
        if airs:
            self._puffs.march(dt_s, airs)

    def _dilution(self, receptors: Floats, lid_m: float, out: Floats | None) -> Floats:
        shape = (len(receptors), self._onsets, len(self.x_m), len(self.y_m))
        answer = np.zeros((len(receptors), self.n)) if out is None else out
        answer[:] = 0.0
        by_onset = answer.reshape(shape)
        table = self._puffs.table
        kernels.add_up_shifted(
            table, table.shape[1], receptors, self.x_m, self.y_m, lid_m, kernels.CULL_SIGMAS, by_onset
        )
        for earlier in reversed(range(self._onsets - 1)):
            by_onset[:, earlier] += by_onset[:, earlier + 1]
        return answer
