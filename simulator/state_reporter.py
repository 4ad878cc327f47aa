"""The VDA 5050 messages of a simulated robot: state on every change and every 30 s, position every 5 s, factsheet on request."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from jeonju.contract.reading import from_posix_s
from jeonju.contract.vda5050 import (
    KIND_OF,
    MEASURE,
    STATE_WITHIN_S,
    Error,
    Factsheet,
    Header,
    Headers,
    Kind,
    PowerSupply,
    RobotPosition,
    SafetyState,
    State,
    Velocity,
    Visualization,
    encode,
    theta_of,
)
from jeonju.simulator.order_checks import LONGEST_STAY_S
from jeonju.simulator.orders import Orders

VISUALIZATION_EVERY_S: Final = 5.0
# A typical patrol robot of about 150 kg; the pilot's are not published. Korea allows 10 km/h for 100 to 230 kg.
HIGHEST_SPEED_M_S: Final = 1.8
DRIVING_W: Final = 320.0
BATTERY_J: Final = 2.5 * 3.6e6  # 2.5 kWh
INSTANT_ACTIONS: Final = (
    "cancelOrder",
    "startPause",
    "stopPause",
    "startCharging",
    "stopCharging",
    "stateRequest",
    "factsheetRequest",
    "clearInstantActions",
)

# A robot that has broken down neither drives nor accepts orders until it is repaired.
BROKEN: Final = Error(
    error_type="BREAKDOWN", error_level="FATAL", error_description="stands still until it is repaired"
)


class Motion(NamedTuple):
    """Position, motion and battery of a robot."""

    x_m: float
    y_m: float
    heading_deg: float
    speed_m_s: float
    battery_percent: float
    charging: bool
    broken: bool


class StateReporter:
    """Decides which messages of one robot are due."""

    def __init__(self, identity: str, map_id: str) -> None:
        self._headers = Headers(identity)
        self._map_id = map_id
        self._requested: set[str] = {"factsheetRequest"}
        self._reported: tuple[Any, ...] = ()
        self._reported_s = self._visualized_s = float("-inf")
        self._state_number = 0

    def request(self, request: str) -> None:
        """Note a stateRequest or factsheetRequest; the next call of `due_messages` answers it."""
        self._requested.add(request)

    def due_messages(self, now_s: float, orders: Orders, motion: Motion) -> list[tuple[Kind, bytes]]:
        """Return the messages that are due at `now_s` (POSIX time), as kind and payload."""
        messages: list[Header] = []
        at = from_posix_s(now_s)
        if "factsheetRequest" in self._requested:
            messages.append(Factsheet(**self._headers.next(Factsheet, at), **FACTS))
        place = RobotPosition(
            x=round(motion.x_m, 2), y=round(motion.y_m, 2), theta=theta_of(motion.heading_deg), map_id=self._map_id
        )
        velocity = Velocity(vx=round(motion.speed_m_s, 2))
        now = (orders.signature(), motion.speed_m_s > 0, motion.charging, motion.broken)
        if (
            "stateRequest" in self._requested
            or now != self._reported
            or now_s - self._reported_s >= STATE_WITHIN_S - 1e-6
        ):
            header = self._headers.next(State, at)
            messages.append(_state(header, orders, motion, place, velocity))
            self._reported, self._reported_s, self._state_number = now, now_s, header["header_id"]
        elif now_s - max(self._visualized_s, self._reported_s) >= VISUALIZATION_EVERY_S - 1e-6:
            header = self._headers.next(Visualization, at)
            messages.append(
                Visualization(
                    **header,
                    reference_state_header_id=self._state_number,
                    mobile_robot_position=place,
                    velocity=velocity,
                )
            )
            self._visualized_s = now_s
        self._requested.clear()
        return [(KIND_OF[type(message)], encode(message)) for message in messages]


def _state(header: dict[str, Any], orders: Orders, motion: Motion, place: RobotPosition, velocity: Velocity) -> State:
    reach_m = motion.battery_percent / 100 * BATTERY_J / DRIVING_W * HIGHEST_SPEED_M_S
    errors = [*orders.errors, BROKEN] if motion.broken else orders.errors
    power = PowerSupply(state_of_charge=round(motion.battery_percent, 1), charging=motion.charging, range=int(reach_m))
    return State(
        **header,
        order_id=orders.order_id,
        order_update_id=orders.order_update_id,
        last_node_id=orders.last_node_id,
        last_node_sequence_id=orders.last_sequence_id,
        node_states=orders.node_states(),
        edge_states=orders.edge_states(),
        driving=motion.speed_m_s > 0,
        action_states=orders.action_states,
        instant_action_states=orders.instant_action_states,
        power_supply=power,
        operating_mode="AUTOMATIC",
        errors=errors,
        safety_state=SafetyState(),
        mobile_robot_position=place,
        velocity=velocity,
        paused=orders.paused,
        new_base_request=orders.waits_for_update,
    )


def _action(action_type: str, scopes: Sequence[str], *, stoppable: bool, **more: Any) -> dict[str, Any]:
    return {
        "actionType": action_type,
        "actionScopes": list(scopes),
        "pauseAllowed": stoppable,
        "cancelAllowed": stoppable,
        **more,
    }


_MEASURE: Final = _action(
    MEASURE,
    ["NODE"],
    stoppable=True,
    blockingTypes=["HARD"],
    actionDescription="Stand on the node and measure the air, the thermal camera turning all round.",
    actionParameters=[
        {
            "key": "duration",
            "valueDataType": "NUMBER",
            "description": f"Seconds, 0 to {LONGEST_STAY_S:g}.",
            "isOptional": False,
        }
    ],
)
# Measures of the body are those of Korea's rules for outdoor robots: at most 80 cm wide.
FACTS: Final[dict[str, Any]] = {
    "type_specification": {
        "seriesName": "simulated patrol robot",
        "seriesDescription": "Air sensors and a thermal camera on wheels.",
        "mobileRobotKinematics": "DIFFERENTIAL",
        "mobileRobotClass": "PATROL",
        "maximumLoadMass": 0.0,
        "localizationTypes": ["NATURAL"],
        "navigationTypes": ["FREELY_NAVIGATING"],
    },
    "physical_parameters": {
        "minimumSpeed": 0.1,
        "maximumSpeed": HIGHEST_SPEED_M_S,
        "maximumAcceleration": 0.5,
        "maximumDeceleration": 1.0,
        "minimumHeight": 1.3,
        "maximumHeight": 1.3,
        "width": 0.8,
        "length": 1.2,
    },
    "protocol_limits": {
        "maximumStringLengths": {},
        "maximumArrayLengths": {},
        "timing": {
            "minimumOrderInterval": 1.0,
            "minimumStateInterval": 1.0,
            "defaultStateInterval": STATE_WITHIN_S,
            "visualizationInterval": VISUALIZATION_EVERY_S,
        },
    },
    "protocol_features": {
        "optionalParameters": [
            {"parameter": "order.nodes.nodePosition", "support": "REQUIRED"},
            {"parameter": "order.nodes.nodePosition.allowedDeviationXY", "support": "SUPPORTED"},
            {"parameter": "order.edges.maximumSpeed", "support": "SUPPORTED"},
        ],
        "mobileRobotActions": [
            *(_action(name, ["INSTANT"], stoppable=False, blockingTypes=["NONE"]) for name in INSTANT_ACTIONS),
            _MEASURE,
        ],
    },
    "mobile_robot_geometry": {},
    "load_specification": {},
}
