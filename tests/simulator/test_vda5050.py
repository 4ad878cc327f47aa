"""Simulated robots do what VDA 5050 says: take orders and updates, refuse wrong ones, report, and go back to their patrol."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
import simpy

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.events import EVENT
from jeonju.contract.site import Robot, Site
from jeonju.contract.vda5050 import (
    Action,
    Headers,
    InstantActions,
    Node,
    Order,
    Parameter,
    State,
    Stop,
    decode,
    encode,
    route,
    start_node,
)
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.robots import CHARGING, MEASURING, ON_ORDER, PATROLLING, STANDING, PatrolRobot
from jeonju.simulator.sinks.mqtt import MqttSink
from jeonju.simulator.world import World
from tests.contract.vda5050_standard import deviations
from tests.waiting import wait_until

START_S = datetime(2026, 3, 4, tzinfo=UTC).timestamp()
AT = datetime(2026, 3, 4, tzinfo=UTC)
HEADERS = Headers("jeonju-air/robot-1")


@dataclass
class RobotTestbed:
    """One robot alone, spoken to second by second."""

    site: Site
    robot: Robot = field(init=False)
    states: list[State] = field(default_factory=list)
    state_at_s: list[float] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.robot = self.site.robots[0]
        self.env = simpy.Environment(initial_time=START_S)
        self.patrol = PatrolRobot(self.robot, self.site, self.env, np.random.default_rng(3))
        self.patrol.start()

    def pass_s(self, seconds: float) -> "RobotTestbed":
        for _ in range(int(seconds)):
            self.env.run(until=self.env.now + 1.0)
            for kind, payload in self.patrol.due_messages():
                assert deviations(kind, payload) == []
                if kind == "state":
                    self.states.append(decode(payload, State))
                    self.state_at_s.append(self.env.now)
                else:
                    self.others.append(kind)
        return self

    @property
    def here(self) -> tuple[float, float]:
        x, y, *_ = self.patrol.track(np.array([self.env.now]))[0]
        return float(x), float(y)

    @property
    def activity(self) -> int:
        return int(self.patrol.track(np.array([self.env.now]))[0, 5])

    def send(self, order: Order) -> "RobotTestbed":
        self.patrol.receive("order", encode(order))
        return self

    def act(self, action_type: str, **parameters: Any) -> "RobotTestbed":
        listed = [Parameter(key=key, value=value) for key, value in parameters.items()]
        action = Action(action_type=action_type, action_id=f"{action_type}-1", action_parameters=listed)
        message = InstantActions(**HEADERS.next(InstantActions, AT), actions=[action])
        self.patrol.receive("instantActions", encode(message))
        return self

    def order(
        self, *offsets: tuple[float, float], stay_s: float = 30.0, released: int | None = None, **more: Any
    ) -> Order:
        x, y = self.here
        stops = [Stop(x + east, y + north, stay_s) for east, north in offsets]
        given = {"order_id": "o1", "order_update_id": 0, "start": start_node(self.site.name, "o1", x, y), **more}
        nodes, edges = route(
            self.site.name,
            given["order_id"],
            stops,
            start=given.pop("start"),
            released=len(stops) if released is None else released,
        )
        return Order(**HEADERS.next(Order, AT), nodes=nodes, edges=edges, **given)

    def errors(self) -> list[tuple[str, str]]:
        return [(error.error_type, error.error_level) for error in self.states[-1].errors]


@pytest.fixture
def testbed(jeonju: Site) -> RobotTestbed:
    return RobotTestbed(jeonju).pass_s(60)


def test_order_is_driven_measured_reported_and_then_the_patrol_goes_on(testbed: RobotTestbed) -> None:
    order = testbed.order((90.0, 0.0), (90.0, 90.0), stay_s=40)
    testbed.send(order).pass_s(1)
    assert testbed.states[-1].order_id == "o1"
    assert [node.sequence_id for node in testbed.states[-1].node_states] == [2, 4]  # the first node is where it stands
    assert [edge.sequence_id for edge in testbed.states[-1].edge_states] == [1, 3]
    assert {action.action_status for action in testbed.states[-1].action_states} == {"WAITING"}
    assert testbed.activity == ON_ORDER
    begun = len(testbed.states)
    testbed.pass_s(60)
    assert testbed.activity == MEASURING
    stop = order.nodes[1].node_position
    assert np.hypot(testbed.here[0] - stop.x, testbed.here[1] - stop.y) < 1  # type: ignore[union-attr]
    testbed.pass_s(130)
    seen = [[action.action_status for action in state.action_states] for state in testbed.states[begun:]]
    course = [statuses for number, statuses in enumerate(seen) if number == 0 or statuses != seen[number - 1]]
    assert course == [
        ["WAITING", "WAITING"],
        ["RUNNING", "WAITING"],
        ["FINISHED", "WAITING"],
        ["FINISHED", "RUNNING"],
        ["FINISHED", "FINISHED"],
    ]
    last = testbed.states[-1]
    assert (last.is_idle, last.last_node_id, last.last_node_sequence_id) == (True, order.nodes[2].node_id, 4)
    assert testbed.activity == PATROLLING


def test_state_comes_on_changes_and_at_least_every_thirty_seconds(testbed: RobotTestbed) -> None:
    testbed.act("startPause").pass_s(120)  # nothing changes any more
    gaps = np.diff(testbed.state_at_s)
    assert gaps.max() <= 30
    assert gaps[-2:].tolist() == [30, 30]
    assert testbed.others.count("factsheet") == 1
    assert testbed.others.count("visualization") > 10
    testbed.act("stateRequest").act("factsheetRequest").pass_s(1)
    assert testbed.state_at_s[-1] == testbed.env.now
    assert testbed.others[-1] == "factsheet"


def test_horizon_is_not_driven_until_an_update_releases_it(testbed: RobotTestbed) -> None:
    order = testbed.order((50.0, 0.0), (50.0, 50.0), stay_s=10, released=1)
    testbed.send(order).pass_s(200)
    waiting = testbed.states[-1]
    assert (waiting.new_base_request, waiting.is_idle, testbed.activity) == (True, False, STANDING)
    assert [(node.sequence_id, node.released) for node in waiting.node_states] == [(4, False)]
    update = testbed.order((0.0, 60.0), stay_s=10, start=order.nodes[1], order_update_id=1)
    testbed.send(update).pass_s(1)
    assert testbed.states[-1].order_update_id == 1
    assert [action.action_id for action in testbed.states[-1].action_states] == ["o1-measure-2", "o1-measure-4"]
    testbed.pass_s(60)
    assert testbed.states[-1].is_idle
    assert {action.action_status for action in testbed.states[-1].action_states} == {"FINISHED"}


def test_update_while_driving_extends_the_way_without_a_stop(testbed: RobotTestbed) -> None:
    order = testbed.order((200.0, 0.0), (250.0, 0.0), stay_s=0, released=1)
    testbed.send(order).pass_s(30)
    testbed.send(testbed.order((0.0, 100.0), stay_s=0, start=order.nodes[1], order_update_id=1)).pass_s(20)
    assert testbed.activity == ON_ORDER
    assert not testbed.errors()
    assert [node.released for node in testbed.states[-1].node_states] == [True, True]


def test_update_that_only_takes_the_horizon_away_ends_the_order(testbed: RobotTestbed) -> None:
    order = testbed.order((20.0, 0.0), (90.0, 0.0), stay_s=5, released=1)
    testbed.send(order).pass_s(60)
    testbed.send(testbed.order(start=order.nodes[1], order_update_id=1)).pass_s(2)
    assert testbed.states[-1].is_idle
    assert len(testbed.states[-1].action_states) == 1


def _with(order: Order, **changes: Any) -> Order:
    return msgspec.structs.replace(order, **changes)


def _moved(order: Order, **changes: Any) -> Order:
    place = msgspec.structs.replace(order.nodes[-1].node_position, **changes)  # type: ignore[type-var]
    return _with(order, nodes=[*order.nodes[:-1], msgspec.structs.replace(order.nodes[-1], node_position=place)])


def _acting(order: Order, action: Action) -> Order:
    return _with(order, nodes=[*order.nodes[:-1], msgspec.structs.replace(order.nodes[-1], actions=[action])])


@pytest.mark.parametrize(
    ("change", "error", "level"),
    [
        (lambda o: _with(o, order_update_id=3), "VALIDATION_FAILURE", "WARNING"),
        (lambda o: _moved(o, map_id="elsewhere"), "UNKNOWN_MAP_ID", "WARNING"),
        (lambda o: _moved(o, x=1e6), "NO_ROUTE_TO_TARGET", "WARNING"),
        (lambda o: _acting(o, Action(action_type="pick", action_id="p")), "INVALID_ORDER_ACTION", "WARNING"),
        (lambda o: _acting(o, Action(action_type="measure", action_id="m")), "INVALID_ORDER_ACTION", "WARNING"),
        (
            lambda o: _with(o, edges=[msgspec.structs.replace(o.edges[0], trajectory={"degree": 1})]),
            "UNSUPPORTED_PARAMETER",
            "CRITICAL",
        ),
        (
            lambda o: _with(
                o, nodes=[Node(**{**msgspec.structs.asdict(o.nodes[0]), "node_position": msgspec.UNSET}), o.nodes[1]]
            ),
            "NO_ROUTE_TO_TARGET",
            "WARNING",
        ),
    ],
)
def test_order_that_cannot_be_done_is_refused_and_the_patrol_goes_on(
    testbed: RobotTestbed, change: Any, error: str, level: str
) -> None:
    testbed.send(change(testbed.order((50.0, 0.0)))).pass_s(1)
    assert testbed.errors() == [(error, level)]
    assert testbed.states[-1].order_id == ""
    assert testbed.activity == PATROLLING
    testbed.send(testbed.order((50.0, 0.0))).pass_s(1)
    assert testbed.errors() == []  # reported until a new order is accepted


def test_malformed_and_far_away_orders_are_refused(testbed: RobotTestbed) -> None:
    testbed.patrol.receive("order", b'{"orderId": "x"')
    assert testbed.pass_s(1).errors() == [("VALIDATION_FAILURE", "WARNING")]
    away = start_node(testbed.site.name, "o1", testbed.here[0] + 500, testbed.here[1])
    testbed.send(testbed.order((50.0, 0.0), start=away)).pass_s(1)
    assert ("START_NODE_OUT_OF_RANGE", "WARNING") in testbed.errors()
    assert testbed.states[-1].is_idle


def test_second_order_and_stale_updates_are_refused_while_one_is_active(testbed: RobotTestbed) -> None:
    order = testbed.order((100.0, 0.0), (150.0, 0.0), released=1)
    testbed.send(order).send(order).pass_s(1)
    assert testbed.errors() == []  # the same again is no error
    testbed.send(testbed.order((10.0, 0.0), order_id="o2")).pass_s(1)
    assert testbed.errors() == [("OTHER_ORDER_ACTIVE", "WARNING")]
    testbed.send(_with(testbed.order((10.0, 0.0)), order_update_id=0)).pass_s(1)
    assert ("SAME_ORDER_UPDATE_ID", "WARNING") in testbed.errors()
    testbed.send(testbed.order((10.0, 0.0), start=order.nodes[2], order_update_id=1)).pass_s(1)
    assert ("VALIDATION_FAILURE", "WARNING") in testbed.errors()
    testbed.send(testbed.order((10.0, 0.0), start=order.nodes[1], order_update_id=2)).pass_s(1)
    assert testbed.errors() == []
    testbed.send(testbed.order((10.0, 0.0), start=order.nodes[1], order_update_id=1)).pass_s(1)
    assert testbed.errors() == [("OUTDATED_ORDER_UPDATE", "WARNING")]
    assert (testbed.states[-1].order_id, testbed.states[-1].order_update_id) == ("o1", 2)


def test_cancelled_order_stops_at_once_and_takes_no_update(testbed: RobotTestbed) -> None:
    order = testbed.order((200.0, 0.0))
    testbed.send(order).pass_s(20).act("cancelOrder", orderId="o1").pass_s(1)
    state = testbed.states[-1]
    assert (state.is_idle, state.order_id) == (True, "o1")
    assert [action.action_status for action in state.action_states] == ["FAILED"]
    assert [action.action_status for action in state.instant_action_states] == ["FINISHED"]
    assert testbed.activity == PATROLLING
    testbed.send(testbed.order((10.0, 0.0), start=order.nodes[1], order_update_id=1)).pass_s(1)
    assert testbed.errors() == [("ORDER_UPDATE_FOLLOWING_CANCEL", "WARNING")]
    testbed.act("cancelOrder").pass_s(1)
    assert ("NO_ORDER_TO_CANCEL", "WARNING") in testbed.errors()
    assert testbed.states[-1].instant_action_states[-1].action_status == "FAILED"


def test_pause_rests_the_measurement_and_what_was_measured_counts(testbed: RobotTestbed) -> None:
    testbed.send(testbed.order((1.0, 0.0), stay_s=40)).pass_s(20).act("startPause").pass_s(60)
    assert testbed.states[-1].paused
    assert [action.action_status for action in testbed.states[-1].action_states] == ["PAUSED"]
    testbed.act("stopPause").pass_s(10)
    assert [action.action_status for action in testbed.states[-1].action_states] == ["RUNNING"]
    testbed.pass_s(15)
    assert [action.action_status for action in testbed.states[-1].action_states] == ["FINISHED"]


def test_charging_is_done_at_the_dock_and_only_without_an_order(testbed: RobotTestbed) -> None:
    testbed.send(testbed.order((20.0, 0.0), stay_s=5)).act("startCharging").pass_s(1)
    assert testbed.errors() == [("INVALID_INSTANT_ACTION", "WARNING")]
    testbed.pass_s(60).act("startCharging").pass_s(300)
    assert testbed.activity == CHARGING
    assert testbed.states[-1].power_supply.charging
    dock = testbed.site.map.to_xy(*testbed.robot.dock)
    assert np.hypot(testbed.here[0] - dock[0], testbed.here[1] - dock[1]) < 1
    testbed.act("stopCharging").pass_s(5)
    assert not testbed.states[-1].power_supply.charging


def test_unknown_instant_action_fails_and_the_list_can_be_cleared(testbed: RobotTestbed) -> None:
    testbed.act("fly").pass_s(1)
    assert testbed.errors() == [("INVALID_INSTANT_ACTION", "WARNING")]
    assert testbed.states[-1].instant_action_states[-1].action_status == "FAILED"
    testbed.act("clearInstantActions").pass_s(1)
    assert [action.action_type for action in testbed.states[-1].instant_action_states] == ["clearInstantActions"]
    testbed.patrol.receive("instantActions", b"\xff")
    assert testbed.pass_s(1).errors() == [("INVALID_INSTANT_ACTION", "WARNING")]


def test_broken_robot_says_so_takes_no_order_and_goes_on_with_its_own_afterwards(testbed: RobotTestbed) -> None:
    testbed.send(testbed.order((60.0, 0.0), stay_s=10)).pass_s(10)
    testbed.patrol.break_down(100.0)
    testbed.pass_s(50)
    assert ("BREAKDOWN", "FATAL") in testbed.errors()
    assert testbed.activity == STANDING
    testbed.send(testbed.order((60.0, 0.0), order_id="o2")).pass_s(1)
    assert ("MOBILE_ROBOT_NOT_AVAILABLE", "WARNING") in testbed.errors()
    testbed.pass_s(120)
    assert testbed.states[-1].is_idle
    assert [action.action_status for action in testbed.states[-1].action_states] == ["FINISHED"]


def test_messages_with_which_a_scenario_sends_a_robot_are_as_in_the_standard(testbed: RobotTestbed) -> None:
    x, y = testbed.here
    for kinds in (["order"], ["instantActions", "order"]):
        messages = testbed.patrol.messages_to_go(x + 200.0, y, 60.0)
        assert [kind for kind, _ in messages] == kinds
        assert [deviations(kind, payload) for kind, payload in messages] == [[]] * len(kinds)
        for message in messages:
            testbed.patrol.receive(*message)
        testbed.pass_s(5)


class _FleetControl:
    """Listens to a robot on a real broker and speaks to it."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self.heard: list[tuple[str, bytes, bool]] = []
        self._ready = threading.Event()
        topic = "vda5050/v3/jeonju-air/robot-1/+"
        self._client = Client(broker.url, "fleet-control", on_ready=lambda: self._client.subscribe(topic, 1))
        self._client.on_message = lambda _c, _d, message: self.heard.append(
            (message.topic.rpartition("/")[2], bytes(message.payload), message.retain)
        )
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.begin()
        wait_until(self._ready.is_set, what="the subscription")

    def latest(self, kind: str) -> dict[str, Any]:
        payloads = [payload for name, payload, _ in self.heard if name == kind]
        return msgspec.json.decode(payloads[-1]) if payloads else {}

    def states_of_the_connection(self) -> list[str]:
        return [
            msgspec.json.decode(payload)["connectionState"] for name, payload, _ in self.heard if name == "connection"
        ]

    def send(self, message: Order) -> None:
        self._client.publish("vda5050/v3/jeonju-air/robot-1/order", encode(message), qos=0)

    def close(self) -> None:
        self._client.end()


