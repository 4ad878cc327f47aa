"""Sends robots to incidents: one mission after the other, stop by stop, each planned on what the map says by then.

Pure: it is given the time, the robots' messages and the newest map, and returns the messages to publish. An order's base is the next stop, its
horizon what is planned after that. At each stop the robot waits for more base; the new map decides where it goes on, or that it goes back to
its patrol.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Stop, start_node
from jeonju.localization.source_map import CELL_M, SourceMap
from jeonju.response.fleet.fleet import Fleet, FleetRobot
from jeonju.response.fleet.mission import TRY_ANOTHER, Mission, Outcome
from jeonju.response.fleet.orders import Message, OrderWriter
from jeonju.response.fleet.planning import STAY_S, plan_stops
from jeonju.response.fleet.search_map import SearchMap

# A mission ends when the source is known to half a cell of the wide map (root mean square), or after so many stops or so long.
CLEAR_ENOUGH_M: Final = 0.5 * CELL_M
MOST_STOPS: Final = 12
LONGEST_MISSION_S: Final = 45 * 60.0
# The next stop, and one more as the horizon: a robot whose order has a horizon waits for it instead of going home.
PLANNED_STOPS: Final = 2
# An order travels once (QoS 0): it is sent again when the robot's state does not show it within this time, and given up after so many times.
REPEAT_AFTER_S: Final = 60.0
MOST_SENDINGS: Final = 3
# A robot that is silent for so long does not come back to its mission; an order that was not confirmed for so long is void.
LOST_AFTER_S: Final = 600.0


class Dispatcher:
    """Fleet control of one site."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.fleet = Fleet(site)
        self.missions: list[Mission] = []
        self._orders = OrderWriter(site.name)
        self._restored_at: datetime | None = None

    def restore(self, missions: Sequence[Mission], now: datetime) -> None:
        """Go on with missions of before a restart; how far they are is what the robots will say."""
        self.missions, self._restored_at = [*missions], now

    def mission_to(self, incident: str) -> Mission | None:
        """Return the newest mission to an incident."""
        return next((mission for mission in reversed(self.missions) if mission.incident == incident), None)

    def wants_map(self, incident: str) -> bool:
        """Whether `step` would make use of a new map now."""
        mission = self.mission_to(incident)
        if mission is None or mission.outcome in TRY_ANOTHER:
            return True
        return mission.ended_at is None and (mission.is_turning_back or self._waits_for_base(mission))

    def step(self, incident: str, found: SourceMap, now: datetime) -> list[Message]:
        """Return what is to be published for an incident, given its newest map. Call it whenever a map or a robot's state is new."""
        mission = self.mission_to(incident)
        if mission is None or mission.outcome in TRY_ANOTHER:
            return self._send_nearest(incident, found, now)
        if mission.ended_at is not None:
            return []
        messages = self.follow(now)
        if messages or mission.ended_at is not None:
            return messages
        if mission.is_turning_back:
            return self._set_out_again(mission, found, now)
        if self._waits_for_base(mission):
            return self._go_on(mission, found, now)
        return self._turn_back(mission, found, now)

    def follow(self, now: datetime) -> list[Message]:
        """Look after all missions: end those that are over, repeat orders that no robot showed, call back strays. Needs no map."""
        # One step may end several missions of a robot, so whether one is under way is asked when its turn comes.
        open_missions = (mission for mission in self.missions if mission.ended_at is None)
        messages = [message for mission in open_missions for message in self._follow(mission, now)]
        return messages + self._call_back_strays(now)

    def send(self, name: str, stops: Sequence[Stop], now: datetime, *, incident: str = "") -> list[Message]:
        """Send a robot to places, as an operator does. Raises UserError, saying why, where it cannot go."""
        robot = self._robot(name)
        if (reason := robot.unavailable_because(now)) is not None:
            raise UserError(f"{name} cannot be sent: {reason}")
        if not all(robot.can_visit(stop.x_m, stop.y_m, stop.stay_s) for stop in stops):
            raise UserError(f"{name} cannot be sent: its battery does not last")
        return self._begin(incident or f"operator-{now:%Y%m%dT%H%M%S}", robot, list(stops), len(stops), now)

    def recall(self, name: str, now: datetime, *, outcome: Outcome = "recalled") -> list[Message]:
        """Call off what a robot was sent to do; it goes back to its patrol. Raises UserError where it is on no order."""
        robot = self._robot(name)
        missions = self._under_way(name)
        if not missions and (robot.state is None or robot.state.is_idle):
            raise UserError(f"{name} is on no order")
        for mission in missions:
            mission.end(now, outcome)
        order_id = missions[-1].order_id if missions else robot.state.order_id if robot.state else ""
        return [self._orders.cancel(robot, order_id, now)]

    def end_missions(self, incident: str, now: datetime) -> list[Message]:
        """Call robots off an incident that is closed: no map will send them on any more."""
        names = [mission.robot for mission in self._under_way() if mission.incident == incident]
        return [message for name in names for message in self.recall(name, now, outcome="incident closed")]

    def disable(self, name: str, now: datetime) -> list[Message]:
        """Send a robot nowhere from now on, and call it back if it is under way; another may go in its place."""
        self._robot(name).is_disabled = True
        return self.recall(name, now, outcome="forbidden") if self._under_way(name) else []

    def enable(self, name: str) -> list[Message]:
        """Let a robot be sent again; no message is needed."""
        self._robot(name).is_disabled = False
        return []

    def _under_way(self, robot: str | None = None) -> list[Mission]:
        return [mission for mission in self.missions if mission.ended_at is None and robot in (None, mission.robot)]

    def _send_nearest(self, incident: str, found: SourceMap, now: datetime) -> list[Message]:
        tried = {mission.robot for mission in self.missions if mission.incident == incident}
        robot = self.fleet.nearest(*SearchMap(self.site, found).best_m, MOST_STOPS * STAY_S, now, without=tried)
        if robot is None or robot.place_m is None:
            return []
        stops = plan_stops(self.site, found, robot.place_m, most=PLANNED_STOPS)
        return self._begin(incident, robot, stops, 1, now) if stops else []

    def _begin(
        self, incident: str, robot: FleetRobot, stops: list[Stop], released: int, now: datetime
    ) -> list[Message]:
        name = robot.robot.name
        mission = Mission(incident, name, f"{incident}-{name}-{now:%Y%m%dT%H%M%S}", now)
        self.missions.append(mission)
        return [self._first_order(mission, robot, stops, released, now)]

    def _first_order(
        self, mission: Mission, robot: FleetRobot, stops: list[Stop], released: int, now: datetime
    ) -> Message:
        start = start_node(self.site.name, mission.order_id, *(robot.place_m or (0.0, 0.0)))
        return self._orders.order(mission, robot, stops, start, released, now)

    def _go_on(self, mission: Mission, found: SourceMap, now: datetime) -> list[Message]:
        """Send the robot on from where it waits, or home."""
        robot = self.fleet.robots[mission.robot]
        if found.spread_m <= CLEAR_ENOUGH_M:
            return self._update(mission, [], now, outcome="located")
        stops: list[Stop] = []
        if len(mission.stops) < MOST_STOPS:
            stops = plan_stops(self.site, found, robot.place_m or (0.0, 0.0), most=PLANNED_STOPS)
        if not stops or not robot.can_visit(stops[0].x_m, stops[0].y_m, stops[0].stay_s):
            return self._update(mission, [], now, outcome="nothing more to gain")
        return self._update(mission, stops, now)

    def _update(
        self, mission: Mission, stops: list[Stop], now: datetime, *, outcome: Outcome | Literal[""] = ""
    ) -> list[Message]:
        """Update the order of a waiting robot. Without stops the mission is over once its state shows that nothing is left to do."""
        assert mission.base_end is not None  # noqa: S101  (it was sent an order, and every order has a base)
        mission.update_id, mission.outcome = mission.update_id + 1, outcome
        return [self._orders.order(mission, self.fleet.robots[mission.robot], stops, mission.base_end, 1, now)]

    def _turn_back(self, mission: Mission, found: SourceMap, now: datetime) -> list[Message]:
        """Call a robot off a way that, as is known now, leads into danger; a base cannot be changed in any other way."""
        robot = self.fleet.robots[mission.robot]
        is_on_its_way = robot.state is not None and mission.matches(robot.state) and bool(robot.state.node_states)
        target = mission.stops[-1]
        if not is_on_its_way or not SearchMap(self.site, found).is_dangerous(target.x_m, target.y_m):
            return []
        mission.is_turning_back, mission.turned_back = True, mission.turned_back + 1
        mission.stops.pop()
        return [self._orders.cancel(robot, mission.order_id, now)]

    def _set_out_again(self, mission: Mission, found: SourceMap, now: datetime) -> list[Message]:
        """Give a robot that was turned back another order, as soon as it has let go of the first."""
        robot = self.fleet.robots[mission.robot]
        if robot.unavailable_because(now) is not None or robot.place_m is None:
            return []
        mission.is_turning_back = False
        stops = plan_stops(self.site, found, robot.place_m, most=PLANNED_STOPS)
        if not stops:
            mission.end(now, "nothing more to gain")
            return []
        mission.order_id = f"{mission.order_id}-{mission.turned_back}"
        mission.update_id, mission.is_accepted = 0, False
        return [self._first_order(mission, robot, stops, 1, now)]

    def _follow(self, mission: Mission, now: datetime) -> list[Message]:
        robot = self.fleet.robots[mission.robot]
        state = robot.state
        if robot.is_disabled:
            return self.recall(mission.robot, now, outcome="forbidden")
        if not robot.is_online(now):
            # After a restart no state has come yet.
            last = robot.state_at or self._restored_at or mission.sent_at
            if (now - last).total_seconds() > LOST_AFTER_S:
                mission.end(now, "lost")
            return []
        if mission.is_turning_back:
            return []
        if state is None or not mission.matches(state):
            return self._without_order(mission, robot, now)
        mission.is_accepted = True
        if any(action.action_status == "FAILED" for action in state.action_states):
            mission.end(now, "failed")
        elif state.is_idle:
            mission.end(now, mission.outcome or "done")
        elif self._waits_for_base(mission) and (now - mission.sent_at).total_seconds() > LONGEST_MISSION_S:
            return self._update(mission, [], now, outcome="time is up")
        return []

    def _without_order(self, mission: Mission, robot: FleetRobot, now: datetime) -> list[Message]:
        """End the mission of a robot that has left its order, or repeat the order that its state does not show."""
        state, order = robot.state, mission.order
        if state is not None and state.order_id != mission.order_id and (mission.is_accepted or not state.is_idle):
            mission.end(now, "on another order" if state.order_id else "order forgotten")
            return []
        if mission.order_sent_at is None or order is None:
            return []
        unconfirmed_s = (now - mission.order_sent_at).total_seconds()
        if unconfirmed_s > LOST_AFTER_S:
            mission.end(now, "lost")
        elif unconfirmed_s >= REPEAT_AFTER_S and mission.sendings >= MOST_SENDINGS:
            mission.end(now, "refused")
        elif unconfirmed_s >= REPEAT_AFTER_S:
            return [self._orders.repeat(mission, order, robot, now)]
        return []

    def _call_back_strays(self, now: datetime) -> list[Message]:
        """Call back robots on orders of ours that are no longer wanted: they would wait for the rest for ever."""
        wanted = {mission.order_id for mission in self._under_way() if not mission.is_turning_back}
        messages = []
        for name, robot in self.fleet.robots.items():
            state = robot.state
            if state is None or state.is_idle or not robot.is_online(now) or state.order_id in wanted:
                continue
            cancelled_s = self._orders.cancelled_s(name, state.order_id, now)
            is_cancelled = cancelled_s is not None and cancelled_s < REPEAT_AFTER_S
            # Orders of ours are named after the robot; those of another control are left alone.
            if f"-{name}-" in state.order_id and not is_cancelled:
                messages.append(self._orders.cancel(robot, state.order_id, now))
        return messages

    def _waits_for_base(self, mission: Mission) -> bool:
        """Whether the robot stands at the end of its base, done with what there was to do, and waits for more."""
        state = self.fleet.robots[mission.robot].state
        return state is not None and mission.matches(state) and state.new_base_request

    def _robot(self, name: str) -> FleetRobot:
        if name not in self.fleet.robots:
            raise UserError(f"no robot is named {name!r}; there are: {', '.join(self.fleet.robots)}")
        return self.fleet.robots[name]
