"""The Things Stack: normalized payloads, whose members and units a schema gives; uplinks of version 2."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from tests.decoders.reading import read, times, values

TOPIC = "v3/a@t/devices/d/up"
MEASURED = {
    "air": {"temperature": -4.5, "relativeHumidity": 81, "pressure": 1003, "co2": 430, "location": "outdoor"},
    "wind": {"speed": 3.5, "direction": 270},
    "battery": 3.6,
    "soil": {"temperature": 2, "moisture": 30},
}
FOUND = {
    "temperature": -4.5,
    "humidity": 81.0,
    "pressure": 1003.0,
    "co2": 430.0,
    "wind_speed": 3.5,
    "wind_direction": 270.0,
    "voltage": 3.6,
}


@pytest.mark.parametrize(
    "content",
    [
        {"uplink_message": {"normalized_payload": [MEASURED]}},
        {"uplink_normalized": {"normalized_payload": MEASURED}},
        {"data": {"end_device_ids": {"device_id": "d"}, "uplink_normalized": {"normalized_payload": MEASURED}}},
    ],
)
def test_normalized_payload_is_read_by_its_schema(content: Any) -> None:
    assert values(read("tts", content, TOPIC)) == {"d": FOUND}


def test_measurements_have_times_of_their_own() -> None:
    listed = [
        {"time": "2026-03-02T08:00:00Z", "air": {"temperature": 1}},
        {"air": {"temperature": 2}},
        7,
        {"air": "none"},
    ]
    content = {"received_at": "2026-03-02T08:15:00Z", "uplink_message": {"normalized_payload": listed}}
    assert times(read("tts", content, TOPIC)) == ["2026-03-02T08:00:00.000+00:00", "2026-03-02T08:15:00.000+00:00"]


def test_mapping_stands_above_the_normalized_payload() -> None:
    uplink = {"decoded_payload": {"t": 5}, "normalized_payload": [{"air": {"temperature": 4}}]}
    mapping = [{"pointer": "/uplink_message/decoded_payload/t", "key": "temperature"}]
    assert values(read("tts", {"uplink_message": uplink}, TOPIC, mapping=mapping))["d"]["temperature"] == 5


UPLINK_OF_2 = {
    "app_id": "town",
    "dev_id": "roof",
    "hardware_serial": "70B3D57ED0000007",
    "counter": 7,
    "payload_raw": "AQI=",
    "payload_fields": {"temperature": 3.5, "vbat": 3610},
    "metadata": {
        "time": "2026-03-02T08:15:30.512499778Z",
        "latitude": 35.85,
        "longitude": 127.1,
        "gateways": [{"rssi": -90, "snr": 3, "latitude": 1, "longitude": 2}, {"rssi": -70, "snr": 9, "time": ""}],
    },
}


def test_uplink_of_version_2_is_read() -> None:
    mapping = [{"pointer": "/payload_fields/vbat", "key": "voltage", "unit": "mV"}]
    found = read("tts", UPLINK_OF_2, "town/devices/roof/up", mapping=mapping)
    assert values(found) == {"70b3d57ed0000007": {"temperature": 3.5, "rssi": -70.0, "snr": 9.0, "voltage": 3.61}}
    assert found.readings[0].position == (35.85, 127.1)
    assert times(found) == ["2026-03-02T08:15:30.512+00:00"]


def test_place_that_a_device_of_version_2_sends_itself_stands() -> None:
    fields = {"latitude": 35.9, "longitude": 127.2}
    (reading,) = read("tts", UPLINK_OF_2 | {"payload_fields": fields}, "town/devices/roof/up").readings
    assert reading.position == (35.9, 127.2)


def test_uplink_of_version_2_on_the_topic_of_another_device_is_rejected() -> None:
    with pytest.raises(RejectedError, match="says it is 'roof' on the topic of 'cellar'"):
        read("tts", UPLINK_OF_2, "town/devices/cellar/up")


@pytest.mark.parametrize("topic", ["town/devices/roof/up/temperature", "town/devices/roof/up/gps/lat"])
def test_field_of_an_uplink_on_a_topic_of_its_own_is_counted(topic: str) -> None:
    assert read("tts", "3.5", topic).nothing == "field-of-uplink"


def test_activation_of_version_2_says_nothing() -> None:
    content = {"dev_eui": "70B3D57ED0000007", "metadata": {"gateways": [{"rssi": -70}]}}
    assert read("tts", content, "town/devices/roof/events/activations").is_empty
