"""Readings gathered into windows of 10 s of event time, all devices side by side.

A window is closed once every active device has reported past its end, and `ALLOWED_LATENESS_S` more: so much may readings be out of order and
still count. What comes later is dropped here, and counted; it is in the store, but cannot raise or end an alert of the past.

While history is backfilled, hours of event time pass in seconds, so a device that is a moment later seems to lag by hours. Then no device is given
up that was heard within `PATIENCE_S` by the time of arrival.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.rules.watched import QUANTITIES, WINDOW_S

ALLOWED_LATENESS_S: Final = 10.0
# A device is waited for while it lags by no more than two of its usual steps and this; then the others go on without it. One that is expected
# and was not heard yet is waited for from the first reading of all, as long as one with the median step of the others.
PATIENCE_S: Final = 15.0
PATIENCE_STEPS: Final = 2.0
# A device that reports every few minutes says nothing before its next reading is due: for so much of its usual step it holds nobody up. Steps of
# counters vary by less than a tenth; what comes before its time counts as well, unless it was on its way for longer than `ALLOWED_LATENESS_S`.
NOT_DUE_SHARE: Final = 0.9
# Devices with shorter steps are waited for as they are.
SLOW_FROM_S: Final = 60.0
# During a backfill devices lag by what the broker holds of them, not by days: a clock that far behind is wrong.
FURTHEST_BEHIND_S: Final = 86_400.0
# Event times this far ahead of their arrival (where none is known, of half of the devices) are a wrong clock: they are not kept for later.
# However far ahead they are, no device's time moves beyond its arrival.
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


class Window(NamedTuple):
    """Means of one window that ends at `end_s` [s] and lasts `seconds`: (devices, QUANTITIES), NaN where nothing came. Devices keep their rows."""

    end_s: float
    devices: list[str]
    means: Floats
    seconds: float = WINDOW_S


class Windows:
    """Sums per window, device and quantity for the windows that are still open."""

    def __init__(self, expected: Iterable[str] = ()) -> None:
        """Start empty; the devices that are `expected` are waited for at the beginning."""
        self.devices: list[str] = []
        self.late = 0  # readings that were dropped
        self._newest_s = DeviceArray(np.float64, -np.inf)
        self._arrived_s = DeviceArray(np.float64, -np.inf)  # when a device was last heard
        self._interval_s = DeviceArray(np.float64, 0.0)
        self._step_s = DeviceArray(np.float64, 0.0)  # how far a device's time moved when it was last heard
        self._numbers: dict[str, int] = {}
        self._open: dict[int, tuple[Floats, Floats]] = {}
        self._closed_before: int | None = None
        self._watermark_s = -np.inf
        self._first: _Heard | None = None  # the first readings of all
        self._behind_at_s = -np.inf  # arrival at which the network was last seen to be behind
        self._awaited = set(expected)
        self._knows_arrivals = False

    @property
    def newest_s(self) -> Floats:
        """Event time [s] of the newest reading of every device."""
        return self._newest_s.values

    @property
    def interval_s(self) -> Floats:
        """Typical time between two readings of every device [s], 0 where it is not known."""
        return self._interval_s.values

    @property
    def watermark_s(self) -> float:
        """Event time [s] up to which the network has reported."""
        return self._watermark_s

    def number(self, device: str) -> int:
        """Return the number of a device, a new one if it is new."""
        if device not in self._numbers:
            self._numbers[device] = len(self.devices)
            self.devices.append(device)
        return self._numbers[device]

    def known_number(self, device: str) -> int | None:
        """Return the number of a device that has one."""
        return self._numbers.get(device)

    def add(self, table: pa.Table) -> NDArray[np.int64]:
        """Add the rows of a table in the READINGS schema; return the number of each row's device."""
        labels = table["device"].unify_dictionaries().combine_chunks()
        numbers = np.array([self.number(name) for name in labels.dictionary.to_pylist()], dtype=np.int64)
        self._grow()
        device = numbers[labels.indices.to_numpy()]
        if not table.num_rows:
            return device
        times, arrivals = times_s(table), arrivals_s(table)
        knows_arrivals = "received_at" in table.column_names
        self._move_on(device, np.minimum(times, arrivals), arrivals, trust_all=knows_arrivals)
        too_early = times > (arrivals if knows_arrivals else self._median_s()) + FURTHEST_AHEAD_S
        values = columns(table)
        of_row = np.floor(times / WINDOW_S).astype(np.int64)
        # A gateway that sends its history again has a window for each reading: all rows are put in order once.
        order = np.argsort(of_row, kind="stable")
        numbered, starts = np.unique(of_row[order], return_index=True)
        first = 0 if self._closed_before is None else int(np.searchsorted(numbered, self._closed_before))
        self.late += int(starts[first]) if first < len(starts) else len(order)
        for number, rows in zip(numbered[first:].tolist(), np.split(order, starts[1:])[first:], strict=True):
            kept = rows[~too_early[rows]]
            self.late += len(rows) - len(kept)
            if len(kept):
                self._put(number, device[kept], values[kept])
        return device

    def close(self, *, everything: bool = False) -> Iterator[Window]:
        """Yield every window that is complete, in order."""
        self._grow()
        complete_s = self._watermark_s - ALLOWED_LATENESS_S
        ready = int(np.floor(complete_s / WINDOW_S)) if np.isfinite(complete_s) else None
        for number in sorted(self._open):
            if not everything and (ready is None or number >= ready):
                return
            sums, counts = self._open.pop(number)
            self._closed_before = number + 1
            means = np.full((len(self.devices), len(QUANTITIES)), np.nan)
            seen = counts > 0
            means[: len(sums)][seen] = sums[seen] / counts[seen]
            yield Window((number + 1) * WINDOW_S, self.devices, means)

    def _grow(self) -> None:
        for array in (self._newest_s, self._arrived_s, self._interval_s, self._step_s):
            array.grow(len(self.devices))

    def _put(self, number: int, device: NDArray[np.int64], values: Floats) -> None:
        shape = (len(self.devices), len(QUANTITIES))
        sums, counts = self._open.get(number, (np.zeros(shape), np.zeros(shape)))
        if len(sums) < len(self.devices):
            more = ((0, len(self.devices) - len(sums)), (0, 0))
            sums, counts = np.pad(sums, more), np.pad(counts, more)
        present = np.isfinite(values)
        # By the number of device and quantity: twenty times as fast as adding at the rows of devices.
        cell = (device[:, None] * shape[1] + np.arange(shape[1])).ravel()
        sums += np.bincount(cell, np.where(present, values, 0.0).ravel(), sums.size).reshape(shape)
        counts += np.bincount(cell, present.ravel(), counts.size).reshape(shape)
        self._open[number] = (sums, counts)

    def _move_on(self, device: NDArray[np.int64], times: Floats, arrivals: Floats, *, trust_all: bool) -> None:
        """Time is that of the slowest device that is still active, so no readings are late because other devices were quicker."""
        newest = self.newest_s
        before = newest.copy()
        np.maximum.at(newest, device, times)
        oldest = np.where(np.isfinite(before), before, np.inf)
        np.minimum.at(oldest, device, np.where(np.isfinite(before[device]), np.inf, times))
        counts = np.bincount(device, minlength=len(before))
        # Of a device that is heard for the first time, what it sent at once shows how it sends.
        moved = np.flatnonzero(newest > before)
        step_s = newest[moved] - oldest[moved]
        each_s, usual_s = step_s / counts[moved], self.interval_s[moved]
        self._step_s[moved] = step_s
        self._interval_s[moved] = np.where(usual_s == 0, each_s, usual_s + 0.1 * (each_s - usual_s))
        np.maximum.at(self._arrived_s.values, device, arrivals)
        self._awaited.difference_update(self.devices[number] for number in np.unique(device).tolist())
        if self._first is None:
            self._first = _Heard(float(times.min()), float(arrivals.min()), 0.0)
        self._knows_arrivals = trust_all
        trusted = self._trusted()
        now_s = float(self._arrived_s[trusted].max())
        # By readings alone: between those of a network that sends once a minute nothing is behind.
        if now_s - newest[trusted].max() > PATIENCE_S:
            self._behind_at_s = now_s
        self._advance(now_s)

    def pass_time(self, now_s: float) -> None:
        """Note the time of arrival [s] while nothing arrives: no longer than that after the first reading is one waited for that was never heard."""
        if self._first is None:
            return
        self._grow()
        if now_s - self._first.arrived_s > PATIENCE_S:
            self._awaited.clear()
        self._advance(now_s)

    def _advance(self, now_s: float) -> None:
        trusted = self._trusted()
        now_s = max(now_s, float(self._arrived_s[trusted].max()))
        self._watermark_s = max(self._watermark_s, self._slowest_s(trusted, now_s))

    def _trusted(self) -> NDArray[np.bool_]:
        """Return which devices have been heard and have a clock that can be right."""
        heard = np.isfinite(self.newest_s)
        return heard if self._knows_arrivals else heard & (self.newest_s <= self._median_s() + FURTHEST_AHEAD_S)

    def _slowest_s(self, trusted: NDArray[np.bool_], now_s: float) -> float:
        """Return the event time of the slowest device that is waited for; -inf while one is that was never heard."""
        newest, arrived, steps = self.newest_s, self._arrived_s.values, self._step_s.values
        front_s = newest[trusted].max()
        # A moment longer, for those whose last readings of the past are still on their way when the first have caught up.
        is_catching_up = now_s - self._behind_at_s <= PATIENCE_S

        def is_waited_for(heard: "_Heard") -> Any:
            lag_s = front_s - heard.newest_s
            recent = is_catching_up & (now_s - heard.arrived_s <= PATIENCE_S) & (lag_s <= FURTHEST_BEHIND_S)
            return (lag_s <= PATIENCE_S + PATIENCE_STEPS * heard.step_s) | recent

        if self._awaited and self._first is not None:
            if is_waited_for(self._first._replace(step_s=float(np.median(steps[trusted])))):
                return -np.inf
            self._awaited.clear()
        waited_for = trusted & is_waited_for(_Heard(newest, arrived, steps))
        return float(min(max(front_s, now_s), self._silent_until_s()[waited_for].min()))

    def _silent_until_s(self) -> Floats:
        """Return up to when nothing more is to come from each device: its newest reading, for slow ones most of a step more.

        One that has begun to report more often is as quick as its last step.
        """
        usual_s = np.minimum(self.interval_s, self._step_s.values)
        return self.newest_s + np.where(usual_s >= SLOW_FROM_S, NOT_DUE_SHARE * usual_s, 0.0)

    def _median_s(self) -> float:
        """Return the event time that half of the devices have reached."""
        newest = self.newest_s
        return float(np.median(newest[np.isfinite(newest)]))


