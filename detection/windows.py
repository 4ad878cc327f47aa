"""Readings gathered into bins of 10 s of event time, all devices side by side.

A bin is closed once every active device has reported past its end, and `GRACE_S` more: so much may readings be out of order and still count.
What comes later is counted and left to the store; it cannot raise or end an alert of the past.

While history is made up for, hours of event time pass in seconds, so that who is a moment later seems to lag by hours. Then nobody is given up
who was heard within `PATIENCE_S` by the time of arrival.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jeonju.rules.watched import BIN_S, QUANTITIES

Floats = NDArray[np.float64]

GRACE_S: Final = 10.0
# A device is waited for while it lags by no more than two of its usual steps and this; then the others go on without it. One that is expected
# and was not heard yet is waited for from the first reading of all, as long as one with the steps of most of the others.
PATIENCE_S: Final = 15.0
PATIENCE_STEPS: Final = 2.0
# Where history is made up for, devices lag by what the broker holds of them, not by days: a clock that far behind is wrong.
FURTHEST_BEHIND_S: Final = 86_400.0
# Event times this far ahead of their arrival (where none is known, of half of the devices) are a wrong clock: they are not kept for later.
# However far ahead, they move nobody's time beyond their arrival.
FURTHEST_AHEAD_S: Final = 900.0


def columns(table: pa.Table) -> Floats:
    """Return the QUANTITIES of every row of a table in the READINGS schema; the wind becomes the vector it blows along, which has a mean."""
    known = {key: table[key].to_numpy() for key in QUANTITIES if not key.startswith("wind_")}
    speed, from_rad = table["wind_speed"].to_numpy(), np.radians(table["wind_direction"].to_numpy())
    wind = {"wind_east_m_s": -speed * np.sin(from_rad), "wind_north_m_s": -speed * np.cos(from_rad)}
    return np.column_stack([(known | wind)[key] for key in QUANTITIES])


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

    def __init__(self, expected: Iterable[str] = ()) -> None:
        """Begin with nothing; the devices that are `expected` are waited for at the beginning."""
        self.devices: list[str] = []
        self.newest_s: list[float] = []
        self._arrived_s: list[float] = []  # when a device was last heard
        self.interval_s: list[float] = []  # typical time between two readings of a device
        self._step_s: list[float] = []  # how far a device's time moved when it was last heard
        self.too_late = 0
        self._numbers: dict[str, int] = {}
        self._open: dict[int, tuple[Floats, Floats]] = {}
        self._closed_before: int | None = None
        self._watermark_s = -np.inf
        self._begun: _Heard | None = None  # the first readings of all
        self._behind_at_s = -np.inf  # arrival at which the network was last seen to be behind
        self._awaited = set(expected)

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
            self._arrived_s.append(-np.inf)
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
        times, arrivals = times_s(table), arrivals_s(table)
        knows_arrivals = "received_at" in table.column_names
        self._move_on(device, np.minimum(times, arrivals), arrivals, trust_all=knows_arrivals)
        too_early = times > (arrivals if knows_arrivals else self._middle_s()) + FURTHEST_AHEAD_S
        values = columns(table)
        number = np.floor(times / BIN_S).astype(np.int64)
        for one in np.unique(number):
            rows = number == one
            past = self._closed_before is not None and one < self._closed_before
            self.too_late += int((rows & (past | too_early)).sum())
            if not past and (rows := rows & ~too_early).any():
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

    def _move_on(self, device: NDArray[np.int64], times: Floats, arrivals: Floats, *, trust_all: bool) -> None:
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
        arrived = np.array(self._arrived_s)
        np.maximum.at(arrived, device, arrivals)
        self._arrived_s = arrived.tolist()
        self._awaited.difference_update(self.devices[number] for number in np.unique(device).tolist())
        if self._begun is None:
            self._begun = _Heard(float(times.min()), float(arrivals.min()), 0.0)
        trusted = np.isfinite(newest)
        if not trust_all:
            trusted &= newest <= self._middle_s() + FURTHEST_AHEAD_S
        self._watermark_s = max(self._watermark_s, self._slowest_s(newest, arrived, trusted))

    def _slowest_s(self, newest: Floats, arrived: Floats, trusted: NDArray[np.bool_]) -> float:
        """Return the event time of the slowest device that is waited for; -inf while one is that was never heard."""
        steps = np.array(self._step_s)
        front_s, now_s = newest[trusted].max(), arrived[trusted].max()
        if now_s - front_s > PATIENCE_S:
            self._behind_at_s = now_s
        # A moment longer, for those whose last readings of the past are still on their way when the first have caught up.
        is_catching_up = now_s - self._behind_at_s <= PATIENCE_S

        def is_waited_for(one: "_Heard") -> Any:
            lag_s = front_s - one.at_s
            recent = is_catching_up & (now_s - one.arrived_s <= PATIENCE_S) & (lag_s <= FURTHEST_BEHIND_S)
            return (lag_s <= PATIENCE_S + PATIENCE_STEPS * one.step_s) | recent

        if self._awaited and self._begun is not None:
            if is_waited_for(self._begun._replace(step_s=float(np.median(steps[trusted])))):
                return -np.inf
            self._awaited.clear()
        return float(newest[trusted & is_waited_for(_Heard(newest, arrived, steps))].min())

    def _middle_s(self) -> float:
        """Return the event time that half of the devices have reached."""
        newest = np.array(self.newest_s)
        return float(np.median(newest[np.isfinite(newest)]))


class _Heard(NamedTuple):
    """Until when something was heard, when that arrived, and in which steps it comes; of one, or of all devices side by side."""

    at_s: Any
    arrived_s: Any
    step_s: Any
