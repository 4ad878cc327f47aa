"""What codecs of LoRaWAN devices return besides plain values: what a device had kept, probes in the soil, and channels."""

from typing import Any

import pytest

from jeonju.decoders.decoded import Decoding
from tests.decoders.reading import read, times, values

EUI = "0102030405060708"


def decoded(wire_format: str, members: dict[str, Any], **site: Any) -> Decoding:
    """Read an uplink with these decoded members, as one of the network servers sends it."""
    if wire_format == "chirpstack":
        return read("chirpstack", {"deviceInfo": {"devEui": EUI}, "object": members}, **site)
    if wire_format == "tts":
        return read("tts", {"end_device_ids": {"dev_eui": EUI}, "uplink_message": {"decoded_payload": members}}, **site)
    return read("tts", {"dev_id": "a", "hardware_serial": EUI, "payload_fields": members, "metadata": {}}, **site)


@pytest.mark.parametrize("server", ["chirpstack", "tts", "version 2"])
def test_what_a_device_had_kept_has_times_of_its_own(server: str) -> None:
    kept = [
        {"timestamp": 1772439000, "temperature": 3.5, "co2": 450},
        {"timestamp": "2026-03-02T08:12:00Z", "co2": 460},
    ]
    found = decoded(server, {"battery": 90, "history": kept})
    assert [reading.values for reading in found.readings] == [
        {"battery": 90.0},
        {"temperature": 3.5, "co2": 450.0},
        {"co2": 460.0},
    ]
    assert times(found)[1:] == ["2026-03-02T08:10:00.000+00:00", "2026-03-02T08:12:00.000+00:00"]


def test_kept_values_without_a_time_are_a_part_that_is_rejected() -> None:
    found = decoded("chirpstack", {"co2": 450, "history": [{"co2": 1}, {"timestamp": "soon", "co2": 2}, 7]})
    assert values(found) == {EUI: {"co2": 450.0}}
    assert [part.payload for part in found.rejected] == [b'{"co2":1}', b'{"timestamp":"soon","co2":2}']
    assert "has no 'timestamp'" in found.rejected[0].reason


def test_kept_values_that_are_mapped_are_left_to_the_mapping() -> None:
    mapping = [{"pointer": "/object/history/0/co2", "key": "co2"}]
    found = decoded("chirpstack", {"history": [{"timestamp": 1772439000, "co2": 450}]}, mapping=mapping)
    assert [reading.values for reading in found.readings] == [{"co2": 450.0}]
    assert times(found) == [None]
    assert decoded("chirpstack", {"history": "none"}).is_empty


@pytest.mark.parametrize(
    "name", ["moisture", "soil_moisture", "soilMoisture", "electrical_conductivity", "water_level"]
)
def test_temperature_beside_what_a_probe_says_is_that_of_the_probe(name: str) -> None:
    found = decoded("tts", {name: 33.5, "temperature": 14.2, "battery": 90})
    assert values(found) == {EUI: {name: 33.5, "probe_temperature": 14.2, "battery": 90.0}}


def test_temperature_of_a_station_with_a_probe_in_the_soil_is_that_of_the_air() -> None:
    for beside in ({"humidity": 40}, {"soil_temperature": 9}):
        found = decoded("tts", {"moisture": 33.5, "temperature": 14.2, **beside})
        assert values(found)[EUI]["temperature"] == 14.2


def test_temperature_of_the_soil_that_is_mapped_counts() -> None:
    mapping = [{"pointer": "/object/temperature", "key": "temperature"}]
    found = decoded("chirpstack", {"moisture": 33.5, "temperature": 14.2}, mapping=mapping)
    assert values(found) == {EUI: {"moisture": 33.5, "temperature": 14.2}}


@pytest.mark.parametrize(
    "members",
    [
        {"temperature_3": 3.5, "relative_humidity_4": 40, "barometric_pressure_5": 1013},
        {"temperature_1": 3.5, "humidity_1": 40, "barometer_1": 1013},
        {"temperatureSensor": {"3": 3.5}, "humiditySensor": {"4": 40}, "barometer": {"5": 1013}},
    ],
)
def test_lone_channels_of_cayenne_are_read(members: dict[str, Any]) -> None:
    expected = {EUI: {"temperature": 3.5, "humidity": 40.0, "pressure": 1013.0}}
    assert values(decoded("tts", members)) == expected
    assert values(decoded("chirpstack", members)) == expected


@pytest.mark.parametrize("name", ["gps_1", "gpsLocation"])
def test_place_of_cayenne_is_that_of_the_device(name: str) -> None:
    place = {"latitude": 35.85, "longitude": 127.1, "altitude": 40}
    (reading,) = decoded("tts", {name: place if name == "gps_1" else {"1": place}, "gps_x": 1, "gps": 2}).readings
    assert (reading.position, reading.values["altitude"]) == ((35.85, 127.1), 40.0)
    assert "altitude" not in values(decoded("tts", {"gps_1": 7, "battery": 90}))[EUI]


