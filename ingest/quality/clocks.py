"""Clocks of devices: one that runs ahead, stands still, or is behind without catching up is suspect."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.batch_rows import NEVER_US, US_PER_S, Bools, Integers, Rows, firsts
from jeonju.ingest.quality.flags import Finding, shown_s
from jeonju.ingest.quality.thresholds import (
    CLOCK_AHEAD_S,
    CLOCK_BEHIND_FOR_S,
    CLOCK_BEHIND_S,
    CLOCK_FROZEN_FOR_S,
    CLOCK_FROZEN_READINGS,
    CLOCK_HISTORY_S,
    CLOCK_PACE,
    CLOCK_PAUSE_S,
)

_FROZEN: Final = Flag.of("suspect", "clock-frozen")
_STATE: Final = (
    "stall_us",
    "stall_received_us",
    "stall_print",
    "stall_changes",
    "pace_us",
    "pace_received_us",
    "last_received_us",
)


def judged_times_us(rows: Rows) -> Integers:
    """Return the device's time, or that of arrival where the clock runs ahead: a wrong clock must not hide what comes after it."""
    return np.where(_is_ahead(rows), rows.received_us, rows.time_us)


@dataclass(slots=True)
class Clocks:
    """What is remembered of every clock, by number of the device."""

    _of: dict[str, DeviceArray[np.int64]] = field(default_factory=lambda: {name: _column(name) for name in _STATE})
    # Of the last batch: numbers of the devices that are behind, and their times.
    behind: tuple[Integers, Integers] = field(default_factory=lambda: (_none(), _none()))

    def grow(self, devices: int) -> None:
        """Make room for this many devices."""
        for column in self._of.values():
            column.grow(devices)

    def judge(self, rows: Rows) -> Iterator[Finding]:
        """Flag `time` of readings whose clock is wrong."""
        ahead = np.flatnonzero(_is_ahead(rows))
        if len(ahead):
            by_s = (rows.time_us[ahead] - rows.received_us[ahead]) / US_PER_S
            said, which = np.unique([shown_s(by) for by in by_s.tolist()], return_inverse=True)
            flags = [Flag.of("suspect", "clock-ahead", by_s=by) for by in said.tolist()]
            yield Finding(ahead, "time", flags, which)
        order = np.argsort(rows.device, kind="stable")
        starts = np.flatnonzero(firsts(rows.device[order]))
        lasts = np.append(starts[1:], len(order)) - 1
        devices = rows.device[order[lasts]]
        frozen = self._frozen(rows, order, starts, lasts)
        behind_s = self._behind_s(rows, order, starts, lasts)
        self._of["last_received_us"][devices] = rows.received_us[order[lasts]]
        self.behind = devices[behind_s > 0], rows.time_us[order[lasts]][behind_s > 0]
        for at in np.flatnonzero(frozen | (behind_s > 0)).tolist():
            flag = _FROZEN if frozen[at] else Flag.of("suspect", "clock-behind", by_s=shown_s(float(behind_s[at])))
            yield Finding(order[starts[at] : lasts[at] + 1], "time", [flag])

    def _frozen(self, rows: Rows, order: Integers, starts: Integers, lasts: Integers) -> Bools:
        """Tell which devices have sent different readings with one and the same time for long."""
        state, devices = self._of, rows.device[order[lasts]]
        time_us, prints = rows.time_us[order], _prints(rows)[order]
        one_time = np.minimum.reduceat(time_us, starts) == np.maximum.reduceat(time_us, starts)
        goes_on = one_time & (time_us[lasts] == state["stall_us"][devices])
        begun = devices[~goes_on]
        since = np.where(one_time, starts, lasts)[~goes_on]
        state["stall_us"][begun] = time_us[since]
        state["stall_received_us"][begun] = rows.received_us[order[since]]
        state["stall_print"][begun] = prints[since]
        state["stall_changes"][begun] = 0
        changed = prints != np.repeat(state["stall_print"][devices], lasts - starts + 1)
        state["stall_changes"][devices] += np.where(one_time, np.add.reduceat(changed.astype(np.int64), starts), 0)
        lasted_us = rows.received_us[order[lasts]] - state["stall_received_us"][devices]
        enough = state["stall_changes"][devices] >= CLOCK_FROZEN_READINGS
        return np.asarray(one_time & enough & (lasted_us >= CLOCK_FROZEN_FOR_S * US_PER_S))

    def _behind_s(self, rows: Rows, order: Integers, starts: Integers, lasts: Integers) -> Floats:
        """Return by how much each device is behind without catching up, or 0."""
        state, devices = self._of, rows.device[order[lasts]]
        lag_us = np.minimum.reduceat((rows.received_us - rows.time_us)[order], starts)
        received_us, time_us = rows.received_us[order[lasts]], rows.time_us[order[lasts]]
        late = (lag_us > CLOCK_BEHIND_S * US_PER_S) & (lag_us < CLOCK_HISTORY_S * US_PER_S)
        paused = rows.received_us[order[starts]] - state["last_received_us"][devices] > CLOCK_PAUSE_S * US_PER_S
        lasted_us = received_us - state["pace_received_us"][devices]
        passed_us = time_us - state["pace_us"][devices]
        slack_us = CLOCK_PAUSE_S * US_PER_S
        in_step = (passed_us >= CLOCK_PACE[0] * lasted_us - slack_us) & (
            passed_us <= CLOCK_PACE[1] * lasted_us + slack_us
        )
        goes_on = late & ~paused & in_step
        state["pace_us"][devices[~goes_on]] = time_us[~goes_on]
        state["pace_received_us"][devices[~goes_on]] = received_us[~goes_on]
        found = goes_on & (lasted_us >= CLOCK_BEHIND_FOR_S * US_PER_S)
        return np.where(found, lag_us / US_PER_S, 0.0)


def _is_ahead(rows: Rows) -> Bools:
    return np.asarray(rows.time_us > rows.received_us + int(CLOCK_AHEAD_S * US_PER_S))


def _prints(rows: Rows) -> Integers:
    """Return a number for each reading that is the same only for the same sequence number and values; exact, in whatever order."""
    total = rows.seq.copy()
    for key, value in rows.values.items():
        weight = np.int64(_weight(key))
        total += np.where(np.isfinite(value), value, 0.0).view(np.int64) * weight
    return total


def _weight(key: str) -> int:
    """Return an odd number that belongs to this name, the same in every run."""
    return int.from_bytes(key.encode()[:7].ljust(7, b"\1"), "little") | 1


def _column(name: str) -> DeviceArray[np.int64]:
    return DeviceArray(np.int64, NEVER_US if name.endswith("_us") else 0)


def _none() -> Integers:
    return np.empty(0, dtype=np.int64)
