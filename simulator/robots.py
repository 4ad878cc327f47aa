"""Patrol robots as SimPy processes: patrol, charge, follow orders, break down.

A robot's path is a list of corners in time (instant, x, y, battery). Between two corners everything is linear, so its state at any instant is an
interpolation, and a robot costs no event between two decisions.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import simpy
from msgspec import UNSET

from jeonju.airquality.thermal import RANGE_M, pixel_c
from jeonju.common.arrays import Floats
from jeonju.contract.reading import from_posix_s
from jeonju.contract.site import Robot, Site
from jeonju.contract.vda5050 import Action, Headers, InstantActions, Kind, Node, Order, Stop, encode, route, start_node
from jeonju.simulator.fires import Flame
from jeonju.simulator.order_checks import duration_s
from jeonju.simulator.orders import Orders
from jeonju.simulator.present import RobotNow
from jeonju.simulator.state_reporter import BATTERY_J, DRIVING_W, HIGHEST_SPEED_M_S, Motion, StateReporter

# A patrol robot of about 150 kg (typical figures; those of the pilot's robots are not published).
PATROL_SPEED_M_S: Final = (0.8, 1.2)
STANDING_W: Final = 110.0
CHARGING_W: Final = 900.0
GO_CHARGING_BELOW_PERCENT: Final = 25.0
CHARGED_PERCENT: Final = 95.0
STOP_S: Final = (0.0, 25.0)
# The length of one wait of a robot that is paused or waits for the rest of its order; an interrupt ends it.
LONGEST_WAIT_S: Final = 3600.0
# Values of the quantity `robot_activity`.
STANDING, PATROLLING, ON_ORDER, MEASURING, CHARGING = range(5)

Step = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class _Corner:
    time_s: float
    x_m: float
    y_m: float
    battery_percent: float
    activity: int = STANDING


class PatrolRobot:
    """One robot; call `start` once. `orders` holds its VDA 5050 order, `due_messages` returns its messages."""

    KEPT_S: Final = 7200.0

    def __init__(self, robot: Robot, site: Site, env: simpy.Environment, rng: np.random.Generator) -> None:
        self.name = robot.name
        self._env = env
        self._rng = rng
        self.orders = Orders(site.name)
        self._reporter = StateReporter(robot.identity, site.name)
        self._fleet_headers = Headers(robot.identity)
        corners = np.array(robot.loop)
        self._loop = np.column_stack(site.map.to_xy(corners[:, 0], corners[:, 1]))
        self._dock = np.array(site.map.to_xy(*robot.dock))
        self._next = int(rng.integers(len(self._loop)))
        x, y = self._loop[self._next - 1]
        # Batteries begin apart, so that not all robots charge at once.
        self._legs: _Legs | None = None
        self._set_corners([_Corner(env.now, x, y, float(rng.uniform(40.0, 100.0)))])
        self._begins_s = env.now
        self._process: simpy.Process | None = None
        self._broken_until_s = -np.inf
        self._measured_s = 0.0

    def put(self, site: Site, now: RobotNow, begins_s: float) -> None:
        """Let it stand somewhere until an instant, and go on from there; before `start`."""
        x, y = (float(value) for value in site.map.to_xy(now.lat, now.lon))
        self._next = int(np.hypot(self._loop[:, 0] - x, self._loop[:, 1] - y).argmin())
        self._set_corners([_Corner(self._env.now, x, y, now.battery_percent)])
        self.orders.wants_charging = now.is_charging
        self._begins_s = begins_s

    def start(self) -> None:
        """Start the robot's process in the environment."""
        self._process = self._env.process(self._run())

    def break_down(self, duration_s: float) -> None:
        """Stand still for `duration_s`."""
        self._broken_until_s = max(self._broken_until_s, self._env.now + duration_s)
        self._replan()

    def receive(self, kind: str, payload: bytes) -> None:
        """Handle an order (`kind` "order") or instant actions, encoded as on the wire."""
        x, y, *_ = self.track(np.array([self._env.now]))[0]
        if kind == "order":
            self._reporter.request("stateRequest")
            # A robot that drives on an order goes on; one that waits or patrols replans.
            if (
                self.orders.handle_order(payload, float(x), float(y), broken=self._is_broken)
                and not self._is_on_its_way
            ):
                self._replan()
        else:
            before = self.orders.signature(), self.orders.wants_charging
            for request in self.orders.handle_instant_actions(payload):
                self._reporter.request(request)
            if before != (self.orders.signature(), self.orders.wants_charging):
                self._replan()

    def messages_to_go(self, x_m: float, y_m: float, stay_s: float) -> list[tuple[Kind, bytes]]:
        """Return the messages with which fleet control would send it to a place; they cancel an order that is active."""
        x, y, *_ = (float(value) for value in self.track(np.array([self._env.now]))[0])
        order_id, at = f"scenario-{self._env.now:.0f}", from_posix_s(self._env.now)
        start = start_node(self.orders.map_id, order_id, x, y)
        nodes, edges = route(self.orders.map_id, order_id, [Stop(x_m, y_m, stay_s)], start=start, released=1)
        order = Order(
            **self._fleet_headers.next(Order, at), order_id=order_id, order_update_id=0, nodes=nodes, edges=edges
        )
        if self.orders.is_idle:
            return [("order", encode(order))]
        cancel = Action(action_type="cancelOrder", action_id=f"{order_id}-cancel")
        return [
            (
                "instantActions",
                encode(InstantActions(**self._fleet_headers.next(InstantActions, at), actions=[cancel])),
            ),
            ("order", encode(order)),
        ]

    def due_messages(self) -> list[tuple[Kind, bytes]]:
        """Return the messages that are due now, as kind and payload."""
        now_s = self._env.now
        x, y, battery, speed, heading, activity = (float(value) for value in self.track(np.array([now_s]))[0])
        motion = Motion(x, y, heading, speed, battery, charging=activity == CHARGING, broken=self._is_broken)
        return self._reporter.due_messages(now_s, self.orders, motion)

    def track(self, times_s: Floats) -> Floats:
        """Return x, y, battery, speed, heading and activity (times, 6) at instants up to the end of the planned path."""
        # Made when they are asked for: a block adds several corners, and asks three times after the last.
        legs = self._legs = _legs(self._corners) if self._legs is None else self._legs
        leg = np.searchsorted(legs.begins_s[1:], times_s, side="left")
        share = np.minimum(np.maximum((times_s - legs.begins_s[leg]) / legs.seconds[leg], 0.0), 1.0)
        track = legs.begins[leg]
        track[:, :3] += share[:, None] * legs.moves[leg]
        track[times_s > legs.end_s, 3] = 0.0
        return track

    @property
    def _is_broken(self) -> bool:
        return self._env.now < self._broken_until_s

    @property
    def _is_on_its_way(self) -> bool:
        return self._corners[-1].activity == ON_ORDER

    def _replan(self) -> None:
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        self._process.interrupt()

    def _run(self) -> Step:
        """Run one activity after the other; an interrupt ends it, and the next one is chosen again."""
        while True:
            try:
                yield from self._next_activity()
            except simpy.Interrupt:
                self._end_leg()

    def _next_activity(self) -> Step:
        orders = self.orders
        if self._env.now < self._begins_s:
            yield from self._wait(self._begins_s - self._env.now, STANDING_W, STANDING)
        elif self._is_broken:
            yield from self._wait(self._broken_until_s - self._env.now, 0.5 * STANDING_W, STANDING)
        elif orders.paused or orders.waits_for_update:
            yield from self._wait(LONGEST_WAIT_S, STANDING_W, STANDING)
        elif orders.next_action is not None:
            yield from self._measure(duration_s(orders.next_action))
        elif orders.next_node is not None:
            yield from self._go_to(orders.next_node)
        elif orders.wants_charging:
            yield from self._charge(100.0)
            orders.wants_charging = False
        else:
            yield from self._patrol()

    def _measure(self, seconds: float) -> Step:
        """Stand and measure; time measured before a pause counts."""
        self.orders.action_started()
        begun_s = self._env.now
        try:
            yield from self._wait(max(seconds - self._measured_s, 0.0), STANDING_W, MEASURING)
        except simpy.Interrupt:
            self._measured_s = self._measured_s + self._env.now - begun_s if self.orders.next_action else 0.0
            raise
        self._measured_s = 0.0
        self.orders.action_finished()

    def _go_to(self, node: Node) -> Step:
        place = node.node_position
        assert place  # noqa: S101  (orders without places are not accepted)
        limit = self.orders.edges[0].maximum_speed if self.orders.edges else UNSET
        yield from self._drive(
            np.array([place.x, place.y]), min(HIGHEST_SPEED_M_S, limit or HIGHEST_SPEED_M_S), ON_ORDER
        )
        self.orders.node_reached()

    def _patrol(self) -> Step:
        if self._corners[-1].battery_percent < GO_CHARGING_BELOW_PERCENT:
            yield from self._charge(CHARGED_PERCENT)
        yield from self._drive(self._loop[self._next], float(self._rng.uniform(*PATROL_SPEED_M_S)), PATROLLING)
        self._next = (self._next + 1) % len(self._loop)
        yield from self._wait(float(self._rng.uniform(*STOP_S)), STANDING_W, PATROLLING)

    def _charge(self, up_to_percent: float) -> Step:
        yield from self._drive(self._dock, HIGHEST_SPEED_M_S, PATROLLING)
        missing = max(up_to_percent - self._corners[-1].battery_percent, 0.0)
        yield from self._wait(missing / 100 * BATTERY_J / CHARGING_W, -CHARGING_W, CHARGING)

    def _drive(self, to_xy: Floats, speed_m_s: float, activity: int) -> Step:
        here = self._corners[-1]
        seconds = float(np.hypot(to_xy[0] - here.x_m, to_xy[1] - here.y_m)) / speed_m_s
        yield from self._add_leg(seconds, float(to_xy[0]), float(to_xy[1]), DRIVING_W, activity)

    def _wait(self, seconds: float, power_w: float, activity: int) -> Step:
        yield from self._add_leg(seconds, self._corners[-1].x_m, self._corners[-1].y_m, power_w, activity)

    def _add_leg(self, seconds: float, x_m: float, y_m: float, power_w: float, activity: int) -> Step:
        battery = min(max(self._corners[-1].battery_percent - 100 * power_w * seconds / BATTERY_J, 0.0), 100.0)
        kept = [c for c in self._corners[:-1] if c.time_s >= self._env.now - self.KEPT_S] + self._corners[-1:]
        self._set_corners([*kept, _Corner(self._env.now + seconds, x_m, y_m, battery, activity)])
        yield self._env.timeout(seconds)

    def _end_leg(self) -> None:
        """End the present leg where the robot is now."""
        now = self._env.now
        x, y, battery, _, _, activity = (float(value) for value in self.track(np.array([now]))[0])
        passed = [c for c in self._corners if c.time_s < now]
        self._set_corners([*passed, _Corner(now, x, y, battery, int(activity))])

    def _set_corners(self, corners: list[_Corner]) -> None:
        self._corners = corners
        self._legs = None


