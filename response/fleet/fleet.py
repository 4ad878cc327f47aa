"""What fleet control knows of the robots of a site: their last state and connection, and whether operators have disabled them."""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jeonju.contract import topics
from jeonju.contract.site import Robot, Site
from jeonju.contract.vda5050 import STATE_WITHIN_S, Connection, State, decode

# A robot that has missed three states is not to be relied upon.
SILENT_AFTER_S: Final = 3 * STATE_WITHIN_S
# No plan uses the last of a battery: robots dock below 20 to 25 %.
RESERVE_PERCENT: Final = 20.0
# Typical patrol robots (2 to 3 kWh, 320 W driving at 1.8 m/s, 110 W standing): for robots that do not say how far they get.
RANGE_PER_PERCENT_M: Final = 500.0
STANDING_M_PER_S: Final = 0.6
SPEED_M_S: Final = 1.5


@dataclass
class FleetRobot:
    """One robot as of its last messages; a disabled one is sent nowhere."""

    robot: Robot
    dock_m: tuple[float, float]
    state: State | None = None
    state_at: datetime | None = None
    connected: bool = True
    is_disabled: bool = False

    @property
    def place_m(self) -> tuple[float, float] | None:
        """Where it is on the site's map, None where it does not know."""
        place = self.state.mobile_robot_position if self.state else None
        return (place.x, place.y) if place and place.localized else None

    def is_online(self, now: datetime) -> bool:
        """Whether its link is alive."""
        return self.connected and self.state_at is not None and (now - self.state_at).total_seconds() <= SILENT_AFTER_S

    def unavailable_because(self, now: datetime) -> str | None:
        """Return why it cannot be sent anywhere now, or None."""
        state = self.state
        if self.is_disabled:
            return "an operator forbids to send it"
        if state is None or not self.is_online(now):
            return "it is not heard"
        checks = (
            (self.place_m is None, "it does not know where it is"),
            (state.power_supply.charging, "it is charging"),
            (
                state.operating_mode not in ("AUTOMATIC", "SEMIAUTOMATIC"),
                f"it is in {state.operating_mode.lower()} mode",
            ),
            (state.paused or state.safety_state.active_emergency_stop != "NONE", "it is stopped"),
            (any(error.error_level in ("CRITICAL", "FATAL") for error in state.errors), "it reports a fault"),
            (not state.is_idle, "it is on another order"),
        )
        return next((reason for applies, reason in checks if applies), None)

    def reach_m(self) -> float:
        """Return how far it gets without touching the reserve of its battery [m]."""
        if self.state is None:
            return 0.0
        power = self.state.power_supply
        whole_m = power.range or RANGE_PER_PERCENT_M * power.state_of_charge
        return whole_m * max(1.0 - RESERVE_PERCENT / max(power.state_of_charge, 1.0), 0.0)

    def can_visit(self, x_m: float, y_m: float, stay_s: float) -> bool:
        """Whether its battery lasts for the way to a place, a stay there and the way to its dock."""
        here = self.place_m
        if here is None:
            return False
        way_m = math.dist(here, (x_m, y_m)) + math.dist((x_m, y_m), self.dock_m)
        return way_m + STANDING_M_PER_S * stay_s <= self.reach_m()


class Fleet:
    """All robots of a site, by name. At first nothing is known but their docks."""

    def __init__(self, site: Site) -> None:
        self.site = site
        docks = {robot.name: site.map.to_xy(*robot.dock) for robot in site.robots}
        self.robots: dict[str, FleetRobot] = {
            robot.name: FleetRobot(robot, (float(docks[robot.name][0]), float(docks[robot.name][1])))
            for robot in site.robots
        }

    def handle(self, topic: str, payload: bytes, now: datetime) -> str | None:
        """Handle a message of a robot; return its name, None for what is no state or connection of ours.

        Raises RejectedError for a message that cannot be read.
        """
        identity, kind = topics.robot_and_kind(topic) or ("", "")
        known = next((robot for robot in self.robots.values() if robot.robot.identity == identity), None)
        if known is None or kind not in ("state", "connection"):
            return None
        if kind == "state":
            known.state, known.state_at = decode(payload, State), now
        else:
            known.connected = decode(payload, Connection).connection_state == "ONLINE"
        return known.robot.name

    def nearest(
        self, x_m: float, y_m: float, stay_s: float, now: datetime, *, without: Collection[str] = ()
    ) -> FleetRobot | None:
        """Return the nearest robot that can be sent to a place, stay there and still reach its dock."""
        available = [
            robot
            for name, robot in self.robots.items()
            if name not in without and robot.unavailable_because(now) is None
        ]
        able = [robot for robot in available if robot.can_visit(x_m, y_m, stay_s)]
        return min(able, key=lambda robot: math.dist(robot.place_m or (0.0, 0.0), (x_m, y_m)), default=None)
