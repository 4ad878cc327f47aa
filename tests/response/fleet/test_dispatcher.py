"""Fleet control: which robot goes, its orders stop by stop, what operators may do, and what happens when a robot does not answer."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import simpy

from jeonju.common.errors import RejectedError, UserError
from jeonju.contract import topics
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import (
    ActionState,
    Connection,
    Headers,
    InstantActions,
    Order,
    PowerSupply,
    SafetyState,
    Stop,
    decode,
    encode,
)
from jeonju.response.fleet.dispatcher import (
    LONGEST_MISSION_S,
    LOST_AFTER_S,
    MOST_SENDINGS,
    REPEAT_AFTER_S,
    Dispatcher,
)
from jeonju.response.fleet.fleet import SILENT_AFTER_S, Fleet
from jeonju.response.fleet.mission import Mission
from jeonju.response.fleet.orders import Message
from jeonju.simulator.block import Block
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.robots import PATROLLING
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.world import World
from tests.contract.vda5050_standard import deviations
from tests.response.fleet.maps import FAULT, NOW, report, source_map

FIRE_M = (1250.0, 1120.0)


@pytest.fixture
def dispatcher(jeonju: Site) -> Dispatcher:
    """All six robots are idle; robot-3 is the nearest to the fire, robot-1 the next."""
    made = Dispatcher(jeonju)
    for number, name in enumerate(made.fleet.robots):
        report(made.fleet, name, (FIRE_M[0] + 400 + 100 * ((number - 2) % 6), FIRE_M[1]))
    return made


def order_of(message: Message) -> Order:
    return decode(message.payload, Order)


def robot_of(message: Message) -> str:
    identity, _ = topics.robot_and_kind(message.topic) or ("", "")
    return identity.partition("/")[2]


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_nearest_robot_gets_an_order_with_one_released_stop_and_a_horizon(dispatcher: Dispatcher, jeonju: Site) -> None:
    (message,) = dispatcher.step("i1", source_map(jeonju, FIRE_M, 80.0), NOW)
    order = order_of(message)
    assert (robot_of(message), message.topic.endswith("/order")) == ("robot-3", True)
    assert [node.released for node in order.nodes] == [True, True, False]
    assert order.nodes[1].actions[0].action_type == "measure"
    assert dispatcher.step("i1", source_map(jeonju, FIRE_M, 80.0), later(5)) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"power_supply": PowerSupply(state_of_charge=80.0, charging=True)}, "charging"),
        ({"operating_mode": "MANUAL"}, "manual mode"),
        ({"paused": True}, "stopped"),
        ({"safety_state": SafetyState(active_emergency_stop="REMOTE")}, "stopped"),
        ({"errors": [FAULT]}, "fault"),
        ({"action_states": [ActionState(action_id="a", action_status="RUNNING")]}, "another order"),
    ],
)
def test_robot_that_is_not_able_stays_where_it_is(
    dispatcher: Dispatcher, jeonju: Site, changes: dict[str, Any], reason: str
) -> None:
    report(dispatcher.fleet, "robot-3", (FIRE_M[0] + 400, FIRE_M[1]), **changes)
    assert reason in (dispatcher.fleet.robots["robot-3"].unavailable_because(NOW) or "")
    (message,) = dispatcher.step("i1", source_map(jeonju, FIRE_M, 80.0), NOW)
    assert robot_of(message) == "robot-4"
    with pytest.raises(UserError, match=reason):
        dispatcher.send("robot-3", [Stop(*FIRE_M, 60.0)], NOW)


def test_battery_must_last_for_way_stay_and_dock(dispatcher: Dispatcher, jeonju: Site) -> None:
    low = PowerSupply(state_of_charge=22.0, charging=False, range=11_000)  # two points above the reserve: 1000 m
    report(dispatcher.fleet, "robot-3", (FIRE_M[0] + 400, FIRE_M[1]), power_supply=low)
    (message,) = dispatcher.step("i1", source_map(jeonju, FIRE_M, 80.0), NOW)
    assert robot_of(message) == "robot-4"
    with pytest.raises(UserError, match="battery"):
        dispatcher.send("robot-3", [Stop(FIRE_M[0] - 3000, FIRE_M[1], 60.0)], NOW)


def test_robot_that_is_not_heard_is_not_sent(dispatcher: Dispatcher, jeonju: Site) -> None:
    robot = dispatcher.fleet.robots["robot-3"].robot
    gone = Connection(**Headers(robot.identity).next(Connection, NOW), connection_state="CONNECTION_BROKEN")
    dispatcher.fleet.handle(topics.vda5050(robot.identity, "connection"), encode(gone), NOW)
    (message,) = dispatcher.step("i1", source_map(jeonju, FIRE_M, 80.0), NOW)
    assert robot_of(message) == "robot-4"
    assert Dispatcher(jeonju).step("i1", source_map(jeonju, FIRE_M, 80.0), NOW) == []
    assert dispatcher.fleet.robots["robot-5"].unavailable_because(later(SILENT_AFTER_S + 1)) == "it is not heard"


def test_foreign_and_broken_messages_change_nothing(jeonju: Site) -> None:
    fleet = Fleet(jeonju)
    assert fleet.handle("vda5050/v3/KIT/0001/state", b"{}", NOW) is None
    assert fleet.handle("vda5050/v3/jeonju-air/robot-1/factsheet", b"{}", NOW) is None
    with pytest.raises(RejectedError):
        fleet.handle("vda5050/v3/jeonju-air/robot-1/state", b"{}", NOW)


def test_order_that_is_not_heard_is_sent_again_and_then_another_robot_goes(
    dispatcher: Dispatcher, jeonju: Site
) -> None:
    found = source_map(jeonju, FIRE_M, 80.0)
    (first,) = dispatcher.step("i1", found, NOW)
    clock, sent = NOW, 1
    while (mission := dispatcher.mission_to("i1")) and not mission.ended_at:
        clock += timedelta(seconds=REPEAT_AFTER_S)
        for name in dispatcher.fleet.robots:
            report(dispatcher.fleet, name, (FIRE_M[0] + 400, FIRE_M[1]), now=clock)
        again = dispatcher.follow(clock)
        sent += len(again)
        assert all(message == first for message in again)
    assert (sent, mission.outcome if mission else "") == (MOST_SENDINGS, "refused")
    (second,) = dispatcher.step("i1", found, clock)
    assert robot_of(second) != robot_of(first)


def test_robot_that_is_lost_is_replaced(dispatcher: Dispatcher, jeonju: Site) -> None:
    found = source_map(jeonju, FIRE_M, 80.0)
    (first,) = dispatcher.step("i1", found, NOW)
    clock = later(LOST_AFTER_S + 1)
    for name in set(dispatcher.fleet.robots) - {robot_of(first)}:
        report(dispatcher.fleet, name, (FIRE_M[0] + 400, FIRE_M[1]), now=clock)
    assert dispatcher.follow(clock) == []
    (second,) = dispatcher.step("i1", found, clock)
    assert robot_of(second) != robot_of(first)


def test_operators_recall_forbid_and_allow(dispatcher: Dispatcher, jeonju: Site) -> None:
    found = source_map(jeonju, FIRE_M, 80.0)
    dispatcher.step("i1", found, NOW)
    (call_back,) = dispatcher.disable("robot-3", later(1))
    assert decode(call_back.payload, InstantActions).actions[0].action_type == "cancelOrder"
    (second,) = dispatcher.step("i1", found, later(2))
    assert robot_of(second) == "robot-4"
    with pytest.raises(UserError, match="forbids"):
        dispatcher.send("robot-3", [Stop(*FIRE_M, 60.0)], later(3))
    dispatcher.recall("robot-4", later(4))
    assert dispatcher.step("i1", found, later(5)) == []  # people called it off: no other robot goes
    dispatcher.enable("robot-3")
    (sent,) = dispatcher.send("robot-3", [Stop(*FIRE_M, 60.0)], later(6))
    assert [node.released for node in order_of(sent).nodes] == [True, True]
    with pytest.raises(UserError, match="on no order"):
        dispatcher.recall("robot-5", NOW)
    with pytest.raises(UserError, match="no robot is named 'robot-9'"):
        dispatcher.enable("robot-9")


class _Loop:
    """A dispatcher and simulated robots, block by block."""

    def __init__(self, site: Site) -> None:
        self.site = site.model_copy(update={"stations": [], "sources": []})
        self.env = simpy.Environment(initial_time=NOW.timestamp())
        self.memory = MemorySink()
        cadence = Cadence(interval_s=10.0, tick_s=10.0, block_s=10.0)
        self.world = World(self.site, self.env, self.memory, seed=2, cadence=lambda _now: cadence)
        self.dispatcher = Dispatcher(self.site)
        self.errors: list[str] = []
        self.kinds: set[str] = set()
        # Blocks end on whole tens of seconds; each must be in.
        self.env.run(until=self.env.now + 1e-6)

    def block(self) -> tuple[Block, datetime]:
        self.env.run(until=self.env.now + 10.0)
        block = self.memory.blocks[-1]
        now = datetime.fromtimestamp(self.env.now, UTC)
        for message in block.messages:
            assert deviations(message.kind, message.payload) == []
            self.kinds.add(message.kind)
            identity = f"jeonju-air/{message.robot}"
            self.dispatcher.fleet.handle(topics.vda5050(identity, message.kind), message.payload, now)
        for robot in self.dispatcher.fleet.robots.values():
            self.errors += [error.error_type for error in robot.state.errors] if robot.state else []
        return block, now

    def say(self, messages: list[Message]) -> None:
        for message in messages:
            _, kind = topics.robot_and_kind(message.topic) or ("", "")
            assert deviations(kind, message.payload) == []
            self.kinds.add(kind)
            self.world.enqueue_order(robot_of(message), kind, message.payload)


def test_simulated_robot_is_led_from_stop_to_stop_and_home(jeonju: Site) -> None:
    loop = _Loop(jeonju)
    stops: list[int] = []
    mission: Mission | None = None
    for turn in range(400):
        _, now = loop.block()
        if turn < 3:
            continue
        mission = loop.dispatcher.mission_to("i1")
        # The longer it looks, the more is known.
        spread_m = 120.0 / (1 + len(mission.stops if mission else [])) ** 1.5
        if loop.dispatcher.wants_map("i1"):
            loop.say(loop.dispatcher.step("i1", source_map(jeonju, FIRE_M, spread_m, close=True), now))
        else:
            loop.say(loop.dispatcher.follow(now))
        mission = loop.dispatcher.mission_to("i1")
        assert mission is not None
        stops.append(len(mission.stops))
        if mission.ended_at is not None:
            break
    assert mission is not None
    assert mission.outcome == "located"
    assert stops[-1] >= 3
    assert len(loop.dispatcher.missions) == 1
    assert loop.errors == []
    for _ in range(3):
        block, _ = loop.block()
    robot = loop.world.devices.index(mission.robot)
    at = loop.site.map.to_xy(block.true_lat[-1, robot], block.true_lon[-1, robot])
    assert loop.world._robots[robot].track(np.array([loop.env.now]))[0, 5] == PATROLLING
    assert np.hypot(at[0] - FIRE_M[0], at[1] - FIRE_M[1]) > 30


def _sent_once(loop: _Loop) -> Mission:
    """Send a robot, give no other map, and go on until it waits at its stop."""
    for _ in range(4):
        _, now = loop.block()
    loop.say(loop.dispatcher.step("i1", source_map(loop.site, FIRE_M, 80.0), now))
    while not loop.dispatcher.wants_map("i1"):
        _, now = loop.block()
        loop.say(loop.dispatcher.follow(now))
    mission = loop.dispatcher.mission_to("i1")
    assert mission is not None
    return mission


def test_robot_that_gets_no_map_any_more_goes_home(jeonju: Site) -> None:
    loop = _Loop(jeonju)
    mission = _sent_once(loop)
    while mission.ended_at is None:
        _, now = loop.block()
        loop.say(loop.dispatcher.follow(now))
    assert mission.outcome == "time is up"
    assert LONGEST_MISSION_S < (mission.ended_at - mission.sent_at).total_seconds() < LONGEST_MISSION_S + 60
    assert loop.errors == []


def test_robot_leaves_an_incident_that_is_closed(jeonju: Site) -> None:
    loop = _Loop(jeonju)
    mission = _sent_once(loop)
    _, now = loop.block()
    loop.say(loop.dispatcher.end_missions("another", now))
    assert mission.ended_at is None
    loop.say(loop.dispatcher.end_missions("i1", now))
    assert mission.outcome == "incident closed"
    for _ in range(3):
        _, now = loop.block()
        loop.say(loop.dispatcher.follow(now))
    assert loop.dispatcher.fleet.robots[mission.robot].unavailable_because(now) is None


def test_robot_is_turned_back_when_its_way_turns_out_to_lead_into_the_fire(jeonju: Site) -> None:
    loop = _Loop(jeonju)
    for _ in range(4):
        _, now = loop.block()
    loop.say(loop.dispatcher.step("i1", source_map(jeonju, FIRE_M, 80.0), now))
    mission = loop.dispatcher.mission_to("i1")
    assert mission is not None
    target = mission.stops[0]
    fire = source_map(jeonju, (target.x_m, target.y_m), 12.0, close=True)
    loop.block()
    first_order = mission.order_id
    for _ in range(4):
        _, now = loop.block()
        loop.say(loop.dispatcher.step("i1", fire, now))
    assert mission.order_id != first_order
    assert mission.turned_back == 1
    assert mission.ended_at is None
    assert np.hypot(mission.stops[-1].x_m - target.x_m, mission.stops[-1].y_m - target.y_m) > 30
    assert loop.dispatcher.fleet.robots[mission.robot].state is not None
    # All of them are as in the standard: the loop has looked at each.
    assert loop.kinds == {"order", "instantActions", "state", "visualization", "factsheet"}
