"""Cross-check: a station that stays apart from all others of its zone in what the whole zone has in common is suspect.

A plume touches some stations and not others, so nothing is called bad here, and nothing at all is said of a station where a second
quantity that smoke or a release raises is up as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jeonju.airquality.pollutants import QUANTITY
from jeonju.ingest.quality.batch_rows import NEVER_US, US_PER_S, Bools, Floats, Integers, Rows
from jeonju.ingest.quality.flags import Finding, Flag
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
    _sums: Floats = field(default_factory=lambda: np.zeros((0, _OPEN, len(_KEYS))))
    _counts: Floats = field(default_factory=lambda: np.zeros((0, _OPEN, len(_KEYS))))
    _apart: Integers = field(default_factory=lambda: np.zeros((0, len(NEIGHBOURS)), dtype=np.int64))
    _verdicts: dict[tuple[int, str], Flag] = field(default_factory=dict)

    def grow(self, length: int) -> None:
        """Make room for this many devices."""
        for name in ("_sums", "_counts", "_apart"):
            array = getattr(self, name)
            room = np.zeros((length - len(array), *array.shape[1:]), dtype=array.dtype)
            setattr(self, name, np.concatenate([array, room]))

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
                np.add.at(self._sums[:, slot, column], rows.device[at][finite], value[finite])
                np.add.at(self._counts[:, slot, column], rows.device[at][finite], 1.0)

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
    quantity = QUANTITY[key]
    minutes = NEIGHBOUR_MEAN_S * NEIGHBOUR_MEANS / 60
    side = "above" if mean > median else "below"
    means = f"{mean:.{quantity.decimals}f} against {median:.{quantity.decimals}f} {quantity.unit}"
    return ("suspect", f"for {minutes:.0f} min far {side} its {others} neighbours: {means}")
