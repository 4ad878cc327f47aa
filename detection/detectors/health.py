"""Devices that are silent, or that send what cannot be relied on."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.common.device_array import DeviceArray
from jeonju.contract.details import (
    CollocatedValues,
    FaultDetails,
    ManySilentDetails,
    SilentDetails,
    decode,
)
from jeonju.contract.quality import Reason, read_flags
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Observations, Pace, Past
from jeonju.detection.health.causes import (
    BATTERY_EMPTY_PERCENT,
    BATTERY_LOW,
    BATTERY_LOW_PERCENT,
    BATTERY_WELL_PERCENT,
    CAUSES,
    DRIFTING,
)
from jeonju.detection.health.collocation import Collocation
from jeonju.detection.health.fault_hysteresis import FaultHysteresis, Integers
from jeonju.detection.health.silence import Clocks, Silence
from jeonju.detection.windows import Window, Windows, arrivals_s, times_s

_NUMBER: Final = {cause.kind: number for number, cause in enumerate(CAUSES)}
_BATTERY: Final = CAUSES.index(BATTERY_LOW)
_FLAGGED: Final = tuple(number for number, cause in enumerate(CAUSES) if cause is not BATTERY_LOW)


class HealthDetector:
    """Judges rows, and what does not come: silence shows at the present of the network, after all windows of a batch."""

    kinds = frozenset(["silent", "many-silent", *_NUMBER])
    pace = Pace.BATCH

    def __init__(self, site: Site, windows: Windows) -> None:
        """`windows` know when each device was last heard, and how often it sends."""
        self._windows = windows
        self._silence = Silence()
        self._offline: set[str] = set()
        self._collocation = Collocation(site)
        self._faults = FaultHysteresis()
        self._arrived_s = DeviceArray(np.float64, -np.inf)
        self._battery = DeviceArray(np.float64, np.nan)
        self._reasons: dict[tuple[int, int], dict[str, Reason]] = {}

    def restore(self, past: Past) -> None:
        """Go on with alerts that fire, and when every device was last heard."""
        firing, latest = [alert for alert in past.alerts if alert.kind in self.kinds], past.latest
        heard = zip(latest["device"].to_pylist(), times_s(latest).tolist(), arrivals_s(latest).tolist(), strict=True)
        self._silence.restore(
            {device: Clocks(min(at_s, arrived_s), arrived_s) for device, at_s, arrived_s in heard},
            {alert.device for alert in firing if alert.kind == "silent" and alert.device},
            many=any(alert.kind == "many-silent" for alert in firing),
        )
        for alert in firing:
            if alert.kind in _NUMBER and alert.device:
                device, cause = self._windows.number(alert.device), _NUMBER[alert.kind]
                self._grow()
                self._faults.restore(device, cause, alert.started_at.timestamp(), alert.updated_at.timestamp())
                self._reasons[device, cause] = decode(alert.details, FaultDetails).flag_reasons()
                if cause == _BATTERY and alert.value is not None:
                    self._battery[device] = alert.value

    def observe(self, seen: Observations) -> None:
        """Note rows as they arrive, and which devices are offline."""
        for device, state in seen.device_states.items():
            (self._offline.add if state == "offline" else self._offline.discard)(device)
        if seen.rows is not None:
            self._observe_rows(*seen.rows)

    def step(self, window: Window) -> None:
        """Take the next window, for what only shows side by side."""
        self._collocation.step(window)

    def conditions(self, now: datetime) -> Iterator[Condition]:
        """Return all that holds now."""
        self._grow()
        self._silence.judge(self._windows, self._arrived_s.values, self._offline)
        yield from self._silent()
        self._faults.judge()
        for device, cause in np.argwhere(self._faults.active).tolist():
            yield self._faulty(self._windows.devices[device], device, cause)
        drifting = _NUMBER[DRIFTING.kind]
        for name in self._collocation.drifting:
            number = self._windows.known_number(name)
            if number is None or not self._faults.active[number, drifting]:
                yield self._drifts_from_others(name)

    def _observe_rows(self, table: pa.Table, device: Integers) -> None:
        self._grow()
        arrived_s = arrivals_s(table)
        np.maximum.at(self._arrived_s.values, device, arrived_s)
        # By arrival where the clock is ahead, or all that follows would seem to come late.
        time_s = np.minimum(times_s(table), arrived_s)
        shows = self._flagged(table, device)
        for cause in _FLAGGED:
            self._faults.add(cause, device, time_s, shows[:, cause])
        if "battery" in table.column_names:
            self._observe_battery(device, time_s, table["battery"].to_numpy())

    def _flagged(self, table: pa.Table, device: Integers) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return which causes the quality flags of each row point to; only rows that have flags are looked at, every text once."""
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
            reasons = texts[text][CAUSES[cause].kind]  # type: ignore[index]
            self._reasons[int(device[row]), cause] = reasons
        return shows

    def _observe_battery(self, device: Integers, time_s: Floats, percent: Floats) -> None:
        known = np.flatnonzero(np.isfinite(percent))
        if not len(known):
            return
        device, time_s, percent = device[known], time_s[known], percent[known]
        low = percent < np.where(self._faults.active[device, _BATTERY], BATTERY_WELL_PERCENT, BATTERY_LOW_PERCENT)
        self._faults.add(_BATTERY, device, time_s, low)
        order = np.argsort(time_s, kind="stable")
        self._battery[device[order]] = percent[order]

    def _silent(self) -> Iterator[Condition]:
        silence = self._silence
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
                details=SilentDetails(offline=device in self._offline, silent_s=round(silence.lag_s[device], 1)),
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
            details=FaultDetails.of(reasons),
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

    def _drifts_from_others(self, name: str) -> Condition:
        encounter = self._collocation.drifting[name]
        return Condition(
            kind=DRIFTING.kind,
            place=name,
            severity="info",
            details=FaultDetails(
                collocation=CollocatedValues(
                    quantity="pm25", own=encounter.own, other=encounter.other, median=encounter.median
                )
            ),
            value=encounter.own,
            quantity="pm25",
        )

    def _grow(self) -> None:
        for array in (self._arrived_s, self._battery, self._faults):
            array.grow(len(self._windows.devices))
