"""Hears the blocks of a fork: what its devices would say, moved to what the real ones say now, is judged and kept."""

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.records import AlertRecord
from jeonju.detection.engine import AlertEngine
from jeonju.evaluation.what_if.present import NOT_AIR, Estimated
from jeonju.response.incidents.incident import LatLon
from jeonju.simulator.block import Block, Readings
from jeonju.simulator.sinks.parquet import readings_batch

# The last minutes of the spin-up are compared with what was measured then.
COMPARED_S: Final = 600.0
_AIR: Final = np.array([key not in NOT_AIR for key in KEYS])


class Listener:
    """A sink. Up to the present it only compares; from then on each block goes to the engine, and its means are added up step by step.

    Each device says what it says now, plus what changes in the fork: the difference at the instant is taken for its own (gain, zero, the air at its
    corner) and stays. At devices that an incident upsets now it is that of the others. `on_alerts` hears the alerts of
    the fork as they change, and where the devices are.
    """

    def __init__(
        self,
        estimated: Estimated,
        upset: frozenset[str],
        start_engine: Callable[[pa.Table], AlertEngine],
        *,
        level_step_s: float,
        steps: int,
    ) -> None:
        self.alerts: dict[str, AlertRecord] = {}
        self.on_alerts: Callable[[list[AlertRecord], dict[str, LatLon]], None] = lambda _alerts, _places: None
        self._of, self._start_engine, self._step_s = estimated, start_engine, level_step_s
        self._upset = np.array([device.name in upset for device in estimated.site.devices])
        self._known = np.isfinite(estimated.means) | estimated.is_new[:, None]
        self._engine: AlertEngine | None = None
        self._last: Block | None = None
        self._before: list[Readings] = []
        self._batches: list[pa.RecordBatch] = []
        self._shift = np.zeros_like(estimated.means)
        self.sums = np.zeros((steps, *estimated.means.shape))
        self.counts = np.zeros((steps, *estimated.means.shape))

    def send(self, block: Block) -> None:
        """Hear one block."""
        if block.true_times_s[-1] <= self._of.present.at_s:
            self._before.append(block.readings)
            self._batches.append(readings_batch(block, self._of.site.name))
            return
        if self._engine is None:
            self._begin()
        assert self._engine is not None  # noqa: S101  (for the type checker)
        heard = self._as_said(block.readings)
        self._add_up(heard)
        batch = readings_batch(_with(block, heard), self._of.site.name)
        changed = self._engine.update(pa.Table.from_batches([batch]))
        self._note(changed)
        self._tell(changed, block)

    def close(self) -> None:
        """Judge what the engine was still waiting for."""
        if self._engine is not None and self._last is not None:
            changed = self._engine.finish()
            self._note(changed)
            self._tell(changed, self._last)

    def _tell(self, changed: list[AlertRecord], block: Block) -> None:
        self._last = block
        if news := [alert for alert in changed if alert.id in self.alerts]:
            places = zip(block.true_lat[-1].tolist(), block.true_lon[-1].tolist(), strict=True)
            self.on_alerts(news, dict(zip(block.devices, places, strict=True)))

    def levels(self) -> Floats:
        """Return the means of each step (steps, devices, KEYS); NaN where nothing was said."""
        with np.errstate(invalid="ignore"):
            return np.where(self.counts > 0, self.sums / self.counts, np.nan)

    def _begin(self) -> None:
        means = _mean_of_last(self._before, self._of.present.at_s - COMPARED_S, self._of.means.shape)
        off = np.where(_AIR, self._of.means - means, 0.0)
        calm = ~self._upset & ~self._of.is_new
        usual = np.array(
            [np.median(known) if len(known := column[calm & np.isfinite(column)]) else 0.0 for column in off.T]
        )
        own = np.isfinite(off) & calm[:, None]
        self._shift = np.where(own, off, usual)
        new = [device.name for device, is_new in zip(self._of.site.devices, self._of.is_new, strict=True) if is_new]
        self._engine = self._start_engine(_only(self._batches, new))
        self._before, self._batches = [], []

    def _as_said(self, readings: Readings) -> Readings:
        """Return the readings as the devices would send them; without those that are silent now, and what they do not measure."""
        heard = readings.take(self._of.is_heard[readings.device])
        values = heard.values + self._shift[heard.device]
        # The shift must not make less than nothing of clean air.
        values[:, _AIR] = np.where(self._may_be_negative, values[:, _AIR], np.maximum(values[:, _AIR], 0.0))
        values[~self._known[heard.device]] = np.nan
        fields = {name: getattr(heard, name) for name in Readings.__dataclass_fields__}
        return Readings(**{**fields, "values": values})

    _may_be_negative: Final = np.array([key == "temperature" for key in KEYS])[_AIR]

    def _add_up(self, readings: Readings) -> None:
        step = ((readings.times_s - self._of.present.at_s - 1e-6) // self._step_s).astype(np.int64)
        inside = (step >= 0) & (step < len(self.sums))
        add_by(self.sums, self.counts, step[inside], readings.device[inside], readings.values[inside])

    def _note(self, alerts: list[AlertRecord]) -> None:
        """Keep what begins in the fork; what lasted before goes on without being news."""
        at_s = self._of.present.at_s
        self.alerts.update({alert.id: alert for alert in alerts if alert.started_at.timestamp() > at_s})


def add_by(sums: Floats, counts: Floats, step: NDArray[np.int64], device: NDArray[np.int64], values: Floats) -> None:
    """Add values (rows, KEYS) that are known to the cells (steps, devices, KEYS) of their rows."""
    steps, devices, _ = sums.shape
    cell, known = step * devices + device, np.isfinite(values)
    for k in np.flatnonzero(known.any(axis=0)):
        rows = cell[known[:, k]]
        sums[:, :, k] += np.bincount(rows, values[known[:, k], k], steps * devices).reshape(steps, devices)
        counts[:, :, k] += np.bincount(rows, minlength=steps * devices).reshape(steps, devices)


def _mean_of_last(parts: list[Readings], since_s: float, shape: tuple[int, ...]) -> Floats:
    sums, counts = np.zeros((1, *shape)), np.zeros((1, *shape))
    for part in parts:
        late = part.times_s > since_s
        add_by(sums, counts, np.zeros(int(late.sum()), dtype=np.int64), part.device[late], part.values[late])
    with np.errstate(invalid="ignore"):
        return np.where(counts > 0, sums / counts, np.nan)[0]


def _only(batches: list[pa.RecordBatch], names: list[str]) -> pa.Table:
    table = pa.Table.from_batches(batches)
    device = table["device"].cast(pa.string())
    return table.filter(pa.compute.is_in(device, value_set=pa.array(names, pa.string())))


def _with(block: Block, readings: Readings) -> Block:
    fields = {name: getattr(block, name) for name in Block.__dataclass_fields__}
    return Block(**{**fields, "readings": readings})
