"""The Things Stack: normalized payloads, whose members and units a schema gives."""

from typing import Any

import pytest

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
