"""Messages of VDA 5050 3.0 as far as patrol robots need them: what fleet control and robots send each other.

Source: VDA 5050 version 3.0.0, chapters 6 and 7, and the JSON schemas of its repository (github.com/VDA5050/VDA5050). x and y are metres east and
north of the site's origin, `theta` radians counter-clockwise from east, and the one map is named after the site. Members of the standard that no
patrol robot sends or understands are left out; what others send besides is ignored.

One file, although it has more than 300 lines: it is the schema of one standard, in the order of its chapters.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from jeonju.common.errors import RejectedError

VERSION: Final = "3.0.0"
# A state comes at least this often (6.6).
STATE_WITHIN_S: Final = 30.0
# The one action of our robots that the standard does not define: stand on a node and measure for `duration` seconds.
MEASURE: Final = "measure"
# The first node of an order is where the robot is; by the time it reads the order it may have driven on for a minute.
START_DEVIATION_M: Final = 150.0

UInt = Annotated[int, Meta(ge=0)]
ActionStatus = Literal["WAITING", "INITIALIZING", "RUNNING", "PAUSED", "RETRIABLE", "FINISHED", "FAILED"]
ConnectionState = Literal["ONLINE", "OFFLINE", "HIBERNATING", "CONNECTION_BROKEN"]
OperatingMode = Literal["STARTUP", "AUTOMATIC", "SEMIAUTOMATIC", "INTERVENED", "MANUAL", "SERVICE", "TEACH_IN"]
ErrorLevel = Literal["WARNING", "URGENT", "CRITICAL", "FATAL"]
ENDED: Final = ("FINISHED", "FAILED")


class _Part(msgspec.Struct, kw_only=True, rename="camel"):
    """Members are in camelCase on the wire."""


class Header(_Part, kw_only=True):
    """What every message begins with; `header_id` counts up per topic."""

    header_id: int
    timestamp: str
    version: str = VERSION
    manufacturer: str
    serial_number: str


class Parameter(_Part, kw_only=True):
    """A parameter of an action."""

    key: str
    value: Any


class Action(_Part, kw_only=True):
    """Something to do on a node, or at once."""

    action_type: str
    action_id: str
    blocking_type: Literal["NONE", "SINGLE", "SOFT", "HARD"] = "NONE"
    action_parameters: list[Parameter] | UnsetType = UNSET

    def parameter(self, key: str) -> Any:
        """Return the value of a parameter, None where it is missing."""
        return next((parameter.value for parameter in self.action_parameters or () if parameter.key == key), None)


class Deviation(_Part, kw_only=True):
    """How near is near enough: an ellipse around a node."""

    a: Annotated[float, Meta(ge=0)]
    b: Annotated[float, Meta(ge=0)]
    theta: float = 0.0


class NodePosition(_Part, kw_only=True):
    """A place on a map."""

    x: float
    y: float
    map_id: str
    theta: float | UnsetType = UNSET
    allowed_deviation_x_y: Deviation | UnsetType = msgspec.field(default=UNSET, name="allowedDeviationXY")


class Node(_Part, kw_only=True):
    """A place to go to; `released` ones are the base, others the horizon."""

    node_id: str
    sequence_id: UInt
    released: bool
    node_position: NodePosition | UnsetType = UNSET
    actions: list[Action]


class Edge(_Part, kw_only=True):
    """The way between two nodes."""

    edge_id: str
    sequence_id: UInt
    released: bool
    actions: list[Action]
    maximum_speed: float | UnsetType = UNSET
    trajectory: Any = UNSET
    corridor: Any = UNSET


class Order(Header, kw_only=True):
    """Nodes and edges to be travelled."""

    order_id: str
    order_update_id: UInt
    nodes: Annotated[list[Node], Meta(min_length=1)]
    edges: list[Edge]


class InstantActions(Header, kw_only=True):
    """Actions to be performed at once."""

    actions: list[Action]


class NodeState(_Part, kw_only=True):
    """A node that lies ahead."""

    node_id: str
    sequence_id: UInt
    released: bool
    node_position: NodePosition | UnsetType = UNSET


class EdgeState(_Part, kw_only=True):
    """An edge that lies ahead."""

    edge_id: str
    sequence_id: UInt
    released: bool


class ActionState(_Part, kw_only=True):
    """How far an action is."""

    action_id: str
    action_type: str = ""
    action_status: ActionStatus
    action_result: str | UnsetType = UNSET


class RobotPosition(_Part, kw_only=True):
    """Where a robot is."""

    x: float
    y: float
    theta: float
    map_id: str
    localized: bool = True


class Velocity(_Part, kw_only=True):
    """How fast it moves in its own coordinates [m/s]."""

    vx: float = 0.0
    vy: float = 0.0


class PowerSupply(_Part, kw_only=True):
    """Its battery: charge [%], and how far it still gets [m]."""

    state_of_charge: float
    charging: bool
    range: UInt | UnsetType = UNSET


class Reference(_Part, kw_only=True):
    """What an error is about."""

    reference_key: str
    reference_value: str


class Error(_Part, kw_only=True):
    """What is wrong, as long as it is."""

    error_type: str
    error_level: ErrorLevel
    error_references: list[Reference] = []
    error_description: str = ""


class SafetyState(_Part, kw_only=True):
    """Emergency stop and protective field."""

    active_emergency_stop: Literal["MANUAL", "REMOTE", "NONE"] = "NONE"
    field_violation: bool = False


class State(Header, kw_only=True):
    """Everything about a robot, sent when something changes and at least every 30 s."""

    order_id: str
    order_update_id: UInt
    last_node_id: str
    last_node_sequence_id: UInt
    node_states: list[NodeState]
    edge_states: list[EdgeState]
    driving: bool
    action_states: list[ActionState]
    instant_action_states: list[ActionState]
    power_supply: PowerSupply
    operating_mode: OperatingMode
    errors: list[Error]
    safety_state: SafetyState
    mobile_robot_position: RobotPosition | UnsetType = UNSET
    velocity: Velocity | UnsetType = UNSET
    paused: bool = False
    new_base_request: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether a new order would be accepted (6.6.8)."""
        return not (self.node_states or self.edge_states) and all(
            action.action_status in ENDED for action in self.action_states
        )


