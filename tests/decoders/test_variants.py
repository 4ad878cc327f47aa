"""What real gateways send besides the recorded messages: each line is a fact of a format, in its smallest message."""

from datetime import datetime
from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Format
from tests.decoders.variants import EUI, OF_SITE, OTHER, UP, Case, check, decode, to

CASES: list[Case] = [
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


@pytest.mark.parametrize("case", CASES, ids=[f"{case[1]}: {case[0]}" for case in CASES])
def test_variant(case: Case) -> None:
    check(case)


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
        ("chirpstack", UP, {"object": {"pm25": 1}, "publishedAt": OF_SITE}, {}, OF_SITE),
        ("chirpstack", UP, {"object": {"pm25": 1}, "publishedAt": OTHER, "time": OF_SITE}, {}, OF_SITE),
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
