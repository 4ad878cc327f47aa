"""Fleet control at work: what it sends, what it writes down, and what it still knows after a restart."""

import json

import pytest

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import InstantActions, NodeState, Stop, decode
from jeonju.response.fleet.control import FleetControl
from jeonju.response.fleet.orders import Message
from jeonju.storage.duckdb.store import DuckDBStore
from tests.response.fleet.maps import NOW, source_map, state_of

FIRE_M = (1250.0, 1120.0)
INCIDENT = "jeonju-20260304T030000-palbok-03"


class Fleet:
    """A control with its messages; the robots that are heard stand in a row east of the fire."""

    def __init__(self, site: Site, store: DuckDBStore, *, automatic: bool = True) -> None:
        self.site, self.sent, self.is_away = site, list[Message](), False
        self.control = FleetControl(site, store, lambda: NOW, self._publish, automatic=automatic)
        self.control.restore()

    def _publish(self, messages: list[Message]) -> None:
        if self.is_away:
            raise UnavailableError("the broker is away; try again later")
        self.sent += messages

    def hear_all(self) -> None:
        for number, robot in enumerate(self.site.robots):
            self.control.handle_message(
                *state_of(self.site, robot.name, (FIRE_M[0] + 400 + 100 * number, FIRE_M[1]), NOW)
            )


@pytest.fixture
def fleet(jeonju: Site, store: DuckDBStore) -> Fleet:
    made = Fleet(jeonju, store)
    made.hear_all()
    return made


def actions(store: DuckDBStore) -> list[tuple[str, str, str]]:
    return [(entry.who, entry.action, entry.subject) for entry in store.journal("jeonju")]


def test_robot_is_sent_to_an_incident_and_both_are_published(fleet: Fleet, jeonju: Site, store: DuckDBStore) -> None:
    assert fleet.control.wants_map(INCIDENT)
    fleet.control.handle_map(INCIDENT, source_map(jeonju, FIRE_M, 80.0))
    assert [message.topic.rpartition("/")[2] for message in fleet.sent] == ["order"]
    (mission,) = fleet.control.missions(INCIDENT)
    assert (mission["robot"], mission["ended_at"], len(mission["places"])) == ("robot-1", None, 1)
    (entry,) = store.journal("jeonju")
    assert (entry.who, entry.action, entry.subject) == ("system", "dispatch", "robot-1")
    assert json.loads(entry.details)["incident"] == INCIDENT
    # It is on its way: no map moves it now.
    assert not fleet.control.wants_map(INCIDENT)


def test_where_people_send_robots_none_goes_by_itself(jeonju: Site, store: DuckDBStore) -> None:
    manual = Fleet(jeonju, store, automatic=False)
    manual.hear_all()
    assert not manual.control.wants_map(INCIDENT)
    manual.control.handle_map(INCIDENT, source_map(jeonju, FIRE_M, 80.0))
    assert manual.sent == []
    manual.control.send("robot-2", [Stop(*FIRE_M, 60.0)], "kim")
    assert len(manual.sent) == 1
    assert set(actions(store)) == {("system", "dispatch", "robot-2"), ("kim", "send", "robot-2")}


def test_robot_that_was_forbidden_stays_so_after_a_restart(fleet: Fleet, jeonju: Site, store: DuckDBStore) -> None:
    fleet.control.disable("robot-1", "kim")
    again = Fleet(jeonju, store)
    again.hear_all()
    again.control.handle_map(INCIDENT, source_map(jeonju, FIRE_M, 80.0))
    assert again.control.missions(INCIDENT)[0]["robot"] == "robot-2"


def test_robot_that_waits_for_an_order_forgotten_in_a_restart_is_called_back_and_others_are_left_alone(
    jeonju: Site, store: DuckDBStore
) -> None:
    again = Fleet(jeonju, store)
    horizon = [NodeState(node_id="stop-2", sequence_id=4, released=False)]
    waiting = {
        "order_id": f"{INCIDENT}-robot-1-20260304T030500",
        "node_states": horizon,
        "last_node_id": "stop-1",
        "driving": False,
    }
    again.control.handle_message(
        *state_of(jeonju, "robot-2", FIRE_M, NOW, order_id="warehouse-17", node_states=horizon)
    )
    assert again.sent == []
    again.control.handle_message(*state_of(jeonju, "robot-1", FIRE_M, NOW, **waiting))
    (message,) = again.sent
    assert [action.action_type for action in decode(message.payload, InstantActions).actions] == ["cancelOrder"]


def test_what_cannot_be_done_is_not_written_down(fleet: Fleet, store: DuckDBStore) -> None:
    with pytest.raises(UserError, match="is on no order"):
        fleet.control.recall("robot-1", "kim")
    fleet.is_away = True
    with pytest.raises(UnavailableError, match="the broker is away"):
        fleet.control.send("robot-1", [Stop(*FIRE_M, 60.0)], "kim")
    assert ("kim", "send", "robot-1") not in actions(store)
