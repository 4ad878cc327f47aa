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
from jeonju.simulator.robots import CHARGING, MEASURING, ON_ORDER, PATROLLING, STANDING, PatrolRobot
from jeonju.simulator.sinks.mqtt import MqttSink
from jeonju.simulator.world import Cadence, World
from tests.waiting import wait_until

START_S = datetime(2026, 3, 4, tzinfo=UTC).timestamp()
AT = datetime(2026, 3, 4, tzinfo=UTC)
HEADERS = Headers("jeonju-air/robot-1")


@dataclass
class Rig:
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

    def pass_s(self, seconds: float) -> "Rig":
        for _ in range(int(seconds)):
            self.env.run(until=self.env.now + 1.0)
            for kind, payload in self.patrol.due_messages():
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

    def send(self, order: Order) -> "Rig":
        self.patrol.receive("order", encode(order))
        return self

    def act(self, action_type: str, **parameters: Any) -> "Rig":
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
def rig(jeonju: Site) -> Rig:
    return Rig(jeonju).pass_s(60)


def test_order_is_driven_measured_reported_and_then_the_patrol_goes_on(rig: Rig) -> None:
    order = rig.order((90.0, 0.0), (90.0, 90.0), stay_s=40)
    rig.send(order).pass_s(1)
    assert rig.states[-1].order_id == "o1"
    assert [node.sequence_id for node in rig.states[-1].node_states] == [2, 4]  # the first node is where it stands
    assert [edge.sequence_id for edge in rig.states[-1].edge_states] == [1, 3]
    assert {one.action_status for one in rig.states[-1].action_states} == {"WAITING"}
    assert rig.activity == ON_ORDER
    begun = len(rig.states)
    rig.pass_s(60)
    assert rig.activity == MEASURING
    assert np.hypot(rig.here[0] - order.nodes[1].node_position.x, rig.here[1] - order.nodes[1].node_position.y) < 1  # type: ignore[union-attr]
    rig.pass_s(130)
    seen = [[one.action_status for one in state.action_states] for state in rig.states[begun:]]
    course = [statuses for number, statuses in enumerate(seen) if number == 0 or statuses != seen[number - 1]]
    assert course == [
        ["WAITING", "WAITING"],
        ["RUNNING", "WAITING"],
        ["FINISHED", "WAITING"],
        ["FINISHED", "RUNNING"],
        ["FINISHED", "FINISHED"],
    ]
    last = rig.states[-1]
    assert (last.is_idle, last.last_node_id, last.last_node_sequence_id) == (True, order.nodes[2].node_id, 4)
    assert rig.activity == PATROLLING


def test_state_comes_on_changes_and_at_least_every_thirty_seconds(rig: Rig) -> None:
    rig.act("startPause").pass_s(120)  # nothing changes any more
    gaps = np.diff(rig.state_at_s)
    assert gaps.max() <= 30
    assert gaps[-2:].tolist() == [30, 30]
    assert rig.others.count("factsheet") == 1
    assert rig.others.count("visualization") > 10
    rig.act("stateRequest").act("factsheetRequest").pass_s(1)
    assert rig.state_at_s[-1] == rig.env.now
    assert rig.others[-1] == "factsheet"


def test_horizon_is_not_driven_until_an_update_releases_it(rig: Rig) -> None:
    order = rig.order((50.0, 0.0), (50.0, 50.0), stay_s=10, released=1)
    rig.send(order).pass_s(200)
    waiting = rig.states[-1]
    assert (waiting.new_base_request, waiting.is_idle, rig.activity) == (True, False, STANDING)
    assert [(node.sequence_id, node.released) for node in waiting.node_states] == [(4, False)]
    update = rig.order((0.0, 60.0), stay_s=10, start=order.nodes[1], order_update_id=1)
    rig.send(update).pass_s(1)
    assert rig.states[-1].order_update_id == 1
    assert [one.action_id for one in rig.states[-1].action_states] == ["o1-measure-2", "o1-measure-4"]
    rig.pass_s(60)
    assert rig.states[-1].is_idle
    assert {one.action_status for one in rig.states[-1].action_states} == {"FINISHED"}


