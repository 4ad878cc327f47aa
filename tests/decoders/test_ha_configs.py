"""Home Assistant's discovery: what a config says is measured, and of which device."""

from typing import Any

import pytest

from jeonju.contract.quality import Flag
from jeonju.decoders.ha_discovery.config import component_of
from tests.decoders.discovery import CONFIG, DEVICE, PM25, Home, value_of
from tests.decoders.reading import values


def test_device_bundle_shares_what_stands_at_its_root() -> None:
    home = Home()
    config = {
        "dev": {"cns": [["mac", "02:aa"]]},
        "~": "yard",
        "avty_t": "~/status",
        "cmps": {
            "t": {"p": "sensor", "stat_t": "~/t", "dev_cla": "temperature", "unit_of_meas": "°F"},
            "gone": {"p": "sensor"},
            "led": {"p": "light", "stat_t": "~/led"},
            "broken": 7,
        },
    }
    home.hear("homeassistant/device/yard/config", config)
    assert values(home.hear("yard/t", "50")) == {"02:aa": {"temperature": pytest.approx(10.0)}}
    assert home.states("yard/status", "offline") == {"02:aa": "offline"}
    assert home.hear("yard/led", "ON").nothing == "no-config"


@pytest.mark.parametrize(
    ("levels", "component"),
    [
        ("homeassistant/sensor/a/config", "sensor"),
        ("homeassistant/sensor/node/a/config", "sensor"),
        ("homeassistant/device/a/config", "device"),
        ("city/ha/sensor/node/a/config", "sensor"),
        ("homeassistant/sensor/light/a/config", "sensor"),
        ("homeassistant/status", None),
        ("a/b/c/config", None),
        ("config", None),
    ],
)
def test_topics_of_configs(levels: str, component: str | None) -> None:
    assert component_of(levels.split("/")) == component


@pytest.mark.parametrize(
    ("device", "name"),
    [
        ({"identifiers": "x1"}, "x1"),
        ({"ids": [7, "b"]}, "7"),
        ({"cns": [["mac", "02:aa"]], "name": "Porch"}, "02:aa"),
        ({"name": "Porch"}, "Porch"),
        (None, "home"),
        ({}, "home"),
    ],
)
def test_device_is_the_identifier_else_address_else_name_else_level(device: Any, name: str) -> None:
    assert value_of(device=device, payload={"dust": 1}) == {name: {"pm25": 1}}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"device_class": "carbon_monoxide", "unit_of_measurement": "mg/m³"}, {"co": pytest.approx(0.8734, rel=1e-3)}),
        ({"device_class": "volatile_organic_compounds_parts", "unit_of_measurement": "ppb"}, {"tvoc": 1.0}),
        ({"device_class": "atmospheric_pressure", "unit_of_measurement": "kPa"}, {"pressure": 10.0}),
        ({"device_class": "wind_speed", "unit_of_measurement": "km/h"}, {"wind_speed": pytest.approx(1 / 3.6)}),
        ({"device_class": "sound_pressure", "unit_of_measurement": "dBA"}, {"noise": 1.0}),
        (
            {"device_class": "signal_strength", "unit_of_measurement": "dBm", "entity_category": "diagnostic"},
            {"rssi": 1},
        ),
        ({"device_class": "temperature", "entity_category": "diagnostic"}, None),
        ({"device_class": "power", "unit_of_measurement": "W"}, None),
        ({"device_class": None, "value_template": "{{ value_json['PM2.5'] }}"}, {"pm25": 3.0}),
        ({"device_class": None, "value_template": "{{ value_json.PM10 }}", "unit_of_measurement": "lx"}, None),
        ({"device_class": None, "name": "Yard CO2", "unit_of_measurement": "ppm", "unique_id": "x"}, {"co2": 1.0}),
    ],
)
def test_what_is_measured(config: dict[str, Any], expected: dict[str, Any] | None) -> None:
    home = Home()
    home.hear("homeassistant/sensor/abc/config", {key: value for key, value in (PM25 | config).items() if value})
    found = values(home.hear("home/porch", {"dust": 1, "PM2.5": 3, "PM10": 4}))
    assert found == ({} if expected is None else {"a1b2": expected})


