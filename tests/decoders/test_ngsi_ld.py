"""NGSI-LD and NGSI v2: shapes of messages, units, times and devices."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from jeonju.contract.quality import Flag
from tests.decoders.reading import read, times, values


def entity(**attributes: Any) -> dict[str, Any]:
    return {"id": "urn:ngsi-ld:AirQualityObserved:yard", "type": "AirQualityObserved", **attributes}


def prop(value: Any, **more: Any) -> dict[str, Any]:
    return {"type": "Property", "value": value, **more}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda one: one,
        lambda one: [one],
        lambda one: {"id": "urn:ngsi-ld:Notification:1", "type": "Notification", "data": [one]},
        lambda one: {"metadata": {}, "body": {"type": "Notification", "data": [one]}},
        lambda one: {"subscriptionId": "1", "data": [one]},
    ],
)
def test_entities_come_in_many_shapes(wrap: Any) -> None:
    for attribute in (prop(12.5), 12.5, {"value": 12.5, "type": "Number", "metadata": {}}):
        assert values(read("ngsi_ld", wrap(entity(pm25=attribute)))) == {"yard": {"pm25": 12.5}}


@pytest.mark.parametrize(
    ("name", "attribute", "key", "value"),
    [
        ("relativeHumidity", prop(0.54), "humidity", 54),
        ("relativeHumidity", prop(54, unitCode="P1"), "humidity", 54),
        ("temperature", prop(50, unitCode="FAH"), "temperature", 10),
        ("no2", prop(69, unitCode="GQ"), "no2", 0.03669),
        ("co", prop(500, unitCode="GQ"), "co", 0.43672),
        ("o3", prop(31, unitCode="61"), "o3", 0.031),
        ("co2", prop(450), "co2", 450),
        ("windSpeed", prop(36, unitCode="KMH"), "wind_speed", 10),
        ("https://uri.etsi.org/ngsi-ld/default-context/pm10", prop(7), "pm10", 7),
        ("no2", {"value": 69, "metadata": {"unitCode": {"value": "GQ"}}}, "no2", 0.03669),
        (
            "temperature",
            {"value": 50, "metadata": {"unit": {"type": "Text", "value": "Fahrenheit"}}},
            "temperature",
            10,
        ),
        ("temperature", {"value": 50, "unit": "°F"}, "temperature", 10),
        ("batteryLevel", prop(0.62), "battery", 62),
        ("battery", 1, "battery", 1),
        ("rssi", prop(-71), "rssi", -71),
    ],
)
def test_attributes_and_units(name: str, attribute: Any, key: str, value: float) -> None:
    assert values(read("ngsi_ld", entity(**{name: attribute}))) == {"yard": {key: pytest.approx(value, rel=1e-4)}}


@pytest.mark.parametrize("attribute", [prop(69), prop(69, unitCode="XX")])
def test_gas_without_a_known_unit_is_flagged_and_kept(attribute: Any) -> None:
    decoding = read("ngsi_ld", entity(no2=attribute))
    assert not decoding.readings[0].values
    assert "no2" in decoding.flags[0]
    assert "no2" in decoding.extra[0]


def test_attribute_has_a_time_of_its_own() -> None:
    content = entity(
        pm25=prop(1, observedAt="2026-03-02T08:00:00Z"),
        pm10={"value": 2, "metadata": {"TimeInstant": {"value": "2026-03-02T08:05:00Z"}}},
        pm1=prop(3),
        dateObserved=prop({"@type": "DateTime", "@value": "2026-03-02T07:00:00Z/2026-03-02T08:10:00Z"}),
    )
    assert times(read("ngsi_ld", content)) == [f"2026-03-02T08:{minute}:00.000+00:00" for minute in ("00", "05", "10")]


@pytest.mark.parametrize(
    ("more", "device"),
    [
        ({"id": "plain"}, "plain"),
        ({"id": "urn:ngsi-ld:Device:a:b"}, "a:b"),
        ({"id": "urn:ngsi-ld:AirQualityObserved:yard-2016-03-15T11:00:00Z"}, "yard"),
        ({"refDevice": {"type": "Relationship", "object": ["urn:ngsi-ld:Device:d7"]}}, "d7"),
        ({"refPointOfInterest": {"type": "Relationship", "object": "urn:ngsi-ld:PointOfInterest:p-1"}}, "p-1"),
    ],
)
def test_device(more: Any, device: str) -> None:
    assert values(read("ngsi_ld", entity(pm25=prop(1)) | more)) == {device: {"pm25": 1}}


def test_site_file_names_device_and_attributes() -> None:
    mapping = [{"pointer": "/dust/value", "key": "pm10"}, {"pointer": "/pm25", "key": "pm1"}]
    decoding = read("ngsi_ld", entity(dust=prop(9), pm25=prop(4)), device="roof", mapping=mapping)
    assert values(decoding) == {"roof": {"pm10": 9, "pm1": 4}}


def test_location_is_longitude_first() -> None:
    place = {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [127.1, 35.8]}}
    assert read("ngsi_ld", entity(pm25=prop(1), location=place)).readings[0].position == (35.8, 127.1)


@pytest.mark.parametrize("content", [{}, [], 7, {"hello": 1}, {"data": []}, {"type": "Notification"}])
def test_what_holds_nothing_of_ours_is_no_reject(content: Any) -> None:
    assert read("ngsi_ld", content).is_empty


def test_entity_without_an_id_needs_a_device_of_the_site_file() -> None:
    assert values(read("ngsi_ld", {"type": "A", "pm25": 1}, device="yard")) == {"yard": {"pm25": 1}}
    with pytest.raises(RejectedError, match="without an id"):
        read("ngsi_ld", {"type": "A", "relativeHumidity": 0.4})


def test_entities_of_a_message_are_bounded() -> None:
    with pytest.raises(RejectedError, match="more than 10000 entities"):
        read("ngsi_ld", [{"id": "a", "type": "b"}] * 10_001)


def test_level_of_a_signal_is_no_dbm_and_is_kept() -> None:
    decoding = read("ngsi_ld", entity(rssi=prop(0.86)))
    assert not decoding.readings[0].values
    assert "rssi" in decoding.flags[0]


def test_level_that_cannot_be_determined_is_none() -> None:
    assert values(read("ngsi_ld", entity(batteryLevel=prop(-1), rssi=-1, pm25=4))) == {"yard": {"pm25": 4.0}}


@pytest.mark.parametrize("name", ["TimeInstant", "timestamp", "observationDateTime"])
def test_entity_says_when_by_other_names(name: str) -> None:
    for said in ("2026-03-02T08:15:00Z", {"type": "DateTime", "value": "2026-03-02T08:15:00Z"}):
        decoding = read("ngsi_ld", entity(pm25=4, **{name: said}))
        assert times(decoding) == ["2026-03-02T08:15:00.000+00:00"]
        assert values(decoding) == {"yard": {"pm25": 4.0}}


def test_point_of_version_2_has_the_latitude_first() -> None:
    decoding = read("ngsi_ld", entity(pm25=4, location={"type": "geo:point", "value": "35.8, 127.1"}))
    assert decoding.readings[0].position == (35.8, 127.1)


@pytest.mark.parametrize("value", ["35.8", "north,south", "", None, 7])
def test_point_that_is_none_gives_no_place(value: Any) -> None:
    decoding = read("ngsi_ld", entity(pm25=4, location={"type": "geo:point", "value": value}))
    assert decoding.readings[0].position is None


@pytest.mark.parametrize(
    "made",
    ["2026-03-02T08-00-00.00Z", "2026-03-02T07:00:00_2026-03-02T08:00:00", "2026-03-02T07:00:00Z/2026-03-02T08:00:00Z"],
)
def test_times_at_the_end_of_an_id_are_no_part_of_the_device(made: str) -> None:
    assert set(values(read("ngsi_ld", {"id": f"yard-{made}", "type": "T", "pm25": 4}))) == {"yard"}


def test_default_of_several_instances_of_an_attribute_counts() -> None:
    other = prop(9, datasetId="urn:ngsi-ld:Dataset:2")
    assert values(read("ngsi_ld", entity(pm25=[prop(4), other]))) == {"yard": {"pm25": 4.0}}
    assert values(read("ngsi_ld", entity(pm25=[other, prop(4)]))) == {"yard": {"pm25": 4.0}}


@pytest.mark.parametrize(
    "kind", ["WeatherForecast", "https://smartdatamodels.org/dataModel.Environment/AirQualityForecast"]
)
def test_forecast_is_no_measurement_and_is_counted(kind: str) -> None:
    forecast = entity(temperature=12, location={"type": "Point", "coordinates": [127.1, 35.8]}) | {"type": kind}
    decoding = read("ngsi_ld", forecast)
    assert (decoding.readings, decoding.nothing) == ([], "forecast")
    mapped = read("ngsi_ld", forecast, mapping=[{"pointer": "/temperature", "key": "temperature"}])
    assert values(mapped) == {"yard": {"temperature": 12.0}}


@pytest.mark.parametrize("kind", ["WaterQualityObserved", ["WaterObserved"], "TrafficEnvironmentImpact"])
def test_quantities_of_another_medium_are_none_of_the_air_and_are_kept(kind: Any) -> None:
    of_water = entity(temperature=12, pressure=2.1, batteryLevel=0.5, depth=3) | {"type": kind}
    (reading,) = read("ngsi_ld", of_water).readings
    assert reading.values.keys() >= {"battery", "depth"}
    assert not {"temperature", "pressure"} & set(reading.values)
    assert 12.0 in reading.values.values()


@pytest.mark.parametrize("attribute", [0.54, prop(0.54), prop(0.54, unitCode="P1")])
def test_humidity_up_to_one_is_a_share(attribute: Any) -> None:
    for name in ("humidity", "relativeHumidity"):
        assert values(read("ngsi_ld", entity(**{name: attribute}))) == {"yard": {"humidity": pytest.approx(54)}}


def test_device_measurement_is_a_value_of_what_it_says_is_measured() -> None:
    said = {"id": "m-7", "type": "DeviceMeasurement", "refDevice": "urn:ngsi-ld:Device:yard", "unit": "FAH"}
    plain = said | {"controlledProperty": "temperature", "numValue": 41}
    normalized = {
        name: {"type": "Property", "value": held} for name, held in plain.items() if name not in ("id", "type")
    }
    for content in (plain, {"id": "m-7", "type": "DeviceMeasurement", **normalized}):
        assert values(read("ngsi_ld", content)) == {"yard": {"temperature": 5.0}}


def test_device_measurement_in_an_unknown_unit_is_flagged_and_kept() -> None:
    found = read("ngsi_ld", {"id": "m", "controlledProperty": "humidity", "numValue": 41, "unit": "UDT9"})
    assert found.flags[0]["humidity"] == Flag.of("bad", "unit-does-not-fit", unit="UDT9")
    assert found.extra[0]["humidity"] == {"value": 41, "unit": "UDT9"}


@pytest.mark.parametrize("value", [61, "61", 61.0])
def test_share_above_one_without_a_unit_is_percent(value: Any) -> None:
    content = entity(relativeHumidity={"value": value}, batteryLevel={"value": value})
    assert values(read("ngsi_ld", content)) == {"yard": {"humidity": 61.0, "battery": 61.0}}


def test_features_of_geojson_are_entities() -> None:
    feature = {
        "id": "urn:ngsi-ld:AirQualityObserved:yard",
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [127.1, 35.85]},
        "properties": {"type": "AirQualityObserved", "pm25": {"value": 12}},
    }
    notice = {"type": "Notification", "data": {"type": "FeatureCollection", "features": [feature]}}
    for content in (feature, notice):
        (reading,) = read("ngsi_ld", content).readings
        assert (reading.device, reading.values, reading.position) == ("yard", {"pm25": 12.0}, (35.85, 127.1))


def test_notification_of_version_1_lists_attributes() -> None:
    attributes = [{"name": "temperature", "type": "float", "value": "3.5"}, {"type": "nameless", "value": 1}]
    element = {"id": "yard", "type": "Room", "isPattern": "false", "attributes": attributes}
    content = {"subscriptionId": "5", "contextResponses": [{"contextElement": element, "statusCode": {"code": "200"}}]}
    assert values(read("ngsi_ld", content)) == {"yard": {"temperature": 3.5}}


def test_metadata_of_version_1_are_a_list() -> None:
    said = [{"name": "unit", "value": "fahrenheit"}, {"name": "TimeInstant", "value": "2026-03-02T08:10:00Z"}, 7]
    attribute = {"name": "temperature", "value": "41", "metadatas": said}
    content = {"contextElements": [{"id": "yard", "attributes": [attribute]}], "updateAction": "UPDATE"}
    found = read("ngsi_ld", content)
    assert values(found) == {"yard": {"temperature": 5.0}}
    assert times(found) == ["2026-03-02T08:10:00.000+00:00"]


@pytest.mark.parametrize("name", ["TimeInstant", "timestamp", "dateObserved", "time"])
def test_metadata_of_a_value_say_when_it_was_observed(name: str) -> None:
    metadata = {name: {"type": "DateTime", "value": "2026-03-02T08:10:00Z"}, "dateModified": {"value": "2026-03-02"}}
    found = read("ngsi_ld", entity(pm25={"type": "Number", "value": 12, "metadata": metadata}))
    assert times(found) == ["2026-03-02T08:10:00.000+00:00"]


def test_values_of_a_stretch_of_time_have_times_of_their_own() -> None:
    pairs = [[12, "2026-03-02T08:10:00Z"], [14, "2026-03-02T08:15:00Z"], [15]]
    found = read("ngsi_ld", entity(pm25={"type": "Property", "values": pairs}))
    assert [reading.values["pm25"] for reading in found.readings] == [12.0, 14.0]
    assert times(found) == ["2026-03-02T08:10:00.000+00:00", "2026-03-02T08:15:00.000+00:00"]
