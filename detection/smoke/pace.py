"""For how long the reading of a device stands: cheap networks report every two or ten minutes, ours every second."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.rules.watched import WINDOW_S

# The usual step follows the steps by so much each, up or down, so that single gaps do not count.
FOLLOW: Final = 1.1
# What reports more rarely is no alarm.
LONGEST_S: Final = 1800.0


class Pace:
    """The usual step of every device between two windows in which it is heard [s]."""

    def __init__(self) -> None:
        self._usual_s = DeviceArray(np.float64, np.nan)
        self._heard_s = DeviceArray(np.float64, np.nan)

    def grow(self, devices: int) -> None:
        """Make room for devices that are new."""
        self._usual_s.grow(devices)
        self._heard_s.grow(devices)

    @property
    def usual_s(self) -> Floats:
        """The usual step of every device [s]; a window until it is known."""
        usual_s = self._usual_s.values
        return np.where(np.isnan(usual_s), WINDOW_S, usual_s)

    def step(self, heard: NDArray[np.bool_], end_s: float) -> Floats:
        """Take a window; return for how long what came in it stands for each device [s], a window at least."""
        usual_s, heard_s = self._usual_s.values, self._heard_s.values
        since_s = np.clip(end_s - heard_s, WINDOW_S, LONGEST_S)
        again = heard & np.isfinite(since_s)
        first = again & np.isnan(usual_s)
        usual_s[first] = since_s[first]
        longer, shorter = again & (since_s > usual_s), again & (since_s < usual_s)
        usual_s[longer] = np.minimum(since_s, FOLLOW * usual_s)[longer]
        usual_s[shorter] = np.maximum(since_s, usual_s / FOLLOW)[shorter]
        heard_s[heard] = end_s
        return np.where(again, np.minimum(since_s, self.usual_s), WINDOW_S)