def test_unit_that_does_not_fit_is_flagged_and_kept() -> None:
    home = Home()
    home.hear(CONFIG, PM25 | {"device_class": "volatile_organic_compounds"})
    decoding = home.hear("home/porch", {"dust": 12})
    assert decoding.flags[0]["tvoc"] == Flag.of("bad", "unit-does-not-fit", unit="µg/m³")
    assert decoding.extra[0]["tvoc"] == {"value": 12, "unit": "µg/m³"}


def test_of_two_thermometers_of_a_device_one_counts_whatever_comes_first() -> None:
    for order in ([0, 1], [1, 0]):
        home = Home()
        for number in order:
            topic = f"homeassistant/sensor/t{number}/config"
            home.hear(topic, {"device": DEVICE, "device_class": "temperature", "state_topic": f"t/{number}"})
        assert values(home.hear("t/0", "10")) == {"a1b2": {"temperature": 10}}
        assert home.hear("t/1", "30").is_empty


def test_mapping_names_entities_and_members() -> None:
    mapping = [
        {"pointer": "/odd", "key": "pm10"},
        {"pointer": "/raw/1", "key": "voltage", "scale": 0.5},
    ]
    home = Home(mapping=mapping)
    config = {"device": DEVICE, "unique_id": "odd", "state_topic": "home/porch", "value_template": "{{ value_json.d }}"}
    home.hear("homeassistant/sensor/x/config", config)
    assert values(home.hear("home/porch", {"d": 5, "raw": [0, 6]})) == {"a1b2": {"pm10": 5, "voltage": 3}}


def test_light_is_no_device_of_ours() -> None:
    home = Home()
    config = {"device": DEVICE, "state_topic": "l/state", "availability_topic": "l/lwt"}
    home.hear("homeassistant/light/l/config", config)
    home.hear("homeassistant/sensor/power/config", config | {"device_class": "power"})
    assert home.states("l/lwt", "online") == {}


def test_name_for_people_says_what_is_measured() -> None:
    config = {"device": DEVICE, "name": "Wind Direction", "unit_of_measurement": "°", "state_topic": "home/porch"}
    home = Home()
    home.hear("homeassistant/sensor/porch/x/config", config)
    assert values(home.hear("home/porch", 270)) == {"a1b2": {"wind_direction": 270.0}}


@pytest.mark.parametrize(
    "config",
    [
        {"name": "Water Temperature", "unique_id": "x"},
        {"name": "Water Temperature", "unique_id": "x", "device_class": None},
        {"unique_id": "spa_0123_water_temp"},
        {"object_id": "greenhouse-soil-temperature-1", "unique_id": "x"},
        {"name": "Soil humidity", "unique_id": "x", "device_class": "humidity", "unit_of_measurement": "%"},
        {"name": "T", "unique_id": "x", "value_template": "{{ value_json.cpu_temp }}"},
        {"name": "T", "unique_id": "x", "value_template": "{{ value_json.waterTemperature }}"},
    ],
)
def test_temperature_of_another_thing_than_the_air_is_left_aside(config: dict[str, Any]) -> None:
    said = {"device": DEVICE, "device_class": "temperature", "unit_of_measurement": "°C", "state_topic": "home/porch"}
    home = Home()
    home.hear("homeassistant/sensor/porch/x/config", {key: item for key, item in (said | config).items() if item})
    payload = {"cpu_temp": 50, "waterTemperature": 50} if "value_template" in config else 50
    assert values(home.hear("home/porch", payload)) == {}


@pytest.mark.parametrize(
    "name",
    ["Pool House Temperature", "Water Tower: Temperature", "Ground floor temperature", "Underground Temperature"],
)
def test_place_in_a_name_is_no_medium(name: str) -> None:
    config = {"device": DEVICE, "device_class": "temperature", "name": name, "state_topic": "home/porch"}
    home = Home()
    home.hear("homeassistant/sensor/porch/x/config", config)
    assert values(home.hear("home/porch", 21)) == {"a1b2": {"temperature": 21.0}}


