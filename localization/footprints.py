"""What every candidate source would do to every sensor: the puffs of the simulator, run forward from each candidate at unit rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion import _kernels as kernels
from jeonju.airquality.dispersion.meteorology import Meteorology, Surroundings
from jeonju.airquality.dispersion.plume_rise import Rise
from jeonju.airquality.dispersion.puffs import NO_RISE, Puffs

Floats = NDArray[np.float64]

# Puffs are followed this far beyond sensors and candidates.
MARGIN_M: Final = 300.0


class Footprints(Protocol):
    """Candidates whose puffs are carried on from call to call."""

    @property
    def n(self) -> int:
        """How many candidates there are."""

    def respond(self, dt_s: float, airs: Sequence[Meteorology], receptors_m: Floats) -> Floats:
        """Let ticks pass; return the dilution [s/m³], concentration per released rate, of each candidate at each receptor (receptors, candidates)."""

    def forget(self) -> None:
        """Drop all puffs, as after an hour without wind data."""


@dataclass(frozen=True)
class Candidate:
    """A place that may emit: metres east and north on the site's map, and above ground."""

    name: str
    x_m: float
    y_m: float
    z_m: float
    sigma_m: float = 0.5


class NamedSources:
    """Candidates by name, each with puffs of its own."""

    def __init__(
        self, candidates: Sequence[Candidate], *, surroundings: Surroundings, averaging_time_s: float, max_age_s: float
    ) -> None:
        self.candidates = tuple(candidates)
        self._options = {"surroundings": surroundings, "averaging_time_s": averaging_time_s, "max_age_s": max_age_s}
        self._puffs: Puffs | None = None

    @property
    def n(self) -> int:
        """How many candidates there are."""
        return len(self.candidates)

    def forget(self) -> None:
        """Drop all puffs."""
        self._puffs = None

    def respond(self, dt_s: float, airs: Sequence[Meteorology], receptors_m: Floats) -> Floats:
        """See `Footprints`; `receptors_m` is (ticks or 1, receptors, 3)."""
        if self._puffs is None:
            self._puffs = Puffs(n_sources=self.n, box_m=self._box(receptors_m), **self._options)  # type: ignore[arg-type]
        for number, place in enumerate(self.candidates):
            for tick in range(len(airs)):
                self._puffs.release(
                    number,
                    x_m=place.x_m,
                    y_m=place.y_m,
                    z_m=place.z_m,
                    mass=dt_s,
                    tick=tick,
                    sigma_y_m=place.sigma_m,
                    sigma_z_m=place.sigma_m,
                )
        return np.asarray(self._puffs.march(dt_s, airs, receptors_m)[..., 0].mean(axis=0))

    def _box(self, receptors_m: Floats) -> tuple[float, float, float, float]:
        x = [*receptors_m[..., 0].ravel(), *(place.x_m for place in self.candidates)]
        y = [*receptors_m[..., 1].ravel(), *(place.y_m for place in self.candidates)]
        return min(x) - MARGIN_M, min(y) - MARGIN_M, max(x) + MARGIN_M, max(y) + MARGIN_M


class GridSources:
    """Candidates everywhere on a grid, at one height and with one rise.

    The wind is taken to be the same all over the site. So the puffs of one cell are those of any other, shifted: one run serves all cells.
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
        # A source fills its cell: what is nearer than half of it cannot be told apart.
        self._sigma_m = float(np.diff(self.x_m).min()) / np.sqrt(12) if len(self.x_m) > 1 else 1.0
        self._options = {"surroundings": surroundings, "averaging_time_s": averaging_time_s, "max_age_s": max_age_s}
        self.forget()

    @property
    def n(self) -> int:
        """How many cells there are."""
        return len(self.x_m) * len(self.y_m)

    def forget(self) -> None:
        """Drop all puffs."""
        reach_m = float(np.hypot(np.ptp(self.x_m), np.ptp(self.y_m))) + MARGIN_M
        self._puffs = Puffs(n_sources=1, box_m=(-reach_m, -reach_m, reach_m, reach_m), **self._options)  # type: ignore[arg-type]

    def respond(self, dt_s: float, airs: Sequence[Meteorology], receptors_m: Floats) -> Floats:
        """See `Footprints`; cells count along x first, then y. Evaluated once, at the last tick and the receptors' places then."""
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