def test_update_while_driving_extends_the_way_without_a_stop(rig: Rig) -> None:
    order = rig.order((200.0, 0.0), (250.0, 0.0), stay_s=0, released=1)
    rig.send(order).pass_s(30)
    rig.send(rig.order((0.0, 100.0), stay_s=0, start=order.nodes[1], order_update_id=1)).pass_s(20)
    assert rig.activity == ON_ORDER
    assert not rig.errors()
    assert [node.released for node in rig.states[-1].node_states] == [True, True]


def test_update_that_only_takes_the_horizon_away_ends_the_order(rig: Rig) -> None:
    order = rig.order((20.0, 0.0), (90.0, 0.0), stay_s=5, released=1)
    rig.send(order).pass_s(60)
    rig.send(rig.order(start=order.nodes[1], order_update_id=1)).pass_s(2)
    assert rig.states[-1].is_idle
    assert len(rig.states[-1].action_states) == 1


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
    rig: Rig, change: Any, error: str, level: str
) -> None:
    rig.send(change(rig.order((50.0, 0.0)))).pass_s(1)
    assert rig.errors() == [(error, level)]
    assert rig.states[-1].order_id == ""
    assert rig.activity == PATROLLING
    rig.send(rig.order((50.0, 0.0))).pass_s(1)
    assert rig.errors() == []  # reported until a new order is accepted


def test_malformed_and_far_away_orders_are_refused(rig: Rig) -> None:
    rig.patrol.receive("order", b'{"orderId": "x"')
    assert rig.pass_s(1).errors() == [("VALIDATION_FAILURE", "WARNING")]
    away = start_node(rig.site.name, "o1", rig.here[0] + 500, rig.here[1])
    rig.send(rig.order((50.0, 0.0), start=away)).pass_s(1)
    assert ("START_NODE_OUT_OF_RANGE", "WARNING") in rig.errors()
    assert rig.states[-1].is_idle


def test_second_order_and_stale_updates_are_refused_while_one_is_active(rig: Rig) -> None:
    order = rig.order((100.0, 0.0), (150.0, 0.0), released=1)
    rig.send(order).send(order).pass_s(1)
    assert rig.errors() == []  # the same again is no error
    rig.send(rig.order((10.0, 0.0), order_id="o2")).pass_s(1)
    assert rig.errors() == [("OTHER_ORDER_ACTIVE", "WARNING")]
    rig.send(_with(rig.order((10.0, 0.0)), order_update_id=0)).pass_s(1)
    assert ("SAME_ORDER_UPDATE_ID", "WARNING") in rig.errors()
    rig.send(rig.order((10.0, 0.0), start=order.nodes[2], order_update_id=1)).pass_s(1)
    assert ("VALIDATION_FAILURE", "WARNING") in rig.errors()
    rig.send(rig.order((10.0, 0.0), start=order.nodes[1], order_update_id=2)).pass_s(1)
    assert rig.errors() == []
    rig.send(rig.order((10.0, 0.0), start=order.nodes[1], order_update_id=1)).pass_s(1)
    assert rig.errors() == [("OUTDATED_ORDER_UPDATE", "WARNING")]
    assert (rig.states[-1].order_id, rig.states[-1].order_update_id) == ("o1", 2)


def test_cancelled_order_stops_at_once_and_takes_no_update(rig: Rig) -> None:
    order = rig.order((200.0, 0.0))
    rig.send(order).pass_s(20).act("cancelOrder", orderId="o1").pass_s(1)
    state = rig.states[-1]
    assert (state.is_idle, state.order_id) == (True, "o1")
    assert [one.action_status for one in state.action_states] == ["FAILED"]
    assert [one.action_status for one in state.instant_action_states] == ["FINISHED"]
    assert rig.activity == PATROLLING
    rig.send(rig.order((10.0, 0.0), start=order.nodes[1], order_update_id=1)).pass_s(1)
    assert rig.errors() == [("ORDER_UPDATE_FOLLOWING_CANCEL", "WARNING")]
    rig.act("cancelOrder").pass_s(1)
    assert ("NO_ORDER_TO_CANCEL", "WARNING") in rig.errors()
    assert rig.states[-1].instant_action_states[-1].action_status == "FAILED"