@pytest.mark.parametrize(
    "name",
    [
        "Dew Point",
        "outdoor_dewpoint",
        "feelsLike",
        "Wind chill",
        "heat_index",
        "min temperature",
        "Temperature CPU",
        "Simmer index",
    ],
)
def test_what_is_computed_or_of_a_chip_is_no_temperature_of_the_air(name: str) -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": "temperature", "unit_of_measurement": "°C"}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "name": name, "state_topic": "home/a"})
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": "Outside", "state_topic": "home/b"})
    assert home.hear("home/a", "9").is_empty
    assert values(home.hear("home/b", "3.5")) == {"a1b2": {"temperature": 3.5}}


def test_gust_is_no_wind_speed_and_pressure_of_water_none_of_the_air() -> None:
    home = Home()
    for number, (name, unit, said) in enumerate(
        [("Wind gust", "km/h", "wind_speed"), ("windspeed", "km/h", None), ("Water pressure", "bar", "pressure")]
    ):
        config = {"device": DEVICE, "name": name, "unit_of_measurement": unit, "state_topic": f"home/{number}"}
        home.hear(f"homeassistant/sensor/a/{number}/config", config | ({"device_class": said} if said else {}))
    assert home.hear("home/0", "36").is_empty
    assert home.hear("home/2", "1.5").is_empty
    assert values(home.hear("home/1", "18")) == {"a1b2": {"wind_speed": 5.0}}


def test_entity_whose_unit_does_not_fit_displaces_no_other() -> None:
    home = Home()
    for name, unit in (("absolute", "g/m³"), ("relative", "%")):
        config = {"device": DEVICE, "device_class": "humidity", "unit_of_measurement": unit, "name": name}
        home.hear(f"homeassistant/sensor/a/{name}/config", config | {"state_topic": f"home/{name}"})
    assert values(home.hear("home/relative", "61")) == {"a1b2": {"humidity": 61.0}}
    assert home.hear("home/absolute", "7.5").is_empty


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Indoor temperature", "Outdoor temperature"),
        ("inTemp", "outTemp"),
        ("temp_in", "temp_out"),
        ("Daily average", "Now"),
        ("temp 24h", "tempin"),
        ("Temperature floor", "Temperature"),
        ("A forecast", "Inside"),
        ("Perceived", "Inside in the hall"),
        ("Raw temperature", "Inside"),
        ("Burner", "Outdoors"),
        ("Selected room temperature", "Summer house"),
        ("Exhaust temperature", "Temperature of the summer house"),
    ],
)
def test_what_is_outside_and_now_counts_before_what_is_inside_or_of_a_day(first: str, second: str) -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": "temperature", "unit_of_measurement": "°C"}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "name": first, "state_topic": "home/a"})
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": second, "state_topic": "home/b"})
    assert home.hear("home/a", "20").is_empty
    assert values(home.hear("home/b", "3.5")) == {"a1b2": {"temperature": 3.5}}


def test_pressure_of_vapour_is_not_that_of_the_air() -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": "pressure", "unit_of_measurement": "kPa"}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "name": "VPD", "state_topic": "home/a"})
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": "Barometer", "state_topic": "home/b"})
    assert home.hear("home/a", "1.2").is_empty
    assert values(home.hear("home/b", "101.3")) == {"a1b2": {"pressure": 1013.0}}


def test_signal_noise_and_what_is_between_are_told_apart() -> None:
    home = Home()
    for name in ("noise", "rssi", "snr"):
        config = {
            "device": DEVICE,
            "device_class": "signal_strength",
            "unit_of_measurement": "dB",
            "unique_id": f"a-{name}",
        }
        home.hear(f"homeassistant/sensor/a/{name}/config", config | {"state_topic": f"home/{name}"})
    assert home.hear("home/noise", "-24").is_empty
    assert values(home.hear("home/rssi", "-12")) == {"a1b2": {"rssi": -12.0}}
    assert values(home.hear("home/snr", "11.5")) == {"a1b2": {"snr": 11.5}}


