"""Thresholds of one's own: running means and the index against limits, all devices of a rule at once."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.contract.details import ThresholdDetails
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.pollution import Pollution
from jeonju.detection.windows import Bin
from jeonju.rules.rule import Threshold
from jeonju.rules.rules import Rules
from jeonju.rules.watched import BIN_S, QUANTITIES

Floats = NDArray[np.float64]

# A running mean is made of this many parts, so its memory does not grow with its length. It is known when three quarters were heard of those in
# which a device that sends as often as this one can be heard (three quarters are usual for Korean means).
PARTS: Final = 12
LEAST_SHARE: Final = 0.75
# How fast the time between two readings of a device is learnt, and by how much a gap may lengthen it at once.
LEARN: Final = 0.2
MOST_LONGER: Final = 3.0


class RunningMean:
    """Means of one quantity over the last `over_s` of event time, one for each device."""

    def __init__(self, over_s: float) -> None:
        self._part_s = max(BIN_S, ceil(over_s / PARTS / BIN_S) * BIN_S)
        self._parts = max(1, ceil(over_s / self._part_s))
        self._sums = np.zeros((self._parts, 0))
        self._counts = np.zeros((self._parts, 0))
        self._newest: int | None = None
        self._first_s = np.zeros(0)  # when a device first said this; infinite for those that never did
        self._last_s = np.zeros(0)
        self._interval_s = np.zeros(0)  # usual time between two bins in which it says this

    def add(self, end_s: float, values: Floats, weight: float) -> None:
        """Take the values of a bin, NaN where there is none. Bins come in order."""
        if (more := len(values) - self._sums.shape[1]) > 0:
            self._sums, self._counts = (np.pad(one, ((0, 0), (0, more))) for one in (self._sums, self._counts))
            self._first_s = np.pad(self._first_s, (0, more), constant_values=np.inf)
            self._last_s = np.pad(self._last_s, (0, more), constant_values=-np.inf)
            self._interval_s = np.pad(self._interval_s, (0, more))
        part = int((end_s - BIN_S / 2) // self._part_s)
        # What lies before the newest part again is cleared for its new use.
        first = part - self._parts + 1 if self._newest is None else self._newest + 1
        for passed in range(max(first, part - self._parts + 1), part + 1):
            self._sums[passed % self._parts] = self._counts[passed % self._parts] = 0.0
        self._newest = part
        present = np.isfinite(values)
        self._sums[part % self._parts] += weight * np.where(present, values, 0.0)
        self._counts[part % self._parts] += weight * present
        self._first_s = np.where(present, np.minimum(self._first_s, end_s), self._first_s)
        if weight == 1.0:  # means of the past do not tell how often a device sends
            self._learn_intervals(end_s, present)

    def means(self) -> Floats:
        """Return the mean of each device, NaN where too little was heard."""
        possible = self._parts * self._part_s / np.maximum(self._interval_s, self._part_s)
        known = (self._counts > 0).sum(axis=0) >= np.maximum(np.floor(LEAST_SHARE * possible), 1)
        return np.asarray(np.where(known, self._sums.sum(axis=0) / np.maximum(self._counts.sum(axis=0), 1e-9), np.nan))

    def _learn_intervals(self, end_s: float, present: NDArray[np.bool_]) -> None:
        again = present & np.isfinite(self._last_s)
        gap_s = np.where(again, end_s - self._last_s, 0.0)
        usual_s = np.where(self._interval_s > 0, self._interval_s, gap_s)
        learnt_s = usual_s + LEARN * (np.minimum(gap_s, MOST_LONGER * usual_s) - usual_s)
        self._interval_s = np.where(again, learnt_s, self._interval_s)
        self._last_s = np.where(present, end_s, self._last_s)

    def is_due(self, end_s: float) -> NDArray[np.bool_]:
        """Tell whose mean should be known: those that have said this for so long, whether they still do or not."""
        return np.asarray(end_s - self._first_s >= self._parts * self._part_s)


class ThresholdWatcher:
    """Says where a mean is beyond its limit, for every threshold rule."""

    def __init__(self, site: Site, rules: Rules, pollution: Pollution) -> None:
        self._pollution = pollution
        self._thresholds = rules.thresholds
        self._zone_of = {device.name: device.zone for device in site.devices}
        self._stations = {station.name for station in site.stations}
        self._robots = {robot.name for robot in site.robots}
        self._means = {name: RunningMean(rule.mean_over_s) for name, rule in self._thresholds.items() if rule.quantity}
        self._index_heard: set[str] = set()
        self._raised = {name: np.zeros(0, dtype=bool) for name in self._thresholds}
        self._chosen = {name: np.zeros(0, dtype=bool) for name in self._thresholds}
        self._devices: list[str] = []
        self._row_of: dict[str, int] = {}

    @property
    def kinds(self) -> frozenset[str]:
        """One kind for each rule."""
        return frozenset(self._thresholds)

    def learn(self, one: Bin, every_s: float) -> None:
        """Take means of the past, each over `every_s`, without judging them."""
        values = self._in_rows(one)
        for name, mean in self._means.items():
            mean.add(one.end_s, values[:, QUANTITIES.index(self._thresholds[name].quantity or "")], every_s / BIN_S)

    def step(self, one: Bin) -> Iterator[Condition]:
        """Take a bin; return every device that is beyond a limit now."""
        self.learn(one, BIN_S)
        for name, rule in self._thresholds.items():
            values, is_due = self._values(name, one.end_s)
            raised = _judge(rule, values, self._raised[name], is_due) & self._chosen[name]
            self._raised[name] = raised
            for row in np.flatnonzero(raised):
                yield self._condition(name, rule, self._devices[row], float(values[row]))

    def _in_rows(self, one: Bin) -> Floats:
        """Return the means in this watcher's own rows, as history and bins number their devices differently."""
        for device in one.devices:
            if device not in self._row_of:
                self._row_of[device] = len(self._devices)
                self._devices.append(device)
        if more := len(self._devices) - len(next(iter(self._raised.values()), self._devices)):
            new = self._devices[-more:]
            for name, rule in self._thresholds.items():
                self._raised[name] = np.pad(self._raised[name], (0, more))
                self._chosen[name] = np.append(self._chosen[name], [self._is_chosen(rule, device) for device in new])
        if one.devices == self._devices:
            return one.means
        values = np.full((len(self._devices), one.means.shape[1]), np.nan)
        values[[self._row_of[device] for device in one.devices]] = one.means
        return values

    def _is_chosen(self, rule: Threshold, device: str) -> bool:
        kind = {"all": True, "stations": device in self._stations, "robots": device in self._robots}[rule.on]
        zone = self._zone_of.get(device, "")
        return (
            kind
            and any(fnmatchcase(device, glob) for glob in rule.devices)
            and any(fnmatchcase(zone, glob) for glob in rule.zones)
        )

    def _values(self, name: str, end_s: float) -> tuple[Floats, NDArray[np.bool_]]:
        if name in self._means:
            return self._means[name].means(), self._means[name].is_due(end_s)
        index = self._pollution.cai
        self._index_heard |= set(index)
        values = np.array([index[device].value if device in index else np.nan for device in self._devices])
        return values, np.array([device in self._index_heard for device in self._devices], dtype=bool)

    def _condition(self, name: str, rule: Threshold, device: str, value: float) -> Condition:
        known = not np.isnan(value)
        return Condition(
            kind=name,
            place=device,
            severity=rule.severity,
            details=ThresholdDetails(
                limit=rule.limit.name or "", side="above" if rule.sign > 0 else "below", missing=not known
            ),
            value=round(value, 4) if known else None,
            limit=rule.level,
            quantity=rule.quantity,
        )


def _judge(rule: Threshold, values: Floats, before: NDArray[np.bool_], is_due: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return who is raised: beyond the limit, or raised before and not yet back beyond the clear level."""
    with np.errstate(invalid="ignore"):
        beyond = rule.sign * values > rule.sign * rule.level
        back = rule.sign * values < rule.sign * rule.clear_level
        if rule.clear_level == rule.level:
            back = ~beyond
    missing = np.isnan(values)
    when_missing = {"keep": before, "clear": np.zeros_like(before), "alert": is_due | before}[rule.missing]
    return np.asarray(np.where(missing, when_missing, beyond | (before & ~back)))
