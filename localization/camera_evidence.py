"""Evidence of the robots' thermal cameras: where they saw fire and where they did not."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.thermal import is_fire
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site

# Probability that a camera shows a fire by its distance: nearly 1 within its practical range of 40 to 60 m (`airquality.thermal`), nearly 0 far off.
# A wall may hide the nearest fire, and a hot exhaust may look like one.
DISTANCE_M: Final = (40.0, 70.0)
SEEN: Final = (0.95, 0.002)
# One observation is what a robot saw within a square of this width; those closer together than the second length share what hides the fire.
OBSERVATION_M: Final = 10.0
INDEPENDENT_AFTER_M: Final = 30.0


@dataclass(frozen=True)
class Observations:
    """Places (N) of cameras on the site's map [m], and whether they saw fire from there."""

    x_m: Floats
    y_m: Floats
    hot: NDArray[np.bool_]

    def log_ratio(self, x_m: Floats, y_m: Floats) -> Floats:
        """Return the log likelihood ratio (x, y) of a fire in each cell to one far away, given all observations."""
        out = np.zeros((len(x_m), len(y_m)))
        for x, y, hot in zip(self.x_m, self.y_m, self.hot, strict=True):
            seen = seen_from(np.hypot(x_m[:, None] - x, y_m[None] - y))
            out += np.log(seen / SEEN[1] if hot else (1 - seen) / (1 - SEEN[1]))
        return out * OBSERVATION_M / INDEPENDENT_AFTER_M


def seen_from(distance_m: Floats) -> Floats:
    """Return the probability that a camera shows a fire at a distance [m]."""
    return np.asarray(np.interp(distance_m, DISTANCE_M, SEEN))


def observe(site: Site, readings: pa.Table, *, since_s: float, until_s: float) -> Observations:
    """Return the observations of the site's robots between `since_s` and `until_s` (POSIX time); none where `readings` have no thermal camera."""
    names = [robot.name for robot in site.robots]
    if "thermal_max" not in readings.column_names or not names:
        return Observations(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool))
    robot = pc.fill_null(pc.index_in(readings["device"].cast(pa.string()), value_set=pa.array(names)), -1).to_numpy()
    time_s = readings["time"].cast(pa.int64()).to_numpy() / 1e6
    lat, lon, hottest, air = (
        readings[key].cast(pa.float64()).to_numpy() for key in ("lat", "lon", "thermal_max", "temperature")
    )
    known = (robot >= 0) & (time_s >= since_s) & (time_s < until_s) & np.isfinite(hottest) & np.isfinite(lat)
    x, y = site.map.to_xy(lat[known], lon[known])
    hot = is_fire(hottest[known], air[known])
    cells, of = np.unique(np.floor(np.column_stack([x, y]) / OBSERVATION_M), axis=0, return_inverse=True)
    middle = (cells + 0.5) * OBSERVATION_M
    return Observations(middle[:, 0], middle[:, 1], np.bincount(of.ravel(), weights=hot, minlength=len(cells)) > 0)
