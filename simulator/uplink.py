"""The uplink of the devices: sequence numbers, faults, lost radio links, and the readings buffered during them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.simulator.block import Readings, joined
from jeonju.simulator.faults import Faults, Sending


@dataclass
class Uplink:
    """Numbers readings per device and decides which are sent, when, and how often."""

    devices: tuple[str, ...]
    boot: int = 0
    faults: Faults = field(init=False)
    _last_seq: NDArray[np.int64] = field(init=False)
    _lost: list[tuple[int, float, float]] = field(default_factory=list)
    _buffered: list[Readings] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Start every sequence at zero."""
        self.faults = Faults(self.devices)
        self._last_seq = np.full(len(self.devices), -1, dtype=np.int64)

    def lose(self, device: str, start_s: float, end_s: float) -> None:
        """Cut a device's radio link from `start_s` until `end_s`; it buffers its readings and sends them afterwards."""
        self._lost.append((self.devices.index(device), start_s, end_s))

    def send(self, times_s: Floats, values: Floats, lat: Floats, lon: Floats) -> tuple[Readings, frozenset[str]]:
        """Return the readings that are sent in this block, in sending order, and the devices that are offline at its end."""
        shape = lat.shape
        sending = Sending(
            times_s=np.repeat(times_s[:, None], shape[1], axis=1),
            values=values,
            seq=self._last_seq + np.arange(1, shape[0] + 1)[:, None],
            boot=np.full(shape, self.boot, dtype=np.int64),
            sent=np.ones(shape, dtype=bool),
            repeated=np.zeros(shape, dtype=bool),
            swapped=np.zeros(shape, dtype=bool),
        )
        self.faults.apply(times_s, sending)
        self._last_seq = sending.seq[-1].copy()
        offline = {self.devices[device] for device, start_s, end_s in self._lost if start_s <= times_s[-1] < end_s}
        readings = Readings(
            times_s=sending.times_s.ravel(),
            device=np.tile(np.arange(shape[1]), shape[0]),
            boot=sending.boot.ravel(),
            seq=sending.seq.ravel(),
            lat=lat.ravel(),
            lon=lon.ravel(),
            values=values.reshape(-1, values.shape[2]),
        )
        true_times_s = np.repeat(times_s, shape[1])
        if sending.is_changed:
            rows = self._in_order(sending)
            readings, true_times_s = readings.take(rows), true_times_s[rows]
        return self._buffer(readings, true_times_s, float(times_s[-1])), frozenset(
            offline | self.faults.silent(float(times_s[-1]))
        )

    @staticmethod
    def _in_order(sending: Sending) -> NDArray[np.int64]:
        """Return the rows to send: swapped pairs change places, repeated ones come twice."""
        order = np.arange(sending.sent.size).reshape(sending.sent.shape)
        if sending.swapped.any():
            for t in range(0, len(order) - 1, 2):
                both = sending.swapped[t] & sending.swapped[t + 1]
                order[t, both], order[t + 1, both] = order[t + 1, both].copy(), order[t, both].copy()
        rows = order.ravel()
        rows = rows[sending.sent.ravel()[rows]]
        return np.repeat(rows, 1 + sending.repeated.ravel()[rows])

    def _buffer(self, readings: Readings, true_times_s: Floats, now_s: float) -> Readings:
        """Buffer the readings of links that are lost, and add those buffered for links that are restored."""
        if not self._lost:
            return readings
        lost = np.zeros(len(readings), dtype=bool)
        for device, start_s, end_s in self._lost:
            lost |= (readings.device == device) & (true_times_s >= start_s) & (true_times_s < end_s)
        down = {device for device, start_s, end_s in self._lost if start_s <= now_s < end_s}
        kept = joined([*self._buffered, readings.take(lost)])
        waiting = np.isin(kept.device, list(down))
        self._buffered = [kept.take(waiting)]
        self._lost = [window for window in self._lost if window[2] > now_s]
        return joined([kept.take(~waiting), readings.take(~lost)])