class Connection(Header, kw_only=True):
    """Whether a robot is connected; CONNECTION_BROKEN is its last will."""

    connection_state: ConnectionState


class Visualization(Header, kw_only=True):
    """Where a robot is, between two states."""

    reference_state_header_id: int
    mobile_robot_position: RobotPosition
    velocity: Velocity


class Factsheet(Header, kw_only=True):
    """What a type of robot is and can do; tables of the standard as they are on the wire."""

    type_specification: dict[str, Any]
    physical_parameters: dict[str, Any]
    protocol_limits: dict[str, Any]
    protocol_features: dict[str, Any]
    mobile_robot_geometry: dict[str, Any]
    load_specification: dict[str, Any]


Kind = Literal["order", "instantActions", "state", "connection", "visualization", "factsheet"]
KIND_OF: Final[dict[type[Header], Kind]] = {
    Order: "order",
    InstantActions: "instantActions",
    State: "state",
    Connection: "connection",
    Visualization: "visualization",
    Factsheet: "factsheet",
}
RETAINED: Final = ("connection", "factsheet")
M = TypeVar("M", bound=Header)


class Headers:
    """Gives messages to or from one robot their headers, counting per topic. `identity` is `manufacturer/serialNumber`."""

    def __init__(self, identity: str) -> None:
        self.manufacturer, _, self.serial_number = identity.partition("/")
        self._counts: dict[type[Header], int] = {}

    def next(self, message: type[Header], at: datetime) -> dict[str, Any]:
        """Return the members of the next header of a kind of message."""
        count = self._counts[message] = self._counts.get(message, -1) + 1
        return {
            "header_id": count,
            "timestamp": timestamp(at),
            "manufacturer": self.manufacturer,
            "serial_number": self.serial_number,
        }


