"""Which devices have fallen silent, judged by the time of the network and not by the clock on the wall.

So a backfill, a replay or a broker that was away do not make devices look silent: they are, when others go on and they do not. Both the time of
readings and that of their arrival must say so: a device with a slow clock is not silent, nor is one whose history comes after that of others.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.detection.windows import Windows

# Longer than a link needs to come back, and than three of the device's own intervals. All our choice.
SILENT_AFTER_S: Final = 180.0
SILENT_AFTER_INTERVALS: Final = 3.0
# A last will is believed sooner.
OFFLINE_AFTER_S: Final = 15.0
# Of how often a device sends that was heard only once, or before a restart, nothing is known; three hours suffice for hourly ones.
UNKNOWN_INTERVAL_S: Final = 3600.0
# Where more than this share is silent at once it is the network, not the devices. To see that, a device is not reported sooner than the others
# may follow.
MOST_AT_ONCE: Final = 0.5
# Who was not heard for so long has been taken away; stores remember devices for ever.
FORGOTTEN_AFTER_S: Final = 30 * 86_400.0
FOLLOW_WITHIN_S: Final = 30.0


class Clocks(NamedTuple):
    """Seconds by the time of readings, and by that of their arrival."""

    event_s: float
    arrival_s: float


_NEVER: Final = Clocks(-np.inf, -np.inf)


@dataclass
class Silence:
    """Remembers who is silent until it is heard again. `silent` are reported one by one, `many` as one."""

    silent: set[str] = field(default_factory=set)
    many: set[str] = field(default_factory=set)
    lag_s: dict[str, float] = field(default_factory=dict)
    devices: int = 0  # that are known
    _absent: dict[str, Clocks] = field(default_factory=dict)  # heard before a restart and not since
    _now: Clocks = _NEVER
    _back: Clocks = _NEVER  # when the network last went on after a pause
    _due_s: dict[str, float] = field(default_factory=dict)

    def restore(self, last_heard: dict[str, Clocks], silent: Iterable[str], *, many: bool) -> None:
        """Go on after a restart with when each device was last heard, and those that were reported."""
        self._absent = dict(last_heard)
        self.silent = set(silent)
        if many:
            self.many = set(last_heard) - self.silent
        if last_heard:
            self._now = Clocks(*(max(column) for column in zip(*last_heard.values(), strict=True)))

    def judge(self, windows: Windows, arrived_s: Floats, offline: Collection[str]) -> None:
        """Look at every device; `arrived_s` is when each of the devices of `windows` was last heard, `offline` are those whose last will came."""
        for device in list(self._absent):
            number = windows.known_number(device)
            if number is not None and arrived_s[number] > -np.inf:
                del self._absent[device]
        names = [*windows.devices, *self._absent]
        absent = np.array(list(self._absent.values())).reshape(-1, 2)
        newest = np.append(windows.newest_s, absent[:, 0])
        arrived = np.append(arrived_s, absent[:, 1])
        interval = np.append(windows.interval_s, np.zeros(len(absent)))
        interval[interval == 0] = UNKNOWN_INTERVAL_S
        self._go_on(Clocks(windows.watermark_s, float(arrived_s.max(initial=-np.inf))), windows)
        lag_s = np.minimum(self._now.event_s - newest, self._now.arrival_s - arrived)
        known = lag_s < FORGOTTEN_AFTER_S
        quiet_s = np.minimum(
            self._now.event_s - np.maximum(newest, self._back.event_s),
            self._now.arrival_s - np.maximum(arrived, self._back.arrival_s),
        )
        patience_s = np.maximum(SILENT_AFTER_S, SILENT_AFTER_INTERVALS * interval)
        for device in offline:
            number = windows.known_number(device)
            if number is not None:
                patience_s[number] = OFFLINE_AFTER_S
        self.devices = int(known.sum())
        self.lag_s = {names[at]: float(lag_s[at]) for at in np.flatnonzero(known & (lag_s > patience_s)).tolist()}
        self._decide({names[at] for at in np.flatnonzero(known & (quiet_s > patience_s)).tolist()})

    def _go_on(self, now: Clocks, windows: Windows) -> None:
        """Note when the network went on after a pause; until then no device could be heard."""
        interval = windows.interval_s[windows.interval_s > 0]
        pause_s = max(SILENT_AFTER_S, SILENT_AFTER_INTERVALS * float(np.median(interval)) if len(interval) else 0.0)
        now = Clocks(*(max(pair) for pair in zip(now, self._now, strict=True)))
        self._back = Clocks(
            *(new if new - old > pause_s else back for new, old, back in zip(now, self._now, self._back, strict=True))
        )
        self._now = now

    def _decide(self, quiet: Collection[str]) -> None:
        """Who was reported stays so until heard; of those that are new it is seen first whether they are many."""
        self.silent &= self.lag_s.keys()
        self.many &= self.lag_s.keys()
        fresh = set(quiet) - self.silent - self.many
        alive = self.devices - len(self.silent)
        if len(fresh) + len(self.many) > MOST_AT_ONCE * alive:
            self.many |= fresh
            self._due_s.clear()
            return
        # What is left of many is reported one by one.
        fresh |= self.many
        self.many.clear()
        self._due_s = {device: self._due_s.get(device, self._now.event_s + FOLLOW_WITHIN_S) for device in fresh}
        self.silent |= {device for device, due_s in self._due_s.items() if self._now.event_s >= due_s}
