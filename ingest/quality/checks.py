"""All rules over one batch, with what they remember of every device."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import numpy as np

from jeonju.ingest.quality import humidity, particle_order, stuck
from jeonju.ingest.quality.batch_rows import Integers, Rows
from jeonju.ingest.quality.clocks import Clocks, judged_times_us
from jeonju.ingest.quality.flags import Finding
from jeonju.ingest.quality.neighbours import Neighbours
from jeonju.ingest.quality.steps import StepRule
from jeonju.ingest.quality.thresholds import STEPS, STUCK_ENDS
from jeonju.ingest.quality.value_history import ValueHistory


class Checks:
    """Remembers between batches, at most for as many devices as the pipeline lets in; lost at a restart and soon learnt again.

    `zone_of` tells the zone in which (site, device) is a station, or "".
    """

    def __init__(self, zone_of: Callable[[str, str], str] = lambda _site, _device: "") -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        self._zone_of = zone_of
        self._clocks = Clocks()
        self._neighbours = Neighbours(self._zone)
        self._histories: dict[str, ValueHistory] = {}
        self._steps = {key: StepRule(key) for key in STEPS}

    def numbers(self, devices: Sequence[tuple[str, str]]) -> Integers:
        """Return the number of each (site, device)."""
        known = len(self._names)
        numbers = [self._number(name) for name in devices]
        if len(self._names) > known:
            self._grow(len(self._names))
        return np.array(numbers, dtype=np.int64)

    def judge(self, rows: Rows) -> Iterator[Finding]:
        """Return what is to be said of these readings."""
        if not len(rows):
            return iter(())
        return chain(
            self._clocks.judge(rows),
            humidity.judge(rows.values),
            particle_order.judge(rows.values),
            self._judge_histories(rows),
        )

    def _judge_histories(self, rows: Rows) -> Iterator[Finding]:
        self._forget_wrong_clocks()
        time_us = judged_times_us(rows)
        order = np.lexsort((time_us, rows.device))
        device, sorted_us = rows.device[order], time_us[order]
        for key in rows.values.keys() & (STEPS.keys() | STUCK_ENDS.keys()):
            history = self._history(key)
            line = history.line_up(order, device, sorted_us, rows.values[key][order])
            if not len(line.rows):
                continue
            if key in STEPS and (found := self._steps[key].judge(line)):
                yield found
            if key in STUCK_ENDS and (found := stuck.judge(key, line, history)):
                yield found
            history.remember(line)
        yield from self._neighbours.judge(rows, time_us)

    def _forget_wrong_clocks(self) -> None:
        """A clock that is behind began when it was right; what was remembered then would lie in its future."""
        devices, time_us = self._clocks.behind
        if not len(devices):
            return
        for key, history in self._histories.items():
            ahead = devices[history.time_us[devices] > time_us]
            history.forget(ahead)
            if key in self._steps:
                for device in ahead.tolist():
                    self._steps[key].forget(device)

    def _history(self, key: str) -> ValueHistory:
        if key not in self._histories:
            self._histories[key] = ValueHistory(len(self._names))
        return self._histories[key]

    def _number(self, name: tuple[str, str]) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def _grow(self, devices: int) -> None:
        self._clocks.grow(devices)
        self._neighbours.grow(devices)
        for history in self._histories.values():
            history.grow(devices)

    def _zone(self, number: int) -> str:
        site, device = self._names[number]
        zone = self._zone_of(site, device)
        return f"{site}/{zone}" if zone else ""
