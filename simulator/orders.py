"""The order state of a simulated robot: accepts or rejects VDA 5050 orders and instant actions, and says what comes next. No clock, no SimPy.

The rules are those of VDA 5050 3.0.0: orders and updates 6.1.2, cancellation 6.1.3, rejection 6.1.4, actions 6.2.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.vda5050 import (
    ENDED,
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
from jeonju.simulator.order_checks import OrderRejected, check_content, check_start, check_update

# Errors of these types are reported until a new order, or a new instant action, is accepted (table 9).
OF_INSTANT_ACTIONS: Final = "INVALID_INSTANT_ACTION"
# So many instant actions are remembered unless fleet control clears them before.
MOST_INSTANT_ACTIONS: Final = 50


@dataclass
class Orders:
    """One robot's order: the nodes, edges and actions ahead, the states of its actions, and its errors."""

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
        """Whether no node, edge or action of an order is left (6.6.8)."""
        return not self.nodes and not self.edges and all(state.action_status in ENDED for state in self.action_states)

    @property
    def next_node(self) -> Node | None:
        """The next released node, None at the end of the base."""
        return self.nodes[0] if self.nodes and self.nodes[0].released else None

    @property
    def next_action(self) -> Action | None:
        """The next action at the node where the robot stands, None when it may drive on."""
        return self._due[0] if self._due else None

    @property
    def waits_for_update(self) -> bool:
        """Whether the base is done and only a horizon is left."""
        return bool(self.nodes) and self.next_node is None and not self._due

    def handle_order(self, payload: bytes, x_m: float, y_m: float, *, broken: bool = False) -> bool:
        """Accept an order or update for a robot at (x, y) and return True; where it is rejected, return False and report the error."""
        try:
            order = decode(payload, Order)
        except RejectedError as error:
            self._report("VALIDATION_FAILURE", str(error))
            return False
        try:
            return self._accept(order, x_m, y_m, broken=broken)
        except OrderRejected as error:
            self._report(error.error_type, str(error), order=order, level=error.level)
            return False

    def handle_instant_actions(self, payload: bytes) -> list[str]:
        """Perform instant actions; return the types of those that the robot must answer (stateRequest, factsheetRequest)."""
        try:
            actions = decode(payload, InstantActions).actions
        except RejectedError as error:
            self._report(OF_INSTANT_ACTIONS, str(error))
            return []
        return [action.action_type for action in actions if self._perform(action)]

    def node_reached(self) -> None:
        """The robot has reached the next node."""
        node = self.nodes.pop(0)
        self.edges = [edge for edge in self.edges if edge.sequence_id > node.sequence_id]
        self.last_node_id, self.last_sequence_id = node.node_id, node.sequence_id
        self._due = list(node.actions)

    def action_started(self) -> None:
        """The next action has started, or resumes after a pause."""
        self._set(self._due[0].action_id, "RUNNING")

    def action_paused(self) -> None:
        """The running action is paused."""
        if self._due:
            self._set(self._due[0].action_id, "PAUSED")

    def action_finished(self) -> None:
        """The next action has finished."""
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
        """Return the parts of the state whose change requires a new state message (6.6)."""
        actions = tuple(
            (state.action_id, state.action_status) for state in [*self.action_states, *self.instant_action_states]
        )
        errors = tuple((error.error_type, error.error_description) for error in self.errors)
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

    def _accept(self, order: Order, x_m: float, y_m: float, *, broken: bool) -> bool:
        if broken:
            raise OrderRejected("MOBILE_ROBOT_NOT_AVAILABLE", "the robot has broken down")
        if order.order_id == self.order_id:
            if order.order_update_id == self.order_update_id and self._is_repeated(order):
                return False
            check_update(
                order,
                update_id=self.order_update_id,
                decision_point=self._decision_point,
                cancelled=self._cancelled,
            )
            check_content(order, self.map_id)
            self._continue(order)
        else:
            if not self.is_idle:
                raise OrderRejected("OTHER_ORDER_ACTIVE", f"order {self.order_id} is still active")
            if order.order_update_id != 0:
                raise OrderRejected("VALIDATION_FAILURE", "a new order begins with orderUpdateId 0")
            check_content(order, self.map_id)
            check_start(order.nodes[0], x_m, y_m)
            self._begin(order)
        self._last_order, self.order_id, self.order_update_id = order, order.order_id, order.order_update_id
        self.errors = [error for error in self.errors if error.error_type == OF_INSTANT_ACTIONS]
        return True

    def _is_repeated(self, order: Order) -> bool:
        """Whether it is the last order again, as when fleet control missed the answer; only its header differs."""
        last = self._last_order
        return last is not None and (order.nodes, order.edges) == (last.nodes, last.edges)

    def _begin(self, order: Order) -> None:
        self._cancelled, self.wants_charging = False, False
        self.nodes, self.edges = list(order.nodes), list(order.edges)
        self.action_states = [_waiting(action) for node in order.nodes for action in node.actions]
        self._decision_point = [node for node in order.nodes if node.released][-1]
        self.node_reached()

    def _continue(self, order: Order) -> None:
        """Put the new base and horizon in place of the old horizon; what is done or released stays (6.1.2)."""
        dropped = {action.action_id for node in self.nodes if not node.released for action in node.actions}
        self.nodes = [node for node in self.nodes if node.released] + order.nodes[1:]
        self.edges = [edge for edge in self.edges if edge.released] + order.edges
        self.action_states = [state for state in self.action_states if state.action_id not in dropped]
        self.action_states += [_waiting(action) for node in order.nodes[1:] for action in node.actions]
        self._decision_point = [node for node in order.nodes if node.released][-1]

    def _perform(self, action: Action) -> bool:
        """Perform one instant action; return whether the robot must answer it."""
        state = ActionState(action_id=action.action_id, action_type=action.action_type, action_status="FINISHED")
        self.instant_action_states = [*self.instant_action_states, state][-MOST_INSTANT_ACTIONS:]
        match action.action_type:
            case "cancelOrder":
                state.action_status = self._cancel(action)
            case "startPause":
                self.paused = True
                self.action_paused()
            case "stopPause":
                self.paused = False
            case "startCharging" if self.is_idle:
                self.wants_charging = True
            case "stopCharging":
                self.wants_charging = False
            case "clearInstantActions":
                self.instant_action_states = [
                    kept for kept in self.instant_action_states if kept.action_status not in ENDED
                ] + [state]
            case "stateRequest" | "factsheetRequest":
                return True
            case _:
                state.action_status = "FAILED"
                self._report(OF_INSTANT_ACTIONS, f"{action.action_type} cannot be performed now", action=action)
                return False
        self.errors = [error for error in self.errors if error.error_type != OF_INSTANT_ACTIONS]
        return False

    def _cancel(self, action: Action) -> ActionStatus:
        wanted = action.parameter("orderId")
        if self.is_idle or wanted not in (None, self.order_id):
            self._report("NO_ORDER_TO_CANCEL", f"{wanted or 'an order'} is not active", action=action)
            return "FAILED"
        self.nodes, self.edges, self._due, self._cancelled = [], [], [], True
        for state in self.action_states:
            if state.action_status not in ENDED:
                state.action_status = "FAILED"
        return "FINISHED"

    def _set(self, action_id: str, status: ActionStatus) -> None:
        next(state for state in self.action_states if state.action_id == action_id).action_status = status

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
        self.errors = [error for error in self.errors if error.error_type != error_type]
        self.errors.append(
            Error(error_type=error_type, error_level=level, error_references=references, error_description=text[:500])
        )


def _waiting(action: Action) -> ActionState:
    return ActionState(action_id=action.action_id, action_type=action.action_type, action_status="WAITING")
