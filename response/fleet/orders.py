"""The messages to robots: orders, and what calls an order off, in VDA 5050."""

from datetime import datetime
from typing import Any, NamedTuple

from jeonju.contract import topics
from jeonju.contract.vda5050 import (
    KIND_OF,
    Action,
    Header,
    Headers,
    InstantActions,
    Node,
    Order,
    Parameter,
    Stop,
    encode,
    route,
)
from jeonju.response.fleet.fleet import FleetRobot
from jeonju.response.fleet.mission import Mission


class Message(NamedTuple):
    """What is to be published."""

    topic: str
    payload: bytes

    @property
    def is_order(self) -> bool:
        """Whether it sends a robot somewhere."""
        return self.topic.endswith("/order")


class OrderWriter:
    """Writes the messages of one site; it counts their headers, and knows which order each robot was last asked to drop."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._headers: dict[str, Headers] = {}
        self._cancelled: dict[str, tuple[str, datetime]] = {}  # robot → order, and when

    def order(
        self, mission: Mission, robot: FleetRobot, stops: list[Stop], start: Node, released: int, now: datetime
    ) -> Message:
        """Return the next order of a mission, from `start` over `stops`, of which the first `released` are its base."""
        nodes, edges = route(self._site, mission.order_id, stops, start=start, released=released)
        mission.order = Order(
            **self._header(robot, Order, now),
            order_id=mission.order_id,
            order_update_id=mission.update_id,
            nodes=nodes,
            edges=edges,
        )
        mission.stops += stops[:released]
        mission.order_sent_at, mission.sendings = now, 1
        return _message(robot, mission.order)

    def repeat(self, mission: Mission, order: Order, robot: FleetRobot, now: datetime) -> Message:
        """Return the same order once more; a robot accepts it only once."""
        mission.order_sent_at, mission.sendings = now, mission.sendings + 1
        return _message(robot, order)

    def cancel(self, robot: FleetRobot, order_id: str, now: datetime) -> Message:
        """Return what calls an order off."""
        self._cancelled[robot.robot.name] = order_id, now
        which = [Parameter(key="orderId", value=order_id)]
        cancel = Action(action_type="cancelOrder", action_id=f"cancel-{order_id}", action_parameters=which)
        return _message(robot, InstantActions(**self._header(robot, InstantActions, now), actions=[cancel]))

    def cancelled_s(self, robot: str, order_id: str, now: datetime) -> float | None:
        """Return how long ago an order was last called off [s], None where it was not."""
        cancelled, at = self._cancelled.get(robot, ("", now))
        return (now - at).total_seconds() if cancelled == order_id else None

    def _header(self, robot: FleetRobot, message: type[Header], now: datetime) -> dict[str, Any]:
        identity = robot.robot.identity
        return self._headers.setdefault(identity, Headers(identity)).next(message, now)


def _message(robot: FleetRobot, message: Header) -> Message:
    return Message(topics.vda5050(robot.robot.identity, KIND_OF[type(message)]), encode(message))
