"""Robots over HTTP, with a real broker between the api and a robot."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import NodeState
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.response.fleet.maps import NOW
from tests.response.robot import Robot
from tests.waiting import wait_until

ROBOTS = "/api/v1/robots"
PALBOK = {"lat": 35.8552, "lon": 127.0925, "stay_s": 60}


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore, broker: EmbeddedBroker) -> Iterator[TestClient]:
    with local_client(api_app(jeonju, store, broker.url, now=lambda: NOW)) as started:
        wait_until(lambda: started.app.state.air.broker.state.connected, what="the broker")  # type: ignore[attr-defined]
        yield started


@pytest.fixture
def robot(broker: EmbeddedBroker, jeonju: Site) -> Iterator[Robot]:
    made = Robot(broker, jeonju)
    yield made
    made.close()


def send_once_missions_are_read(client: TestClient) -> None:
    """Send it; just after a start the api says that it has not read from the store yet what robots were sent to."""

    def answered() -> int:
        return client.post(f"{ROBOTS}/robot-1/send", json=PALBOK).status_code

    wait_until(lambda: answered() == 202, what="the mission")


def test_robot_is_shown_sent_called_back_forbidden_and_allowed(client: TestClient, robot: Robot) -> None:
    def shown() -> dict[str, Any]:
        robot.publish_state()
        return client.get(ROBOTS).json()[0]

    wait_until(lambda: shown()["available"], what="its state")
    first, second = client.get(ROBOTS).json()[:2]
    assert (first["battery"], first["charging"], first["order"], first["visit"]) == (80.0, False, "", None)
    assert first["position"] == pytest.approx([35.854, 127.091], abs=0.001)
    assert (second["available"], second["reason"]) == (False, "it is not heard")

    send_once_missions_are_read(client)
    wait_until(lambda: robot.orders("order"), what="the order")
    order = robot.orders("order")[0]
    assert [node["released"] for node in order["nodes"]] == [True, True]
    assert client.get(ROBOTS).json()[0]["visit"]["stops"] == 1
    assert client.post(f"{ROBOTS}/robot-1/recall").status_code == 202
    wait_until(lambda: robot.orders("instantActions"), what="the call back")
    action = robot.orders("instantActions")[0]["actions"][0]
    assert (action["actionType"], action["actionParameters"]) == (
        "cancelOrder",
        [{"key": "orderId", "value": order["orderId"]}],
    )
    assert client.post(f"{ROBOTS}/robot-1/forbid", headers={"X-Operator": "kim"}).status_code == 202
    assert client.get(ROBOTS).json()[0]["reason"] == "an operator forbids to send it"
    assert [entry["who"] for entry in client.get("/api/v1/journal").json() if entry["action"] == "forbid"] == ["kim"]
    refused = client.post(f"{ROBOTS}/robot-1/send", json=PALBOK)
    assert (refused.status_code, "forbids" in refused.json()["detail"]) == (409, True)
    assert client.post(f"{ROBOTS}/robot-1/allow").status_code == 202
    assert client.get(ROBOTS).json()[0]["available"]


def test_visit_goes_on_when_the_api_is_started_anew(
    jeonju: Site, store: DuckDBStore, broker: EmbeddedBroker, robot: Robot
) -> None:
    def shown(client: TestClient, **changes: Any) -> dict[str, Any]:
        robot.publish_state(**changes)
        return client.get(ROBOTS).json()[0]

    with local_client(api_app(jeonju, store, broker.url, now=lambda: NOW)) as client:
        wait_until(lambda: shown(client)["available"], what="its state")
        send_once_missions_are_read(client)
        wait_until(lambda: robot.orders("order"), what="the order")
        (order,) = robot.orders("order")
        (visit,) = [row["visit"] for row in client.get(ROBOTS).json() if row["visit"]]
    ahead = [NodeState(node_id="ahead", sequence_id=2, released=True)]
    with local_client(api_app(jeonju, store, broker.url, now=lambda: NOW)) as client:
        under_way = {"order_id": order["orderId"], "node_states": ahead}
        wait_until(lambda: shown(client, **under_way).get("order") == order["orderId"], what="its state")
        wait_until(lambda: client.get(ROBOTS).json()[0]["visit"] == visit, what="the missions of before")
        assert client.post(f"{ROBOTS}/robot-1/recall").status_code == 202
        wait_until(lambda: robot.orders("instantActions"), what="the call back")
    # Nothing else was sent before it.
    assert [name for name, _ in robot.received if name != "state"] == ["order", "instantActions"]


def test_what_cannot_be_done_is_said_in_one_line(client: TestClient) -> None:
    cases: list[tuple[str, dict[str, Any] | None, int, str]] = [
        ("robot-9/recall", None, 404, "there are: robot-1"),
        ("robot-1/recall", None, 409, "on no order"),
        ("robot-1/send", PALBOK, 409, "it is not heard"),
        ("robot-1/send", {"lat": 36.5, "lon": 127.1}, 422, "lies in no zone"),
        ("robot-1/send", {"lat": 100, "lon": 127.1}, 422, "lat: "),
        ("robot-1/send", {**PALBOK, "stay_s": 1e9}, 422, "stay_s: "),
    ]
    for path, body, status, says in cases:
        answer = client.post(f"{ROBOTS}/{path}", json=body)
        assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text


def test_without_a_broker_no_robot_is_sent(jeonju: Site, store: DuckDBStore) -> None:
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as client:
        assert client.post(f"{ROBOTS}/robot-1/recall").status_code == 503
        assert len(client.get(ROBOTS).json()) == 6
