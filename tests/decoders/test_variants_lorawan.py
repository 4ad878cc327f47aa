"""What network servers of LoRaWAN send besides the recorded messages: each line is a fact of a format, in its smallest message."""

import pytest

from tests.decoders.variants import EUI, UP, Case, check, to

CASES: list[Case] = [
    # ChirpStack
    (
        "device of the topic where the body names none",
        "chirpstack",
        UP,
        {"object": {"humidity": 40}},
        {},
        {EUI: {"humidity": 40.0}},
    ),
    (
        "version 3",
        "chirpstack",
        UP,
        {
            "devEUI": EUI,
            "object": {"humidity": 40},
            "rxInfo": [{"rssi": -99, "loRaSNR": 7}, {"rssi": -60, "loRaSNR": 9.5}],
        },
        {},
        {EUI: {"humidity": 40.0, "rssi": -60.0, "snr": 9.5}},
    ),
    (
        "text that begins with a number",
        "chirpstack",
        UP,
        {"object": {"temperature": "21.5 °C", "co2": "-", "pm25": "nan"}},
        {},
        {EUI: {"temperature": 21.5}},
    ),
    ("members missing", "chirpstack", UP, {"fPort": 1}, {}, {}),
    (
        "decoded object as text",
        "chirpstack",
        UP,
        {"objectJSON": '{"temperature": "+27.0", "Bat": 3.3}'},
        {"mapping": [to("/objectJSON/Bat", "voltage")]},
        {EUI: {"temperature": 27.0, "voltage": 3.3}},
    ),
    ("nothing decoded", "chirpstack", UP, {"objectJSON": ""}, {}, {}),
    (
        "topic of a gateway with a network server of its own",
        "chirpstack",
        "/uplink",
        {"devEUI": EUI.upper(), "rxInfo": [{"rssi": -51}]},
        {},
        {EUI: {"rssi": -51.0}},
    ),
    (
        "devEUI in Base64",
        "chirpstack",
        UP,
        {"devEUI": "qEBBnttiARw=", "object": {"humidity": 40}},
        {},
        {EUI: {"humidity": 40.0}},
    ),
    (
        "command to a device",
        "chirpstack",
        "application/1/device/a/command/down",
        {"devEui": EUI, "object": {"temperature": 1}},
        {},
        {},
    ),
    (
        "message of a LoRaWAN gateway itself",
        "chirpstack",
        "eu868/gateway/ab/event/up",
        {"rxInfo": {"rssi": -1}},
        {},
        {},
    ),
    (
        "what a codec of The Things Stack returns",
        "chirpstack",
        UP,
        {"devEUI": EUI, "object": {"data": {"temperature": 21.5, "Bat": 3.3}, "errors": [], "warnings": []}},
        {"mapping": [to("/object/data/Bat", "voltage")]},
        {EUI: {"temperature": 21.5, "voltage": 3.3}},
    ),
    (
        "data that is one of several members",
        "chirpstack",
        UP,
        {"devEUI": EUI, "object": {"data": {"temperature": 21.5}, "humidity": 40}},
        {},
        {EUI: {"humidity": 40.0}},
    ),
    (
        "an address in Base64 is the same device as in hexadecimal, where no topic says it",
        "chirpstack",
        "plant/uplinks",
        {"devEUI": "AQIDBAUGBwg=", "objectJSON": '{"temperature": 3.5}'},
        {},
        {"0102030405060708": {"temperature": 3.5}},
    ),
    # The Things Stack
    (
        "normalized uplink",
        "tts",
        "v3/a@t/devices/d/up/normalized",
        {
            "uplink_normalized": {
                "normalized_payload": {"air": {"relativeHumidity": 40}},
                "rx_metadata": [{"rssi": -40, "snr": 1}],
            }
        },
        {"mapping": [to("/uplink_normalized/normalized_payload/air/relativeHumidity", "humidity")]},
        {"d": {"humidity": 40.0, "rssi": -40.0, "snr": 1.0}},
    ),
    (
        "place that the device was registered at",
        "tts",
        "v3/a@t/devices/d/up",
        {
            "uplink_message": {
                "locations": {"user": {"latitude": 35.5, "longitude": 127.5, "source": "SOURCE_REGISTRY"}}
            }
        },
        {},
        {"d": {"latitude": 35.5, "longitude": 127.5}},
    ),
    (
        "place that the device sends before the registered one",
        "tts",
        "v3/a@t/devices/d/up",
        {
            "uplink_message": {
                "decoded_payload": {"latitude": 36, "longitude": 127},
                "locations": {"user": {"latitude": 35, "longitude": 126}},
            }
        },
        {},
        {"d": {"latitude": 36.0, "longitude": 127.0}},
    ),
    (
        "event of the console",
        "tts",
        "e",
        {
            "name": "as.up.data.forward",
            "data": {
                "end_device_ids": {"dev_eui": "AB"},
                "uplink_message": {"decoded_payload": {"battery": 3, "humidity": 40}},
            },
        },
        {"mapping": [to("/data/uplink_message/decoded_payload/battery", "voltage")]},
        {"ab": {"humidity": 40.0, "voltage": 3.0}},
    ),
    (
        "answer of the storage",
        "tts",
        "e",
        {"result": {"end_device_ids": {"dev_eui": "AB"}, "uplink_message": {"rx_metadata": [{"rssi": -40}]}}},
        {},
        {"ab": {"rssi": -40.0}},
    ),
    (
        "event that is no uplink",
        "tts",
        "e",
        {"name": "as.up.join.forward", "data": {"end_device_ids": {"dev_eui": "AB"}, "join_accept": {}}},
        {},
        {},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}: {case[0]}" for case in CASES])
def test_variant(case: Case) -> None:
    check(case)
