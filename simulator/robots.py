"""Patrol robots as SimPy processes: drive the loop, stop, charge, follow orders, break down.

A robot writes where it goes as corners in time (instant, x, y, battery). Between two corners everything is linear, so its state at any instant is
an interpolation, and a robot costs nothing between two decisions.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import simpy
from numpy.typing import NDArray

from airquality.events import Breakdown, Dispatch
from airquality.geo import LocalMap
from airquality.site import Robot
from simulator.fires import Flame

Floats = NDArray[np.float64]

# A patrol robot of about 150 kg (typical figures; those of the pilot's robots are not published).
PATROL_SPEED_M_S: Final = (0.8, 1.2)
DISPATCH_SPEED_M_S: Final = 1.8
BATTERY_J: Final = 2.5 * 3.6e6  # 2.5 kWh
DRIVING_W: Final = 320.0
STANDING_W: Final = 110.0
CHARGING_W: Final = 900.0
GO_CHARGING_BELOW_PERCENT: Final = 25.0
CHARGED_PERCENT: Final = 95.0
STOP_S: Final = (0.0, 25.0)

# A pixel of the 55° camera covers 1.7° (0.03 rad); beyond 60 m walls and smoke hide a flame more often than not.
PIXEL_RAD: Final = 0.03
THERMAL_RANGE_M: Final = 60.0
# Roofs and asphalt in the sun are warmer than the air by up to this.
SUN_WARMED_C: Final = 18.0

Step = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class _Corner:
    time_s: float
    x_m: float
    y_m: float
    battery_percent: float


class PatrolRobot:
    """One robot; start it with `env.process(robot.live())`."""

    KEPT_S: Final = 7200.0

    def __init__(self, robot: Robot, site_map: LocalMap, env: simpy.Environment, rng: np.random.Generator) -> None:
        self.name = robot.name
        self._env = env
        self._rng = rng
        self._map = site_map
        corners = np.array(robot.loop)
        self._loop = np.column_stack(site_map.to_xy(corners[:, 0], corners[:, 1]))
        self._dock = np.array(site_map.to_xy(*robot.dock))
        self._next = int(rng.integers(len(self._loop)))
        x, y = self._loop[self._next - 1]
        # Batteries begin apart, so that not all robots charge at once.
        self._corners = [_Corner(env.now, x, y, float(rng.uniform(40.0, 100.0)))]
        self._process: simpy.Process | None = None

    def start(self) -> None:
        """Begin to live in the environment."""
        self._process = self._env.process(self._live())

    def order(self, event: Dispatch | Breakdown) -> None:
        """Interrupt what the robot is doing."""
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        self._process.interrupt(event)

    def track(self, times_s: Floats) -> Floats:
        """Return x, y, battery, speed and heading (times, 5) at instants not after the end of what is planned."""
        self._corners = [c for c in self._corners[:-1] if c.time_s >= times_s[0] - self.KEPT_S] + self._corners[-1:]
        grid = np.array([c.time_s for c in self._corners])
        x = np.interp(times_s, grid, [c.x_m for c in self._corners])
        y = np.interp(times_s, grid, [c.y_m for c in self._corners])
        battery = np.interp(times_s, grid, [c.battery_percent for c in self._corners])
        if len(grid) == 1:
            return np.column_stack([x, y, battery, np.zeros_like(x), np.zeros_like(x)])
        leg = np.clip(np.searchsorted(grid, times_s, side="left"), 1, len(grid) - 1)
        seconds = np.maximum(np.diff(grid)[leg - 1], 1e-9)
        east = np.diff([c.x_m for c in self._corners])[leg - 1]
        north = np.diff([c.y_m for c in self._corners])[leg - 1]
        speed = np.where(times_s > grid[-1], 0.0, np.hypot(east, north) / seconds)
        return np.column_stack([x, y, battery, speed, np.mod(np.degrees(np.arctan2(east, north)), 360.0)])

    def _live(self) -> Step:
        while True:
            try:
                yield from self._patrol()
            except simpy.Interrupt as interrupt:
                self._cut_short()
                yield from self._obey(interrupt.cause)

    def _obey(self, event: Dispatch | Breakdown) -> Step:
        """Follow one order to its end; a newer order takes its place."""
        try:
            if isinstance(event, Breakdown):
                yield from self._wait(event.duration, 0.5 * STANDING_W)
                return
            x, y = (float(value) for value in self._map.to_xy(event.lat, event.lon))
            yield from self._drive(np.array([x, y]), DISPATCH_SPEED_M_S)
            yield from self._wait(event.stay, STANDING_W)
        except simpy.Interrupt as interrupt:
            self._cut_short()
            yield from self._obey(interrupt.cause)

    def _patrol(self) -> Step:
        while True:
            if self._corners[-1].battery_percent < GO_CHARGING_BELOW_PERCENT:
                yield from self._drive(self._dock, DISPATCH_SPEED_M_S)
                missing = CHARGED_PERCENT - self._corners[-1].battery_percent
                yield from self._wait(missing / 100 * BATTERY_J / CHARGING_W, -CHARGING_W)
            yield from self._drive(self._loop[self._next], float(self._rng.uniform(*PATROL_SPEED_M_S)))
            self._next = (self._next + 1) % len(self._loop)
            yield from self._wait(float(self._rng.uniform(*STOP_S)), STANDING_W)

    def _drive(self, to_xy: Floats, speed_m_s: float) -> Step:
        here = self._corners[-1]
        seconds = float(np.hypot(to_xy[0] - here.x_m, to_xy[1] - here.y_m)) / speed_m_s
        yield from self._go_on(seconds, float(to_xy[0]), float(to_xy[1]), DRIVING_W)

    def _wait(self, seconds: float, power_w: float) -> Step:
        yield from self._go_on(seconds, self._corners[-1].x_m, self._corners[-1].y_m, power_w)

    def _go_on(self, seconds: float, x_m: float, y_m: float, power_w: float) -> Step:
        battery = float(np.clip(self._corners[-1].battery_percent - 100 * power_w * seconds / BATTERY_J, 0.0, 100.0))
        self._corners.append(_Corner(self._env.now + seconds, x_m, y_m, battery))
        yield self._env.timeout(seconds)

    def _cut_short(self) -> None:
        """Forget the rest of the present leg: the robot is where it is now."""
        now = self._env.now
        x, y, battery, _, _ = self.track(np.array([now]))[0]
        self._corners = [c for c in self._corners if c.time_s < now] + [_Corner(now, x, y, battery)]


def hottest_pixel_c(xy_m: Floats, surface_c: Floats, flames: list[Flame]) -> Floats:
    """Return what a thermal camera turning all round reports at places (N, 2) over surfaces of `surface_c` (N).

    A flame fills a share of a pixel of (0.03·distance)²; the pixel shows the fourth-power mean of flame and surface.
    """
    hottest = surface_c + 273.15
    for spot in flames:
        distance = np.maximum(np.hypot(xy_m[:, 0] - spot.x_m, xy_m[:, 1] - spot.y_m), 1.0)
        share = np.minimum(spot.area_m2 / (PIXEL_RAD * distance) ** 2, 1.0)
        seen = (share * (spot.temperature_c + 273.15) ** 4 + (1 - share) * (surface_c + 273.15) ** 4) ** 0.25
        hottest = np.where(distance <= THERMAL_RANGE_M, np.maximum(hottest, seen), hottest)
    return np.asarray(hottest - 273.15)
