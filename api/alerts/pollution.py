"""Hourly means, the air-quality index of every station, and the advisories of every zone."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airquality.index import POLLUTANTS, Cai, cai_of_hours
from airquality.limits import ADVISORY_LEVELS, AdvisoryState, next_advisory_state
from api.alerts.bins import BIN_S, QUANTITIES

Floats = NDArray[np.float64]

HOUR_S: Final = 3600.0
HOURS_KEPT: Final = 24
RENEW_S: Final = 600.0
# What was heard of an hour is counted in slots of 10 minutes, whatever a device's own interval. An hour counts when at least three quarters of
# it were heard (usual for Korean hourly values), the present one from its second slot on.
SLOT_S: Final = 600.0
SLOTS: Final = 6
LEAST_SLOTS: Final = 5
LEAST_SLOTS_NOW: Final = 2
_COLUMNS: Final = [QUANTITIES.index(key) for key in POLLUTANTS]


@dataclass
class Pollution:
    """Keeps the last 24 hourly means of every device."""

    zones: dict[str, list[str]]  # zone → stations
    cai: dict[str, Cai] = field(default_factory=dict)
    advisories: dict[tuple[str, str], AdvisoryState] = field(default_factory=dict)
    zone_means: dict[tuple[str, str], float] = field(default_factory=dict)
    _hours: dict[str, Floats] = field(default_factory=dict)
    _hour: int | None = None
    _sums: dict[str, Floats] = field(default_factory=dict)
    _counts: dict[str, Floats] = field(default_factory=dict)
    _heard: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    _renewed_s: float = -np.inf

    def step(self, end_s: float, devices: list[str], means: Floats, *, weight: float = 1.0) -> bool:
        """Take a bin that ends at `end_s`, or the mean of `weight` bins; tell whether an index or advisory may have changed."""
        hour = int((end_s - BIN_S / 2) // HOUR_S)
        closed = self._hour is not None and hour > self._hour
        if closed:
            self._close_hours(hour)
        self._hour = hour if self._hour is None else max(self._hour, hour)
        slot = int(((end_s - BIN_S / 2) % HOUR_S) // SLOT_S)
        values = means[:, _COLUMNS]
        present = np.isfinite(values)
        for number, device in enumerate(devices):
            if present[number].any():
                self._sums[device] = self._sums.get(device, 0.0) + weight * np.where(
                    present[number], values[number], 0.0
                )
                self._counts[device] = self._counts.get(device, 0.0) + weight * present[number]
                self._heard.setdefault(device, np.zeros((SLOTS, len(POLLUTANTS)), dtype=bool))[slot] |= present[number]
        if closed or end_s - self._renewed_s >= RENEW_S:
            self._renewed_s = end_s
            self._renew_cai()
            return True
        return False

    def hours(self, device: str) -> Floats:
        """Return the kept hourly means (hours, POLLUTANTS) with the present hour last; NaN where too little was heard."""
        past = self._hours.get(device, np.full((HOURS_KEPT, len(POLLUTANTS)), np.nan))
        now = self._mean(device, LEAST_SLOTS_NOW)
        # While the present hour is too young, the last full one stands for it.
        return past if np.isnan(now).all() else np.vstack([past[1:], now])

    def _mean(self, device: str, least_slots: int) -> Floats:
        if device not in self._counts:
            return np.full(len(POLLUTANTS), np.nan)
        heard = self._heard[device].sum(axis=0)
        return np.where(heard >= least_slots, self._sums[device] / np.maximum(self._counts[device], 1e-9), np.nan)

    def _close_hours(self, until: int) -> None:
        """Close the present hour, and empty hours after it, up to hour number `until`."""
        for ahead in range(min(until - (self._hour or until), HOURS_KEPT)):
            for device in set(self._hours) | set(self._counts):
                past = self._hours.get(device, np.full((HOURS_KEPT, len(POLLUTANTS)), np.nan))
                closing = self._mean(device, LEAST_SLOTS) if ahead == 0 else np.full(len(POLLUTANTS), np.nan)
                self._hours[device] = np.vstack([past[1:], closing])
            if ahead == 0:
                self._sums, self._counts, self._heard = {}, {}, {}
            self._judge_zones()

    def _judge_zones(self) -> None:
        for zone, stations in self.zones.items():
            hours = [self._hours[station][-1] for station in stations if station in self._hours]
            for quantity in ADVISORY_LEVELS:
                values = np.array([hour[POLLUTANTS.index(quantity)] for hour in hours])
                values = values[np.isfinite(values)]
                mean = float(values.mean()) if len(values) else float("nan")
                key = (zone, quantity)
                self.zone_means[key] = mean
                self.advisories[key] = next_advisory_state(quantity, self.advisories.get(key, AdvisoryState()), mean)

    def _renew_cai(self) -> None:
        stations = {station for members in self.zones.values() for station in members}
        for device in stations & (set(self._hours) | set(self._counts)):
            index = cai_of_hours(self.hours(device))
            if index is None:
                self.cai.pop(device, None)
            else:
                self.cai[device] = index
