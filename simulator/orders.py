"""What a simulated robot makes of VDA 5050 orders and instant actions: accepts or rejects them, and knows what comes next. No time, no SimPy.

The rules are those of VDA 5050 3.0.0: orders and updates 6.1.2, cancellation 6.1.3, rejection 6.1.4, actions 6.2.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from msgspec import UNSET

from jeonju.common.errors import RejectedError
from jeonju.contract.vda5050 import (
    ENDED,
    MEASURE,
    Action,
    ActionState,
    ActionStatus,
    Edge,
    EdgeState,
    Error,
    ErrorLevel,
    InstantActions,
    Node,
    NodeState,
    Order,
    Reference,
    decode,
)

# Errors of these types are reported until a new order, or a new instant action, is accepted (table 9).
OF_INSTANT_ACTIONS: Final = "INVALID_INSTANT_ACTION"
LONGEST_STAY_S: Final = 3600.0
# So many instant actions are remembered unless fleet control clears them before.
MOST_INSTANT_ACTIONS: Final = 50
# A robot of a city does not go further than this.
FURTHEST_M: Final = 20_000.0


class _Rejected(Exception):  # noqa: N818  (it never leaves this file)
    def __init__(self, error_type: str, description: str, level: ErrorLevel = "WARNING") -> None:
        super().__init__(description)
        self.error = error_type, level


@dataclass
class Orders:
    """One robot's order: what it has been told to do, what of it is done, and what went wrong."""

    map_id: str
    order_id: str = ""
    order_update_id: int = 0
    last_node_id: str = ""
    last_sequence_id: int = 0
    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    action_states: list[ActionState] = field(default_factory=list)
    instant_action_states: list[ActionState] = field(default_factory=list)
    errors: list[Error] = field(default_factory=list)
    paused: bool = False
    wants_charging: bool = False
    _due: list[Action] = field(default_factory=list)
    _decision_point: Node | None = None
    _last_order: Order | None = None
    _cancelled: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether nothing of an order is left (6.6.8)."""
        return not self.nodes and not self.edges and all(one.action_status in ENDED for one in self.action_states)

    @property
    def next_node(self) -> Node | None:
        """The next released node, None at the end of the base."""
        return self.nodes[0] if self.nodes and self.nodes[0].released else None

    @property
    def next_action(self) -> Action | None:
        """What is to be done where the robot stands, before it drives on."""
        return self._due[0] if self._due else None

    @property
    def waits_for_update(self) -> bool:
        """Whether the base is done and only a horizon is left."""
        return bool(self.nodes) and self.next_node is None and not self._due

    def take_order(self, payload: bytes, x_m: float, y_m: float, *, broken: bool = False) -> bool:
        """Accept an order or update for a robot at a place; where it is rejected, an error says why."""
        try:
            order = decode(payload, Order)
        except RejectedError as error:
            self._report("VALIDATION_FAILURE", str(error))
            return False
        try:
            return self._take(order, x_m, y_m, broken=broken)
        except _Rejected as error:
            self._report(error.error[0], str(error), order=order, level=error.error[1])
            return False

    def take_instant_actions(self, payload: bytes) -> list[str]:
        """Perform actions at once; return the types of those that are for the robot to answer (stateRequest, factsheetRequest)."""
        try:
            actions = decode(payload, InstantActions).actions
        except RejectedError as error:
            self._report(OF_INSTANT_ACTIONS, str(error))
            return []
        return [action.action_type for action in actions if self._perform(action)]

    def arrived(self) -> None:
        """The robot has reached the next node."""
        node = self.nodes.pop(0)
        self.edges = [edge for edge in self.edges if edge.sequence_id > node.sequence_id]
        self.last_node_id, self.last_sequence_id = node.node_id, node.sequence_id
        self._due = list(node.actions)

    def begun(self) -> None:
        """The robot has begun the next action, or goes on with it after a pause."""
        self._set(self._due[0].action_id, "RUNNING")

    def interrupted(self) -> None:
        """The running action rests."""
        if self._due:
            self._set(self._due[0].action_id, "PAUSED")

    def finished(self) -> None:
        """The robot has finished the next action."""
        self._set(self._due.pop(0).action_id, "FINISHED")

    def node_states(self) -> list[NodeState]:
        """Return the nodes ahead."""
        return [
            NodeState(
                node_id=node.node_id,
                sequence_id=node.sequence_id,
                released=node.released,
                node_position=node.node_position,
            )
            for node in self.nodes
        ]

    def edge_states(self) -> list[EdgeState]:
        """Return the edges ahead."""
        return [
            EdgeState(edge_id=edge.edge_id, sequence_id=edge.sequence_id, released=edge.released) for edge in self.edges
        ]

    def signature(self) -> tuple[Any, ...]:
        """Return what makes a new state due when it changes (6.6)."""
        actions = tuple(
            (one.action_id, one.action_status) for one in [*self.action_states, *self.instant_action_states]
        )
        errors = tuple((one.error_type, one.error_description) for one in self.errors)
        parts: list[Node | Edge] = [*self.nodes, *self.edges]
        ahead = tuple((part.sequence_id, part.released) for part in parts)
        return (
            self.order_id,
            self.order_update_id,
            self.last_node_id,
            self.last_sequence_id,
            ahead,
            actions,
            errors,
            self.paused,
        )

    def _take(self, order: Order, x_m: float, y_m: float, *, broken: bool) -> bool:
        if broken:
            raise _Rejected("MOBILE_ROBOT_NOT_AVAILABLE", "the robot has broken down")
        if order.order_id == self.order_id:
            if order.order_update_id == self.order_update_id and self._is_repeated(order):
                return False
            self._check_update(order)
            self._check_content(order)
            self._continue(order)
        else:
            if not self.is_idle:
                raise _Rejected("OTHER_ORDER_ACTIVE", f"order {self.order_id} is still active")
            if order.order_update_id != 0:
                raise _Rejected("VALIDATION_FAILURE", "a new order begins with orderUpdateId 0")
            self._check_content(order)
            self._check_start(order.nodes[0], x_m, y_m)
            self._begin(order)
        self._last_order, self.order_id, self.order_update_id = order, order.order_id, order.order_update_id
        self.errors = [one for one in self.errors if one.error_type == OF_INSTANT_ACTIONS]
        return True

    def _is_repeated(self, order: Order) -> bool:
        """The same message again, as when fleet control missed the answer; its header counts on."""
        last = self._last_order
        return last is not None and (order.nodes, order.edges) == (last.nodes, last.edges)

    def _check_update(self, order: Order) -> None:
        if self._cancelled:
            raise _Rejected("ORDER_UPDATE_FOLLOWING_CANCEL", f"order {self.order_id} was cancelled")
        if order.order_update_id == self.order_update_id:
            raise _Rejected("SAME_ORDER_UPDATE_ID", f"update {self.order_update_id} is already here with other content")
        if order.order_update_id < self.order_update_id:
            raise _Rejected("OUTDATED_ORDER_UPDATE", f"update {self.order_update_id} is already here")
        first, last = order.nodes[0], self._decision_point
        if last is None or (first.node_id, first.sequence_id) != (last.node_id, last.sequence_id):
            raise _Rejected("VALIDATION_FAILURE", "the update does not begin with the last node of the base")

    def _check_content(self, order: Order) -> None:
        if (
            unfit := [
                edge.edge_id for edge in order.edges if edge.trajectory is not UNSET or edge.corridor is not UNSET
            ]
        ) != []:
            raise _Rejected("UNSUPPORTED_PARAMETER", f"trajectory or corridor of edge {unfit[0]}", "CRITICAL")
        for node in order.nodes:
            place = node.node_position
            if not place:
                raise _Rejected("NO_ROUTE_TO_TARGET", f"node {node.node_id} has no nodePosition")
            if place.map_id != self.map_id:
                raise _Rejected(
                    "UNKNOWN_MAP_ID", f"node {node.node_id} is on map {place.map_id!r}; known is {self.map_id!r}"
                )
            if max(abs(place.x), abs(place.y)) > FURTHEST_M:
                raise _Rejected("NO_ROUTE_TO_TARGET", f"node {node.node_id} is outside the city")
        actions = [action for node in order.nodes for action in node.actions]
        for action in actions:
            if action.action_type != MEASURE or _duration_s(action) is None:
                raise _Rejected(
                    "INVALID_ORDER_ACTION", f"action {action.action_id} ({action.action_type}) cannot be performed"
                )
        if any(edge.actions for edge in order.edges):
            raise _Rejected("INVALID_ORDER_ACTION", "actions are performed on nodes only")

    @staticmethod
    def _check_start(node: Node, x_m: float, y_m: float) -> None:
        place = node.node_position
        near = place.allowed_deviation_x_y if place else UNSET
        # Without a deviation the robot's own length counts as being there. The ellipse is taken as a circle of its shorter axis.
        allowed_m = max(min(near.a, near.b), 1.0) if near else 1.0
        if place and ((place.x - x_m) ** 2 + (place.y - y_m) ** 2) ** 0.5 > allowed_m:
            raise _Rejected("START_NODE_OUT_OF_RANGE", f"node {node.node_id} is more than {allowed_m:g} m away")

    def _begin(self, order: Order) -> None:
        self._cancelled, self.wants_charging = False, False
        self.nodes, self.edges = list(order.nodes), list(order.edges)
        self.action_states = [_waiting(action) for node in order.nodes for action in node.actions]
        self._decision_point = [node for node in order.nodes if node.released][-1]
        self.arrived()

    def _continue(self, order: Order) -> None:
        """Put the new base and horizon in place of the old horizon; what is done or released stays (6.1.2)."""
        dropped = {action.action_id for node in self.nodes if not node.released for action in node.actions}
        self.nodes = [node for node in self.nodes if node.released] + order.nodes[1:]
        self.edges = [edge for edge in self.edges if edge.released] + order.edges
        self.action_states = [one for one in self.action_states if one.action_id not in dropped]
        self.action_states += [_waiting(action) for node in order.nodes[1:] for action in node.actions]
        self._decision_point = [node for node in order.nodes if node.released][-1]

    def _perform(self, action: Action) -> bool:
        """Perform one instant action; return whether the robot has to answer it."""
        state = ActionState(action_id=action.action_id, action_type=action.action_type, action_status="FINISHED")
        self.instant_action_states = [*self.instant_action_states, state][-MOST_INSTANT_ACTIONS:]
        match action.action_type:
            case "cancelOrder":
                state.action_status = self._cancel(action)
            case "startPause":
                self.paused = True
                self.interrupted()
            case "stopPause":
                self.paused = False
            case "startCharging" if self.is_idle:
                self.wants_charging = True
            case "stopCharging":
                self.wants_charging = False
            case "clearInstantActions":
                self.instant_action_states = [
                    one for one in self.instant_action_states if one.action_status not in ENDED
                ] + [state]
            case "stateRequest" | "factsheetRequest":
                return True
            case _:
                state.action_status = "FAILED"
                self._report(OF_INSTANT_ACTIONS, f"{action.action_type} cannot be performed now", action=action)
                return False
        self.errors = [one for one in self.errors if one.error_type != OF_INSTANT_ACTIONS]
        return False

    def _cancel(self, action: Action) -> ActionStatus:
        wanted = action.parameter("orderId")
        if self.is_idle or wanted not in (None, self.order_id):
            self._report("NO_ORDER_TO_CANCEL", f"{wanted or 'an order'} is not active", action=action)
            return "FAILED"
        self.nodes, self.edges, self._due, self._cancelled = [], [], [], True
        for one in self.action_states:
            if one.action_status not in ENDED:
                one.action_status = "FAILED"
        return "FINISHED"

    def _set(self, action_id: str, status: ActionStatus) -> None:
        next(one for one in self.action_states if one.action_id == action_id).action_status = status

    def _report(
        self,
        error_type: str,
        text: str,
        *,
        order: Order | None = None,
        action: Action | None = None,
        level: ErrorLevel = "WARNING",
    ) -> None:
        about = {"orderId": order.order_id, "orderUpdateId": str(order.order_update_id)} if order else {}
        if action:
            about["actionId"] = action.action_id
        references = [Reference(reference_key=key, reference_value=value) for key, value in about.items()]
        self.errors = [one for one in self.errors if one.error_type != error_type]
        self.errors.append(
            Error(error_type=error_type, error_level=level, error_references=references, error_description=text[:500])
        )


def duration_s(action: Action) -> float:
    """Return how long an accepted action lasts [s]."""
    return _duration_s(action) or 0.0


def _duration_s(action: Action) -> float | None:
    value = action.parameter("duration")
    fits = isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= LONGEST_STAY_S
    return float(value) if fits else None


def _waiting(action: Action) -> ActionState:
    return ActionState(action_id=action.action_id, action_type=action.action_type, action_status="WAITING")
