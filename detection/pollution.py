"""Full hourly means of every station, and what follows from them: indexes, advisories of stations and zones, stages of Asian dust."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.index import POLLUTANTS, Cai
from jeonju.airquality.limits import DUST_STAGES, AdvisoryState, is_dust, next_state
from jeonju.airquality.schemes import SCHEMES, Scheme, us_aqi_of_hours
from jeonju.airquality.standards import Judged, judge_last
from jeonju.common.arrays import Floats
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES, WINDOW_S

HOUR_S: Final = 3600.0
HOURS_KEPT: Final = 24
# What was heard of an hour is counted in slots of 10 minutes, whatever a device's own interval. An hour counts when at least three quarters of
# it were heard (usual for Korean hourly values).
SLOT_S: Final = 600.0
SLOTS: Final = 6
LEAST_SLOTS: Final = 5
_COLUMNS: Final = [QUANTITIES.index(key) for key in POLLUTANTS]
_PM: Final = (POLLUTANTS.index("pm10"), POLLUTANTS.index("pm25"))


@dataclass
class Pollution:
    """Keeps the last 24 hourly means of every station (1.7 kB each). Everything is judged once an hour, as the official network does.

    `cai` is the index of the site's scheme, which is Korea's unless its file chooses another; the US index is always there to compare.
    """

    zones: dict[str, list[str]]  # zone → stations
    scheme: Scheme = SCHEMES["cai"]
    cai: dict[str, Cai] = field(default_factory=dict)
    us_aqi: dict[str, Cai] = field(default_factory=dict)
    # Of zones (mean of their stations) and of single stations, where a level is in force or may soon be.
    advisories: dict[tuple[str, str], AdvisoryState] = field(default_factory=dict)
    hourly_means: dict[tuple[str, str], float] = field(default_factory=dict)
    dust: AdvisoryState = field(default_factory=AdvisoryState)
    dust_mean: float = float("nan")
    hour: int | None = None  # number of the hour that goes on

    def __post_init__(self) -> None:
        """Make room for every station."""
        self._stations = [station for members in self.zones.values() for station in members]
        self._number = {station: number for number, station in enumerate(self._stations)}
        room, keys = len(self._stations), len(POLLUTANTS)
        self._hours = np.full((room, HOURS_KEPT, keys), np.nan)
        self._sums, self._counts = np.zeros((room, keys)), np.zeros((room, keys))
        self._heard = np.zeros((room, SLOTS, keys), dtype=bool)
        self._rows: tuple[list[str], NDArray[np.int64]] = ([], np.empty(0, dtype=np.int64))

    def step(self, window: Window) -> bool:
        """Add a window; return whether an hour was closed and everything judged anew."""
        middle_s, weight = window.end_s - WINDOW_S / 2, window.seconds / WINDOW_S
        hour = int(middle_s // HOUR_S)
        closed = self.hour is not None and hour > self.hour
        if self.hour is not None and hour > self.hour:
            self._close_hours(hour - self.hour)
        self.hour = hour if self.hour is None else max(self.hour, hour)
        station = self._stations_of(window.devices)
        known = station >= 0
        values, station = window.means[known][:, _COLUMNS], station[known]
        present = np.isfinite(values)
        self._sums[station] += weight * np.where(present, values, 0.0)
        self._counts[station] += weight * present
        self._heard[station, int(middle_s % HOUR_S // SLOT_S)] |= present
        return closed

    def exceeded(self, station: str) -> list[Judged]:
        """Compare the last 1, 8 and 24 hours of a station with the environmental standards; raises KeyError for one that is not known."""
        return judge_last(self._hours[self._number[station]], self.scheme.standards)

    def restore(self, advisories: dict[tuple[str, str], AdvisoryState], dust: AdvisoryState) -> None:
        """Go on with what has been in force since before the hours that are still known."""
        self.advisories |= advisories
        self.dust = dust

    def _stations_of(self, devices: list[str]) -> NDArray[np.int64]:
        """Return the number of the station that stands in each row, -1 for what is none. Rows keep their device, so this is looked up once."""
        names, rows = self._rows
        if names is not devices or len(rows) != len(devices):
            rows = np.array([self._number.get(device, -1) for device in devices], dtype=np.int64)
            self._rows = devices, rows
        return rows

    def _close_hours(self, number: int) -> None:
        """Close the present hour, and empty hours after it."""
        for ahead in range(min(number, HOURS_KEPT)):
            enough = self._heard.sum(axis=1) >= LEAST_SLOTS
            means = np.where(enough, self._sums / np.maximum(self._counts, 1e-9), np.nan)
            self._hours = np.concatenate([self._hours[:, 1:], means[:, None]], axis=1)
            if ahead == 0:
                self._sums[:], self._counts[:], self._heard[:] = 0.0, 0.0, False
            self._judge_advisories(means)
        self._judge_indexes()

    def _judge_advisories(self, hour: Floats) -> None:
        zones = [_mean_of_known(hour[[self._number[name] for name in members]]) for members in self.zones.values()]
        places, means = [*self._stations, *self.zones], np.concatenate([hour, np.reshape(zones, (-1, len(POLLUTANTS)))])
        for quantity, levels in self.scheme.advisories.items():
            column = means[:, POLLUTANTS.index(quantity)]
            # Almost everywhere nothing is in force and nothing begins.
            concerned = {places[at] for at in np.flatnonzero(column >= levels[0].issue_at).tolist()}
            concerned |= {place for place, of_quantity in self.advisories if of_quantity == quantity}
            mean_of = dict(zip(places, column.tolist(), strict=True)) if concerned else {}
            for place in sorted(concerned):
                key, mean = (place, quantity), mean_of.get(place, float("nan"))
                state = next_state(levels, self.advisories.get(key, AdvisoryState()), mean)
                if state.level or any(state.hours_above):
                    self.advisories[key], self.hourly_means[key] = state, mean
                else:
                    self.advisories.pop(key, None)
        if not self.scheme.has_asian_dust:
            return
        pm10, pm25 = _mean_of_known(hour[:, _PM]).tolist()
        self.dust_mean = pm10
        # Haze issues nothing, but does not lift what dust has issued before.
        dusty = pm10 if is_dust(pm10, pm25) else min(pm10, DUST_STAGES[0].issue_at - 1)
        self.dust = next_state(DUST_STAGES, self.dust, dusty)

    def _judge_indexes(self) -> None:
        self.cai = self._known(self.scheme.of_hours(self._hours))
        self.us_aqi = self._known(us_aqi_of_hours(self._hours))

    def _known(self, indexes: Iterable[Cai | None]) -> dict[str, Cai]:
        found = zip(self._stations, indexes, strict=True)
        return {station: index for station, index in found if index is not None}


def _mean_of_known(values: Floats) -> Floats:
    """Return the mean over the first axis of what is known, NaN where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=0)
    return np.asarray(np.where(count > 0, np.where(known, values, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan))
