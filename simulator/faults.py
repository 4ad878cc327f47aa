"""Faults of devices and their links, applied to the readings of a block."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.events import Fault

DAY_S = 86_400.0


@dataclass
class Sending:
    """Readings about to be sent by D devices at T instants: all arrays are (T, D), and faults change them in place."""

    times_s: Floats  # as the device's clock shows them
    values: Floats  # (T, D, len(KEYS))
    seq: NDArray[np.int64]
    boot: NDArray[np.int64]
    sent: NDArray[np.bool_]
    repeated: NDArray[np.bool_]
    swapped: NDArray[np.bool_]

    @property
    def is_changed(self) -> bool:
        """Whether other readings are sent than those that were made, or in another order."""
        return bool(not self.sent.all() or self.repeated.any() or self.swapped.any())


@dataclass
class Faults:
    """All faults of a run; it keeps the value at which an instrument is stuck and which restarts have happened."""

    devices: tuple[str, ...]
    _windows: list[tuple[Fault, int, float, float]] = field(default_factory=list)
    _stuck: dict[int, Floats] = field(default_factory=dict)
    _rebooted: set[int] = field(default_factory=set)

    def add(self, fault: Fault, start_s: float) -> None:
        """Add a fault that begins at `start_s` (POSIX time); without a duration it never ends."""
        end_s = start_s + fault.duration if fault.duration > 0 else np.inf
        self._windows.append((fault, self.devices.index(fault.device), start_s, end_s))

    def silent(self, time_s: float) -> set[str]:
        """Return the devices that have no connection at this instant."""
        return {
            fault.device
            for fault, _, start_s, end_s in self._windows
            if fault.fault in ("silent", "reboot") and start_s <= time_s < end_s
        }

    def apply(self, true_times_s: Floats, sending: Sending) -> None:
        """Apply every active fault to the readings, in place."""
        for number, (fault, device, start_s, end_s) in enumerate(self._windows):
            on = (true_times_s >= start_s) & (true_times_s < end_s)
            if fault.fault == "reboot":
                self._reboot(number, device, true_times_s >= start_s, sending)
            if on.any():
                self._apply_one(number, fault, device, on, true_times_s - start_s, sending)

    def _apply_one(
        self, number: int, fault: Fault, device: int, on: NDArray[np.bool_], age_s: Floats, sending: Sending
    ) -> None:
        columns = np.array([KEYS.index(fault.quantity)]) if fault.quantity else np.arange(len(KEYS))
        of_device = sending.values[:, device]
        now = np.flatnonzero(on)
        match fault.fault:
            case "silent" | "reboot":
                sending.sent[on, device] = False
            case "stuck":
                held = self._stuck.setdefault(number, of_device[now[0], columns].copy())
                of_device[np.ix_(now, columns)] = held
            case "spike":
                of_device[np.ix_(now, columns)] += fault.size
            case "drift":
                of_device[np.ix_(now, columns)] += (fault.size / DAY_S * age_s[now])[:, None]
            case "clock-skew":
                sending.times_s[on, device] += fault.size
            case "repeated":
                sending.repeated[on, device] = True
            case "reordered":
                sending.swapped[on, device] = True

    def _reboot(self, number: int, device: int, since: NDArray[np.bool_], sending: Sending) -> None:
        """From the restart on, the boot number is one higher and the sequence starts again at zero."""
        if not since.any():
            return
        sending.boot[since, device] += 1
        if number not in self._rebooted:
            self._rebooted.add(number)
            first = int(np.argmax(since))
            sending.seq[first:, device] -= sending.seq[first, device]