def test_pause_rests_the_measurement_and_what_was_measured_counts(rig: Rig) -> None:
    rig.send(rig.order((1.0, 0.0), stay_s=40)).pass_s(20).act("startPause").pass_s(60)
    assert rig.states[-1].paused
    assert [one.action_status for one in rig.states[-1].action_states] == ["PAUSED"]
    rig.act("stopPause").pass_s(10)
    assert [one.action_status for one in rig.states[-1].action_states] == ["RUNNING"]
    rig.pass_s(15)
    assert [one.action_status for one in rig.states[-1].action_states] == ["FINISHED"]


def test_charging_is_done_at_the_dock_and_only_without_an_order(rig: Rig) -> None:
    rig.send(rig.order((20.0, 0.0), stay_s=5)).act("startCharging").pass_s(1)
    assert rig.errors() == [("INVALID_INSTANT_ACTION", "WARNING")]
    rig.pass_s(60).act("startCharging").pass_s(300)
    assert rig.activity == CHARGING
    assert rig.states[-1].power_supply.charging
    dock = rig.site.map.to_xy(*rig.robot.dock)
    assert np.hypot(rig.here[0] - dock[0], rig.here[1] - dock[1]) < 1
    rig.act("stopCharging").pass_s(5)
    assert not rig.states[-1].power_supply.charging


def test_unknown_instant_action_fails_and_the_list_can_be_cleared(rig: Rig) -> None:
    rig.act("fly").pass_s(1)
    assert rig.errors() == [("INVALID_INSTANT_ACTION", "WARNING")]
    assert rig.states[-1].instant_action_states[-1].action_status == "FAILED"
    rig.act("clearInstantActions").pass_s(1)
    assert [one.action_type for one in rig.states[-1].instant_action_states] == ["clearInstantActions"]
    rig.patrol.receive("instantActions", b"\xff")
    assert rig.pass_s(1).errors() == [("INVALID_INSTANT_ACTION", "WARNING")]


def test_broken_robot_says_so_takes_no_order_and_goes_on_with_its_own_afterwards(rig: Rig) -> None:
    rig.send(rig.order((60.0, 0.0), stay_s=10)).pass_s(10)
    rig.patrol.break_down(100.0)
    rig.pass_s(50)
    assert ("BREAKDOWN", "FATAL") in rig.errors()
    assert rig.activity == STANDING
    rig.send(rig.order((60.0, 0.0), order_id="o2")).pass_s(1)
    assert ("MOBILE_ROBOT_NOT_AVAILABLE", "WARNING") in rig.errors()
    rig.pass_s(120)
    assert rig.states[-1].is_idle
    assert [one.action_status for one in rig.states[-1].action_states] == ["FINISHED"]


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


def test_robot_on_a_real_broker_takes_an_order_and_its_last_will_tells_that_it_is_gone(
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
            lambda: [one["actionStatus"] for one in control.latest("state")["actionStates"]] == ["FINISHED"], "the end"
        )
        assert "factsheet" in {kind for kind, *_ in control.heard}
        world.add(EVENT.validate_python({"kind": "lost-link", "device": "robot-1", "duration": "30s"}))
        # The world may be ahead of the broker: the link can be back before its loss is heard.
        until(lambda: "CONNECTION_BROKEN" in control.states_of_the_connection(), "the last will")
        until(lambda: control.latest("connection")["connectionState"] == "ONLINE", "the link")
        sink.close()
        wait_until(lambda: control.latest("connection")["connectionState"] == "OFFLINE", what="the goodbye")
        late = _FleetControl(broker)
        wait_until(
            lambda: {kind for kind, _, kept in late.heard if kept} == {"connection", "factsheet"}, what="what is kept"
        )
        late.close()
    finally:
        control.close()
        sink.close()
