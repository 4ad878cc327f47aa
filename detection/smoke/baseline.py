"""What is usual at each device, and how far above that and above the network it is now.

For each device and quantity a level and a scatter are learnt slowly and robustly. What counts is the rise above the level less the median rise
of the network, so that Asian dust, haze and rush hours, which rise everywhere, do not count. Like is compared with like: robots measure damp dust
higher than the heated inlets of stations, so stations are compared with stations and robots with robots, where there are enough of them.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.rules.watched import QUANTITIES, WINDOW_S

Flags = NDArray[np.bool_]

# What is watched, and the least scatter that is believed for a 10 s mean: instrument noise and the unrest of clean city air.
WATCHED: Final = ("pm25", "pm10", "co", "no2", "so2", "tvoc", "h2s", "nh3")
LEAST_SCATTER: Final = np.array([2.0, 5.0, 0.012, 0.003, 0.002, 6.0, 0.0008, 0.02])
COLUMNS: Final = np.array([QUANTITIES.index(key) for key in WATCHED])
_TVOC: Final = WATCHED.index("tvoc")
_VOC_INDEX: Final = QUANTITIES.index("voc_index")

LEVEL_S: Final = 1800.0
SCATTER_S: Final = 6 * 3600.0
# Before this, and so many readings, the level is not known well enough.
WARM_UP_S: Final = 900.0
WARM_UP_READINGS: Final = 6
# A level that was not heard of for this long is forgotten: the air has changed since.
STALE_AFTER_S: Final = 3 * 3600.0
# The level hardly learns while something is going on.
LEARN_WHILE_RAISED: Final = 0.05
# Devices that report at different moments are compared by their last readings, of at most so many of their usual steps ago.
HELD_STEPS: Final = 1.5
# The median of fewer devices says nothing about the weather.
LEAST_DEVICES: Final = 4
# Units differ in gain (about 10 %) and in what humidity does to them, and fronts need minutes to cross a city: of a rise that all share, so much
# may be more or less at one device.
SHARED_SPREAD: Final = 0.25

# A VOC index is 100 at the mean of its last day and about the 0.9th power of the change since; city air has some 60 ppb.
_CLEAN_TVOC_PPB: Final = 60.0
_INDEX_EXPONENT: Final = 0.9


class Rises(NamedTuple):
    """What every device shows now above its usual level and above the network: all (devices, WATCHED), zero where it is not known."""

    local: Floats
    spread: Floats  # how far `local` wanders by itself
    shared: Floats  # what the network as a whole has risen by
    rise: Floats  # above the device's own level alone, NaN where it is not heard
    present: Flags
    readings: Floats  # what was compared


class Baseline:
    """Levels and scatters of all devices."""

    def __init__(self) -> None:
        self._level = DeviceArray(np.float64, np.nan, (len(WATCHED),))
        self._scatter = DeviceArray(np.float64, LEAST_SCATTER, (len(WATCHED),))
        self._learnt_s = DeviceArray(np.float64, 0.0)
        self._readings = DeviceArray(np.int64)
        self._heard_s = DeviceArray(np.float64, -np.inf)
        self._rise = DeviceArray(np.float64, np.nan, (len(WATCHED),))  # of the last reading

    def grow(self, devices: int) -> None:
        """Make room for devices that are new."""
        for array in (self._level, self._scatter, self._learnt_s, self._readings, self._heard_s, self._rise):
            array.grow(devices)

    def forget(self, which: Flags) -> None:
        """Learn anew what is usual at some devices."""
        self._level[which] = np.nan
        self._scatter[which] = LEAST_SCATTER
        self._learnt_s[which] = 0.0
        self._readings[which] = 0
        self._rise[which] = np.nan

    @property
    def is_known(self) -> Flags:
        """Whether enough was heard of a device to know what is usual there."""
        return np.asarray((self._learnt_s.values >= WARM_UP_S) & (self._readings.values >= WARM_UP_READINGS))

    def rises(
        self,
        means: Floats,
        end_s: float,
        alike: NDArray[np.int64],
        usual_s: Floats | float = WINDOW_S,
        noise: Floats | float = 0.0,
    ) -> Rises:
        """Compare a window with what is usual; devices of the same number in `alike` are compared with each other.

        What a device said last is compared until its next reading is overdue, after its `usual_s`. `noise` is that of one reading of each sensor.
        """
        x = watched(means)
        present = np.isfinite(x)
        heard = present.any(axis=1)
        self.forget(heard & (end_s - self._heard_s.values > STALE_AFTER_S))
        self._heard_s[heard] = end_s
        first = np.isnan(self._level.values) & present
        self._level[first] = x[first]
        rise = x - self._level.values
        self._rise[heard] = rise[heard]
        is_new = (end_s - self._heard_s.values < HELD_STEPS * np.asarray(usual_s))[:, None]
        shared = _shared(np.where(is_new, self._rise.values, np.nan), alike)
        known = present & self.is_known[:, None]
        local = np.where(known, rise - shared, 0.0)
        scatter = np.maximum(np.maximum(self._scatter.values, LEAST_SCATTER), noise)
        spread = np.hypot(scatter, SHARED_SPREAD * shared)
        return Rises(local, spread, shared, rise, present, x)

    def learn(self, rises: Rises, seconds: Floats | float, busy: Flags) -> None:
        """Follow level and scatter slowly: a reading that stands for so many `seconds` moves them by at most a few scatters."""
        learnt_s, level, scatter = self._learnt_s.values, self._level.values, self._scatter.values
        heard = rises.present.any(axis=1)
        learnt_s += np.where(heard, seconds, 0.0)
        self._readings.values[heard] += 1
        # Young levels learn faster, like a mean of all that was heard.
        weight = np.maximum(np.minimum(seconds / LEVEL_S, 1.0), seconds / np.maximum(learnt_s, seconds))[:, None]
        # What the network does is followed in any case: a level that stood still while haze came would take the haze for smoke.
        local_weight = weight * np.where(busy, LEARN_WHILE_RAISED, 1.0)[:, None]
        limit = 3.0 * rises.spread
        off = np.clip(rises.rise - rises.shared, -limit, limit)
        level += np.where(rises.present, weight * rises.shared + local_weight * off, 0.0)
        # The mean of |x| of a normal variable is 0.8 of its standard deviation.
        share = local_weight * (LEVEL_S / SCATTER_S)
        scatter += np.where(rises.present, share * (np.abs(off) / 0.8 - scatter), 0.0)


def watched(means: Floats) -> Floats:
    """Return the WATCHED columns of a window; where only a VOC index is known, the VOC that would give it in city air."""
    x = means[:, COLUMNS]
    index = means[:, _VOC_INDEX]
    from_index = _CLEAN_TVOC_PPB * (np.maximum(index, 1.0) / 100.0) ** (1 / _INDEX_EXPONENT)
    x[:, _TVOC] = np.where(np.isnan(x[:, _TVOC]), from_index, x[:, _TVOC])
    return x


def _shared(rise: Floats, alike: NDArray[np.int64]) -> Floats:
    """Return what the devices of each group have risen by as a whole; of a group that is too small, what all have."""
    everyone = _median(rise)
    shared = np.tile(everyone, (len(rise), 1))
    for group in np.unique(alike):
        members = alike == group
        if members.sum() < len(members):
            median = _median(rise[members])
            shared[members] = np.where(np.isnan(median), everyone, median)
    return np.where(np.isnan(shared), 0.0, shared)


def _median(rise: Floats) -> Floats:
    """Return the median of each column, NaN where too few devices are heard."""
    ordered = np.sort(rise, axis=0)  # NaN comes last
    heard = np.isfinite(rise).sum(axis=0)
    column = np.arange(rise.shape[1])
    middle = 0.5 * (ordered[(heard - 1) // 2, column] + ordered[np.minimum(heard // 2, len(rise) - 1), column])
    return np.where(heard >= LEAST_DEVICES, middle, np.nan)
