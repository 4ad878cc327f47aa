"""Thresholds of one's own: running means and the index against limits, all devices of a rule at once."""

from collections.abc import Iterator
from datetime import datetime
from fnmatch import fnmatchcase
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.contract.details import ThresholdDetails
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Past, WindowDetector
from jeonju.detection.pollution import Pollution
from jeonju.detection.windows import Window
from jeonju.rules.at_home import at_home
from jeonju.rules.rule import Threshold
from jeonju.rules.rules import Rules
from jeonju.rules.watched import QUANTITIES, WINDOW_S

Bools = NDArray[np.bool_]

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
        self._part_s = max(WINDOW_S, ceil(over_s / PARTS / WINDOW_S) * WINDOW_S)
        self._parts = max(1, ceil(over_s / self._part_s))
        self._sums = DeviceArray(np.float64, 0.0, (self._parts,))
        self._counts = DeviceArray(np.float64, 0.0, (self._parts,))
        self._newest: int | None = None
        self._first_s = DeviceArray(
            np.float64, np.inf
        )  # when a device first said this; infinite for those that never did
        self._last_s = DeviceArray(np.float64, -np.inf)
        self._interval_s = DeviceArray(np.float64, 0.0)  # usual time between two windows in which it says this

    def add(self, end_s: float, values: Floats, weight: float) -> None:
        """Add the values of a window, NaN where there is none. Windows come in order."""
        for array in (self._sums, self._counts, self._first_s, self._last_s, self._interval_s):
            array.grow(len(values))
        part = int((end_s - WINDOW_S / 2) // self._part_s)
        # What lies before the newest part again is cleared for its new use.
        first = part - self._parts + 1 if self._newest is None else self._newest + 1
        for passed in range(max(first, part - self._parts + 1), part + 1):
            self._sums[:, passed % self._parts] = self._counts[:, passed % self._parts] = 0.0
        self._newest = part
        present = np.isfinite(values)
        self._sums[:, part % self._parts] += weight * np.where(present, values, 0.0)
        self._counts[:, part % self._parts] += weight * present
        self._first_s[present] = np.minimum(self._first_s[present], end_s)
        if weight == 1.0:  # means of the past do not show how often a device sends
            self._learn_intervals(end_s, present)

    def means(self) -> Floats:
        """Return the mean of each device, NaN where too little was heard."""
        sums, counts = self._sums.values, self._counts.values
        possible = self._parts * self._part_s / np.maximum(self._interval_s.values, self._part_s)
        known = (counts > 0).sum(axis=1) >= np.maximum(np.floor(LEAST_SHARE * possible), 1)
        return np.asarray(np.where(known, sums.sum(axis=1) / np.maximum(counts.sum(axis=1), 1e-9), np.nan))

    def _learn_intervals(self, end_s: float, present: Bools) -> None:
        last_s, interval_s = self._last_s.values, self._interval_s.values
        again = present & np.isfinite(last_s)
        gap_s = np.where(again, end_s - last_s, 0.0)
        usual_s = np.where(interval_s > 0, interval_s, gap_s)
        learnt_s = usual_s + LEARN * (np.minimum(gap_s, MOST_LONGER * usual_s) - usual_s)
        interval_s[again] = learnt_s[again]
        last_s[present] = end_s

    def is_due(self, end_s: float) -> Bools:
        """Return whose mean should be known: those that have said this for so long, whether they still do or not."""
        return np.asarray(end_s - self._first_s.values >= self._parts * self._part_s)


class ThresholdDetector(WindowDetector):
    """Says where a mean is beyond its limit, for every threshold rule."""

    def __init__(self, site: Site, rules: Rules, pollution: Pollution) -> None:
        self._pollution = pollution
        self._thresholds = at_home(rules.thresholds, pollution.scheme)
        self._zone_of = {device.name: device.zone for device in site.devices}
        self._stations = {station.name for station in site.stations}
        self._robots = {robot.name for robot in site.robots}
        self._means = {name: RunningMean(rule.mean_over_s) for name, rule in self._thresholds.items() if rule.quantity}
        self._index_heard: set[str] = set()
        self._raised = {name: DeviceArray(np.bool_, fill=False) for name in self._thresholds}
        self._chosen = {name: DeviceArray(np.bool_, fill=False) for name in self._thresholds}
        self._devices: list[str] = []
        self._end_s = -np.inf

    @property
    def kinds(self) -> frozenset[str]:
        """One kind for each rule."""
        return frozenset(self._thresholds)

    def restore(self, past: Past) -> None:
        """Make the means anew, without judging them."""
        for window in past.history:
            self.step(window)

    def step(self, window: Window) -> None:
        """Add the next window to the means."""
        self._grow(window.devices)
        for name, mean in self._means.items():
            column = QUANTITIES.index(self._thresholds[name].quantity or "")
            mean.add(window.end_s, window.means[:, column], window.seconds / WINDOW_S)
        self._end_s = window.end_s

    def conditions(self, now: datetime) -> Iterator[Condition]:
        """Return every device that is beyond a limit now."""
        for name, rule in self._thresholds.items():
            values, is_due = self._values(name)
            raised = self._raised[name]
            raised[:] = _judge(rule, values, raised.values, is_due) & self._chosen[name].values
            for row in np.flatnonzero(raised.values):
                yield self._condition(name, rule, self._devices[row], float(values[row]))

    def _grow(self, devices: list[str]) -> None:
        """Make room for new devices; devices keep their rows, in the past as well as now."""
        self._devices = devices
        for name, rule in self._thresholds.items():
            chosen = self._chosen[name]
            if len(chosen) < len(devices):
                chosen.extend([self._is_chosen(rule, device) for device in devices[len(chosen) :]])
                self._raised[name].grow(len(devices))

    def _is_chosen(self, rule: Threshold, device: str) -> bool:
        kind = {"all": True, "stations": device in self._stations, "robots": device in self._robots}[rule.on]
        zone = self._zone_of.get(device, "")
        return (
            kind
            and any(fnmatchcase(device, glob) for glob in rule.devices)
            and any(fnmatchcase(zone, glob) for glob in rule.zones)
        )

    def _values(self, name: str) -> tuple[Floats, Bools]:
        if name in self._means:
            return self._means[name].means(), self._means[name].is_due(self._end_s)
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


def _judge(rule: Threshold, values: Floats, before: Bools, is_due: Bools) -> Bools:
    """Return who is raised: beyond the limit, or raised before and not yet back beyond the clear level."""
    with np.errstate(invalid="ignore"):
        beyond = rule.sign * values > rule.sign * rule.level
        back = rule.sign * values < rule.sign * rule.clear_level
        if rule.clear_level == rule.level:
            back = ~beyond
    missing = np.isnan(values)
    when_missing = {"keep": before, "clear": np.zeros_like(before), "alert": is_due | before}[rule.missing]
    return np.asarray(np.where(missing, when_missing, beyond | (before & ~back)))