def test_of_several_channels_none_is_taken_for_the_air() -> None:
    found = decoded("chirpstack", {"temperatureSensor": {"1": 3.5, "2": 19}, "humiditySensor": {}, "temperature_9": 4})
    assert values(found) == {EUI: {"temperatureSensor_1": 3.5, "temperatureSensor_2": 19.0, "temperature_9": 4.0}}
    assert values(decoded("tts", {"temperature_1": 3.5, "temperature": 4})) == {
        EUI: {"temperature_1": 3.5, "temperature": 4.0}
    }


def test_channel_that_is_mapped_is_left_to_the_mapping() -> None:
    mapping = [{"pointer": "/object/temperatureSensor/2", "key": "temperature"}]
    found = decoded("chirpstack", {"temperatureSensor": {"1": 3.5, "2": 19}}, mapping=mapping)
    assert values(found) == {EUI: {"temperature": 19.0}}


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"air_temperature": 3.5, "RelativeHumidity": 40}, {"temperature": 3.5, "humidity": 40.0}),
        ({"atmospheric_pressure": {"value": 101.3, "unit": "kPa"}}, {"pressure": 1013.0}),
        ({"battery_voltage": "3.30", "ambientTemperature": 3.5}, {"voltage": 3.3, "temperature": 3.5}),
        ({"relative_humidity": 40, "humidity": 41}, {"relative_humidity": 40.0, "humidity": 41.0}),
        ({"Temp": 3.5, "Humi": 40, "Volt": 3}, {"temperature": 3.5, "humidity": 40.0, "voltage": 3.0}),
        ({"Temp": 3.5, "battery": 90}, {"Temp": 3.5, "battery": 90.0}),
        ({"temp": 3.5, "temperature": 4, "hum": 40}, {"temp": 3.5, "temperature": 4.0, "humidity": 40.0}),
        ({"co2_concentration": 450, "total_voc": 9}, {"co2": 450.0, "tvoc": 9.0}),
        (
            {"pm2_5_mass_concentration": 8, "pm10_number_concentration": 9},
            {"pm25": 8.0, "pm10_number_concentration": 9.0},
        ),
        ({"temperature_c": 3.5, "humidity_pct": 40}, {"temperature": 3.5, "humidity": 40.0}),
        ({"temperature_f": 50, "pressurePa": "101300"}, {"temperature": pytest.approx(10), "pressure": 1013.0}),
        ({"CO2_ppm": 450, "TVOC_ppb": 9, "NO2ppb": 20}, {"co2": 450.0, "tvoc": 9.0, "no2": pytest.approx(0.02)}),
        ({"windSpeedKmh": 18, "WindDirection": 200}, {"wind_speed": pytest.approx(5), "wind_direction": 200.0}),
        ({"temperature_f": 50, "temperature_c": 10}, {"temperature": pytest.approx(10), "temperature_c": 10.0}),
        ({"temperature_b": 3, "temperature_c": 4}, {"temperature_b": 3.0, "temperature_c": 4.0}),
        ({"co2_index": 3, "tvoc_1": 4}, {"co2_index": 3.0, "tvoc_1": 4.0}),
        ({"humidity_v": 3, "chip_temperature_c": 40}, {"humidity_v": 3.0, "chip_temperature_c": 40.0}),
        ({"temp_c": 3.5, "battery": 90}, {"temp_c": 3.5, "battery": 90.0}),
        ({"temp_f": 50, "humidity": 40}, {"temperature": pytest.approx(10), "humidity": 40.0}),
        ({"T": "3.5", "RH": "40"}, {"temperature": 3.5, "humidity": 40.0}),
        ({"t": 1772439000, "humidity": 40}, {"t": 1772439000.0, "humidity": 40.0}),
        ({"t": 3.5, "temp": 30, "rh": 40}, {"t": 3.5, "temp": 30.0, "humidity": 40.0}),
        ({"PM1_0": 3, "PM_10": 8}, {"pm1": 3.0, "pm10": 8.0}),
        ({"PM1_0": 3}, {"pm1": 3.0}),
        ({"pm": {"1.0": 3, "2.5": 5, "10": 8, "4": 7}}, {"pm1": 3.0, "pm25": 5.0, "pm10": 8.0, "pm_4": 7.0}),
        ({"wind": {"speed": 5, "direction": 200}}, {"wind_speed": 5.0, "wind_direction": 200.0}),
        ({"temperature": {"celsius": 10, "fahrenheit": 50}}, {"temperature": 10.0, "temperature_fahrenheit": 50.0}),
        ({"temperature": {"min": 1, "max": 4}}, {"temperature_min": 1.0, "temperature_max": 4.0}),
        ({"alarm": {"co2": 1000}, "co2": 450, "ok": {"heater": True}}, {"alarm_co2": 1000.0, "co2": 450.0}),
        ({"pressure": 101300}, {"pressure": 1013.0}),
        ({"pressure": 250000}, {"pressure": 250000.0}),
        ({"Vbat": 3.6}, {"voltage": 3.6}),
        ({"BatV": 3.6, "battery": 90}, {"voltage": 3.6, "battery": 90.0}),
        ({"batt_mv": 3600, "battery": 90}, {"voltage": pytest.approx(3.6), "battery": 90.0}),
        ({"Bat_mV": 3054, "pressure_hPa": 1013}, {"voltage": pytest.approx(3.054), "pressure": 1013.0}),
        ({"Bat_m_V": 3054, "pm2_5ppm": 3}, {"Bat_m_V": 3054.0, "pm2_5ppm": 3.0}),
        ({"Bat": "3.38 V"}, {"voltage": 3.38}),
        ({"Bat": 3.38}, {"Bat": 3.38}),
        ({"Battery": "3.95"}, {"voltage": 3.95}),
        ({"battery": 3977}, {"voltage": pytest.approx(3.977)}),
        ({"voltage": 3312}, {"voltage": pytest.approx(3.312)}),
        ({"voltage": 230}, {"voltage": 230.0}),
        ({"battery": 3.6, "co2": 450}, {"voltage": 3.6, "co2": 450.0}),
        ({"battery": 3.6, "voltage": 3.7}, {"voltage": 3.7}),
        ({"battery": 3}, {"battery": 3.0}),
        ({"battery": 5.5}, {"battery": 5.5}),
        ({"battery": 0}, {"battery": 0.0}),
    ],
)
def test_names_and_units_of_makers_are_read_where_they_are_clear(
    members: dict[str, Any], expected: dict[str, float]
) -> None:
    assert values(decoded("chirpstack", members)) == {EUI: expected}


