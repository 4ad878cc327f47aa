"""Collocation: stations and robots compared where they pass each other, as two instruments see the same air there.

PM2.5 only: a counter on a car agreed within 25 % with the fixed one it passed in 14 of 15 encounters (minute means); gas cells answer too slowly
for a robot on its way (t90 of 80 s are 80 m).
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats, median
from jeonju.contract.site import Site
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES

# Loops lead by their stations at 50 to 150 m. All numbers here are our choice but where a source is named above.
NEAR_M: Final = 150.0
LEAST_WINDOWS: Final = 3
ENDS_AFTER_S: Final = 60.0
# In humid air counters without a heated inlet read wet particles twice as high; from here on (ingest flags them as well) nothing is compared.
HUMID_PERCENT: Final = 75.0
# Apart is what differs by more than twice what encounters differ by, and than two units of a counter do at low levels.
APART_UG_M3: Final = 10.0
APART_SHARE: Final = 0.5
# Of the last five encounters four must say the same; it is over when fewer than two do. After a day without any, nothing is known.
ENCOUNTERS: Final = 5
RAISE_FROM: Final = 4
KEEP_FROM: Final = 2
FORGET_S: Final = 86_400.0
_PM25: Final = QUANTITIES.index("pm25")
_HUMIDITY: Final = QUANTITIES.index("humidity")
_LAT, _LON = QUANTITIES.index("lat"), QUANTITIES.index("lon")


class Encounter(NamedTuple):
    """Means while a robot passed a station, and the median of all stations at that time [µg/m³]."""

    at_s: float
    own: float
    other: float
    median: float

    @property
    def side(self) -> int:
        """1 or -1 where the own value is apart from the other's and further from the median of all than it; else 0."""
        apart = abs(self.own - self.other) > APART_UG_M3 + APART_SHARE * min(self.own, self.other)
        blamed = abs(self.own - self.median) > abs(self.other - self.median)
        return int(np.sign(self.own - self.other)) if apart and blamed else 0


@dataclass
class Collocation:
    """Follows every robot from station to station."""

    site: Site
    drifting: dict[str, Encounter] = field(default_factory=dict)  # device → its last encounter
    _sums: dict[tuple[str, str], Floats] = field(default_factory=dict)  # (robot, station) → sums of values and windows
    _seen_s: dict[tuple[str, str], float] = field(default_factory=dict)
    _last: dict[str, deque[Encounter]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare the map."""
        self._robots = {robot.name for robot in self.site.robots}
        self._stations = {station.name: at for at, station in enumerate(self.site.stations)}
        places = [(station.lat, station.lon) for station in self.site.stations]
        self._x_m, self._y_m = self.site.map.to_xy(*np.array(places).reshape(-1, 2).T)
        self._rows = (0, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

    def step(self, window: Window) -> None:
        """Take the next window: add to the encounters that go on, and judge those that are over."""
        robots, rows = self._rows_of(window.devices)
        pm25 = np.where(window.means[:, _HUMIDITY] >= HUMID_PERCENT, np.nan, window.means[:, _PM25])
        moving = robots[np.isfinite(window.means[robots][:, [_LAT, _LON]]).all(axis=1) & np.isfinite(pm25[robots])]
        fixed = np.where(rows >= 0, pm25[rows], np.nan) if len(window.devices) else np.empty(0)
        if len(moving) and np.isfinite(fixed).any():
            of_all = float(median(fixed[np.isfinite(fixed)]))
            nearest, is_near = self._nearest(window.means[moving])
            for robot, station in zip(moving[is_near].tolist(), nearest[is_near].tolist(), strict=True):
                if np.isfinite(fixed[station]):
                    self._add(
                        (window.devices[robot], self.site.stations[station].name),
                        window.end_s,
                        (float(pm25[robot]), float(fixed[station]), of_all),
                    )
        for pair in [pair for pair, seen_s in self._seen_s.items() if window.end_s - seen_s > ENDS_AFTER_S]:
            self._close(*pair)
        for device in [
            device for device, encounter in self.drifting.items() if window.end_s - encounter.at_s > FORGET_S
        ]:
            del self.drifting[device], self._last[device]

    def _rows_of(self, devices: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the rows of robots, and the row of every station of the site, -1 for one not heard yet."""
        if self._rows[0] != len(devices):
            row_of = {name: row for row, name in enumerate(devices)}
            robots = [row for name, row in row_of.items() if name in self._robots]
            stations = [row_of.get(name, -1) for name in self._stations]
            self._rows = (len(devices), np.array(robots, dtype=np.int64), np.array(stations, dtype=np.int64))
        return self._rows[1:]

    def _nearest(self, means: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the nearest station of each of some robots, and whether that is near."""
        x_m, y_m = self.site.map.to_xy(means[:, [_LAT]], means[:, [_LON]])
        distance_m = np.hypot(self._x_m - x_m, self._y_m - y_m)
        nearest = np.argmin(distance_m, axis=1)
        return nearest, distance_m[np.arange(len(nearest)), nearest] <= NEAR_M

    def _add(self, pair: tuple[str, str], at_s: float, values: tuple[float, float, float]) -> None:
        before = self._sums.get(pair, np.zeros(4))
        self._sums[pair] = before + np.array([*values, 1.0])
        self._seen_s[pair] = at_s

    def _close(self, robot: str, station: str) -> None:
        at_s = self._seen_s.pop((robot, station))
        robots, stations, median, windows = self._sums.pop((robot, station)).tolist()
        if windows >= LEAST_WINDOWS:
            self._judge(robot, Encounter(at_s, robots / windows, stations / windows, median / windows))
            self._judge(station, Encounter(at_s, stations / windows, robots / windows, median / windows))

    def _judge(self, device: str, encounter: Encounter) -> None:
        last = self._last.setdefault(device, deque(maxlen=ENCOUNTERS))
        last.append(encounter)
        sides = [earlier.side for earlier in last]
        agreeing = max(sides.count(1), sides.count(-1))
        if agreeing >= (KEEP_FROM if device in self.drifting else RAISE_FROM):
            self.drifting[device] = encounter
        else:
            self.drifting.pop(device, None)