def timestamp(at: datetime) -> str:
    """Return an instant as the standard writes it: UTC with milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def qos(kind: Kind) -> int:
    """Return the MQTT quality of service of a topic (4.1)."""
    return 1 if kind == "connection" else 0


def encode(message: Header) -> bytes:
    """Return the JSON bytes of a message."""
    return msgspec.json.encode(message)


def decode(payload: bytes, kind: type[M]) -> M:
    """Return a message; raises RejectedError that says what is wrong with it."""
    try:
        message = msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RejectedError(f"is no VDA 5050 {KIND_OF[kind]}: {error}") from error
    if isinstance(message, Order):
        _check_sequence(message)
    return message


def _check_sequence(order: Order) -> None:
    """Nodes and edges alternate and count up by one, and nothing released follows what is not (6.1.1)."""
    parts: list[Node | Edge] = sorted([*order.nodes, *order.edges], key=lambda part: part.sequence_id)
    first = order.nodes[0].sequence_id
    if [part.sequence_id for part in parts] != list(range(first, first + len(parts))) or first % 2:
        raise RejectedError("is no VDA 5050 order: sequenceId does not count up by one from an even number")
    if (
        any(isinstance(part, Node) != (part.sequence_id % 2 == 0) for part in parts)
        or len(order.nodes) != len(order.edges) + 1
    ):
        raise RejectedError("is no VDA 5050 order: nodes and edges do not alternate")
    if [node.sequence_id for node in order.nodes] != sorted(node.sequence_id for node in order.nodes):
        raise RejectedError("is no VDA 5050 order: nodes are not in their sequence")
    released = [part.released for part in parts]
    if not released[0] or released != sorted(released, reverse=True):
        raise RejectedError("is no VDA 5050 order: the first node must be released, and nothing after what is not")


class Stop(NamedTuple):
    """A place to measure at for a while."""

    x_m: float
    y_m: float
    stay_s: float


def route(
    map_id: str, order_id: str, stops: Sequence[Stop], *, start: Node, released: int
) -> tuple[list[Node], list[Edge]]:
    """Return nodes and edges from `start` over all stops; the first `released` stops are the base, the others the horizon."""
    nodes, edges = [start], []
    for number, stop in enumerate(stops):
        sequence, in_base = start.sequence_id + 2 * number + 2, number < released
        stay = Action(
            action_type=MEASURE,
            action_id=f"{order_id}-measure-{sequence}",
            blocking_type="HARD",
            action_parameters=[Parameter(key="duration", value=stop.stay_s)],
        )
        edges.append(
            Edge(edge_id=f"{order_id}-edge-{sequence - 1}", sequence_id=sequence - 1, released=in_base, actions=[])
        )
        position = NodePosition(x=round(stop.x_m, 2), y=round(stop.y_m, 2), map_id=map_id)
        nodes.append(
            Node(
                node_id=f"{order_id}-node-{sequence}",
                sequence_id=sequence,
                released=in_base,
                node_position=position,
                actions=[stay],
            )
        )
    return nodes, edges


def start_node(map_id: str, order_id: str, x_m: float, y_m: float) -> Node:
    """Return the first node of a new order: where the robot is, or was a moment ago."""
    near = Deviation(a=START_DEVIATION_M, b=START_DEVIATION_M)
    position = NodePosition(x=round(x_m, 2), y=round(y_m, 2), map_id=map_id, allowed_deviation_x_y=near)
    return Node(node_id=f"{order_id}-node-0", sequence_id=0, released=True, node_position=position, actions=[])


def theta_of(heading_deg: float) -> float:
    """Return radians counter-clockwise from east, in -π … π, for a heading in degrees clockwise from north."""
    turned = math.radians(90.0 - heading_deg)
    # Rounding must not lead out of -π … π, which schemas check.
    return min(max(round(math.atan2(math.sin(turned), math.cos(turned)), 4), -3.1415), 3.1415)