def test_object_that_holds_no_number_is_flagged_and_kept() -> None:
    found = decoded("chirpstack", {"temperature": {"state": "broken"}, "co2": {"value": "NoSensor"}})
    assert found.extra[0] == {"temperature": {"state": "broken"}, "co2": {"value": "NoSensor"}}
    assert set(found.flags[0]) == {"temperature", "co2"}


def test_object_that_is_mapped_into_is_left_to_the_mapping() -> None:
    mapping = [{"pointer": "/object/wind/speed", "key": "wind_speed", "unit": "km/h"}]
    found = decoded("chirpstack", {"wind": {"speed": 18, "direction": 200}}, mapping=mapping)
    assert values(found) == {EUI: {"wind_speed": pytest.approx(5)}}


def test_battery_and_voltage_that_are_mapped_stay_as_the_mapping_says() -> None:
    mapping = [{"pointer": "/object/battery", "key": "battery"}, {"pointer": "/object/voltage", "key": "voltage"}]
    found = decoded("chirpstack", {"battery": 3.6, "voltage": 1200}, mapping=mapping)
    assert values(found) == {EUI: {"battery": 3.6, "voltage": 1200.0}}


def test_measurements_by_the_numbers_of_their_kinds_are_read() -> None:
    kinds = [
        {"type": "report_telemetry", "measurementId": 4097, "measurementValue": 3.5},
        {"measurementId": "4101", "measurementValue": 101300, "type": "Barometric Pressure"},
        {"measurementId": "4999", "measurementValue": 7},
        {"type": "upload_version", "hardwareVersion": "1.0"},
    ]
    expected = {EUI: {"temperature": 3.5, "pressure": 1013.0, "measurement_4999": 7.0}}
    for messages in (kinds, [kinds, 7], [*kinds, [[kinds[0]]]]):
        assert values(decoded("tts", {"valid": True, "messages": messages})) == expected
    battery = [{"type": "upload_battery", "battery": 90}, {"type": "upload_interval", "interval": 3600}]
    assert values(decoded("tts", {"messages": battery})) == {EUI: {"battery": 90.0}}


def test_two_measurements_of_one_kind_are_kept_and_the_mapping_may_choose() -> None:
    two = {"messages": [{"measurementId": 4097, "measurementValue": value} for value in (3.5, 19)]}
    assert values(decoded("tts", two)) == {EUI: {"measurement_4097": 3.5, "measurement_4097_2": 19.0}}
    mapping = [{"pointer": "/object/messages/0/measurementValue", "key": "temperature"}]
    assert values(decoded("chirpstack", two, mapping=mapping)) == {EUI: {"temperature": 3.5}}
