"""Messages of VDA 5050: what is written is read back, what is wrong is named."""

import contextlib
import math
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.common.errors import RejectedError
from jeonju.contract import topics, vda5050
from jeonju.contract.vda5050 import Headers, Order, State, Stop, decode, encode, route, start_node
from tests.contract.vda5050_standard import deviations

AT = datetime(2026, 3, 2, 8, 15, 30, tzinfo=UTC)


def order(*stops: Stop, released: int = 1) -> Order:
    nodes, edges = route("jeonju", "o1", stops, start=start_node("jeonju", "o1", 0.0, 0.0), released=released)
    return Order(**Headers("KIT/0001").next(Order, AT), order_id="o1", order_update_id=0, nodes=nodes, edges=edges)


def test_order_has_the_names_and_the_shape_of_the_standard() -> None:
    message = msgspec.json.decode(encode(order(Stop(10, 20, 60), Stop(30, 40, 90))))
    assert message["timestamp"] == "2026-03-02T08:15:30.000Z"
    assert (message["version"], message["manufacturer"], message["serialNumber"]) == ("3.0.0", "KIT", "0001")
    assert [node["sequenceId"] for node in message["nodes"]] == [0, 2, 4]
    assert [edge["sequenceId"] for edge in message["edges"]] == [1, 3]
    assert [part["released"] for part in message["nodes"]] == [True, True, False]
    assert message["nodes"][0]["nodePosition"]["allowedDeviationXY"]["a"] > 0
    assert message["nodes"][1]["actions"] == [
        {
            "actionType": "measure",
            "actionId": "o1-measure-2",
            "blockingType": "HARD",
            "actionParameters": [{"key": "duration", "value": 60}],
        }
    ]


@given(
    st.lists(st.builds(Stop, *[st.floats(-2e4, 2e4)] * 2, st.floats(0, 3600)), min_size=1, max_size=5),
    st.integers(0, 5),
)
def test_orders_are_read_back_as_they_were_written(stops: list[Stop], released: int) -> None:
    written = order(*stops, released=released)
    assert decode(encode(written), Order) == written


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda message: message.pop("nodes"), "nodes"),
        (lambda message: message.update(nodes=[]), "nodes"),
        (lambda message: message["edges"].pop(), "sequenceId"),
        (lambda message: message["nodes"][1].update(sequenceId=3), "sequenceId"),
        (lambda message: message["nodes"][0].update(released=False), "released"),
        (lambda message: message["edges"][0].update(released=False), "released"),
        (lambda message: message["nodes"][1].update(sequenceId=-2), "sequenceId"),
        (lambda message: message.update(nodes=message["nodes"][::-1]), "sequence"),
        (lambda message: message["nodes"][1]["actions"][0].update(blockingType="MAYBE"), "blockingType"),
    ],
)
def test_wrong_order_is_refused_with_the_reason(change: object, says: str) -> None:
    message = msgspec.json.decode(encode(order(Stop(10, 20, 60), Stop(30, 40, 90))))
    change(message)  # type: ignore[operator]
    with pytest.raises(RejectedError, match=says):
        decode(msgspec.json.encode(message), Order)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_refused(payload: bytes) -> None:
    for kind in vda5050.KIND_OF:
        with contextlib.suppress(RejectedError):
            decode(payload, kind)


def test_state_of_another_maker_is_read_and_what_we_do_not_know_ignored() -> None:
    payload = b"""{"headerId": 1, "timestamp": "2026-03-02T08:15:30.00Z", "version": "3.0.0", "manufacturer": "KIT", "serialNumber": "1", "orderId": "",
        "orderUpdateId": 0, "lastNodeId": "", "lastNodeSequenceId": 0, "nodeStates": [], "edgeStates": [], "driving": false, "actionStates": [],
        "instantActionStates": [], "powerSupply": {"stateOfCharge": 54.9, "charging": false, "batteryHealth": 90}, "operatingMode": "MANUAL",
        "errors": [], "safetyState": {"activeEmergencyStop": "NONE", "fieldViolation": false}, "loads": [], "zoneSets": []}"""
    state = decode(payload, State)
    assert (state.power_supply.state_of_charge, state.operating_mode, state.is_idle) == (54.9, "MANUAL", True)


def test_headers_count_per_topic_and_times_are_utc_with_milliseconds() -> None:
    headers = Headers("KIT/0001")
    numbers = [headers.next(kind, AT)["header_id"] for kind in (Order, State, Order, Order)]
    assert numbers == [0, 0, 1, 2]
    seoul = AT.astimezone(timezone(timedelta(hours=9)))
    assert vda5050.timestamp(seoul) == "2026-03-02T08:15:30.000Z"


@pytest.mark.parametrize(("heading", "theta"), [(0, math.pi / 2), (90, 0), (180, -math.pi / 2), (270, math.pi)])
def test_theta_is_counter_clockwise_from_east(heading: float, theta: float) -> None:
    assert abs(vda5050.theta_of(heading)) == pytest.approx(abs(theta), abs=1e-4)
    assert math.sin(vda5050.theta_of(heading)) == pytest.approx(math.sin(theta), abs=1e-3)
    assert -math.pi <= vda5050.theta_of(heading) <= math.pi


def test_topics_name_the_robot_and_the_kind_of_message() -> None:
    assert topics.vda5050("KIT/0001", "state") == "vda5050/v3/KIT/0001/state"
    assert topics.robot_and_kind("vda5050/v3/KIT/0001/state") == ("KIT/0001", "state")
    assert topics.robot_and_kind("vda5050/v2/KIT/0001/state") is None
    assert topics.robot_and_kind("air/v1/jeonju/robot-1/readings") is None


def test_orders_are_as_in_the_standard_and_what_is_not_is_found() -> None:
    message = msgspec.json.decode(encode(order(Stop(10, 20, 60), Stop(30, 40, 90))))
    assert deviations("order", msgspec.json.encode(message)) == []
    node = message["nodes"][1]
    del message["orderId"]
    node["nodePosition"]["theta"] = 4
    node["released"] = 1
    node["sequenceID"] = node.pop("sequenceId")
    node["actions"][0]["blockingType"] = "hard"
    message["timestamp"] = "2026-03-02T08:15:30+09:00"
    message["orderUpdateId"] = -1
    found = deviations("order", msgspec.json.encode(message))
    assert sorted(item.partition(" ")[0] for item in found) == [
        "order",
        "order.nodes[]",
        "order.nodes[]",
        "order.nodes[].actions[].blockingType",
        "order.nodes[].nodePosition.theta",
        "order.nodes[].released",
        "order.orderUpdateId",
        "order.timestamp",
    ]
