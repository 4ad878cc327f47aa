"""Baseline of a sensor, its value without the release: learnt from the past alone, per sensor and for the whole network."""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats

# The baseline is a low quantile of the last hour: a plume comes and goes with the wind, the air between comes back to it.
WINDOW_MIN: Final = 60
LOW_QUANTILE: Final = 0.1
LEAST_SAMPLES: Final = 5
# The usual change of a sensor from minute to minute is the median over half a day, so that events hardly count.
TYPICAL_WINDOW_MIN: Final = 720
LEAST_TYPICAL_SAMPLES: Final = 30
RECENT_MIN: Final = 10
# A common rise of the network can be distinguished from a plume with at least this many sensors.
LEAST_NETWORK: Final = 3


class Excess(NamedTuple):
    """One minute of every sensor: `excess` above its baseline and the network's rise, and its variability relative to its usual one (1).

    Both are NaN where a sensor is silent or has too short a past.
    """

    excess: Floats
    unsteadiness: Floats


class Baseline:
    """Follows `n` sensors minute by minute. `resolution` is the smallest step of the sensors, in their unit."""

    def __init__(self, n: int, *, resolution: float) -> None:
        self._resolution = resolution
        self._values: deque[Floats] = deque(maxlen=WINDOW_MIN)
        self._jumps: deque[Floats] = deque(maxlen=TYPICAL_WINDOW_MIN)
        self._last = np.full(n, np.nan)

    def update(self, values: Floats) -> Excess:
        """Update with the values of one minute (NaN where there is none) and return their excess."""
        self._values.append(values)
        self._jumps.append(np.abs(values - self._last))
        self._last = values
        above = values - _quantile(self._values, LOW_QUANTILE, LEAST_SAMPLES)
        known = np.isfinite(above)
        common = max(float(np.median(above[known])), 0.0) if known.sum() >= LEAST_NETWORK else 0.0
        return Excess(above - common, self._unsteadiness())

    def _unsteadiness(self) -> Floats:
        typical = np.maximum(_quantile(self._jumps, 0.5, LEAST_TYPICAL_SAMPLES), self._resolution)
        recent = np.array(list(self._jumps)[-RECENT_MIN:])
        return mean_of_known(recent, least=min(3, len(recent))) / typical


def mean_of_known(rows: Floats, *, least: int | None = None) -> Floats:
    """Return the mean over the first axis, NaN where fewer than `least` (half by default) are known."""
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    mean = np.where(known, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.where(count >= (least or max(len(rows) / 2, 1)), mean, np.nan)


def _quantile(rows: Iterable[Floats], share: float, least: int) -> Floats:
    """Return a quantile of the numbers of each column, as numpy.nanquantile does one by one; NaN for columns with fewer than `least`."""
    # NaN is last in order.
    ordered = np.sort(np.array(list(rows)), axis=0)
    count = np.isfinite(ordered).sum(axis=0)
    place = share * np.maximum(count - 1, 0)
    below = place.astype(np.int64)
    column = np.arange(ordered.shape[1])
    low, high = ordered[below, column], ordered[np.minimum(below + 1, len(ordered) - 1), column]
    value = np.where(place > below, low + (high - low) * (place - below), low)
    return np.where(count >= max(least, 1), value, np.nan)
