"""OGC SensorThings: what is measured by its Datastream or by the mapping, times, places, and several results."""

from typing import Any

import pytest

from jeonju.common.errors import RejectedError
from tests.decoders.reading import read, times, values

TOPIC = "v1.1/Datastreams(7)/Observations"
THING = {"@iot.id": "yard", "name": "Yard"}


def stream(name: str = "PM2.5", symbol: str | None = "µg/m³", **more: Any) -> dict[str, Any]:
    unit = {"name": None, "symbol": symbol, "definition": None}
    return {"@iot.id": 7, "ObservedProperty": {"name": name}, "unitOfMeasurement": unit, "Thing": THING, **more}


def observation(result: Any = 12.5, **more: Any) -> dict[str, Any]:
    return {"phenomenonTime": "2026-03-02T08:00:00Z", "result": result, **more}


def test_expanded_datastream_says_what_is_measured_by_what() -> None:
    decoding = read("sensorthings", observation(Datastream=stream()), TOPIC)
    assert values(decoding) == {"yard": {"pm25": 12.5}}
    assert times(decoding) == ["2026-03-02T08:00:00.000+00:00"]


@pytest.mark.parametrize(
    ("observed", "unit", "key", "value"),
    [
        ({"name": "Air Temperature"}, {"symbol": "degF"}, "temperature", pytest.approx(-10.833333)),
        (
            {"name": "x", "definition": "http://mmisw.org/ont/cf/parameter/air_temperature"},
            {"definition": "ucum:Cel"},
            "temperature",
            12.5,
        ),
        (
            {"name": "x", "definition": "http://dd.eionet.europa.eu/vocabulary/aq/pollutant/6001"},
            {"symbol": "ug.m-3"},
            "pm25",
            12.5,
        ),
        ({"name": "Ozone"}, {"name": "ppb"}, "o3", pytest.approx(0.0125)),
        ({"name": "Relative humidity"}, {"symbol": "%"}, "humidity", 12.5),
        ({"name": "nitrogen_dioxide"}, {"symbol": "µg/m3"}, "no2", pytest.approx(0.006647, rel=1e-3)),
        ({"name": "PM10"}, None, "pm10", 12.5),
    ],
)
def test_observed_properties_and_units(observed: Any, unit: Any, key: str, value: float) -> None:
    content = observation(Datastream=stream(ObservedProperty=observed, unitOfMeasurement=unit))
    assert values(read("sensorthings", content, TOPIC)) == {"yard": {key: value}}


@pytest.mark.parametrize("name", ["Water temperature", "Soil humidity", "PM2.5 count", ""])
def test_property_of_something_else_is_none(name: str) -> None:
    decoding = read("sensorthings", observation(Datastream=stream(name)), TOPIC)
    assert decoding.is_empty
    assert decoding.nothing == "unknown-property"


def test_unit_that_does_not_fit_is_flagged() -> None:
    decoding = read("sensorthings", observation(Datastream=stream(symbol="lx")), TOPIC)
    assert not decoding.readings[0].values
    assert "pm25" in decoding.flags[0]


def test_mapping_says_what_a_lone_observation_measures() -> None:
    site = {"device": "yard", "mapping": [{"pointer": "/result", "key": "temperature", "unit": "°F"}]}
    assert values(read("sensorthings", observation(50), TOPIC, **site)) == {"yard": {"temperature": pytest.approx(10)}}


def test_mapping_may_name_the_datastream_of_the_topic() -> None:
    mapping = [
        {"pointer": "/Datastreams(7)/result", "key": "temperature"},
        {"pointer": "/Datastreams(8)/result", "key": "humidity"},
    ]
    assert values(read("sensorthings", observation(5), TOPIC, device="yard", mapping=mapping)) == {
        "yard": {"temperature": 5}
    }
    other = read("sensorthings", observation(6), "v1.1/Datastreams(8)/Observations", device="yard", mapping=mapping)
    assert values(other) == {"yard": {"humidity": 6}}


def test_observation_without_a_device_is_rejected() -> None:
    with pytest.raises(RejectedError, match="names no device"):
        read("sensorthings", observation(), TOPIC, mapping=[{"pointer": "/result", "key": "pm25"}])


@pytest.mark.parametrize(
    ("said", "time"),
    [
        ({"phenomenonTime": "2026-03-02T07:00:00Z/2026-03-02T08:00:00Z"}, "2026-03-02T08:00:00.000+00:00"),
        ({"phenomenonTime": "2026-03-02T07:00:00Z/.."}, "2026-03-02T07:00:00.000+00:00"),
        ({"phenomenonTime": None, "resultTime": "2026-03-02T17:10:00+09:00"}, "2026-03-02T08:10:00.000+00:00"),
        ({"phenomenonTime": None, "resultTime": None}, None),
    ],
)
def test_time_is_that_of_the_phenomenon_and_the_end_of_an_interval(said: Any, time: str | None) -> None:
    assert times(read("sensorthings", observation(Datastream=stream()) | said, TOPIC)) == [time]


