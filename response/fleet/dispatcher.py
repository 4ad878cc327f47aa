"""Sends robots to look at incidents: one visit after the other, stop by stop, each planned on what the map says by then.

Pure: it is told the time, what robots say and the newest map, and returns the messages to publish. An order's base is the next stop, its horizon what
is planned after that. At each stop the robot waits for more base; the new map decides where it goes on, or that it goes back to its patrol.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.site import Site
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
    start_node,
)
from jeonju.localization.source_map import CELL_M, SourceMap
from jeonju.response.fleet.fleet import Fleet, FleetRobot
from jeonju.response.fleet.planning import STAY_S, Ground, plan_stops
from jeonju.response.fleet.visit import TRY_ANOTHER, Outcome, Visit

# A visit ends when the source is known to half a cell of the wide map (root mean square), or after so many stops or so long.
CLEAR_ENOUGH_M: Final = 0.5 * CELL_M
MOST_STOPS: Final = 12
LONGEST_VISIT_S: Final = 45 * 60.0
# The next stop, and one more as the horizon: a robot whose order has a horizon waits for it instead of going home.
PLANNED_STOPS: Final = 2
# An order travels once (QoS 0): it is sent again when the robot does not tell within this time that it has it, and given up after so many times.
REPEAT_AFTER_S: Final = 60.0
MOST_SENDINGS: Final = 3
# A robot that is not heard for so long does not come back to its visit; an order that was not confirmed for so long is void.
LOST_AFTER_S: Final = 600.0


class Message(NamedTuple):
    """What is to be published."""

    topic: str
    payload: bytes

    @property
    def is_order(self) -> bool:
        """Whether it sends a robot somewhere."""
        return self.topic.endswith("/order")


@dataclass
class Dispatcher:
    """Fleet control of one site."""

    site: Site
    fleet: Fleet = field(init=False)
    visits: list[Visit] = field(default_factory=list)
    _resumed_at: datetime | None = None
    _cancelled: dict[str, tuple[str, datetime]] = field(
        default_factory=dict
    )  # robot → order it was last told to drop, and when
    _headers: dict[str, Headers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the robots of the site."""
        self.fleet = Fleet(self.site)

    def resume(self, visits: Sequence[Visit], now: datetime) -> None:
        """Go on with visits of before a restart; how far they are is what the robots will say."""
        self.visits, self._resumed_at = [*visits], now

    def visit_of(self, incident: str) -> Visit | None:
        """Return the newest visit to an incident."""
        return next((visit for visit in reversed(self.visits) if visit.incident == incident), None)

    def wants_map(self, incident: str) -> bool:
        """Whether `step` would make use of a new map now."""
        visit = self.visit_of(incident)
        if visit is None or visit.outcome in TRY_ANOTHER:
            return True
        return visit.ended_at is None and (visit.turning or self._has_measured(visit))

    def step(self, incident: str, found: SourceMap, now: datetime) -> list[Message]:
        """Return what is to be published for an incident, given its newest map. Call it whenever a map or a robot's state is new."""
        visit = self.visit_of(incident)
        if visit is None or visit.outcome in TRY_ANOTHER:
            return self._send_nearest(incident, found, now)
        if visit.ended_at is not None:
            return []
        messages = self.follow(now)
        if messages or visit.ended_at is not None:
            return messages
        if visit.turning:
            return self._set_out_again(visit, found, now)
        return self._go_on(visit, found, now) if self._has_measured(visit) else self._turn_back(visit, found, now)

    def follow(self, now: datetime) -> list[Message]:
        """Look after all visits: end those that are over, send again what was not heard, call back who is on none. Needs no map."""
        messages = [message for visit in self.visits if visit.ended_at is None for message in self._follow(visit, now)]
        return messages + self._call_back_strays(now)

    def send(self, robot: str, stops: Sequence[Stop], now: datetime, *, incident: str = "") -> list[Message]:
        """Send a robot to places, as an operator does. Raises UserError, saying why, where it cannot go."""
        one = self._robot(robot)
        if (reason := one.why_not(now)) is not None:
            raise UserError(f"{robot} cannot be sent: {reason}")
        if not all(one.can_visit(stop.x_m, stop.y_m, stop.stay_s) for stop in stops):
            raise UserError(f"{robot} cannot be sent: its battery does not last")
        return self._begin(incident or f"operator-{now:%Y%m%dT%H%M%S}", one, list(stops), len(stops), now)

    def recall(self, robot: str, now: datetime, *, outcome: Outcome = "recalled") -> list[Message]:
        """Call off what a robot was sent to do; it goes back to its patrol. Raises UserError where it is on no order."""
        one = self._robot(robot)
        under_way = [visit for visit in self.visits if visit.robot == robot and visit.ended_at is None]
        if not under_way and (one.state is None or one.state.is_idle):
            raise UserError(f"{robot} is on no order")
        for visit in under_way:
            visit.end(now, outcome)
        order_id = under_way[-1].order_id if under_way else one.state.order_id if one.state else ""
        return [self._cancel(one, order_id, now)]

    def leave(self, incident: str, now: datetime) -> list[Message]:
        """Call robots off an incident that is closed: no map will tell them any more where to go on."""
        there = [visit.robot for visit in self.visits if visit.incident == incident and visit.ended_at is None]
        return [message for robot in there for message in self.recall(robot, now, outcome="incident closed")]

    def forbid(self, robot: str, now: datetime) -> list[Message]:
        """Send a robot nowhere from now on, and call it back if it is under way; another may go in its place."""
        one = self._robot(robot)
        one.forbidden = True
        under_way = any(visit.robot == robot and visit.ended_at is None for visit in self.visits)
        return self.recall(robot, now, outcome="forbidden") if under_way else []

    def allow(self, robot: str) -> list[Message]:
        """Let a robot be sent again; there is nothing to tell it."""
        self._robot(robot).forbidden = False
        return []

    def _send_nearest(self, incident: str, found: SourceMap, now: datetime) -> list[Message]:
        tried = {visit.robot for visit in self.visits if visit.incident == incident}
        one = self.fleet.nearest(*Ground(self.site, found).best_m, MOST_STOPS * STAY_S, now, without=tried)
        if one is None or one.place_m is None:
            return []
        stops = plan_stops(self.site, found, one.place_m, most=PLANNED_STOPS)
        return self._begin(incident, one, stops, 1, now) if stops else []

    def _begin(self, incident: str, one: FleetRobot, stops: list[Stop], released: int, now: datetime) -> list[Message]:
        x_m, y_m = one.place_m or (0.0, 0.0)
        order_id = f"{incident}-{one.robot.name}-{now:%Y%m%dT%H%M%S}"
        visit = Visit(incident, one.robot.name, order_id, now)
        self.visits.append(visit)
        return self._order(visit, one, stops, start_node(self.site.name, order_id, x_m, y_m), released, now)

    def _go_on(self, visit: Visit, found: SourceMap, now: datetime) -> list[Message]:
        """Send the robot on from where it waits, or home."""
        one = self.fleet.robots[visit.robot]
        if found.spread_m <= CLEAR_ENOUGH_M:
            return self._update(visit, [], now, outcome="located")
        stops: list[Stop] = []
        if len(visit.places) < MOST_STOPS:
            stops = plan_stops(self.site, found, one.place_m or (0.0, 0.0), most=PLANNED_STOPS)
        if not stops or not one.can_visit(stops[0].x_m, stops[0].y_m, stops[0].stay_s):
            return self._update(visit, [], now, outcome="nothing more to gain")
        return self._update(visit, stops, now)

    def _update(
        self, visit: Visit, stops: list[Stop], now: datetime, *, outcome: Outcome | Literal[""] = ""
    ) -> list[Message]:
        """Tell a waiting robot where it goes on. Without stops the visit is over once it says that it has nothing left to do."""
        assert visit.base_end is not None  # noqa: S101  (it was sent an order, and every order has a base)
        visit.update_id, visit.outcome = visit.update_id + 1, outcome
        return self._order(visit, self.fleet.robots[visit.robot], stops, visit.base_end, 1, now)

    def _turn_back(self, visit: Visit, found: SourceMap, now: datetime) -> list[Message]:
        """Call a robot off a way that, as is known now, leads into danger; a base cannot be changed in any other way."""
        one = self.fleet.robots[visit.robot]
        is_on_its_way = one.state is not None and visit.is_in(one.state) and bool(one.state.node_states)
        if not is_on_its_way or not Ground(self.site, found).is_dangerous(visit.places[-1].x_m, visit.places[-1].y_m):
            return []
        visit.turning, visit.turned_back = True, visit.turned_back + 1
        visit.places.pop()
        return [self._cancel(one, visit.order_id, now)]

    def _set_out_again(self, visit: Visit, found: SourceMap, now: datetime) -> list[Message]:
        """Give a robot that was turned back another order, as soon as it has let go of the first."""
        one = self.fleet.robots[visit.robot]
        if one.why_not(now) is not None or one.place_m is None:
            return []
        visit.turning = False
        stops = plan_stops(self.site, found, one.place_m, most=PLANNED_STOPS)
        if not stops:
            visit.end(now, "nothing more to gain")
            return []
        visit.order_id, visit.update_id, visit.taken = f"{visit.order_id}-{visit.turned_back}", 0, False
        return self._order(visit, one, stops, start_node(self.site.name, visit.order_id, *one.place_m), 1, now)

    def _cancel(self, one: FleetRobot, order_id: str, now: datetime) -> Message:
        self._cancelled[one.robot.name] = order_id, now
        which = [Parameter(key="orderId", value=order_id)]
        cancel = Action(action_type="cancelOrder", action_id=f"cancel-{order_id}", action_parameters=which)
        return self._message(one, InstantActions(**self._header(one, InstantActions, now), actions=[cancel]))

    def _order(
        self, visit: Visit, one: FleetRobot, stops: list[Stop], start: Node, released: int, now: datetime
    ) -> list[Message]:
        nodes, edges = route(self.site.name, visit.order_id, stops, start=start, released=released)
        visit.order = Order(
            **self._header(one, Order, now),
            order_id=visit.order_id,
            order_update_id=visit.update_id,
            nodes=nodes,
            edges=edges,
        )
        visit.places += stops[:released]
        visit.told_at, visit.sendings = now, 1
        return [self._message(one, visit.order)]

    def _follow(self, visit: Visit, now: datetime) -> list[Message]:
        one = self.fleet.robots[visit.robot]
        state = one.state
        if one.forbidden:
            return self.recall(visit.robot, now, outcome="forbidden")
        # After a restart nobody has been heard yet.
        silent_s = (now - (one.state_at or self._resumed_at or visit.sent_at)).total_seconds()
        if not one.is_heard(now):
            if silent_s > LOST_AFTER_S:
                visit.end(now, "lost")
            return []
        if visit.turning:
            return []
        if state is None or not visit.is_in(state):
            return self._without_order(visit, one, now)
        visit.taken = True
        if any(action.action_status == "FAILED" for action in state.action_states):
            visit.end(now, "failed")
        elif state.is_idle:
            visit.end(now, visit.outcome or "done")
        elif self._has_measured(visit) and (now - visit.sent_at).total_seconds() > LONGEST_VISIT_S:
            return self._update(visit, [], now, outcome="time is up")
        return []

    def _without_order(self, visit: Visit, one: FleetRobot, now: datetime) -> list[Message]:
        """End the visit of a robot that has left its order, or send what it has not heard of."""
        state = one.state
        if state is not None and state.order_id != visit.order_id and (visit.taken or not state.is_idle):
            visit.end(now, "on another order" if state.order_id else "order forgotten")
            return []
        if visit.told_at is not None and (now - visit.told_at).total_seconds() > LOST_AFTER_S:
            visit.end(now, "lost")
            return []
        return self._repeat(visit, one, now)

    def _call_back_strays(self, now: datetime) -> list[Message]:
        """Call back robots on orders of ours that nobody wants done any more: they would wait for the rest for ever."""
        wanted = {visit.order_id for visit in self.visits if visit.ended_at is None and not visit.turning}
        messages = []
        for name, one in self.fleet.robots.items():
            state = one.state
            if state is None or state.is_idle or not one.is_heard(now) or state.order_id in wanted:
                continue
            order_id, told_at = self._cancelled.get(name, ("", now))
            is_told = order_id == state.order_id and (now - told_at).total_seconds() < REPEAT_AFTER_S
            # Orders of ours are named after the robot; those of another control are left alone.
            if f"-{name}-" in state.order_id and not is_told:
                messages.append(self._cancel(one, state.order_id, now))
        return messages

    def _repeat(self, visit: Visit, one: FleetRobot, now: datetime) -> list[Message]:
        """Send an order again that the robot does not have; it takes the same order only once."""
        if visit.told_at is None or visit.order is None or (now - visit.told_at).total_seconds() < REPEAT_AFTER_S:
            return []
        if visit.sendings >= MOST_SENDINGS:
            visit.end(now, "refused")
            return []
        visit.told_at, visit.sendings = now, visit.sendings + 1
        return [self._message(one, visit.order)]

    def _has_measured(self, visit: Visit) -> bool:
        """Whether the robot stands at the end of its base, done with what there was to do, and waits for more."""
        state = self.fleet.robots[visit.robot].state
        return state is not None and visit.is_in(state) and state.new_base_request

    def _robot(self, name: str) -> FleetRobot:
        if name not in self.fleet.robots:
            raise UserError(f"no robot is named {name!r}; there are: {', '.join(self.fleet.robots)}")
        return self.fleet.robots[name]

    def _header(self, one: FleetRobot, message: type[Header], now: datetime) -> dict[str, Any]:
        return self._headers.setdefault(one.robot.identity, Headers(one.robot.identity)).next(message, now)

    @staticmethod
    def _message(one: FleetRobot, message: Header) -> Message:
        return Message(topics.vda5050(one.robot.identity, KIND_OF[type(message)]), encode(message))
