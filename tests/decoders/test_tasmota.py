"""Tasmota beyond the recorded messages: what bridges hear of other devices, and wind."""

from typing import Any

import pytest

from tests.decoders.reading import read, values

SENSOR = "tele/hall/SENSOR"
HEARD = {"Temperature": 19.25, "Humidity": 48, "Battery": 71, "LinkQuality": 40}
FOUND = {"temperature": 19.25, "humidity": 48.0, "battery": 71.0}


@pytest.mark.parametrize(
    ("topic", "content", "device"),
    [
        (SENSOR, {"ZbReceived": {"0x1A2B": HEARD}}, "0x1A2B"),
        (SENSOR, {"ZbReceived": {"0x1A2B": HEARD | {"Device": "0x1A2B", "Name": "yard"}}}, "yard"),
        (SENSOR, {"ZbReceived": {"yard": HEARD | {"Device": "0x1A2B"}}}, "yard"),
        (SENSOR, {"ZbReceived": HEARD | {"Device": "0x1A2B", "Name": "yard"}}, "yard"),
        (SENSOR, {"ZbInfo": {"0x1A2B": HEARD | {"Reachable": True}}}, "0x1A2B"),
        (SENSOR, {"MtrReceived": {"yard": HEARD}}, "yard"),
        (SENSOR, {"0x1A2B": HEARD | {"Name": "yard"}}, "yard"),
        (SENSOR, {"yard": HEARD | {"Device": "0x1A2B"}}, "yard"),
        ("tele/hall/1A2B/SENSOR", {"ZbReceived": {"yard": HEARD}}, "yard"),
        ("tele/hall/1A2B/ZbReceived", {"yard": HEARD | {"Device": "0x1A2B"}}, "yard"),
        ("tele/hall/1A2B/ZbReceived", HEARD | {"Device": "0x1A2B", "Name": "yard"}, "yard"),
        (SENSOR, {"Flora-0a1b2c": HEARD}, "Flora-0a1b2c"),
    ],
)
def test_what_a_bridge_hears_is_a_device_of_its_own(topic: str, content: Any, device: str) -> None:
    assert values(read("tasmota", content, topic)) == {device: FOUND}


def test_wired_sensor_that_is_called_by_its_address_is_the_device() -> None:
    content = {"DS18B20-0a1b2c": {"Id": "0000050A1B2C", "Temperature": 4.5}, "BME280-76": {"Humidity": 60}}
    assert values(read("tasmota", content, SENSOR)) == {"hall": {"temperature": 4.5, "humidity": 60.0}}


def test_unit_within_what_is_heard_counts_there_only() -> None:
    heard = {"0x1A2B": {"Pressure": 100.2, "PressureUnit": "kPa", "BatteryPercentage": 50}}
    found = values(read("tasmota", {"ZbReceived": heard, "BMP280": {"Pressure": 1001.5}}, SENSOR))
    assert found == {"0x1A2B": {"pressure": pytest.approx(1002.0), "battery": 50.0}, "hall": {"pressure": 1001.5}}


def test_battery_that_may_be_volts_is_left_aside() -> None:
    heard = {"0x1A2B": {"Name": "gate", "Battery": 3.1, "Temperature": 8.5}}
    assert values(read("tasmota", {"LwReceived": heard}, SENSOR)) == {"gate": {"temperature": 8.5}}


def test_device_that_is_heard_can_be_mapped() -> None:
    mapping = [{"pointer": "/ZbReceived/0x1A2B/Temperature", "key": "thermal_max"}]
    found = values(read("tasmota", {"ZbReceived": {"0x1A2B": {"Temperature": 50}}}, SENSOR, mapping=mapping))
    assert found == {"hall": {"thermal_max": 50.0}}


@pytest.mark.parametrize(
    "wind",
    [{"Speed": {"Act": 18.0, "Max": 30}, "Dir": {"Card": "S", "Deg": 180, "Avg": 170}}, {"Speed": 18.0, "Dir": 180}],
)
def test_wind_is_read_where_its_unit_is_said(wind: Any) -> None:
    found = values(read("tasmota", {"TX23": wind, "SpeedUnit": "km/h"}, SENSOR))
    assert found == {"hall": {"wind_speed": pytest.approx(5.0), "wind_direction": 180.0}}


@pytest.mark.parametrize("content", [{"NeoPool": {"Speed": 2}}, {"Speed": 3, "SpeedUnit": "m/s"}])
def test_speed_of_a_pump_or_a_lamp_is_no_wind(content: Any) -> None:
    assert "wind_speed" not in values(read("tasmota", content, SENSOR)).get("hall", {})


@pytest.mark.parametrize("name", ["ESP32", "MPU6050", "BL0940", "NeoPool", "seesaw_soil"])
def test_thermometer_that_is_not_in_the_air_is_left_aside(name: str) -> None:
    content = {name: {"Temperature": 41.5}, "SHT3X-0x44": {"Temperature": 7.5}}
    assert values(read("tasmota", content, SENSOR)) == {"hall": {"temperature": 7.5}}


@pytest.mark.parametrize("of_soil", ["Fertility", "Moisture"])
def test_humidity_of_a_probe_in_the_soil_is_not_that_of_the_air(of_soil: str) -> None:
    probe = {"Temperature": 19.25, "Humidity": 31, of_soil: 250}
    assert values(read("tasmota", {"SOIL-0a1b2c": probe, "SHT3X": {"Humidity": 48}}, SENSOR)) == {
        "SOIL-0a1b2c": {"temperature": 19.25},
        "hall": {"humidity": 48.0},
    }


def test_thermometer_of_a_meter_is_not_in_the_air() -> None:
    meter = {"Power": 120, "Voltage": 231, "Temperature": 41}
    found = read("tasmota", {"ENERGY": meter, "DS18B20": {"Temperature": 3.5}}, SENSOR)
    assert values(found) == {"hall": {"voltage": 231.0, "temperature": 3.5}}
