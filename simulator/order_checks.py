"""Whether a simulated robot can accept a VDA 5050 order: content, start and update rules of VDA 5050 3.0.0 (6.1.2 and 6.1.4)."""

from typing import Final

from msgspec import UNSET

from jeonju.contract.vda5050 import MEASURE, Action, ErrorLevel, Node, Order

LONGEST_STAY_S: Final = 3600.0
# A robot of a city does not go further than this.
FURTHEST_M: Final = 20_000.0


class OrderRejected(Exception):  # noqa: N818  (the standard's word)
    """An order that cannot be accepted; `error_type` and `level` are those of the error that the robot reports (table 9)."""

    def __init__(self, error_type: str, description: str, level: ErrorLevel = "WARNING") -> None:
        super().__init__(description)
        self.error_type = error_type
        self.level: ErrorLevel = level


def check_update(order: Order, *, update_id: int, decision_point: Node | None, cancelled: bool) -> None:
    """Raise OrderRejected where an order does not continue the one that has the same id and reached `update_id`."""
    if cancelled:
        raise OrderRejected("ORDER_UPDATE_FOLLOWING_CANCEL", f"order {order.order_id} was cancelled")
    if order.order_update_id == update_id:
        raise OrderRejected("SAME_ORDER_UPDATE_ID", f"update {update_id} is already here with other content")
    if order.order_update_id < update_id:
        raise OrderRejected("OUTDATED_ORDER_UPDATE", f"update {update_id} is already here")
    first = order.nodes[0]
    if decision_point is None or (first.node_id, first.sequence_id) != (
        decision_point.node_id,
        decision_point.sequence_id,
    ):
        raise OrderRejected("VALIDATION_FAILURE", "the update does not begin with the last node of the base")


def check_content(order: Order, map_id: str) -> None:
    """Raise OrderRejected where an order asks for something that the robot cannot do."""
    for edge in order.edges:
        if edge.trajectory is not UNSET or edge.corridor is not UNSET:
            raise OrderRejected("UNSUPPORTED_PARAMETER", f"trajectory or corridor of edge {edge.edge_id}", "CRITICAL")
    for node in order.nodes:
        _check_place(node, map_id)
    for action in (action for node in order.nodes for action in node.actions):
        if action.action_type != MEASURE or _duration_s(action) is None:
            raise OrderRejected(
                "INVALID_ORDER_ACTION", f"action {action.action_id} ({action.action_type}) cannot be performed"
            )
    if any(edge.actions for edge in order.edges):
        raise OrderRejected("INVALID_ORDER_ACTION", "actions are performed on nodes only")


def check_start(node: Node, x_m: float, y_m: float) -> None:
    """Raise OrderRejected where a robot at a place is too far from the first node of a new order."""
    place = node.node_position
    near = place.allowed_deviation_x_y if place else UNSET
    # Without a deviation the robot's own length counts as being there. The ellipse is taken as a circle of its shorter axis.
    allowed_m = max(min(near.a, near.b), 1.0) if near else 1.0
    if place and ((place.x - x_m) ** 2 + (place.y - y_m) ** 2) ** 0.5 > allowed_m:
        raise OrderRejected("START_NODE_OUT_OF_RANGE", f"node {node.node_id} is more than {allowed_m:g} m away")


def duration_s(action: Action) -> float:
    """Return how long an accepted action lasts [s]."""
    return _duration_s(action) or 0.0


def _check_place(node: Node, map_id: str) -> None:
    place = node.node_position
    if not place:
        raise OrderRejected("NO_ROUTE_TO_TARGET", f"node {node.node_id} has no nodePosition")
    if place.map_id != map_id:
        raise OrderRejected("UNKNOWN_MAP_ID", f"node {node.node_id} is on map {place.map_id!r}; known is {map_id!r}")
    if max(abs(place.x), abs(place.y)) > FURTHEST_M:
        raise OrderRejected("NO_ROUTE_TO_TARGET", f"node {node.node_id} is outside the city")


def _duration_s(action: Action) -> float | None:
    value = action.parameter("duration")
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_STAY_S
    return float(value) if fits else None