def test_thing_with_expanded_datastreams() -> None:
    content = {
        **THING,
        "Locations": [{"location": {"type": "Point", "coordinates": [127.1, 35.8]}}],
        "Datastreams": [
            stream(Observations=[observation(1), observation(2, phenomenonTime="2026-03-02T08:05:00Z")]),
            stream("Temperature", "K", Observations=[observation(283.15)]),
            stream("Illuminance", "lx", Observations=[observation(3)]),
        ],
    }
    decoding = read("sensorthings", content, "v1.1/Things")
    first, second = decoding.readings
    assert first.values == {"pm25": 1, "temperature": pytest.approx(10)}
    assert second.values == {"pm25": 2}
    assert first.position == (35.8, 127.1)


def test_several_results_of_a_multidatastream() -> None:
    of = {
        "ObservedProperties": [{"name": "PM10"}, {"name": "Illuminance"}, {"name": "Air temperature"}],
        "unitOfMeasurements": [{"symbol": "µg/m³"}, {"symbol": "lx"}, {"symbol": "°C"}],
        "Thing": THING,
    }
    content = observation([20, 400, 7.5], MultiDatastream=of)
    assert values(read("sensorthings", content, "v1.1/Observations")) == {"yard": {"pm10": 20, "temperature": 7.5}}


def test_place_of_the_feature_stands_before_that_of_the_thing() -> None:
    feature = {"feature": {"type": "Feature", "geometry": {"type": "Point", "coordinates": [127.2, 35.9]}}}
    decoding = read("sensorthings", observation(Datastream=stream(), FeatureOfInterest=feature), TOPIC)
    assert decoding.readings[0].position == (35.9, 127.2)


def test_list_of_observations() -> None:
    content = {"value": [observation(1, Datastream=stream()), observation(2, Datastream=stream("PM10"))]}
    assert values(read("sensorthings", content, "v1.1/Observations")) == {"yard": {"pm25": 1, "pm10": 2}}


@pytest.mark.parametrize("content", [{"@iot.id": 1, "name": "Yard"}, {}, [], 7])
def test_other_entities_say_nothing(content: Any) -> None:
    decoding = read("sensorthings", content, "v1.1/Things")
    assert decoding.is_empty
    assert decoding.nothing == "no-observation"


def test_observations_of_a_message_are_bounded() -> None:
    with pytest.raises(RejectedError, match="more than 10000 observations"):
        read("sensorthings", {"value": [{"result": 1}] * 10_001}, TOPIC)


def test_observation_names_its_datastream_itself() -> None:
    mapping = [
        {"pointer": "/Datastreams(7)/result", "key": "pm25"},
        {"pointer": "/Datastreams('a~1b')/result", "key": "humidity"},
    ]
    for datastream, expected in ((7, {"pm25": 12.5}), ("a/b", {"humidity": 12.5})):
        posted = observation(Datastream={"@iot.id": datastream})
        assert values(read("sensorthings", posted, "v1.1/Observations", device="yard", mapping=mapping)) == {
            "yard": expected
        }
    assert not read("sensorthings", observation(Datastream={"@iot.id": 8}), device="yard", mapping=mapping).readings


@pytest.mark.parametrize(
    "of",
    [
        {"Datastream": {"@iot.id": 7}},
        {"Datastream@iot.navigationLink": "https://sta.example/v1.1/Datastreams(7)"},
    ],
)
def test_observations_may_come_as_rows(of: Any) -> None:
    rows = [["2026-03-02T08:00:00Z", 4, 1], ["2026-03-02T08:01:00Z", 5, 1], "no row", [7]]
    content = [{**of, "components": ["phenomenonTime", "result", "FeatureOfInterest/id"], "dataArray": rows}]
    mapping = [{"pointer": "/Datastreams(7)/result", "key": "pm25"}]
    decoding = read("sensorthings", content, "v1.1/CreateObservations", device="yard", mapping=mapping)
    assert [item.values["pm25"] for item in decoding.readings] == [4, 5]
    assert times(decoding) == ["2026-03-02T08:00:00.000+00:00", "2026-03-02T08:01:00.000+00:00"]


def test_rows_are_read_by_their_datastream() -> None:
    content = {"Datastream": stream(), "components": ["result", 7], "dataArray": [[4, 0]]}
    assert values(read("sensorthings", content, TOPIC)) == {"yard": {"pm25": 4.0}}
