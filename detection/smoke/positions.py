"""Where devices are: of those that say it, what they say, otherwise where the site has them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.contract.site import Site
from jeonju.detection.windows import Bin
from jeonju.rules.watched import BIN_S, QUANTITIES

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Nothing of ours drives faster; a jump beyond this is a device that was carried away, or a wrong position.
FASTEST_M_S: Final = 20.0
# A place to which a device has jumped is believed after this long.
BELIEVED_AFTER_S: Final = 300.0
# Air this far from the middle of the network is other air: nothing there can be compared.
FARTHEST_M: Final = 20_000.0
_LAT, _LON = QUANTITIES.index("lat"), QUANTITIES.index("lon")


class Positions:
    """The place of every device on the site's map, and which of them cannot be judged because it is not sure, or far away."""

    def __init__(self, site: Site) -> None:
        self._map = site.map
        self._known = {station.name: (station.lat, station.lon) for station in site.stations}
        self._robots = {robot.name for robot in site.robots}
        self.xy_m = np.empty((0, 2))
        self.alike = np.empty(0, dtype=np.int64)
        self._heard_s = np.empty(0)
        self._elsewhere_s = np.empty(0)  # since when a device says that it is somewhere else

    def step(self, one: Bin) -> tuple[Flags, Flags]:
        """Take a bin; return which devices were carried to another place, and which cannot be judged now."""
        self._grow(one.devices)
        with np.errstate(invalid="ignore"):
            said = np.column_stack(self._map.to_xy(one.means[:, _LAT], one.means[:, _LON]))
        heard: Flags = np.asarray(np.isfinite(said).all(axis=1))
        apart = np.where(heard[:, None], said - self.xy_m, 0.0)
        first = heard & np.isnan(self.xy_m[:, 0])
        farthest_m = FASTEST_M_S * np.maximum(one.end_s - self._heard_s, BIN_S)
        jumped: Flags = heard & np.greater(np.linalg.norm(apart, axis=1), farthest_m)
        self._heard_s[heard] = one.end_s
        self._elsewhere_s[heard & ~jumped] = np.nan
        starts = jumped & np.isnan(self._elsewhere_s)
        self._elsewhere_s[starts] = one.end_s
        carried = jumped & (one.end_s - self._elsewhere_s >= BELIEVED_AFTER_S)
        self._elsewhere_s[carried] = np.nan
        moved = first | carried | (heard & ~jumped)
        self.xy_m[moved] = said[moved]
        return carried, ~np.isnan(self._elsewhere_s) | self._far()

    def _far(self) -> Flags:
        known = np.isfinite(self.xy_m[:, 0])
        if not known.any():
            return np.zeros(len(self.xy_m), dtype=bool)
        middle = np.median(self.xy_m[known], axis=0)
        return np.asarray(known & (np.hypot(*(self.xy_m - middle).T) > FARTHEST_M))

    def _grow(self, devices: list[str]) -> None:
        new = devices[len(self.alike) :]
        if not new:
            return
        places = [self._map.to_xy(*self._known.get(name, (np.nan, np.nan))) for name in new]
        self.xy_m = np.concatenate([self.xy_m, np.array(places, dtype=float).reshape(-1, 2)])
        self.alike = np.concatenate([self.alike, [int(name in self._robots) for name in new]])
        self._heard_s = np.concatenate([self._heard_s, np.full(len(new), -np.inf)])
        self._elsewhere_s = np.concatenate([self._elsewhere_s, np.full(len(new), np.nan)])
