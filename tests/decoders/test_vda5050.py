"""VDA 5050 beyond the recorded messages: topics and headers of other vendors."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.decoders.decoded import DeviceUpdate
from tests.decoders.reading import read, times, values

STATE: dict[str, Any] = {
    "batteryState": {"batteryCharge": 72.5, "charging": False},
    "velocity": {"vx": 0.6, "vy": -0.8},
}
HEADER = {"manufacturer": "KIT", "serialNumber": "7"}


@pytest.mark.parametrize(
    ("topic", "header"),
    [
        ("uagv/v2.0.0/KIT/7/state", {}),
        ("vda5050/v2/state", HEADER),
        ("fleet/KIT_7", HEADER),
        ("robots/KIT/7/State", {"serialNumber": "7"}),
    ],
)
def test_members_decide_where_topics_differ(topic: str, header: dict[str, str]) -> None:
    assert values(read("vda5050", {**header, **STATE}, topic)) == {"KIT/7": {"battery": 72.5, "speed": 1.0}}
    connection = read("vda5050", {**header, "connectionState": "HIBERNATING"}, topic.replace("state", "connection"))
    assert connection.updates == [DeviceUpdate("KIT/7", "online")]


def test_state_says_nothing_of_the_connection() -> None:
    decoding = read("vda5050", {**STATE, "connectionState": "OFFLINE"}, "uagv/v2/KIT/7/state")
    assert decoding.updates == ()


def test_robot_without_a_name_is_rejected_only_where_it_says_something() -> None:
    assert read("vda5050", {"orderId": "1", "nodes": []}, "order").readings == ()
    with pytest.raises(RejectedError, match="names no device"):
        read("vda5050", STATE, "state")
    assert values(read("vda5050", STATE, "state", device="robot-7")) == {"robot-7": {"battery": 72.5, "speed": 1.0}}


def test_time_without_zone_counts_with_the_zone_of_the_site_file() -> None:
    content, topic = {"timestamp": "2026-03-02T17:15:30.5", **STATE}, "uagv/v2/KIT/7/state"
    assert times(read("vda5050", content, topic)) == [None]
    assert times(read("vda5050", content, topic, timezone="Asia/Seoul")) == ["2026-03-02T08:15:30.500+00:00"]


def test_order_that_is_no_json_is_rejected() -> None:
    with pytest.raises(RejectedError, match="JSON"):
        read("vda5050", b'{"orderId": nan}', "uagv/v2/KIT/7/order")


@pytest.mark.parametrize(
    ("supply", "expected"),
    [
        ({"stateOfCharge": 0, "batteryVoltage": 0.0}, {"KIT/7": {"battery": 0.0}}),
        ({"stateOfCharge": -1.0, "batteryVoltage": 48.2}, {"KIT/7": {"voltage": 48.2}}),
    ],
)
def test_robots_that_measure_no_voltage_or_no_charge_fill_the_members(supply: Any, expected: Any) -> None:
    assert values(read("vda5050", {"powerSupply": supply}, "vda5050/v3/KIT/7/state")) == expected


def test_state_of_a_connection_as_version_1_writes_it() -> None:
    decoding = read("vda5050", {"connectionState": "connectionBroken"}, "uagv/v1/KIT/7/connection")
    assert decoding.updates == [DeviceUpdate("KIT/7", "offline")]


def test_state_of_a_connection_that_is_no_text_is_none() -> None:
    assert read("vda5050", {"connectionState": ["ONLINE"]}, "uagv/v2/KIT/7/connection").updates == ()


def test_time_as_the_messages_of_version_1_write_it() -> None:
    content = {"timeStamp": "2026-03-02T08:15:30.5Z", **STATE}
    assert times(read("vda5050", content, "uagv/v1/KIT/7/state")) == ["2026-03-02T08:15:30.500+00:00"]
