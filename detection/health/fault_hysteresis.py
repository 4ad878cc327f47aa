"""How long each cause has shown at each device: begun, last seen, how often. Arrays over devices, so ten thousand cost no more than their rows."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.detection.health.causes import CAUSES

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

_HOLD_S: Final = np.array([cause.hold_s for cause in CAUSES])
_CLEAR_S: Final = np.array([cause.clear_s for cause in CAUSES])
_LEAST: Final = np.array([cause.least for cause in CAUSES])
_SHAPE: Final = (len(CAUSES),)


class FaultHysteresis:
    """The causes in the order of CAUSES, per number of the device."""

    def __init__(self) -> None:
        self._active = DeviceArray(np.bool_, fill=False, shape=_SHAPE)
        self._since_s = DeviceArray(np.float64, np.nan, _SHAPE)
        self._last_s = DeviceArray(np.float64, -np.inf, _SHAPE)
        self._heard_s = DeviceArray(np.float64, -np.inf, _SHAPE)
        self._count = DeviceArray(np.int64, 0, _SHAPE)

    @property
    def active(self) -> Bools:
        """Which faults are raised, (devices, CAUSES)."""
        return self._active.values

    def grow(self, devices: int) -> None:
        """Make room for this many devices."""
        for array in (self._active, self._since_s, self._last_s, self._heard_s, self._count):
            array.grow(devices)

    def restore(self, device: int, cause: int, since_s: float, last_s: float) -> None:
        """Go on with what had been raised before a restart."""
        self._active[device, cause], self._count[device, cause] = True, CAUSES[cause].least
        self._since_s[device, cause] = since_s
        self._last_s[device, cause] = self._heard_s[device, cause] = last_s

    def add(self, cause: int, device: Integers, time_s: Floats, shows: Bools) -> None:
        """Add readings that bear on a cause, and whether it shows in them. What comes more than `clear_s` late says nothing about now."""
        since_s, last_s, heard_s = (of.values[:, cause] for of in (self._since_s, self._last_s, self._heard_s))
        now = time_s >= heard_s[device] - CAUSES[cause].clear_s
        shown, at_s = device[now & shows], time_s[now & shows]
        if len(shown):
            first = np.full(len(since_s), np.inf)
            np.minimum.at(first, shown, at_s)
            anew = (first < np.inf) & ~(first <= last_s + CAUSES[cause].clear_s)
            since_s[anew], self._count[anew, cause] = first[anew], 0
            np.maximum.at(last_s, shown, at_s)
            self._count[:, cause] += np.bincount(shown, minlength=len(since_s))
        np.maximum.at(heard_s, device[now], time_s[now])

    def judge(self) -> None:
        """Raise what has shown for long enough, and end what has not shown for long enough."""
        since_s, last_s = self._since_s.values, self._last_s.values
        with np.errstate(invalid="ignore"):
            held = (last_s - since_s >= _HOLD_S) & (self._count.values >= _LEAST)
            over = self._heard_s.values - last_s >= _CLEAR_S
        self._active[:] = (self.active | held) & ~over