def test_robot_on_a_real_broker_takes_an_order_and_its_last_will_says_that_it_is_gone(
    broker: EmbeddedBroker, jeonju: Site
) -> None:
    site = jeonju.model_copy(update={"stations": [], "robots": jeonju.robots[:1], "sources": []})
    env = simpy.Environment(initial_time=START_S)
    has_arrived = threading.Event()

    def enqueue(*order: Any) -> None:
        world.enqueue_order(*order)
        has_arrived.set()

    sink = MqttSink(
        broker.url,
        site=site.name,
        robots={"robot-1": "jeonju-air/robot-1"},
        on_order=enqueue,
    )
    world = World(site, env, sink, seed=1, cadence=lambda _now: Cadence(tick_s=1.0, block_s=1.0))
    control = _FleetControl(broker)

    def until(condition: Any, what: str) -> None:
        def step() -> bool:
            env.run(until=env.now + 1.0)
            return bool(condition())

        wait_until(step, what=what)

    try:
        until(
            lambda: control.latest("connection").get("connectionState") == "ONLINE" and control.latest("state"), "state"
        )
        place = control.latest("state")["mobileRobotPosition"]
        x, y = place["x"], place["y"]
        nodes, edges = route(site.name, "o1", [Stop(x + 20, y, 5)], start=start_node(site.name, "o1", x, y), released=1)
        control.send(Order(**HEADERS.next(Order, AT), order_id="o1", order_update_id=0, nodes=nodes, edges=edges))
        # Meanwhile the world stands still, or the robot could be too far from where the order begins.
        wait_until(has_arrived.is_set, what="the order on its way")
        until(lambda: control.latest("state")["orderId"] == "o1", "the order")
        until(
            lambda: [action["actionStatus"] for action in control.latest("state")["actionStates"]] == ["FINISHED"],
            "the end",
        )
        assert "factsheet" in {kind for kind, *_ in control.heard}
        world.add(EVENT.validate_python({"kind": "lost-link", "device": "robot-1", "duration": "30s"}))
        # The world may be ahead of the broker: the link can be back before its loss is heard.
        until(lambda: "CONNECTION_BROKEN" in control.states_of_the_connection(), "the last will")
        until(lambda: control.latest("connection")["connectionState"] == "ONLINE", "the link")
        sink.close()
        wait_until(lambda: control.latest("connection")["connectionState"] == "OFFLINE", what="the goodbye")
        assert [deviations(kind, payload) for kind, payload, _ in control.heard if deviations(kind, payload)] == []
        assert {kind for kind, *_ in control.heard} >= {"connection", "factsheet", "order", "state"}
        late = _FleetControl(broker)
        wait_until(
            lambda: {kind for kind, _, kept in late.heard if kept} == {"connection", "factsheet"}, what="what is kept"
        )
        late.close()
    finally:
        control.close()
        sink.close()
