"""What real gateways send besides the recorded messages: each line is a fact of a format, in its smallest message."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import cbor2
import pytest

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Format, Gateway
from jeonju.decoders import decoder
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.message import Message

NOW = datetime(2026, 3, 2, 8, 15, 31, tzinfo=UTC)
UP = "application/1/device/A840419EDB62011C/event/up"
EUI = "a840419edb62011c"
OF_SITE = "2026-03-02T08:15:30Z"
OTHER = "2026-03-02T08:15:29Z"
Found = dict[str, dict[str, float]]


def decode(wire_format: Format, topic: str, content: Any, **gateway: Any) -> Decoding:
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    site = Gateway.model_validate({"topic": "#", "format": wire_format, **gateway})
    return decoder(wire_format)(Message(topic, payload, NOW), site)


def known(decoding: Decoding) -> Found:
    found: Found = {}
    for item in decoding.readings:
        values = {key: value for key, value in item.values.items() if key in QUANTITY and value is not None}
        if item.position is not None:
            values |= dict(zip(("latitude", "longitude"), item.position, strict=True))
        if values:
            found.setdefault(item.device, {}).update(values)
    return found


def to(pointer: str, key: str) -> dict[str, str]:
    return {"pointer": pointer, "key": key}


CASES: list[tuple[str, Format, str, Any, dict[str, Any], Found]] = [
    # SenML
    (
        "levels below the base name belong to the device",
        "senml",
        "senml/a",
        [{"bn": "hall/", "n": "east/desk/temperature", "v": 20.5}, {"n": "west:humidity", "v": 41}],
        {},
        {"hall/east/desk": {"temperature": 20.5}, "hall/west": {"humidity": 41.0}},
    ),
    (
        "a base name that ends in the quantity means what its resolved form means",
        "senml",
        "senml/a",
        [{"bn": "urn:dev:x7:co2", "u": "ppb", "v": 415000}],
        {},
        {"urn:dev:x7": {"co2": 415.0}},
    ),
    (
        "name behind a base name without a separator",
        "senml",
        "senml/a",
        [{"bn": "desk", "n": "pm10", "u": "g/m3", "v": 2e-5}],
        {},
        {"desk": {"pm10": 20.0}},
    ),
    (
        "one bad record leaves the others",
        "senml",
        "senml/a",
        [None, {"v": 1}, {"bn": "desk/", "n": "humidity", "u": "/", "v": 0.5}],
        {},
        {"desk": {"humidity": 50.0}},
    ),
    (
        "mapped unknown name with its own unit",
        "senml",
        "senml/a",
        [{"bn": "desk/", "n": "t1", "u": "K", "v": 293.15}],
        {"mapping": [to("/t1", "temperature")]},
        {"desk": {"temperature": 20.0}},
    ),
    # oneM2M
    (
        "several notifications, one of them bad",
        "onem2m",
        "/oneM2M/req/id-in/C/json",
        {
            "op": 5,
            "pc": {
                "m2m:agn": {
                    "m2m:sgn": [
                        7,
                        {"nev": {"rep": {"m2m:cin": {"con": {"t": 68}}}}, "sur": "cse-in/air/y-2/d/sub"},
                        {
                            "nev": {"rep": {"m2m:tsi": {"con": "eyJwbTI1IjogOX0=", "cnf": "application/json:1"}}},
                            "sur": "cse-in/air/y-3/d/sub",
                        },
                    ]
                }
            },
        },
        {"mapping": [{"pointer": "/pc/m2m:sgn/nev/rep/m2m:cin/con/t", "key": "temperature", "unit": "°F"}]},
        {"y-2": {"temperature": 20.0}, "y-3": {"pm25": 9.0}},
    ),
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
    # SenML
    (
        "resolved name without a quantity",
        "senml",
        "s",
        [{"n": "urn:dev:ow:10e2073a01080063", "u": "Cel", "v": 23.1}],
        {},
        {"urn:dev:ow:10e2073a01080063": {"temperature": 23.1}},
    ),
    (
        "resolved names with quantities",
        "senml",
        "s",
        [{"n": "urn:dev:ow:1:temperature", "v": 3}, {"n": "urn:dev:ow:2_voc_index", "v": 5}],
        {},
        {"urn:dev:ow:1": {"temperature": 3.0}, "urn:dev:ow:2": {"voc_index": 5.0}},
    ),
    (
        "resolved name that the site file maps",
        "senml",
        "s",
        [{"n": "urn:dev:ow:1:temp", "v": 3}],
        {"mapping": [to("/temp", "temperature")]},
        {"urn:dev:ow:1": {"temperature": 3.0}},
    ),
    (
        "pointer into the pack",
        "senml",
        "s",
        [{"bn": "a:", "n": "x", "v": 1}, {"n": "y", "v": 2}],
        {"mapping": [to("/1/v", "co2")]},
        {"a": {"co2": 2.0}},
    ),
    (
        "units",
        "senml",
        "s",
        [
            {"bn": "a:", "n": "pressure", "u": "Pa", "v": 101325},
            {"n": "wind_speed", "u": "km/h", "v": 36},
            {"n": "humidity", "u": "/", "v": 0.5},
            {"n": "battery", "u": "/100", "v": 80},
        ],
        {},
        {"a": {"pressure": 1013.25, "wind_speed": 10.0, "humidity": 50.0, "battery": 80.0}},
    ),
    (
        "version with secondary units",
        "senml",
        "s",
        [{"bver": 26, "bn": "a:"}, {"n": "voltage", "u": "mV", "v": 3300}],
        {},
        {"a": {"voltage": 3.3}},
    ),
    (
        "numbers as text, a first record of base members only",
        "senml",
        "s",
        [{"bt": 1.7e9}, {"bn": "a:", "n": "co2", "v": "400"}, {"n": "pm25", "vs": "7"}],
        {},
        {"a": {"co2": 400.0, "pm25": 7.0}},
    ),
    (
        "decimal fraction and labels that nobody knows",
        "senml",
        "s",
        cbor2.dumps([{-2: "a:", 0: "temperature", 2: Decimal("21.5"), None: 1, 99: 1, b"x_": 1}]),
        {},
        {"a": {"temperature": 21.5}},
    ),
    (
        "unit that tells what it is, of a device that the site file names",
        "senml",
        "s",
        [{"u": "Cel", "v": 21.5}],
        {"device": "d"},
        {"d": {"temperature": 21.5}},
    ),
    (
        "object with a list of records, as before RFC 8428",
        "senml",
        "s",
        {"bn": "a/", "bt": 0, "ver": 1, "e": [{"n": "co2", "v": 400}, {"n": "open", "bv": True}]},
        {},
        {"a": {"co2": 400.0}},
    ),
    (
        "array of such objects",
        "senml",
        "s",
        [{"bn": "a/", "e": [{"n": "co2", "v": 400}]}, {"bn": "b/", "e": [{"n": "co2", "v": 500}]}],
        {},
        {"a": {"co2": 400.0}, "b": {"co2": 500.0}},
    ),
    ("no record at all", "senml", "s", [], {}, {}),
    ("text without a name", "senml", "s", [{"vs": "hello"}], {}, {}),
    # Zigbee2MQTT
    (
        "base topic below another",
        "zigbee2mqtt",
        "home/zigbee2mqtt/kitchen/window",
        {"pm25": 3},
        {},
        {"kitchen/window": {"pm25": 3.0}},
    ),
    ("base topic of another name", "zigbee2mqtt", "z2m/kitchen", {"pm25": 3}, {}, {"kitchen": {"pm25": 3.0}}),
    (
        "members one by one",
        "zigbee2mqtt",
        "zigbee2mqtt/kitchen/window/pm25",
        b"3",
        {},
        {"kitchen/window": {"pm25": 3.0}},
    ),
    (
        "probe in the soil",
        "zigbee2mqtt",
        "z2m/bed",
        {"temperature": 11.5, "soil_moisture": 40, "battery": 80},
        {},
        {"bed": {"battery": 80.0}},
    ),
    ("mains without a meter", "zigbee2mqtt", "z2m/socket", {"voltage": 231.5}, {}, {"socket": {"voltage": 231.5}}),
    (
        "battery that is nearly empty",
        "zigbee2mqtt",
        "z2m/window",
        {"voltage": 980, "battery": 0},
        {},
        {"window": {"voltage": 0.98, "battery": 0.0}},
    ),
    ("millivolts alone", "zigbee2mqtt", "zigbee2mqtt/window/voltage", b"2985", {}, {"window": {"voltage": 2.985}}),
    ("text alone", "zigbee2mqtt", "zigbee2mqtt/window/state", b"ON", {}, {}),
    (
        "members one by one that the site file maps",
        "zigbee2mqtt",
        "zigbee2mqtt/window/voc",
        b"20",
        {"mapping": [to("/voc", "tvoc")]},
        {"window": {"tvoc": 20.0}},
    ),
    # Tasmota
    ("supply voltage", "tasmota", "tele/x/STATE", {"Vcc": 3.423, "Wifi": {"RSSI": 100}}, {}, {"x": {"voltage": 3.423}}),
    (
        "sensors without a name",
        "tasmota",
        "tele/x/SENSOR",
        {"Temperature": 68, "Humidity": 16, "Light": 10, "Noise": 60, "AirQuality": 90, "TempUnit": "F"},
        {},
        {"x": {"temperature": 20.0, "humidity": 16.0}},
    ),
    (
        "sensors one level further down",
        "tasmota",
        "tele/x/SENSOR",
        {"DS18x20": {"DS1": {"Address": "28FF", "Temperature": 12.2}}},
        {},
        {"x": {"temperature": 12.2}},
    ),
    ("PM1.0", "tasmota", "tele/x/SENSOR", {"HM330X": {"PM1.0": 4, "PM10": 6}}, {}, {"x": {"pm1": 4.0, "pm10": 6.0}}),
    (
        "driver with underscores",
        "tasmota",
        "tele/x/SENSOR",
        {"SPS30": {"PM1_0": 1.5, "PM2_5": 2.5, "PM4_0": 3, "PM10": 4.5, "NCPM1_0": 9}},
        {},
        {"x": {"pm1": 1.5, "pm25": 2.5, "pm10": 4.5}},
    ),
    (
        "temperature of the chip",
        "tasmota",
        "tele/x/SENSOR",
        {"ESP32": {"Temperature": 53.3}, "VINDRIKTNING": {"PM2.5": 2}},
        {},
        {"x": {"pm25": 2.0}},
    ),
    (
        "index that a driver calls TVOC",
        "tasmota",
        "tele/x/SENSOR",
        {"SGP40": {"VOC_Raw": 30000, "TVOC": 110}, "CCS811": {"eCO2": 400, "TVOC": 5, "VOC": 9}},
        {},
        {"x": {"voc_index": 110.0, "tvoc": 5.0}},
    ),
    (
        "everything in one answer",
        "tasmota",
        "stat/x/STATUS0",
        {"StatusSNS": {"BME280": {"Pressure": 1000}}, "StatusSTS": {"Wifi": {"RSSI": 86, "Signal": -57}}},
        {},
        {"x": {"pressure": 1000.0, "rssi": -57.0}},
    ),
    ("command", "tasmota", "cmnd/x/STATUS", 8, {}, {}),
    ("command to the device that comes first", "tasmota", "x/cmnd/STATUS", 8, {}, {}),
    (
        "device before the prefix",
        "tasmota",
        "x/tele/SENSOR",
        {"BMP280": {"Pressure": "709.1"}},
        {},
        {"x": {"pressure": 709.1}},
    ),
    (
        "base before the prefix",
        "tasmota",
        "tasmota/tele/x/SENSOR",
        {"BMP280": {"Pressure": 709}},
        {},
        {"x": {"pressure": 709.0}},
    ),
    (
        "device called like a prefix",
        "tasmota",
        "tele/stat/SENSOR",
        {"BMP280": {"Pressure": 709}},
        {},
        {"stat": {"pressure": 709.0}},
    ),
    (
        "mapped member is not read by its name",
        "tasmota",
        "stat/x/STATUS10",
        {"StatusSNS": {"MLX": {"Temperature": 40}}},
        {"mapping": [to("/StatusSNS/MLX/Temperature", "thermal_max")]},
        {"x": {"thermal_max": 40.0}},
    ),
    # sensor.community
    (
        "signal with its unit",
        "sensor_community",
        "a",
        {
            "esp8266id": 1,
            "sensordatavalues": [{"value_type": "signal", "value": "-59 dBm"}, {"valuevalue_type": "x", "value": "1"}],
        },
        {},
        {"esp8266-1": {"rssi": -59.0}},
    ),
    (
        "any prefix, CO2, noise, and the heated inlet",
        "sensor_community",
        "a",
        {
            "esp8266id": "1",
            "sensordatavalues": [
                {"value_type": kind, "value": "40.5"}
                for kind in ("SEN5X_P0", "P1", "PMS_P2", "SCD30_co2_ppm", "DNMS_noise_LAeq", "HECA_temperature")
            ],
        },
        {},
        {"esp8266-1": {"pm1": 40.5, "pm25": 40.5, "co2": 40.5, "noise": 40.5}},
    ),
    (
        "value that the site file maps by its name",
        "sensor_community",
        "a",
        {"esp8266id": "1", "sensordatavalues": [{"value_type": "PMS_P1", "value": "4"}]},
        {"mapping": [to("/PMS_P1", "pm1")]},
        {"esp8266-1": {"pm1": 4.0}},
    ),
    ("nothing at all", "sensor_community", "a", {}, {}, {}),
    # LwM2M
    (
        "voltages, radio signal and place of a device",
        "senml",
        "s",
        [
            {"bn": "/3/0/", "n": "7/0", "v": 3650},
            {"n": "7/1", "v": 12000},
            {"n": "9", "v": 71},
            {"bn": "/4/0/", "n": "2", "v": -88},
            {"bn": "/6/0/", "n": "2", "v": 41.5},
            {"n": "6", "v": 2.5},
        ],
        {"device": "d"},
        {"d": {"voltage": 3.65, "battery": 71.0, "rssi": -88.0, "altitude": 41.5, "speed": 2.5}},
    ),
    ("voltage of a sensor", "senml", "s", [{"bn": "d/3316/0/", "n": "5700", "v": 3.3}], {}, {"d": {"voltage": 3.3}}),
    (
        "unit of an object in the JSON of LwM2M 1.0",
        "senml",
        "s",
        {"bn": "/3303/0/", "e": [{"n": "5700", "v": 50}, {"n": "5701", "sv": "degF"}, {"n": "5750", "sv": "hall"}]},
        {"device": "d"},
        {"d": {"temperature": 10.0}},
    ),
    # ThingsBoard
    (
        "list of objects",
        "thingsboard",
        "v1/devices/me/telemetry",
        [{"temperature": 4}, {"humidity": "70"}],
        {"device": "d"},
        {"d": {"temperature": 4.0, "humidity": 70.0}},
    ),
    ("texts only, of a device that nobody names", "thingsboard", "v1/devices/me/telemetry", {"model": "T1000"}, {}, {}),
    ("short topic", "thingsboard", "v2/t", {"pm25": 4}, {"device": "d"}, {"d": {"pm25": 4.0}}),
    (
        "pointers from the message and from the entry",
        "thingsboard",
        "v1/gateway/telemetry",
        {"A/b": [{"ts": 1.7e12, "values": {"t": 4, "battery": 3.3}}], "val": {"values": {"battery": 3.4}}},
        {"mapping": [to("/A~1b/0/values/t", "temperature"), to("/values/battery", "voltage")]},
        {"A/b": {"temperature": 4.0, "voltage": 3.3}, "val": {"voltage": 3.4}},
    ),
]


@pytest.mark.parametrize(
    ("wire_format", "topic", "content", "gateway", "expected"),
    [case[1:] for case in CASES],
    ids=[f"{case[1]}: {case[0]}" for case in CASES],
)
def test_variant(
    wire_format: Format, topic: str, content: Any, gateway: dict[str, Any], expected: dict[str, Any]
) -> None:
    found = known(decode(wire_format, topic, content, **gateway))
    assert found == {device: pytest.approx(values) for device, values in expected.items()}


@pytest.mark.parametrize(
    ("wire_format", "topic", "content", "gateway", "time"),
    [
        ("zigbee2mqtt", "zigbee2mqtt/a", {"pm25": 1, "last_seen": "2026-03-02T08:15:30"}, {}, "2026-03-02T08:15:30Z"),
        (
            "zigbee2mqtt",
            "zigbee2mqtt/a",
            {"pm25": 1, "last_seen": "2026-03-02T17:15:30"},
            {"timezone": "Asia/Seoul"},
            "2026-03-02T08:15:30Z",
        ),
        # Where the site file points at a time, it stands above the format's own.
        ("zigbee2mqtt", "zigbee2mqtt/a", {"pm25": 1, "at": OF_SITE, "last_seen": OTHER}, {"time": "/at"}, OF_SITE),
        (
            "chirpstack",
            UP,
            {"devEUI": EUI, "object": {"pm25": 1, "at": OF_SITE}, "time": OTHER},
            {"time": "/object/at"},
            OF_SITE,
        ),
        (
            "tts",
            "v3/a@t/devices/d/up",
            {"uplink_message": {"decoded_payload": {"pm25": 1, "at": OF_SITE}}, "received_at": OTHER},
            {"time": "/uplink_message/decoded_payload/at"},
            OF_SITE,
        ),
        (
            "tts",
            "console",
            {
                "data": {
                    "end_device_ids": {"device_id": "d"},
                    "uplink_message": {"decoded_payload": {"pm25": 1}},
                    "at": OF_SITE,
                }
            },
            {"time": "/data/at"},
            OF_SITE,
        ),
        (
            "airkorea",
            "a",
            [{"sidoName": "s", "stationName": "n", "pm10Value": "1", "dataTime": "2026-03-02 17:00", "at": OF_SITE}],
            {"time": "/at"},
            OF_SITE,
        ),
        (
            "onem2m",
            "o",
            {
                "to": "cse/a/b",
                "pc": {"m2m:cin": {"ct": "20260302T081529", "con": {"pm25": 1, "CREATE_TIME": "20260302171530"}}},
            },
            {"time": "/pc/m2m:cin/con/CREATE_TIME", "timezone": "Asia/Seoul"},
            OF_SITE,
        ),
        (
            "sensor_community",
            "s",
            {"esp8266id": "1", "at": OF_SITE, "sensordatavalues": [{"value_type": "SDS_P1", "value": "1"}]},
            {"time": "/at"},
            OF_SITE,
        ),
        (
            "tasmota",
            "tele/x/SENSOR",
            {"Time": OTHER, "SDS0X1": {"PM10": 1, "At": OF_SITE}},
            {"time": "/SDS0X1/At"},
            OF_SITE,
        ),
        (
            "thingsboard",
            "v1/devices/me/telemetry",
            [{"ts": 1, "values": {"pm25": 1, "at": OF_SITE}}],
            {"time": "/values/at", "device": "d"},
            OF_SITE,
        ),
        (
            "vda5050",
            "v/v2/m/s/state",
            {"timestamp": OTHER, "at": OF_SITE, "batteryState": {"batteryCharge": 1}},
            {"time": "/at"},
            OF_SITE,
        ),
        ("chirpstack", UP, {"devEUI": EUI, "object": {"pm25": 1}, "time": OF_SITE}, {"time": "/object/at"}, OF_SITE),
        (
            "tasmota",
            "tele/a/SENSOR",
            {"Time": "2026-03-02T17:15:30", "Epoch": 1772439330, "IAQ": {"TVOC": 9}},
            {},
            "2026-03-02T08:15:30Z",
        ),
        (
            "tasmota",
            "tele/a/SENSOR",
            {"Time": "2026-03-02T17:15:30+09:00", "IAQ": {"TVOC": 9}},
            {},
            "2026-03-02T08:15:30Z",
        ),
        (
            "thingsboard",
            "v1/devices/me/telemetry",
            {"ts": 1772439330000, "pm25": 1},
            {"device": "d"},
            "2026-03-02T08:15:30Z",
        ),
        (
            "senml",
            "s",
            [{"bn": "a:", "bt": 1772439330.1, "n": "co2", "t": 0.7, "v": 1}],
            {},
            "2026-03-02T08:15:30.800Z",
        ),
    ],
)
def test_time(wire_format: Format, topic: str, content: Any, gateway: dict[str, Any], time: str) -> None:
    (item,) = decode(wire_format, topic, content, **gateway).readings
    assert item.time == datetime.fromisoformat(time)


def test_times_of_senml_are_true_to_the_millisecond() -> None:
    """The sum of two doubles lies a little beside the millisecond it means; it must not be cut to the one before."""
    for step in range(0, 100_000, 77):
        pack = [{"bn": "a:", "bt": 1772439330.123, "n": "co2", "t": step / 1000, "v": 1}]
        (item,) = decode("senml", "s", pack).readings
        assert item.time == datetime(2026, 3, 2, 8, 15, 30, 123_000, UTC) + timedelta(milliseconds=step)


@pytest.mark.parametrize(
    ("wire_format", "topic", "content", "reason"),
    [
        ("senml", "s", [{"v": 5}], "without a name"),
        ("senml", "s", [{"n": "temperature", "v": 5}], "names no device"),
        ("senml", "s", [{"bver": 58, "n": "a:co2", "v": 5}], "version 58"),
        ("senml", "s", [{"bn": "a:", "n": "co2", "v": 5, "x_": 1}], "demands to know"),
        ("chirpstack", "elsewhere", {"object": {"pm25": 1}}, "device without a name"),
        ("sensor_community", "a", {"sensordatavalues": [{"value_type": "SDS_P1", "value": "4"}]}, "names no device"),
    ],
)
def test_what_cannot_be_read_is_rejected(wire_format: Format, topic: str, content: Any, reason: str) -> None:
    with pytest.raises(RejectedError, match=reason):
        decode(wire_format, topic, content)
