"""What stands in for carbon monoxide at devices that only count particles: how a rise lasts and grows, what is usual there, and the neighbours.

Ratios of particles alone tell smoke from dust, fog and a stuck counter, but not from the stove, the grill or the idling engine next door, whose
smoke is the same. Those are small and near: what they do comes in bursts, comes again at the same device, and does not reach the next one. A fire
worth an alert grows (t² fires, Heskestad and Delichatsios 1978; NFPA 72 annex B) and goes on, and its plume is some hundred metres wide.

Valid for particles of optical counters with a reading every 15 minutes or faster. A fire of less than 55 µg/m³ that reaches one device of several
within 500 m is not raised; in fog nothing is; a device without any other to compare with raises nothing below 55 µg/m³.
"""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.detection.smoke.baseline import LEVEL_S, Flags
from jeonju.detection.smoke.corroboration import FARTHEST_M, NEAR_M, in_line

# How probable ratios must make fire: 0.84 is the most that PM2.5 and PM10 reach, 0.5 what is left of it in fog.
SURE: Final = 0.7
# From here on a rise runs, in µg/m³ PM2.5: five times what two counters of one make differ by (2 µg/m³, LEAST_SCATTER).
RUNS_FROM_UG_M3: Final = 10.0
# It has lasted after this; bursts of what is next door are over in some minutes. A run that was below for as long has ended.
LASTED_S: Final = 540.0
GONE_AFTER_S: Final = 300.0
# It falls once it is below this share of its highest.
FALLEN_SHARE: Final = 0.7
# A rise that alone makes the air unhealthy (PM2.5 index 150 of the US EPA) is worth an alert whatever is usual there.
STRONG_UG_M3: Final = 55.0
# The mean of so long is no single outlier.
MEAN_S: Final = 300.0
# What a device shows again and again is usual there. Habits are weekly: after a week 0.7 of the highest counts.
USUAL_S: Final = 20 * 86_400.0
# A fire sets in within half an hour: a rise is steep while it is so many times its own mean over the time in which levels are learnt.
STEEP: Final = 1.5
# Of a plume that reaches a device, so much reaches one within 500 m.
SHARED_SHARE: Final = 0.2
# What reaches every other device with at least this share is weather. Matters where devices are too few for a median of the network.
EVERYWHERE_SHARE: Final = 0.5
# A device whose CO cell has been silent for so long only counts particles.
CO_SILENT_S: Final = 1800.0


class Particles:
    """The course of PM2.5 at every device, and which devices have a CO cell, which says more."""

    def __init__(self) -> None:
        self._co_heard_s = DeviceArray(np.float64, -np.inf)
        self._now = DeviceArray(np.float64, np.nan)  # the rise now, NaN where it is not known
        self._seconds = DeviceArray(np.float64, 0.0)
        self._heard_s = DeviceArray(np.float64, -np.inf)
        # The course of a run: since when it goes on, when it was last above, how high it was.
        self._since_s = DeviceArray(np.float64, np.nan)
        self._above_s = DeviceArray(np.float64, np.nan)
        self._highest = DeviceArray(np.float64, 0.0)
        self._mean = DeviceArray(np.float64, 0.0)  # of the last half hour
        self._before = DeviceArray(np.float64, 0.0)  # the same before the reading that is there now
        self._usual = DeviceArray(np.float64, 0.0)  # the highest of runs of the past
        self._of_place = (self._since_s, self._above_s, self._highest, self._mean, self._before, self._usual)

    def grow(self, devices: int) -> None:
        """Make room for devices that are new."""
        for array in (self._co_heard_s, self._now, self._seconds, self._heard_s, *self._of_place):
            array.grow(devices)

    def forget(self, which: Flags) -> None:
        """Begin anew at devices that stand somewhere else."""
        for array in self._of_place:
            array[which] = np.nan if array in (self._since_s, self._above_s) else 0.0

    def are_alone(self, end_s: float) -> Flags:
        """Return which devices have no CO cell that works."""
        return np.asarray(end_s - self._co_heard_s.values > CO_SILENT_S)

    def step(self, rise: Floats, heard: Flags, has_co: Flags, seconds: Floats, end_s: float) -> None:
        """Take the rises of PM2.5 [µg/m³] after a window, the devices that sent it or CO, and for how long their readings stand [s]."""
        self._co_heard_s[has_co] = end_s
        self._seconds.values[heard] = seconds[heard]
        self._heard_s[heard] = end_s
        self._now[end_s - self._heard_s.values > 2 * self._seconds.values] = np.nan
        self._now[heard] = rise[heard]
        mean = self._mean.values
        self._before[heard] = mean[heard]
        mean += np.where(heard, np.minimum(seconds / LEVEL_S, 1.0) * (rise - mean), 0.0)
        self._usual.values[heard] *= np.exp(-seconds[heard] / USUAL_S)
        self._follow_runs(rise, heard, end_s)

    def _follow_runs(self, rise: Floats, heard: Flags, end_s: float) -> None:
        usual, highest = self._usual.values, self._highest.values
        runs = heard & (rise > RUNS_FROM_UG_M3)
        ended = heard & ~runs & (end_s - self._above_s.values > GONE_AFTER_S)
        usual[ended] = np.maximum(usual, np.minimum(highest, STRONG_UG_M3))[ended]
        self._since_s[ended] = self._above_s[ended] = np.nan
        highest[ended] = 0.0
        begins = runs & np.isnan(self._since_s.values)
        self._since_s[begins] = end_s
        self._above_s[runs] = end_s
        highest[runs] = np.maximum(highest, rise)[runs]

    def is_fire(self, number: int, end_s: float, xy_m: Floats, wind_m_s: Floats) -> bool:
        """Return whether the course of a rise that may be smoke is that of a fire."""
        rise = float(self._now[number])
        if self._may_be_weather(number):
            return False
        if rise >= STRONG_UG_M3 or self._is_supported(number, xy_m, wind_m_s):
            return True
        lasted = end_s - float(self._since_s[number]) >= LASTED_S
        grows = rise >= FALLEN_SHARE * float(self._highest[number])
        steep = rise >= STEEP * float(self._before[number])
        return bool(lasted and grows and steep and rise > self._usual[number] and not self._is_next_door(number, xy_m))

    def _may_be_weather(self, number: int) -> bool:
        """Return whether all others rise as well; alone nobody knows, and only a strong rise is believed."""
        rise = float(self._now[number])
        others = np.delete(self._now.values, number)
        others = others[np.isfinite(others)]
        if not len(others):
            return rise < STRONG_UG_M3
        return bool(others.min() >= EVERYWHERE_SHARE * rise)

    def _is_supported(self, number: int, xy_m: Floats, wind_m_s: Floats) -> bool:
        runs = self._now.values > RUNS_FROM_UG_M3
        runs[number] = False
        apart = xy_m[runs] - xy_m[number]
        distance_m = np.hypot(*apart.T)
        near = distance_m <= FARTHEST_M
        return bool((near & in_line(apart, distance_m, wind_m_s)).any())

    def _is_next_door(self, number: int, xy_m: Floats) -> bool:
        """Return whether devices beside it see nothing of what it sees."""
        near = np.hypot(*(xy_m - xy_m[number]).T) <= NEAR_M
        near[number] = False
        others = self._now.values[near]
        others = others[np.isfinite(others)]
        return bool(len(others) and others.max() < SHARED_SHARE * self._now[number])
