"""Readings gathered into bins of 10 s of event time, all devices side by side.

A bin is closed once every active device has reported past its end, and `GRACE_S` more: so much may readings be out of order and still count.
What comes later is counted and left to the store; it cannot raise or end an alert of the past.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BIN_S: Final = 10.0
GRACE_S: Final = 10.0
# A device is waited for while it lags by no more than two of its usual steps and this; then the others go on without it.
PATIENCE_S: Final = 15.0
PATIENCE_STEPS: Final = 2.0
# Event times this far ahead of the network (where no arrival is known, of half of the devices) are a wrong clock: they are not kept for later.
# However far ahead, they move nobody's time beyond their arrival.
FURTHEST_AHEAD_S: Final = 900.0

QUANTITIES: Final = (
    "pm25",
    "pm10",
    "co",
    "no2",
    "o3",
    "so2",
    "tvoc",
    "h2s",
    "nh3",
    "humidity",
    "temperature",
    "thermal_max",
    "lat",
    "lon",
)


def times_s(table: pa.Table) -> Floats:
    """Return the event time [s] of every row."""
    return np.asarray(table["time"].cast(pa.int64()).to_numpy() / 1e6)


def arrivals_s(table: pa.Table) -> Floats:
    """Return when every row arrived [s]; recordings that say nothing of it arrived when they were measured."""
    name = "received_at" if "received_at" in table.column_names else "time"
    return np.asarray(table[name].cast(pa.int64()).to_numpy() / 1e6)


class Bin(NamedTuple):
    """Means of one bin that ends at `end_s`: (devices, QUANTITIES), NaN where nothing came. Devices keep their rows for ever."""

    end_s: float
    devices: list[str]
    means: Floats


class Bins:
    """Sums per bin, device and quantity for the bins that are still open."""

    def __init__(self) -> None:
        self.devices: list[str] = []
        self.newest_s: list[float] = []
        self.interval_s: list[float] = []  # typical time between two readings of a device
        self._step_s: list[float] = []  # how far a device's time moved when it was last heard
        self.too_late = 0
        self._numbers: dict[str, int] = {}
        self._open: dict[int, tuple[Floats, Floats]] = {}
        self._closed_before: int | None = None
        self._watermark_s = -np.inf

    @property
    def watermark_s(self) -> float:
        """Event time [s] up to which the network has reported."""
        return self._watermark_s

    def number(self, device: str) -> int:
        """Return the number of a device, a new one if it is new."""
        if device not in self._numbers:
            self._numbers[device] = len(self.devices)
            self.devices.append(device)
            self.newest_s.append(-np.inf)
            self.interval_s.append(0.0)
            self._step_s.append(0.0)
        return self._numbers[device]

    def known_number(self, device: str) -> int | None:
        """Return the number of a device that has one."""
        return self._numbers.get(device)

    def add(self, table: pa.Table) -> NDArray[np.int64]:
        """Add the rows of a table in the READINGS schema; return the number of each row's device."""
        labels = table["device"].unify_dictionaries().combine_chunks()
        numbers = np.array([self.number(name) for name in labels.dictionary.to_pylist()], dtype=np.int64)
        device = numbers[labels.indices.to_numpy()]
        if not table.num_rows:
            return device
        times = times_s(table)
        self._move_on(device, np.minimum(times, arrivals_s(table)), trust_all="received_at" in table.column_names)
        values = np.column_stack([table[key].to_numpy() for key in QUANTITIES])
        number = np.floor(times / BIN_S).astype(np.int64)
        for one in np.unique(number):
            rows = number == one
            past = self._closed_before is not None and one < self._closed_before
            if past or one * BIN_S > self._watermark_s + FURTHEST_AHEAD_S:
                self.too_late += int(rows.sum())
                continue
            self._put(int(one), device[rows], values[rows])
        return device

    def close(self, *, everything: bool = False) -> Iterator[Bin]:
        """Yield every bin that is complete, in order."""
        ready = int(np.floor((self._watermark_s - GRACE_S) / BIN_S)) if np.isfinite(self._watermark_s) else None
        for one in sorted(self._open):
            if not everything and (ready is None or one >= ready):
                return
            sums, counts = self._open.pop(one)
            self._closed_before = one + 1
            means = np.full((len(self.devices), len(QUANTITIES)), np.nan)
            seen = counts > 0
            means[: len(sums)][seen] = sums[seen] / counts[seen]
            yield Bin((one + 1) * BIN_S, self.devices, means)

    def _put(self, one: int, device: NDArray[np.int64], values: Floats) -> None:
        shape = (len(self.devices), len(QUANTITIES))
        sums, counts = self._open.get(one, (np.zeros(shape), np.zeros(shape)))
        if len(sums) < len(self.devices):
            more = ((0, len(self.devices) - len(sums)), (0, 0))
            sums, counts = np.pad(sums, more), np.pad(counts, more)
        present = np.isfinite(values)
        np.add.at(sums, device, np.where(present, values, 0.0))
        np.add.at(counts, device, present)
        self._open[one] = (sums, counts)

    def _move_on(self, device: NDArray[np.int64], times: Floats, *, trust_all: bool) -> None:
        """Time is that of the slowest device that is still active, so nobody's readings are late because others were quicker."""
        before = np.array(self.newest_s)
        newest = before.copy()
        np.maximum.at(newest, device, times)
        oldest = np.where(np.isfinite(before), before, np.inf)
        np.minimum.at(oldest, device, np.where(np.isfinite(before[device]), np.inf, times))
        counts = np.bincount(device, minlength=len(before))
        # Of a device that is heard for the first time, what it sent at once tells how it sends.
        for number in np.flatnonzero(newest > before):
            step_s = self._step_s[number] = newest[number] - oldest[number]
            each_s, before_s = step_s / counts[number], self.interval_s[number]
            self.interval_s[number] = each_s if before_s == 0 else before_s + 0.1 * (each_s - before_s)
        self.newest_s = newest.tolist()
        heard = np.isfinite(newest)
        trusted = heard if trust_all else heard & (newest <= np.median(newest[heard]) + FURTHEST_AHEAD_S)
        patience = PATIENCE_S + PATIENCE_STEPS * np.array(self._step_s)
        active = trusted & (newest >= newest[trusted].max() - patience)
        self._watermark_s = max(self._watermark_s, float(newest[active].min()))