class _Heard(NamedTuple):
    """Event time of the newest reading, when it arrived, and the usual step [s]; of one device (floats), or of all side by side (arrays)."""

    newest_s: Any
    arrived_s: Any
    step_s: Any


class History:
    """Windows of the past from a table of means over `every_s` (READINGS); it may be gone through several times."""

    def __init__(self, windows: Windows, table: pa.Table, every_s: float) -> None:
        self._windows, self._every_s = windows, every_s
        order = np.argsort(times_s(table), kind="stable")
        self._times, self._values = times_s(table)[order], columns(table)[order]
        self._row_of = np.array([windows.number(name) for name in table["device"].to_pylist()], dtype=np.int64)[order]

    def __bool__(self) -> bool:
        """Whether there is any past."""
        return len(self._times) > 0

    @property
    def begin_s(self) -> float:
        """When the first window begins [s]."""
        return float(self._times[0])

    def known_number(self, device: str | None) -> int | None:
        """Return the number of a device that has one."""
        return None if device is None else self._windows.known_number(device)

    def __iter__(self) -> Iterator[Window]:
        """Yield the windows in order."""
        edges = [*np.flatnonzero(np.diff(self._times, prepend=-np.inf)).tolist(), len(self._times)]
        devices = self._windows.devices
        for first, end in pairwise(edges):
            means = np.full((len(devices), len(QUANTITIES)), np.nan)
            means[self._row_of[first:end]] = self._values[first:end]
            yield Window(float(self._times[first]) + self._every_s, devices, means, self._every_s)