def test_thermometer_inside_counts_where_there_is_no_other() -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": "temperature", "unit_of_measurement": "°C"}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "name": "Indoor", "state_topic": "home/a"})
    assert values(home.hear("home/a", "20")) == {"a1b2": {"temperature": 20.0}}
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": "First floor temperature", "state_topic": "home/b"})
    assert values(home.hear("home/b", "3.5")) == {"a1b2": {"temperature": 3.5}}
    home.hear("homeassistant/sensor/a/b/config", "")
    assert values(home.hear("home/a", "20")) == {"a1b2": {"temperature": 20.0}}


@pytest.mark.parametrize(
    ("said", "unit", "aside", "read"),
    [
        ("pm25", "µg/m³", "PM4.0", "PM2.5"),
        ("pm10", "µg/m³", "pm5_ugm3", "PM10"),
        ("carbon_dioxide", "ppm", "eCO2", "CO2"),
        ("carbon_dioxide", "ppm", "CO2 equivalent", "CO2"),
        ("sound_pressure", "dBA", "Lmax", "Leq 15 min"),
        ("nitrogen_dioxide", "ppm", "NOx index", "NO2"),
        ("nitrogen_dioxide", "ppm", "NOX", "NO2"),
        ("ozone", "ppm", "Ozone index", "Ozone"),
        ("sound_pressure", "dB", "Noise profile low", "Noise"),
        ("sound_pressure", "dB", "Maximum level", "Level"),
    ],
)
def test_what_a_class_is_given_for_want_of_another_is_left_aside(said: str, unit: str, aside: str, read: str) -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": said, "unit_of_measurement": unit}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "name": aside, "state_topic": "home/a"})
    assert home.hear("home/a", "420").is_empty
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": read, "state_topic": "home/b"})
    assert list(values(home.hear("home/b", "450"))["a1b2"].values()) == [450.0]


def test_index_of_volatile_compounds_has_the_class_of_indices() -> None:
    home = Home()
    for number, name in enumerate(("VOC index", "NOx index", "co2")):
        config = {"device": DEVICE, "device_class": "aqi", "name": name, "state_topic": f"home/{number}"}
        home.hear(f"homeassistant/sensor/a/{number}/config", config)
    assert values(home.hear("home/0", "101")) == {"a1b2": {"voc_index": 101.0}}
    config = {"device": DEVICE, "device_class": "volatile_organic_compounds", "name": "VOC index"}
    home.hear("homeassistant/sensor/b/a/config", config | {"state_topic": "home/b", "device": {"ids": "b"}})
    assert values(home.hear("home/b", "101")) == {"b": {"voc_index": 101.0}}
    assert home.hear("home/1", "1").is_empty
    assert home.hear("home/2", "55").is_empty


@pytest.mark.parametrize("reduced", ["Sea level pressure", "baromrel", "Pressure altimeter", "Relative pressure"])
def test_pressure_of_the_station_counts_before_that_of_the_sea_level(reduced: str) -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": "pressure", "unit_of_measurement": "hPa"}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "name": reduced, "state_topic": "home/a"})
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": "Pressure", "state_topic": "home/b"})
    assert home.hear("home/a", "1014").is_empty
    assert values(home.hear("home/b", "1001")) == {"a1b2": {"pressure": 1001.0}}


def test_what_is_switched_off_by_default_comes_last() -> None:
    home = Home()
    shared = {"device": DEVICE, "device_class": "temperature", "unit_of_measurement": "°C"}
    home.hear("homeassistant/sensor/a/a/config", {**shared, "en": False, "name": "BMP", "state_topic": "home/a"})
    assert values(home.hear("home/a", "27")) == {"a1b2": {"temperature": 27.0}}
    home.hear("homeassistant/sensor/a/b/config", {**shared, "name": "Air", "state_topic": "home/b"})
    assert home.hear("home/a", "27").is_empty
    assert values(home.hear("home/b", "23")) == {"a1b2": {"temperature": 23.0}}
