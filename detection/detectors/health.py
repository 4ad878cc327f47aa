"""Devices that are silent, or that send what cannot be relied on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.details import Collocation, FaultDetails, ManySilentDetails, SilentDetails, decode
from jeonju.contract.quality import read_flags
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.health.causes import (
    BATTERY_EMPTY_PERCENT,
    BATTERY_LOW,
    BATTERY_LOW_PERCENT,
    BATTERY_WELL_PERCENT,
    CAUSES,
    DRIFTING,
)
from jeonju.detection.health.course import Course, Integers
from jeonju.detection.health.passing import Passings
from jeonju.detection.health.silence import Clocks, Silence
from jeonju.detection.windows import Bin, Bins, Floats, arrivals_s, times_s

_NUMBER: Final = {cause.kind: number for number, cause in enumerate(CAUSES)}
_BATTERY: Final = CAUSES.index(BATTERY_LOW)
_FLAGGED: Final = tuple(number for number, cause in enumerate(CAUSES) if cause is not BATTERY_LOW)


@dataclass
class HealthWatcher:
    """Unlike the others it judges rows and what does not come, so it is given every table besides the bins."""

    site: Site
    kinds: frozenset[str] = frozenset(["silent", "many-silent", *_NUMBER])
    silence: Silence = field(default_factory=Silence)
    passings: Passings = field(init=False)
    _course: Course = field(default_factory=Course)
    _arrived_s: Floats = field(default_factory=lambda: np.empty(0))
    _battery: Floats = field(default_factory=lambda: np.empty(0))
    _reasons: dict[tuple[int, int], dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what needs the map."""
        self.passings = Passings(self.site)

    def resume(self, alerts: Iterable[AlertRecord], latest: pa.Table, bins: Bins) -> None:
        """Go on after a restart: alerts that last, and the newest row of every device."""
        lasting = [alert for alert in alerts if alert.kind in self.kinds]
        heard = zip(latest["device"].to_pylist(), times_s(latest).tolist(), arrivals_s(latest).tolist(), strict=True)
        self.silence.resume(
            {device: Clocks(min(at_s, arrived_s), arrived_s) for device, at_s, arrived_s in heard},
            {alert.device for alert in lasting if alert.kind == "silent" and alert.device},
            many=any(alert.kind == "many-silent" for alert in lasting),
        )
        for alert in lasting:
            if alert.kind in _NUMBER and alert.device:
                device, cause = bins.number(alert.device), _NUMBER[alert.kind]
                self._grow(len(bins.devices))
                self._course.resume(device, cause, alert.started_at.timestamp(), alert.updated_at.timestamp())
                self._reasons[device, cause] = decode(alert.details, FaultDetails).reasons
                if cause == _BATTERY and alert.value is not None:
                    self._battery[device] = alert.value

    def take(self, table: pa.Table, device: Integers, bins: Bins) -> None:
        """Take the rows of a table; `device` is the number of each row's device in the bins."""
        self._grow(len(bins.devices))
        arrived_s = arrivals_s(table)
        np.maximum.at(self._arrived_s, device, arrived_s)
        # By arrival where the clock is ahead, or all that follows would seem to come late.
        time_s = np.minimum(times_s(table), arrived_s)
        shows = self._flagged(table, device)
        for cause in _FLAGGED:
            self._course.take(cause, device, time_s, shows[:, cause])
        if "battery" in table.column_names:
            self._take_battery(device, time_s, table["battery"].to_numpy())

    def step(self, one: Bin) -> None:
        """Take a bin, for what only shows side by side."""
        self.passings.step(one)

    def judge(self, bins: Bins) -> Iterator[Condition]:
        """Return all that holds now."""
        self._grow(len(bins.devices))
        self.silence.judge(bins, self._arrived_s)
        yield from self._silent()
        self._course.judge()
        for device, cause in np.argwhere(self._course.active).tolist():
            yield self._faulty(bins.devices[device], device, cause)
        drifting = _NUMBER[DRIFTING.kind]
        for name in self.passings.drifting:
            number = bins.known_number(name)
            if number is None or not self._course.active[number, drifting]:
                yield self._drifts_in_passing(name)

    def _flagged(self, table: pa.Table, device: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Tell which causes the quality flags of each row point to; only rows that have flags are looked at, every text once."""
        shows = np.zeros((len(device), len(CAUSES)), dtype=bool)
        if "quality" not in table.column_names or table["quality"].null_count == len(device):
            return shows
        encoded = table["quality"].combine_chunks().dictionary_encode()
        texts = [read_flags(text).faults for text in encoded.dictionary.to_pylist()]
        points = np.array([[cause.kind in faults for cause in CAUSES] for faults in texts])
        at = np.flatnonzero(encoded.is_valid().to_numpy(zero_copy_only=False))
        index = encoded.indices.drop_null().to_numpy()
        shows[at] = points[index]
        for row, cause in np.argwhere(shows).tolist():
            text = int(index[np.searchsorted(at, row)])
            self._reasons[int(device[row]), cause] = texts[text][CAUSES[cause].kind]  # type: ignore[index]
        return shows

    def _take_battery(self, device: Integers, time_s: Floats, percent: Floats) -> None:
        known = np.flatnonzero(np.isfinite(percent))
        if not len(known):
            return
        device, time_s, percent = device[known], time_s[known], percent[known]
        low = percent < np.where(self._course.active[device, _BATTERY], BATTERY_WELL_PERCENT, BATTERY_LOW_PERCENT)
        self._course.take(_BATTERY, device, time_s, low)
        order = np.argsort(time_s, kind="stable")
        self._battery[device[order]] = percent[order]

    def _silent(self) -> Iterator[Condition]:
        silence = self.silence
        if silence.many:
            names = sorted(silence.many)
            yield Condition(
                kind="many-silent",
                place="",
                severity="critical",
                details=ManySilentDetails(devices=names[:100], known=silence.devices),
                value=float(len(names)),
            )
        for device in sorted(silence.silent):
            yield Condition(
                kind="silent",
                place=device,
                severity="info",
                details=SilentDetails(offline=device in silence.offline, silent_s=round(silence.lag_s[device], 1)),
            )

    def _faulty(self, name: str, device: int, cause: int) -> Condition:
        kind = CAUSES[cause].kind
        if cause == _BATTERY:
            return self._low_battery(name, float(self._battery[device]))
        reasons = self._reasons.get((device, cause), {})
        known = [key for key in reasons if key in QUANTITY]
        return Condition(
            kind=kind,
            place=name,
            severity="info",
            details=FaultDetails(reasons=reasons),
            quantity=known[0] if len(known) == 1 else None,
        )

    def _low_battery(self, name: str, percent: float) -> Condition:
        return Condition(
            kind=BATTERY_LOW.kind,
            place=name,
            severity="warning" if percent < BATTERY_EMPTY_PERCENT else "info",
            value=percent,
            limit=BATTERY_LOW_PERCENT,
            quantity="battery",
        )

    def _drifts_in_passing(self, name: str) -> Condition:
        passing = self.passings.drifting[name]
        return Condition(
            kind=DRIFTING.kind,
            place=name,
            severity="info",
            details=FaultDetails(
                collocation=Collocation(quantity="pm25", own=passing.own, other=passing.other, median=passing.median)
            ),
            value=passing.own,
            quantity="pm25",
        )

    def _grow(self, length: int) -> None:
        more = length - len(self._arrived_s)
        if more > 0:
            self._arrived_s = np.append(self._arrived_s, np.full(more, -np.inf))
            self._battery = np.append(self._battery, np.full(more, np.nan))
            self._course.grow(length)
