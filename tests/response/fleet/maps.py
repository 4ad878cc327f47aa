"""Source maps and robots' messages for the tests of dispatch."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.contract import topics
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Error, Headers, PowerSupply, RobotPosition, SafetyState, State, encode
from jeonju.localization.source_map import CELL_M, CLOSE_CELL_M, CLOSE_EXTENT_M, EXTENT_M, SourceMap
from jeonju.response.fleet.fleet import Fleet

NOW = datetime(2026, 3, 4, 3, 0, tzinfo=UTC)
WEST_WIND = Meteorology(
    wind_speed_m_s=2.0, wind_from_deg=270.0, stability=Stability.D, mixing_height_m=800.0, temperature_k=285.0
)


def source_map(
    site: Site,
    at_m: tuple[float, float],
    spread_m: float,
    *,
    close: bool = False,
    air: Meteorology | None = WEST_WIND,
    rate_g_s: float = 5.0,
) -> SourceMap:
    """A map whose probability is a hill of some width."""
    extent, cell = (CLOSE_EXTENT_M, CLOSE_CELL_M) if close else (EXTENT_M, CELL_M)
    half = np.arange(-extent / 2, extent / 2 + 1, cell)
    x, y = at_m[0] + half, at_m[1] + half
    hill = np.exp(-0.5 * ((x[:, None] - at_m[0]) ** 2 + (y[None] - at_m[1]) ** 2) / spread_m**2)
    return SourceMap("pm25", x, y, 0.9 * hill / hill.sum(), 0.1, (rate_g_s / 3, rate_g_s, rate_g_s * 3), air)


def state_of(site: Site, name: str, place_m: tuple[float, float], now: datetime, **changes: Any) -> tuple[str, bytes]:
    """Return topic and message of a robot's state; `changes` are members of it."""
    robot = next(robot for robot in site.robots if robot.name == name)
    members: dict[str, Any] = {
        "order_id": "",
        "order_update_id": 0,
        "last_node_id": "",
        "last_node_sequence_id": 0,
        "node_states": [],
        "edge_states": [],
        "driving": True,
        "action_states": [],
        "instant_action_states": [],
        "operating_mode": "AUTOMATIC",
        "errors": [],
        "power_supply": PowerSupply(state_of_charge=80.0, charging=False, range=40_000),
        "safety_state": SafetyState(),
        "mobile_robot_position": RobotPosition(x=place_m[0], y=place_m[1], theta=0.0, map_id=site.name),
    }
    state = State(**Headers(robot.identity).next(State, now), **{**members, **changes})
    return topics.vda5050(robot.identity, "state"), encode(state)


def report(fleet: Fleet, name: str, place_m: tuple[float, float], *, now: datetime = NOW, **changes: Any) -> None:
    """Let a robot report its state."""
    assert fleet.handle(*state_of(fleet.site, name, place_m, now, **changes), now) == name


FAULT = Error(error_type="BREAKDOWN", error_level="FATAL")