class _Legs(NamedTuple):
    """The ways between corners as arrays, one row each; one that lasts no time where there is one corner only."""

    begins_s: Floats
    seconds: Floats
    begins: Floats  # x, y, battery, speed, heading, activity where each begins
    moves: Floats  # by how much x, y and battery change on it
    end_s: float


def _legs(corners: list[_Corner]) -> _Legs:
    grid_s = np.array([corner.time_s for corner in corners])
    states = np.array([(corner.x_m, corner.y_m, corner.battery_percent) for corner in corners])
    if len(corners) == 1:
        standing = np.column_stack([states, np.zeros((1, 3))])
        return _Legs(grid_s, np.ones(1), standing, np.zeros((1, 3)), float(grid_s[0]))
    seconds, moves = np.maximum(np.diff(grid_s), 1e-9), np.diff(states, axis=0)
    east, north = moves[:, 0], moves[:, 1]
    heading_deg = np.mod(np.degrees(np.arctan2(east, north)), 360.0)
    activity = [corner.activity for corner in corners[1:]]
    begins = np.column_stack([states[:-1], np.hypot(east, north) / seconds, heading_deg, activity])
    return _Legs(grid_s[:-1], seconds, begins, moves, float(grid_s[-1]))


def hottest_pixel_c(xy_m: Floats, surface_c: Floats, flames: list[Flame]) -> Floats:
    """Return the hottest pixel [°C] of a rotating thermal camera at places (N, 2), over surfaces of `surface_c` (N)."""
    hottest = surface_c
    for spot in flames:
        distance = np.hypot(xy_m[:, 0] - spot.x_m, xy_m[:, 1] - spot.y_m)
        seen = pixel_c(distance, spot.area_m2, spot.temperature_c, surface_c)
        hottest = np.where(distance <= RANGE_M, np.maximum(hottest, seen), hottest)
    return np.asarray(hottest)
