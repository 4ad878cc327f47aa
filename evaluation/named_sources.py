"""Footprints of named candidate sources, for experiments in which the possible sources are known places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology, Surroundings
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.common.arrays import Floats
from jeonju.localization.footprints import MARGIN_M


@dataclass(frozen=True)
class Candidate:
    """A possible source: metres east and north on the site's map, and above ground."""

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
        """Advance by one tick of `dt_s` for each air; return the dilution [s/m³] of each candidate at each receptor (receptors, candidates).

        The dilution is concentration per released rate, the mean over the ticks. `receptors_m` is (ticks or 1, receptors, 3).
        """
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
