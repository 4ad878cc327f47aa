"""Cross-check: a station that stays apart from all others of its zone in what the whole zone has in common is suspect.

A plume touches some stations and not others, so nothing is called bad here, and nothing at all is said of a station where a second
quantity that smoke or a release raises is up as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.batch_rows import NEVER_US, US_PER_S, Bools, Integers, Rows
from jeonju.ingest.quality.flags import Finding
from jeonju.ingest.quality.thresholds import (
    EVIDENCE,
    EVIDENCE_Z,
    NEIGHBOUR_MEAN_S,
    NEIGHBOUR_MEANS,
    NEIGHBOUR_Z,
    NEIGHBOURS,
    NEIGHBOURS_NEEDED,
)

_KEYS: Final = (*NEIGHBOURS, *EVIDENCE)
_SPREADS: Final = tuple({**NEIGHBOURS, **EVIDENCE}.values())
_FLOOR: Final = np.array([spread.floor for spread in _SPREADS])
_SHARE: Final = np.array([spread.share for spread in _SPREADS])
_MEAN_US: Final = int(NEIGHBOUR_MEAN_S) * US_PER_S
# Scales the median absolute deviation to a standard deviation (normal distribution).
_MAD_TO_SIGMA: Final = 1.4826


# Two intervals are open at once, the even and the odd one: devices do not all send at the same moment.
_OPEN: Final = 2


@dataclass(slots=True)
class Neighbours:
    """Sums of the present ten minutes, and what the ones before said. `zone_of` gives "" for what has no neighbours."""

    zone_of: Callable[[int], str]
    _newest: int = NEVER_US
    _sums: DeviceArray[np.float64] = field(default_factory=lambda: DeviceArray(np.float64, 0.0, (_OPEN, len(_KEYS))))
    _counts: DeviceArray[np.float64] = field(default_factory=lambda: DeviceArray(np.float64, 0.0, (_OPEN, len(_KEYS))))
    _apart: DeviceArray[np.int64] = field(default_factory=lambda: DeviceArray(np.int64, 0, (len(NEIGHBOURS),)))
    _verdicts: dict[tuple[int, str], Flag] = field(default_factory=dict)

    def grow(self, devices: int) -> None:
        """Make room for this many devices."""
        for array in (self._sums, self._counts, self._apart):
            array.grow(devices)

    def judge(self, rows: Rows, time_us: Integers) -> Iterator[Finding]:
        """Add the readings to their ten minutes, and flag those of stations that have been apart until now."""
        interval = time_us // _MEAN_US
        for number in np.unique(interval).tolist():
            if number > self._newest:
                self._go_on_to(number)
            if number > self._newest - _OPEN:
                self._add(rows, np.flatnonzero(interval == number), number % _OPEN)
        for (device, key), flag in self._verdicts.items():
            if key in rows.values:
                of_device = (rows.device == device) & (interval > self._newest - _OPEN)
                found = np.flatnonzero(of_device & np.isfinite(rows.values[key]))
                if len(found):
                    yield Finding(found, key, [flag])

    def _go_on_to(self, number: int) -> None:
        for old in range(max(self._newest - _OPEN + 1, number - 2 * _OPEN), number - _OPEN + 1):
            self._close(old)
        self._newest = number

    def _add(self, rows: Rows, at: Integers, slot: int) -> None:
        for column, key in enumerate(_KEYS):
            if key in rows.values:
                value = rows.values[key][at]
                finite = np.isfinite(value)
                np.add.at(self._sums.values[:, slot, column], rows.device[at][finite], value[finite])
                np.add.at(self._counts.values[:, slot, column], rows.device[at][finite], 1.0)

    def _close(self, number: int) -> None:
        """Compare the means of ten minutes within every zone."""
        slot = number % _OPEN
        is_heard: Bools = self._counts[:, slot].max(axis=1) > 0
        self._apart[~is_heard] = 0
        self._verdicts.clear()
        by_zone: dict[str, list[int]] = {}
        for device in np.flatnonzero(is_heard).tolist():
            by_zone.setdefault(self.zone_of(device), []).append(device)
        for zone, devices in by_zone.items():
            if zone and len(devices) >= NEIGHBOURS_NEEDED:
                self._compare(np.array(devices), slot)
        self._sums[is_heard, slot] = self._counts[is_heard, slot] = 0.0

    def _compare(self, devices: Integers, slot: int) -> None:
        with np.errstate(invalid="ignore"):
            means = self._sums[devices, slot] / self._counts[devices, slot]
        z, median = _robust_z(means)
        regional = slice(0, len(NEIGHBOURS))
        is_evident: Bools = np.max(z[:, len(NEIGHBOURS) :] > EVIDENCE_Z, axis=1)
        side = np.where(np.abs(z[:, regional]) > NEIGHBOUR_Z, np.sign(z[:, regional]), 0.0)
        side[is_evident] = 0.0
        before = self._apart[devices]
        now = np.where(side == 0, 0, np.where(np.sign(before) == side, before + side, side)).astype(np.int64)
        self._apart[devices] = now
        for at, column in np.argwhere(np.abs(now) >= NEIGHBOUR_MEANS).tolist():
            key = _KEYS[column]
            others = int(np.isfinite(means[:, column]).sum()) - 1
            self._verdicts[int(devices[at]), key] = _flag(key, means[at, column], median[column], others)


def _robust_z(means: Floats) -> tuple[Floats, Floats]:
    """Return how many standard deviations each mean is from the median, and the median; NaN where too few measure the quantity."""
    enough = np.isfinite(means).sum(axis=0) >= NEIGHBOURS_NEEDED
    chosen = np.where(enough, means, 0.0)
    median = np.nanmedian(chosen, axis=0)
    deviation = _MAD_TO_SIGMA * np.nanmedian(np.abs(chosen - median), axis=0)
    z = (means - median) / np.maximum(deviation, _FLOOR + _SHARE * np.abs(median))
    return np.where(enough, z, np.nan), median


def _flag(key: str, mean: float, median: float, others: int) -> Flag:
    decimals = QUANTITY[key].decimals
    for_s = round(NEIGHBOUR_MEAN_S * NEIGHBOUR_MEANS)
    means = {"mean": round(float(mean), decimals), "median": round(float(median), decimals)}
    return Flag.of("suspect", "neighbours", for_s=for_s, others=others, **means)
