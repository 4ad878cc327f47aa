"""The noise and step of every sensor, learnt from how its readings change, or stated in the site file.

Readings of a coarse or noisy sensor jump by themselves; what counts as a rise must be larger. Of two readings in the same air the difference is
normal with √2 times the noise, so its median size is 0.95 of the noise; a coarse sensor changes by whole steps. Readings without a change say
nothing: many sensors hold a value for minutes. In real air readings also change with the air, so the noise is rather taken too large.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.contract.site import Site
from jeonju.detection.smoke.baseline import WATCHED, Flags

# Standard deviation of a normal variable over the median size of the difference of two of its values.
SIGMA_PER_MEDIAN_CHANGE: Final = 1.4826 / 2**0.5
# So many changes tell the noise.
LEAST_CHANGES: Final = 10
# The median of the sizes follows each by this share up or down: it settles within some hundred changes, and wanders by a tenth.
FOLLOW: Final = 0.01


def stated_steps(site: Site) -> dict[str, dict[str, float]]:
    """Return the steps that the site file states, by device and quantity."""
    return {device.name: device.steps for device in site.devices}


class SensorNoise:
    """The standard deviation of one reading of each sensor, 0 while nothing is known."""

    def __init__(self, stated: Mapping[str, Mapping[str, float]]) -> None:
        self._stated = stated
        self._step = DeviceArray(np.float64, 0.0, (len(WATCHED),))
        self._last = DeviceArray(np.float64, np.nan, (len(WATCHED),))
        self._median = DeviceArray(np.float64, 0.0, (len(WATCHED),))
        self._changes = DeviceArray(np.int64, 0, (len(WATCHED),))

    def grow(self, devices: Sequence[str]) -> None:
        """Make room for devices that are new."""
        new = devices[len(self._step) :]
        if new:
            self._step.extend([[self._stated.get(name, {}).get(key, 0.0) for key in WATCHED] for name in new])
            for array in (self._last, self._median, self._changes):
                array.grow(len(devices))

    @property
    def sigma(self) -> Floats:
        """The noise of one reading, (devices, WATCHED)."""
        learnt = np.where(self._changes.values >= LEAST_CHANGES, self._median.values, 0.0)
        return np.asarray(SIGMA_PER_MEDIAN_CHANGE * np.maximum(learnt, self._step.values))

    def learn(self, readings: Floats, busy: Flags) -> None:
        """Take the readings of a window (NaN where there is none); at devices that are `busy` the air changes more than the sensor."""
        last, median, changes = self._last.values, self._median.values, self._changes.values
        size = np.abs(readings - last)
        np.copyto(last, readings, where=np.isfinite(readings))
        counts = (size > 0) & ~busy[:, None]
        changes += counts
        before, new, number = median[counts], size[counts], changes[counts]
        # The first changes count for more, as in a mean of all that was heard.
        factor = 1.0 + np.maximum(FOLLOW, 1.0 / number)
        after = before * np.where(new > before, factor, np.where(new < before, 1.0 / factor, 1.0))
        median[counts] = np.where(number == 1, new, after)
