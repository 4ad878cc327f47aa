"""What is remembered of one quantity of every device, and the values of a batch lined up with what came before them."""

from dataclasses import dataclass

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.ingest.quality.batch_rows import NEVER_US, Bools, Integers, firsts


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """Values of one quantity in order of device and time; late ones and repeats are left out."""

    rows: Integers
    device: Integers
    time_us: Integers
    value: Floats
    first: Bools  # of its device in this batch
    before: Floats  # NaN at the very first
    before_us: Integers

    @property
    def last(self) -> Bools:
        """Tell which are the last of their device in this batch."""
        return np.append(self.first[1:], True)


class ValueHistory:
    """The last values of one quantity, by number of the device. A run is a row of equal values; `longest_us` is the longest that ended by itself."""

    def __init__(self, devices: int) -> None:
        """`devices` is how many there are already."""
        self.value = DeviceArray(np.float64, np.nan)
        self.time_us = DeviceArray(np.int64, NEVER_US)
        self.run_start_us = DeviceArray(np.int64, NEVER_US)
        self.run_readings = DeviceArray(np.int64)
        self.longest_us = DeviceArray(np.int64)
        self.grow(devices)

    def grow(self, devices: int) -> None:
        """Make room for this many devices."""
        for array in (self.value, self.time_us, self.run_start_us, self.run_readings, self.longest_us):
            array.grow(devices)

    def forget(self, devices: Integers) -> None:
        """Forget these devices: their clock was wrong."""
        self.value[devices] = np.nan
        self.time_us[devices] = NEVER_US
        self.run_readings[devices] = 0

    def line_up(self, rows: Integers, device: Integers, time_us: Integers, value: Floats) -> Line:
        """Return values, sorted by device and time, with what came before each; what is not newer than what is known is left out."""
        fresh = np.isfinite(value) & (time_us > self.time_us[device])
        fresh[1:] &= (time_us[1:] != time_us[:-1]) | (device[1:] != device[:-1]) | ~fresh[:-1]
        rows, device, time_us, value = rows[fresh], device[fresh], time_us[fresh], value[fresh]
        first = firsts(device)
        before, before_us = np.empty_like(value), np.empty_like(time_us)
        before[1:], before_us[1:] = value[:-1], time_us[:-1]
        before[first], before_us[first] = self.value[device[first]], self.time_us[device[first]]
        return Line(
            rows=rows, device=device, time_us=time_us, value=value, first=first, before=before, before_us=before_us
        )

    def remember(self, line: Line) -> None:
        """Keep the last value of every device."""
        last = line.last
        self.value[line.device[last]] = line.value[last]
        self.time_us[line.device[last]] = line.time_us[last]
