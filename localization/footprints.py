"""Footprints: the dilution from every possible source to every sensor, from the simulator's puffs run forward at unit rate."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Surroundings, wind_towards
from jeonju.airquality.dispersion.plume_rise import Rise
from jeonju.airquality.dispersion.puffs import NO_RISE, Puffs
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.common.arrays import Floats, Singles

# Aloft a departure acts on a puff as the common wind does, more than at 10 m, but not more than by this factor.
LARGEST_LIFT: Final = 2.5
LEAST_COMMON_M_S: Final = 0.15
# Puffs are followed this far beyond sensors and candidates.
MARGIN_M: Final = 300.0


class GridSources:
    """Sources in every cell of a grid, at one height and with one plume rise; their puffs are carried on from call to call.

    In a wind that is the same all over the site the puffs of one cell are those of any other, shifted: one run serves all cells. Where the wind
    differs, each receptor looks back along its own path (the departures from the common wind, span by span) to where a puff over it came from.
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
        self._max_age_s = max_age_s
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
        self._ticks = 0
        self._spans: deque[_Span] = deque()

    def respond(
        self,
        dt_s: float,
        airs: Sequence[Meteorology],
        receptors_m: Floats,
        *,
        winds: WindGrid | None = None,
        error_m_s: Floats | None = None,
        onset: int = 0,
        out: Singles | None = None,
    ) -> Singles:
        """Advance by one tick of `dt_s` for each air; return the dilution [s/m³] of each cell at each receptor (receptors, onsets × cells).

        The dilution is concentration per released rate, in the middle of the ticks: that of their mean, as far as the plume is steady. What is
        released now was released after the moment `onset`, and before the next. `receptors_m` is (ticks, receptors, 3), of which the last places
        count; cells are in the order of onset, x, y. The answer is written to `out` where that is given. With `winds`, the wind over the site at
        every tick, and its error (ny, nx), paths differ from place to place; airs then hold the common wind.
        """
        middle = (len(airs) + 1) // 2
        self._march(dt_s, airs[:middle], onset)
        self._note(dt_s, airs[:middle], _part(winds, slice(0, middle)), error_m_s)
        receptors = np.ascontiguousarray(receptors_m[-1], dtype=np.float64)
        answer = self._dilution(dt_s, receptors, airs[middle - 1].mixing_height_m, out)
        self._march(dt_s, airs[middle:], onset)
        self._note(dt_s, airs[middle:], _part(winds, slice(middle, None)), error_m_s)
        return answer

    def _note(self, dt_s: float, airs: Sequence[Meteorology], winds: WindGrid | None, error_m_s: Floats | None) -> None:
        """Remember where all puffs are after these ticks, and how the wind departed from the common one."""
        if not airs:
            return
        self._ticks += len(airs)
        if winds is None:
            self._spans.clear()
            return
        numbers, table = self._numbers(dt_s), self._puffs.table
        places = np.full((self._ticks, 2), np.nan)
        places[numbers] = table[[kernels.X, kernels.Y]].T
        common = np.mean([np.multiply(wind_towards(air), air.wind_speed_m_s) for air in airs], axis=0)
        local = np.stack([winds.east_m_s.mean(axis=0), winds.north_m_s.mean(axis=0)], axis=-1)
        error = np.zeros(local.shape) if error_m_s is None else np.repeat(error_m_s[..., None], 2, axis=-1)
        self._spans.append(_Span(places, common, dt_s * len(airs), local - common, error, winds.frame()))
        while sum(span.length_s for span in self._spans) > self._max_age_s + dt_s * len(airs):
            self._spans.popleft()

    def _numbers(self, dt_s: float) -> NDArray[np.int64]:
        """Return in which tick since the beginning each puff was released."""
        return self._ticks - np.round(self._puffs.table[kernels.AGE] / dt_s).astype(np.int64)

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
            # None is merged: the age of a puff says in which tick it was released.
            self._puffs.march(dt_s, airs, merge_sigmas=0.0)

    def _dilution(self, dt_s: float, receptors: Floats, lid_m: float, out: Singles | None) -> Singles:
        shape = (len(receptors), self._onsets, len(self.x_m), len(self.y_m))
        answer = np.empty((len(receptors), self.n), dtype=np.float32) if out is None else out
        answer[:] = 0.0
        by_onset = answer.reshape(shape)
        table = self._puffs.table
        kernels.add_up_shifted(
            table,
            table.shape[1],
            receptors,
            self._came(dt_s, table, receptors),
            self.x_m,
            self.y_m,
            lid_m,
            kernels.CULL_SIGMAS,
            by_onset,
        )
        for earlier in reversed(range(self._onsets - 1)):
            by_onset[:, earlier] += by_onset[:, earlier + 1]
        return answer

    def _came(self, dt_s: float, table: Floats, receptors: Floats) -> Floats:
        """Return from where each puff came if it is over each receptor (receptors, puffs, CAME_COLUMNS)."""
        came = np.zeros((len(receptors), table.shape[1], kernels.CAME_COLUMNS))
        if not self._spans:
            came[..., kernels.CAME_X] = receptors[:, :1] - table[kernels.X]
            came[..., kernels.CAME_Y] = receptors[:, 1:2] - table[kernels.Y]
            came[..., kernels.CAME_STRETCH] = 1.0
            return came
        numbers = self._numbers(dt_s)
        places = np.full((len(self._spans), len(numbers), 2), np.nan)
        for places_then, span in zip(places, self._spans, strict=True):
            known = numbers < len(span.places_m)
            places_then[known] = span.places_m[numbers[known]]
        before = np.concatenate([np.full((1, len(numbers), 2), np.nan), places[:-1]])
        # It was released during a span, at the origin.
        moved = places - np.where(np.isnan(before), 0.0, before)
        common = np.array([np.hypot(*span.common_m_s) for span in self._spans])[:, None]
        longest = LARGEST_LIFT * np.array([span.length_s for span in self._spans])[:, None]
        seconds = np.minimum(np.hypot(moved[..., 0], moved[..., 1]) / np.maximum(common, LEAST_COMMON_M_S), longest)
        kernels.trace_back(
            receptors,
            moved,
            seconds,
            np.array([span.departures_m_s for span in self._spans]),
            np.array([span.errors_m_s for span in self._spans]),
            self._spans[0].frame,
            came,
        )
        return came


@dataclass(frozen=True)
class _Span:
    """A stretch of ticks: where each puff was at its end (by tick of release, 2), the common wind, and departures and errors on the nodes."""

    places_m: Floats
    common_m_s: Floats
    length_s: float
    departures_m_s: Floats
    errors_m_s: Floats
    frame: tuple[float, float, float]


def _part(winds: WindGrid | None, ticks: slice) -> WindGrid | None:
    return None if winds is None else winds._replace(east_m_s=winds.east_m_s[ticks], north_m_s=winds.north_m_s[ticks])
