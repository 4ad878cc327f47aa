"""All rules over one batch, with what they remember of every device."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np

from jeonju.ingest.quality import humidity, stuck
from jeonju.ingest.quality.batch_rows import Integers, Rows
from jeonju.ingest.quality.clocks import Clocks, judged_times_us
from jeonju.ingest.quality.course import Course
from jeonju.ingest.quality.flags import Finding
from jeonju.ingest.quality.neighbours import Neighbours
from jeonju.ingest.quality.steps import StepRule
from jeonju.ingest.quality.thresholds import STEPS, STUCK_ENDS

_SMALLEST_ROOM: Final = 64


class Checks:
    """Remembers between batches, at most for as many devices as the pipeline lets in; lost at a restart and soon learnt again.

    `zone_of` tells the zone in which (site, device) is a station, or "".
    """

    def __init__(self, zone_of: Callable[[str, str], str] = lambda _site, _device: "") -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._names: list[tuple[str, str]] = []
        self._room = 0
        self._zone_of = zone_of
        self._clocks = Clocks()
        self._neighbours = Neighbours(self._zone)
        self._courses: dict[str, Course] = {}
        self._steps = {key: StepRule(key) for key in STEPS}

    def numbers(self, devices: Sequence[tuple[str, str]]) -> Integers:
        """Return the number of each (site, device)."""
        return np.array([self._number(name) for name in devices], dtype=np.int64)

    def judge(self, rows: Rows) -> Iterator[Finding]:
        """Return what is to be said of these readings."""
        if not len(rows):
            return iter(())
        return chain(self._clocks.judge(rows), humidity.judge(rows.values), self._judge_courses(rows))

    def _judge_courses(self, rows: Rows) -> Iterator[Finding]:
        self._begin_anew()
        time_us = judged_times_us(rows)
        order = np.lexsort((time_us, rows.device))
        device, sorted_us = rows.device[order], time_us[order]
        for key in rows.values.keys() & (STEPS.keys() | STUCK_ENDS.keys()):
            course = self._course(key)
            line = course.line_up(order, device, sorted_us, rows.values[key][order])
            if not len(line.rows):
                continue
            if key in STEPS and (found := self._steps[key].judge(line)):
                yield found
            if key in STUCK_ENDS and (found := stuck.judge(key, line, course)):
                yield found
            course.remember(line)
        yield from self._neighbours.judge(rows, time_us)

    def _begin_anew(self) -> None:
        """A clock that is behind began when it was right; what was remembered then would lie in its future."""
        devices, time_us = self._clocks.behind
        if not len(devices):
            return
        for key, course in self._courses.items():
            ahead = devices[course.time_us[devices] > time_us]
            course.forget(ahead)
            if key in self._steps:
                for device in ahead.tolist():
                    self._steps[key].forget(device)

    def _course(self, key: str) -> Course:
        if key not in self._courses:
            self._courses[key] = Course()
            self._courses[key].grow(self._room)
        return self._courses[key]

    def _number(self, name: tuple[str, str]) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
            if number >= self._room:
                self._grow(max(2 * self._room, _SMALLEST_ROOM))
        return number

    def _grow(self, length: int) -> None:
        self._room = length
        self._clocks.grow(length)
        self._neighbours.grow(length)
        for course in self._courses.values():
            course.grow(length)

    def _zone(self, number: int) -> str:
        site, device = self._names[number]
        zone = self._zone_of(site, device)
        return f"{site}/{zone}" if zone else ""
