"""Where devices are: of those that say it, what they say, otherwise where the site has them."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats, median
from jeonju.common.device_array import DeviceArray
from jeonju.contract.site import Site
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES, WINDOW_S

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
        self._xy_m = DeviceArray(np.float64, np.nan, (2,))
        self._alike = DeviceArray(np.int64)
        self._heard_s = DeviceArray(np.float64, -np.inf)
        self._elsewhere_s = DeviceArray(np.float64, np.nan)  # since when a device says that it is somewhere else

    @property
    def xy_m(self) -> Floats:
        """The place of every device [m], (devices, 2), NaN where it is not known."""
        return self._xy_m.values

    @property
    def alike(self) -> NDArray[np.int64]:
        """A number for each device; those of the same number are compared with each other."""
        return self._alike.values

    def step(self, window: Window) -> tuple[Flags, Flags]:
        """Take the next window; return which devices were carried to another place, and which cannot be judged now."""
        self._grow(window.devices)
        with np.errstate(invalid="ignore"):
            said = np.column_stack(self._map.to_xy(window.means[:, _LAT], window.means[:, _LON]))
        xy_m, heard_s, elsewhere_s = self.xy_m, self._heard_s.values, self._elsewhere_s.values
        heard: Flags = np.asarray(np.isfinite(said).all(axis=1))
        apart = np.where(heard[:, None], said - xy_m, 0.0)
        first = heard & np.isnan(xy_m[:, 0])
        farthest_m = FASTEST_M_S * np.maximum(window.end_s - heard_s, WINDOW_S)
        jumped: Flags = heard & np.greater(np.hypot(apart[:, 0], apart[:, 1]), farthest_m)
        heard_s[heard] = window.end_s
        elsewhere_s[heard & ~jumped] = np.nan
        starts = jumped & np.isnan(elsewhere_s)
        elsewhere_s[starts] = window.end_s
        carried = jumped & (window.end_s - elsewhere_s >= BELIEVED_AFTER_S)
        elsewhere_s[carried] = np.nan
        moved = first | carried | (heard & ~jumped)
        xy_m[moved] = said[moved]
        return carried, ~np.isnan(elsewhere_s) | self._far()

    def _far(self) -> Flags:
        known = np.isfinite(self.xy_m[:, 0])
        if not known.any():
            return np.zeros(len(self.xy_m), dtype=bool)
        middle = median(self.xy_m[known])
        return np.asarray(known & (np.hypot(*(self.xy_m - middle).T) > FARTHEST_M))

    def _grow(self, devices: list[str]) -> None:
        new = devices[len(self._alike) :]
        if new:
            self._xy_m.extend([np.hstack(self._map.to_xy(*self._known.get(name, (np.nan, np.nan)))) for name in new])
            self._alike.extend([name in self._robots for name in new])
            self._heard_s.grow(len(devices))
            self._elsewhere_s.grow(len(devices))
