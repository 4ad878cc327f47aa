"""A source map as robots search it: how much each cell counts, where a plume would reach them, and where they must not go."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.airquality.fuels import stored_units
from jeonju.airquality.geo import is_within
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.footprints import GridSources
from jeonju.localization.hypotheses import AVERAGING_S, SOURCE_HEIGHT_M
from jeonju.localization.minutes import TICK_S
from jeonju.localization.source_map import CELL_M, SourceMap

# The finder takes ten minutes for one observation, so that it is not surer than its model is right. A wrong guess costs a robot one stop, waiting
# costs minutes of a fire: planning takes three minutes for one, which makes the map this power of itself.
BOLDNESS: Final = 3.0
# Not nearer to a place that may burn than this: 60 MW of fire, of which 30 % is radiated, sends 1.6 kW/m² that far (point source), the most at
# which people in working clothes may stay (API 521).
STAND_OFF_M: Final = 30.0
HEAT_RISK: Final = 0.1
# Out of the plume where the located quantity is expected above this, in stored units: the effective range of optical counters (Plantower PMS5003:
# 500 µg/m³), the ceiling for workers of CO and a third of what is immediately dangerous of H₂S and NH₃ (NIOSH: 200, 100, 300 ppm).
HOTTEST: Final = {"pm25": 500.0, "pm10": 500.0, "co": 200.0, "h2s": 30.0, "nh3": 100.0, "tvoc": 60_000.0}
CANDIDATES_WITHIN_M: Final = 700.0
CANDIDATE_SPACING_M: Final = 25.0
# Fires that a device notices from afar must be large, and large ones are rare (sizes follow a power law, and smoke thins out with about the square of
# the distance): so cells of a wide map count less with the square of their distance to the devices that noticed it, beyond this.
NOTICED_FROM_M: Final = 150.0
PLUME_S: Final = 900.0
ROBOT_HEIGHT_M: Final = 1.2


@dataclass(frozen=True)
class SearchMap:
    """A source map, made ready for planning."""

    site: Site
    found: SourceMap

    @cached_property
    def weight(self) -> Floats:
        """How much each cell counts: its probability, and on a wide map its distance to the devices that noticed it, which are its middle."""
        found = self.found
        if found.cell_m < CELL_M:
            return found.probability / found.probability.sum()
        x, y = found.x_m - found.x_m.mean(), found.y_m - found.y_m.mean()
        weight = found.probability**BOLDNESS / (1.0 + (x[:, None] ** 2 + y[None] ** 2) / NOTICED_FROM_M**2)
        return np.asarray(weight / weight.sum())

    @cached_property
    def dilution(self) -> Floats:
        """What a source at unit rate adds at a robot, by the cells between them: [source x − robot x, source y − robot y]."""
        a, b = (len(axis) - 1 for axis in (self.found.x_m, self.found.y_m))
        if self.found.air is None:
            return np.zeros((2 * a + 1, 2 * b + 1))
        x_m, y_m = (self.found.cell_m * np.arange(-n, n + 1, dtype=np.float64) for n in (a, b))
        grid = GridSources(
            x_m,
            y_m,
            height_m=SOURCE_HEIGHT_M,
            surroundings=self.site.surroundings,
            averaging_time_s=AVERAGING_S,
            max_age_s=PLUME_S,
        )
        receptor = np.array([[[0.0, 0.0, ROBOT_HEIGHT_M]]])
        response = grid.respond(TICK_S, [self.found.air] * round(PLUME_S / TICK_S), receptor)
        gain = stored_units({self.found.quantity: 1.0})[KEYS.index(self.found.quantity)]
        return np.asarray(gain * response.reshape(2 * a + 1, 2 * b + 1))

    @cached_property
    def danger(self) -> NDArray[np.bool_]:
        """Which cells a robot must keep out of: heat, the hottest plume."""
        found = self.found
        a, b = (len(axis) - 1 for axis in (found.x_m, found.y_m))
        dx, dy = (found.cell_m * np.arange(-n, n + 1) for n in (a, b))
        heat = _spread(self.weight, (np.hypot(dx[:, None], dy[None]) <= STAND_OFF_M).astype(float))
        # `dilution` counts from the robot to the source; smoke goes the other way.
        plume = _spread(self.weight, found.rate_g_s[1] * self.dilution[::-1, ::-1])
        return np.asarray((heat > HEAT_RISK) | (plume > HOTTEST[found.quantity]))

    @property
    def best_m(self) -> tuple[float, float]:
        """The middle of the cell that counts most."""
        a, b = np.unravel_index(int(self.weight.argmax()), self.weight.shape)
        return float(self.found.x_m[a]), float(self.found.y_m[b])

    def candidates(self) -> NDArray[np.int64]:
        """Return cells (N, 2) where a robot may stand: not too far from where the source may be, inside the site's zones, out of danger."""
        found = self.found
        step = max(round(CANDIDATE_SPACING_M / found.cell_m), 1)
        a, b = np.meshgrid(np.arange(0, len(found.x_m), step), np.arange(0, len(found.y_m), step), indexing="ij")
        cells = np.column_stack([a.ravel(), b.ravel()])
        x, y = found.x_m[cells[:, 0]], found.y_m[cells[:, 1]]
        near = np.hypot(x - self.best_m[0], y - self.best_m[1]) <= CANDIDATES_WITHIN_M
        return cells[near & is_in_a_zone(self.site, x, y) & ~self.danger[cells[:, 0], cells[:, 1]]]

    def is_dangerous(self, x_m: float, y_m: float) -> bool:
        """Return whether a place lies where a robot must keep out; places off the map are far away."""
        a, b = (
            round((x_m - self.found.x_m[0]) / self.found.cell_m),
            round((y_m - self.found.y_m[0]) / self.found.cell_m),
        )
        on_map = 0 <= a < len(self.found.x_m) and 0 <= b < len(self.found.y_m)
        return on_map and bool(self.danger[a, b])

    def is_clear(self, here_m: tuple[float, float], cells: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return to which cells the straight way leads through no danger; a robot that stands in danger may leave it."""
        found = self.found
        along = np.linspace(0.0, 1.0, 60)[:, None]
        x = here_m[0] + along * (found.x_m[cells[:, 0]] - here_m[0])
        y = here_m[1] + along * (found.y_m[cells[:, 1]] - here_m[1])
        a, b = (
            np.round((value - axis[0]) / found.cell_m).astype(np.int64)
            for value, axis in ((x, found.x_m), (y, found.y_m))
        )
        on_map = (a >= 0) & (a < len(found.x_m)) & (b >= 0) & (b < len(found.y_m))
        hit = np.zeros(x.shape, dtype=bool)
        hit[on_map] = self.danger[a[on_map], b[on_map]]
        leaving = np.cumprod(hit, axis=0).astype(bool)
        return np.asarray(~(hit & ~leaving).any(axis=0))


def is_in_a_zone(site: Site, x_m: ArrayLike, y_m: ArrayLike) -> NDArray[np.bool_]:
    """Return which places lie in a zone of the site."""
    inside = np.zeros(np.shape(x_m), dtype=bool)
    for zone in site.zones:
        inside |= is_within(*site.map.to_xy(*np.array(zone.outline).T), x_m, y_m)
    return inside


def _spread(share: Floats, kernel: Floats) -> Floats:
    """Return the convolution of a map with a kernel that counts from −(n − 1) to n − 1 cells, on the map."""
    shape = [n + m - 1 for n, m in zip(share.shape, kernel.shape, strict=True)]
    both = np.fft.irfft2(np.fft.rfft2(share, shape) * np.fft.rfft2(kernel, shape), shape)
    return np.asarray(both[share.shape[0] - 1 : 2 * share.shape[0] - 1, share.shape[1] - 1 : 2 * share.shape[1] - 1])
