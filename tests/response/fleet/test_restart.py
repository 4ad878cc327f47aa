"""Restarts of the api in the midst of visits, over a real store and robots that keep the standard's rules."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from jeonju.common.errors import UnavailableError
from jeonju.contract import topics
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Order, Stop, decode
from jeonju.response.fleet.control import FleetControl
from jeonju.response.fleet.dispatcher import LOST_AFTER_S, REPEAT_AFTER_S
from jeonju.response.fleet.orders import Message
from jeonju.simulator.orders import Orders
from jeonju.storage.duckdb.store import DuckDBStore
from tests.response.fleet.maps import NOW, source_map, state_of

FIRE_M = (1250.0, 1120.0)
INCIDENT = "jeonju-20260304T030000-palbok-03"
TURN = timedelta(seconds=20)
# From the sending to the way home; more turns change nothing.
TURNS = 5


class _Killed(Exception):  # noqa: N818  (it is no error of the api)
    """The api ends before it sends."""


class _Robot:
    """Takes orders as the simulated robot does, and is at its next place at once."""

    def __init__(self, site: Site, name: str, place_m: tuple[float, float]) -> None:
        self.site, self.name, self.place_m = site, name, place_m
        self.orders = Orders(site.name)

    def take(self, message: Message) -> None:
        if message.is_order:
            self.orders.handle_order(message.payload, *self.place_m)
        else:
            self.orders.handle_instant_actions(message.payload)

    def drive(self) -> None:
        """Do all that is released."""
        while (node := self.orders.next_node) is not None:
            assert node.node_position
            self.place_m = node.node_position.x, node.node_position.y
            self.orders.node_reached()
            while self.orders.next_action is not None:
                self.orders.action_started()
                self.orders.action_finished()

    def state(self, now: datetime) -> tuple[str, bytes]:
        of = self.orders
        return state_of(
            self.site,
            self.name,
            self.place_m,
            now,
            order_id=of.order_id,
            order_update_id=of.order_update_id,
            last_node_id=of.last_node_id,
            last_node_sequence_id=of.last_sequence_id,
            node_states=of.node_states(),
            edge_states=of.edge_states(),
            action_states=of.action_states,
            errors=of.errors,
            new_base_request=of.waits_for_update,
        )


class _City:
    """Robots east of the fire, the nearest first, and an api that may be restarted; `sent` is all that it ever published."""

    def __init__(self, site: Site, path: Path) -> None:
        self.site, self.path, self.now = site, path, NOW
        self.sent: list[Message] = []
        self.is_killed_before_sending = False
        east = enumerate(site.robots)
        self.robots = [_Robot(site, robot.name, (FIRE_M[0] + 400 + 100 * number, FIRE_M[1])) for number, robot in east]
        self.store = DuckDBStore(path)
        self.control = self._control()
        self.control.restore()

    @property
    def first(self) -> _Robot:
        return self.robots[0]

    def _control(self) -> FleetControl:
        return FleetControl(self.site, self.store, lambda: self.now, self._publish, automatic=True)

    def restart(self) -> None:
        self.store.close()
        self.store, self.is_killed_before_sending = DuckDBStore(self.path), False
        self.control = self._control()
        self.control.restore()

    def _publish(self, messages: list[Message]) -> None:
        if messages and self.is_killed_before_sending:
            raise _Killed
        self.sent += messages
        for message in messages:
            identity, _ = topics.robot_and_kind(message.topic) or ("", "")
            next(robot for robot in self.robots if identity.endswith(robot.name)).take(message)

    def hear(self, *robots: _Robot) -> None:
        for robot in robots or self.robots:
            self.control.handle_message(*robot.state(self.now))

    def look(self, spread_m: float = 80.0) -> None:
        self.control.handle_map(INCIDENT, source_map(self.site, FIRE_M, spread_m, close=spread_m < 60.0))

    def send(self, stop: Stop) -> None:
        name = self.first.name
        self.control.send(name, [stop], "kim")

    def operate(self, action: str) -> None:
        name = self.first.name
        {"recall": self.control.recall, "disable": self.control.disable}[action](name, "kim")

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.hear()

    def turn(self, number: int) -> None:
        """Robots drive and report their states; then comes a map, surer at each turn."""
        self.now += TURN
        self.first.drive()
        self.hear()
        if self.control.wants_map(INCIDENT):
            self.look(120.0 / (1 + number) ** 1.5)
        self.hear()

    def orders(self) -> list[tuple[str, int]]:
        return [
            (order.order_id, order.order_update_id)
            for order in (decode(message.payload, Order) for message in self.sent if message.is_order)
        ]

    def outcomes(self) -> list[str]:
        return [mission["outcome"] for mission in self.control.missions(INCIDENT)]

    def journal(self) -> list[str]:
        return [entry.action for entry in self.store.journal("jeonju")]


@pytest.fixture
def city(jeonju: Site, tmp_path: Path) -> Iterator[_City]:
    made = _City(jeonju, tmp_path / "air.duckdb")
    made.hear()
    yield made
    made.store.close()


@pytest.fixture(scope="module")
def undisturbed(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, int]]:
    """The orders of a mission without a restart."""
    made = _City(jeonju, tmp_path_factory.mktemp("undisturbed") / "air.duckdb")
    made.hear()
    for number in range(TURNS):
        made.turn(number)
    made.store.close()
    assert made.outcomes() == ["located"]
    return made.orders()


@pytest.mark.parametrize("at", range(1, TURNS + 1))
def test_visit_goes_on_after_a_restart_as_if_there_had_been_none(
    city: _City, undisturbed: list[tuple[str, int]], at: int
) -> None:
    for number in range(TURNS + 1):
        if number == at:
            city.restart()
            # Before the robot is heard nothing is known of it, and nothing is done.
            assert not city.control.wants_map(INCIDENT)
            city.look()
        city.turn(number)
    assert len(undisturbed) >= 3
    assert city.orders() == undisturbed
    assert len(city.sent) == len(undisturbed)
    assert city.outcomes() == ["located"]
    assert city.first.orders.errors == []
    (mission,) = city.control.missions(INCIDENT)
    assert len(mission["places"]) == len(undisturbed) - 1
    assert city.journal()[0] == "dispatch"
    assert city.journal().count("dispatch-over") == 1


def test_order_that_was_written_but_not_sent_is_sent_once_after_the_restart(city: _City) -> None:
    city.is_killed_before_sending = True
    with pytest.raises(_Killed):
        city.look()
    city.restart()
    city.hear()
    assert city.sent == []  # it may be on its way
    city.later(REPEAT_AFTER_S)
    city.look()
    city.later(1.0)
    assert [update for _, update in city.orders()] == [0]
    city.first.drive()
    city.hear()
    city.restart()
    city.hear()
    assert city.control.wants_map(INCIDENT)
    assert len(city.sent) == 1


def test_update_that_was_written_but_not_sent_is_sent_once_after_the_restart(city: _City) -> None:
    city.turn(0)
    city.first.drive()
    city.hear()
    city.is_killed_before_sending = True
    with pytest.raises(_Killed):
        city.look()
    city.restart()
    city.hear()
    city.later(REPEAT_AFTER_S)
    city.later(1.0)
    assert [update for _, update in city.orders()] == [0, 1]
    assert city.first.orders.order_update_id == 1
    assert city.first.orders.errors == []


@pytest.mark.parametrize("action", ["recall", "disable"])
def test_robot_whose_call_back_was_written_but_not_sent_is_called_back_after_the_restart(
    city: _City, action: str
) -> None:
    city.look()
    city.hear()
    city.is_killed_before_sending = True
    with pytest.raises(_Killed):
        city.operate(action)
    city.restart()
    city.hear()
    city.hear()
    assert city.first.orders.is_idle
    assert len(city.sent) == 2
    assert city.outcomes() == ["recalled" if action == "recall" else "forbidden"]


@pytest.mark.parametrize(("order_id", "outcome"), [("warehouse-17", "on another order"), ("", "order forgotten")])
def test_visit_of_a_robot_that_left_its_order_meanwhile_is_over_and_another_goes(
    city: _City, order_id: str, outcome: str
) -> None:
    city.look()
    city.hear()
    city.first.orders = Orders(city.site.name, order_id=order_id)
    city.restart()
    city.hear()
    assert city.outcomes() == [outcome]
    city.look()
    assert [mission["robot"] for mission in city.control.missions(INCIDENT)] == ["robot-1", "robot-2"]
    assert len(city.sent) == 2


def test_robot_that_is_silent_after_the_restart_has_time_and_is_lost_then(city: _City) -> None:
    city.look()
    city.hear()
    city.now += timedelta(seconds=2 * LOST_AFTER_S)
    city.restart()
    others = city.robots[1:]
    city.hear(*others)
    assert city.outcomes() == [""]
    city.now += timedelta(seconds=LOST_AFTER_S + 1)
    city.hear(*others)
    assert city.outcomes() == ["lost"]
    # It comes back, and waits for what will never come.
    city.first.drive()
    city.hear(city.first)
    assert city.first.orders.is_idle


def test_order_that_no_robot_has_is_not_sent_long_after_it_was_written(city: _City) -> None:
    city.is_killed_before_sending = True
    with pytest.raises(_Killed):
        city.look()
    city.now += timedelta(seconds=LOST_AFTER_S + 1)
    city.restart()
    city.hear()
    assert (city.sent, city.outcomes()) == ([], ["lost"])


def test_robot_that_was_turned_back_sets_out_again_after_the_restart(city: _City) -> None:
    city.look()
    city.hear()
    target = city.first.orders.nodes[0].node_position
    assert target
    fire = source_map(city.site, (target.x, target.y), 12.0, close=True)
    city.is_killed_before_sending = True
    with pytest.raises(_Killed):
        city.control.handle_map(INCIDENT, fire)
    city.restart()
    city.hear()
    assert city.first.orders.is_idle
    city.hear()
    city.control.handle_map(INCIDENT, fire)
    city.hear()
    assert len(city.orders()) == 2
    assert not city.first.orders.is_idle
    assert city.outcomes() == [""]


def test_visit_that_is_over_is_not_begun_again(city: _City) -> None:
    for number in range(TURNS):
        city.turn(number)
    known, journal = len(city.sent), city.journal()
    city.restart()
    city.hear()
    assert not city.control.wants_map(INCIDENT)
    city.look()
    assert (len(city.sent), city.outcomes(), city.journal()) == (known, ["located"], journal)


def test_what_operators_sent_and_forbade_outlives_a_restart(city: _City) -> None:
    city.send(Stop(*FIRE_M, 60.0))
    city.restart()
    city.hear()
    (mission,) = city.control._dispatcher.missions
    assert city.control.status()[0].mission == mission
    assert (mission.robot, mission.ended_at, mission.stops) == ("robot-1", None, [Stop(*FIRE_M, 60.0)])
    city.first.drive()
    city.hear()
    assert mission.outcome == "done"
    city.operate("disable")
    city.restart()
    city.restart()
    city.hear()
    city.look()
    assert [mission["robot"] for mission in city.control.missions(INCIDENT)] == ["robot-2"]


def test_no_robot_is_sent_while_it_cannot_be_written_down_but_called_back(
    city: _City, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_entries: list[JournalEntry]) -> None:
        raise UnavailableError("the store is away")

    city.look()
    city.hear()
    with monkeypatch.context() as patched:
        patched.setattr(city.store, "write_journal", away)
        city.first.drive()
        city.hear()
        city.look()
        assert len(city.sent) == 1
        assert len(city.control.missions(INCIDENT)[0]["places"]) == 1
        name = city.robots[1].name
        with pytest.raises(UnavailableError, match="store is away"):
            city.control.send(name, [Stop(*FIRE_M, 60.0)], "kim")
        city.operate("disable")
        assert city.first.orders.is_idle
        assert city.journal() == ["dispatch", "dispatch-on"]
    city.hear()
    assert sorted(city.journal()) == ["dispatch", "dispatch-on", "dispatch-over", "forbid"]
    city.restart()
    assert city.outcomes() == ["forbidden"]


def test_before_the_journal_is_read_no_robot_is_sent_or_called_back(city: _City) -> None:
    city.look()
    city.hear()
    city.first.drive()
    city.control = city._control()
    city.hear()
    city.look()
    with pytest.raises(UnavailableError, match="not read from the store yet"):
        city.control.send("robot-2", [Stop(*FIRE_M, 60.0)], "kim")
    assert len(city.sent) == 1
    # What is forbidden meanwhile counts.
    city.operate("disable")
    city.control.restore()
    city.hear()
    assert city.outcomes() == ["forbidden"]
    assert city.first.orders.is_idle
