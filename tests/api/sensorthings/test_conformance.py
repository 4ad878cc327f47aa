"""The requirements of OGC 18-088 that the service says it keeps, one after the other, as its abstract test suite (annex A) asks.

Names of tests are the ids of the requirements, below http://www.opengis.net/spec/iot_sensing/1.1/req/.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.api.sensorthings.kinds import KINDS, SETS, Kind, leads_to_many
from jeonju.api.sensorthings.routes import CONFORMANCE
from tests.api.sensorthings.conftest import Get
from tests.api.small_city import EVERY, NOW, ROBOT, STEPS, robot_place

ROOT = "http://127.0.0.1:8000/sta/v1.1"
PM25 = "Datastreams('palbok-01:pm25')"
# Clause 8, tables 3 to 18: what each entity must have. (Optional ones are in `kinds.py` besides.)
MANDATORY = {
    "Thing": {"name", "description"},
    "Location": {"name", "description", "encodingType", "location"},
    "HistoricalLocation": {"time"},
    "Datastream": {"name", "description", "unitOfMeasurement", "observationType"},
    "Sensor": {"name", "description", "encodingType", "metadata"},
    "ObservedProperty": {"name", "definition", "description"},
    "Observation": {"phenomenonTime", "result", "resultTime"},
    "FeatureOfInterest": {"name", "description", "encodingType", "feature"},
}
RELATIONS = {
    "Thing": {"Locations", "HistoricalLocations", "Datastreams"},
    "Location": {"Things", "HistoricalLocations"},
    "HistoricalLocation": {"Thing", "Locations"},
    "Datastream": {"Thing", "Sensor", "ObservedProperty", "Observations"},
    "Sensor": {"Datastreams"},
    "ObservedProperty": {"Datastreams"},
    "Observation": {"Datastream", "FeatureOfInterest"},
    "FeatureOfInterest": {"Observations"},
}
by_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@by_kind
def test_datamodel_control_information_properties_and_relations(get: Get, kind: Kind) -> None:
    shown = get(kind.entity_set, top=5)["value"]
    assert shown
    for entity in shown:
        assert entity["@iot.selfLink"] == f"{ROOT}/{kind.entity_set}('{entity['@iot.id']}')"
        assert all(entity[name] is not None for name in MANDATORY[kind.name])
        links = {name.removesuffix("@iot.navigationLink") for name in entity if name.endswith("navigationLink")}
        assert links == RELATIONS[kind.name]
        assert get(entity["@iot.selfLink"].removeprefix(f"{ROOT}/")) == entity


@by_kind
def test_datamodel_every_link_leads_to_entities_of_its_kind(get: Get, kind: Kind) -> None:
    entity = get(kind.entity_set, top=1)["value"][0]
    for link, target in kind.links.items():
        found = get(entity[f"{link}@iot.navigationLink"].removeprefix(f"{ROOT}/"))
        for one in found["value"] if leads_to_many(link) else [found]:
            assert one["@iot.selfLink"].startswith(f"{ROOT}/{KINDS[target].entity_set}(")


def test_datamodel_datastream_has_its_unit_in_ucum(get: Get) -> None:
    assert get(PM25)["unitOfMeasurement"] == {
        "name": "microgram per cubic metre",
        "symbol": "µg/m³",
        "definition": "ucum:ug/m3",
    }


def test_datamodel_observation_carries_its_flag(get: Get) -> None:
    good, doubtful = (
        get("Datastreams('palbok-01:pm10')/Observations", filter=f"phenomenonTime eq {at:%Y-%m-%dT%H:%M:%SZ}")["value"]
        for at in (NOW, NOW - 4 * EVERY)
    )
    assert good[0]["resultQuality"] == {"flag": "ok"}
    assert doubtful[0]["resultQuality"] == {
        "flag": "suspect",
        "reason_en": "outside the plausible range",
        "reason_ko": "측정 가능한 범위를 벗어남",
    }


def test_datamodel_robot_was_where_it_measured(get: Get) -> None:
    path = f"Things('{ROBOT}')/HistoricalLocations"
    track = get(path, top=1000, orderby="time asc", expand="Locations")["value"]
    lats = [one["Locations"][0]["location"]["coordinates"][1] for one in track]
    assert lats == [robot_place(step)[0] for step in reversed(range(STEPS))]
    newest = get(f"Datastreams('{ROBOT}:pm25')/Observations", top=1, expand="FeatureOfInterest")["value"][0]
    assert newest["FeatureOfInterest"]["feature"] == {"type": "Point", "coordinates": [127.09, 35.86]}
    assert get("Things('palbok-01')/HistoricalLocations") == {"value": []}


def test_resource_path_to_entities_usage_1_service_root(get: Get) -> None:
    root = get("")
    assert [one["name"] for one in root["value"]] == list(SETS)
    assert root["serverSettings"]["conformance"] == list(CONFORMANCE)


def test_resource_path_to_entities_usages_4_and_5_properties(client: TestClient, get: Get) -> None:
    assert get("Things('palbok-01')/name") == {"name": "South of Chucheon bridge"}
    assert get("Things('palbok-01')/properties/zone") == {"zone": "palbok"}
    observation = get(f"{PM25}/Observations", top=1)["value"][0]["@iot.selfLink"].removeprefix(ROOT)
    bare = client.get(f"/sta/v1.1{observation}/resultTime/$value")
    assert (bare.text, bare.headers["content-type"]) == ("2026-03-04T12:00:00Z", "text/plain; charset=utf-8")
    assert client.get(f"/sta/v1.1{observation}/result/$value").text == "20.0"
    assert client.get("/sta/v1.1/Things('innovation-01')/properties/state").status_code == 204
    assert client.get("/sta/v1.1/Things('palbok-01')/colour").status_code == 404


def test_resource_path_to_entities_usages_7_and_8_links_and_nested_paths(client: TestClient, get: Get) -> None:
    references = get(f"{PM25}/Observations/$ref", top=2)["value"]
    assert [list(one) for one in references] == [["@iot.selfLink"]] * 2
    observation = references[0]["@iot.selfLink"].removeprefix(f"{ROOT}/")
    assert get(f"{PM25}/{observation}")["result"] == 20.0
    assert get(f"{PM25}/{observation}/resultTime") == {"resultTime": "2026-03-04T12:00:00Z"}
    assert get(f"{PM25}/{observation}/FeatureOfInterest")["@iot.id"] == "palbok-01"
    assert get("Things('palbok-01')/Datastreams('palbok-01:pm25')/Thing/$ref") == {
        "@iot.selfLink": f"{ROOT}/Things('palbok-01')"
    }
    assert get(f"FeaturesOfInterest('palbok-01')/{observation}/result") == {"result": 20.0}
    for other in ("Datastreams('palbok-02:pm25')", "FeaturesOfInterest('palbok-02')"):
        assert client.get(f"/sta/v1.1/{other}/{observation}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "'",
        "/".join(["Things('palbok-01')/Datastreams"] * 9),
        "Thing",
        "Things('nobody')",
        "Observations('palbok-01:pm25:1')",
        "Observations('palbok-01:pm25:99999999999999999')",
        "Observations(7)",
        "Locations('robot-1@12')",
        "Things('palbok-01')/Sensors",
    ],
)
def test_request_data_status_code_what_is_not_there(client: TestClient, path: str) -> None:
    assert client.get(f"/sta/v1.1/{path}").status_code == 404


def test_request_data_query_status_code_unknown_option(client: TestClient) -> None:
    assert client.get("/sta/v1.1/Things", params={"$resultFormat": "dataArray"}).status_code == 501


def test_request_data_order_filter_count_orderby_skip_top(get: Get) -> None:
    page = get(
        f"{PM25}/Observations", top=1, skip=2, orderby="phenomenonTime asc", count="true", filter="result gt '30'"
    )
    # 20.0 now, 0.1 more each step back: 79 of 180 are above 30, the third oldest is 177 steps ago.
    assert page["@iot.count"] == 79
    assert [one["result"] for one in page["value"]] == [pytest.approx(37.7)]


def test_request_data_expand(get: Get) -> None:
    thing = get("Things('palbok-01')", expand="Datastreams/ObservedProperty,Locations")
    assert {"name", "Datastreams", "Locations"} <= thing.keys()
    assert thing["Datastreams"][0]["ObservedProperty"]["@iot.id"] == "pm1"
    inner = "Datastreams($filter=ObservedProperty/id eq 'pm25';$select=id;$expand=Observations($top=2;$select=result;$count=true))"
    [stream] = get("Things('palbok-01')", expand=inner)["Datastreams"]
    assert stream["Observations"] == [{"result": 20.0}, {"result": pytest.approx(20.1)}]
    assert stream["Observations@iot.count"] == STEPS
    following = stream["Observations@iot.nextLink"].removeprefix(f"{ROOT}/")
    assert [one["result"] for one in get(following)["value"]] == [pytest.approx(20.2), pytest.approx(20.3)]


def test_request_data_expand_gives_what_each_link_gives(get: Get) -> None:
    devices = "id eq 'palbok-01' or id eq 'palbok-02' or id eq 'robot-1'"
    for size in (1, 9):
        expand = f"Datastreams($filter=ObservedProperty/id eq 'pm25';$expand=Observations($top={size}))"
        things = get("Things", expand=expand, filter=devices)["value"]
        # From the third device on, the last minute is read of all at once.
        assert len(things) == 3
        for thing in things:
            alone = get(f"Datastreams('{thing['@iot.id']}:pm25')/Observations", top=size)
            assert thing["Datastreams"][0]["Observations"] == alone["value"]


def test_request_data_select(get: Get) -> None:
    assert get(f"{PM25}/Observations", select="result,resultTime", top=1)["value"] == [
        {"result": 20.0, "resultTime": "2026-03-04T12:00:00Z"}
    ]
    assert get(PM25, select="id", expand="Thing($select=name)") == {
        "@iot.id": "palbok-01:pm25",
        "Thing": {"name": "South of Chucheon bridge"},
    }
    assert get(PM25, select="Observations") == {"Observations@iot.navigationLink": f"{ROOT}/{PM25}/Observations"}


def test_request_data_orderby(get: Get) -> None:
    both = get("Things", orderby="properties/kind desc,name", select="name,properties")["value"]
    keys = [(one["properties"]["kind"], one["name"]) for one in both]
    assert [kind for kind, _ in keys] == sorted((kind for kind, _ in keys), reverse=True)
    assert all(left[1] <= right[1] for left, right in pairwise(keys) if left[0] == right[0])
    # Null comes first in ascending order, and last in descending.
    states = [one["properties"]["state"] for one in get("Things", orderby="properties/state")["value"]]
    assert states == [None] * 24 + ["online"] * 2
    assert [one["result"] for one in get("Observations", orderby="result desc", top=2)["value"]] == [80.0, 80.0]
    assert get("Observations", orderby="result", top=1)["value"][0]["result"] == 4.0
    assert get("Observations", orderby="Datastreams/id desc, phenomenonTime", top=1)["value"][0]["@iot.id"].startswith(
        "robot-1:pm25:"
    )


def test_request_data_top_and_skip(client: TestClient, get: Get) -> None:
    assert get("Things", top=0)["value"] == []
    assert len(get("Things", top=5)["value"]) == 5
    assert get("Things", skip=3, top=2)["value"] == get("Things", top=5)["value"][3:]
    # What is above the largest page is as if it were not said.
    assert len(get("Observations", top=100_000)["value"]) == 1000
    for wrong in ("-1", "x", "1.5", "٣"):
        assert client.get("/sta/v1.1/Things", params={"$top": wrong}).status_code == 400
        assert client.get("/sta/v1.1/Things", params={"$skip": wrong}).status_code == 400


def test_request_data_count(client: TestClient, get: Get) -> None:
    assert get("Things", count="true", top=1)["@iot.count"] == 26
    assert next(iter(get("Things", count="true", top=1))) == "@iot.count"
    assert "@iot.count" not in get("Things", count="false")
    assert get("Observations", count="true", filter="result lt 25", top=0)["@iot.count"] == 2 * 50 + 2 * STEPS
    assert client.get("/sta/v1.1/Things", params={"$count": "yes"}).status_code == 400


@pytest.mark.parametrize("order", ["phenomenonTime asc", "phenomenonTime desc", None, "result,id"])
@pytest.mark.parametrize("size", [32, 100])
def test_request_data_pagination_gives_each_once(client: TestClient, order: str | None, size: int) -> None:
    since = NOW - timedelta(minutes=2)
    params: dict[str, Any] = {"$filter": f"phenomenonTime gt {since:%Y-%m-%dT%H:%M:%SZ}", "$top": size}
    answer = client.get("/sta/v1.1/Observations", params=params | ({"$orderby": order} if order else {})).json()
    shown = answer["value"]
    while (following := answer.get("@iot.nextLink")) is not None:
        answer = client.get(following).json()
        assert answer["value"]
        shown += answer["value"]
    # Twelve instants of ten values.
    assert len({one["@iot.id"] for one in shown}) == len(shown) == 12 * 10
    if order != "result,id":
        times = [one["phenomenonTime"] for one in shown]
        assert times == sorted(times, reverse=order != "phenomenonTime asc")


# Tables 22 and 23, with an Observation of 20.0 µg/m³ at noon on the 4th of March 2026 south of Chucheon bridge (127.0935, 35.8462).
TRUE_OF_IT = [
    "result eq 20.0 and result ne 21 and result gt 19 and result ge 20 and result lt 21 and result le 20",
    "result gt 100 or result lt 100",
    "not result gt 20",
    "not (result gt 20 or result lt 20)",
    "result add 5 eq 25 and result sub 5 eq 15 and result mul 2 eq 40 and result div 4 eq 5 and result mod 3 eq 2",
    "(result sub 5) mul 2 eq 30 and result sub 5 mul 2 eq 10",
    "Datastream/id eq 'palbok-01:pm25' and Datastream/Thing/id eq 'palbok-01'",
    "Datastream/unitOfMeasurement/definition eq 'ucum:ug/m3'",
    "substringof('Chucheon',Datastream/Thing/name) and contains(Datastream/Thing/name,'bridge')",
    "endswith(Datastream/Thing/name,'bridge') and startswith(Datastream/Thing/name,'South')",
    "length(Datastream/Thing/id) eq 9 and indexof(Datastream/Thing/id,'bok') eq 3",
    "substring(Datastream/Thing/id,7) eq '01' and substring(Datastream/Thing/id,3,3) eq 'bok'",
    "tolower('ABC') eq 'abc' and toupper('abc') eq 'ABC' and trim(' x ') eq 'x' and concat('a','''b') eq 'a''b'",
    "year(phenomenonTime) eq 2026 and month(resultTime) eq 3 and day(resultTime) eq 4",
    "hour(phenomenonTime) eq 12 and minute(phenomenonTime) eq 0 and second(phenomenonTime) eq 0",
    "fractionalseconds(phenomenonTime) eq 0 and totaloffsetminutes(phenomenonTime) eq 0",
    "date(phenomenonTime) eq 2026-03-04 and time(phenomenonTime) eq 12:00:00",
    "phenomenonTime le now() and phenomenonTime gt mindatetime() and phenomenonTime lt maxdatetime()",
    "phenomenonTime eq 2026-03-04T21:00:00+09:00 and 2026-03-04T12:00:00.000Z eq phenomenonTime",
    "phenomenonTime gt now() sub duration'PT1H' and phenomenonTime lt 2026-03-05",
    "round(result add 0.5) eq 21 and floor(result add 0.5) eq 20 and ceiling(result add 0.5) eq 21",
    "geo.distance(FeatureOfInterest/feature, geography'POINT (127.0935 35.9462)') lt 0.1001",
    "geo.length(geography'LINESTRING (30 10, 30 12, 33 12)') eq 5",
    "geo.intersects(FeatureOfInterest/feature, geography'POLYGON ((127 35, 128 35, 128 36, 127 36, 127 35))')",
    "st_equals(FeatureOfInterest/feature, geography'POINT (127.0935 35.8462)')",
    "st_disjoint(FeatureOfInterest/feature, geography'POLYGON ((0 0, 1 0, 1 1, 0 0))')",
    "st_touches(FeatureOfInterest/feature, geography'LINESTRING (127.0935 35.8462, 128 36)')",
    "st_within(FeatureOfInterest/feature, geography'POLYGON ((127 35, 128 35, 128 36, 127 36, 127 35))')",
    "st_overlaps(geography'POLYGON ((0 0, 2 0, 2 2, 0 2, 0 0))', geography'POLYGON ((1 1, 3 1, 3 3, 1 3, 1 1))')",
    "st_crosses(geography'LINESTRING (0 0, 2 2)', geography'LINESTRING (0 2, 2 0)')",
    "st_intersects(FeatureOfInterest/feature, geography'POLYGON ((127 35, 128 35, 128 36, 127 36, 127 35))')",
    "st_contains(geography'POLYGON ((127 35, 128 35, 128 36, 127 36, 127 35))', FeatureOfInterest/feature)",
    "st_relate(FeatureOfInterest/feature, geography'POLYGON ((127 35, 128 35, 128 36, 127 36, 127 35))', 'T********')",
]


@pytest.mark.parametrize("condition", TRUE_OF_IT)
def test_request_data_built_in_filter_operations_and_query_functions(get: Get, condition: str) -> None:
    newest = "phenomenonTime eq 2026-03-04T12:00:00Z"
    path = f"{PM25}/Observations"
    assert len(get(path, filter=f"({condition}) and {newest}")["value"]) == 1, condition
    assert get(path, filter=f"not ({condition}) and {newest}")["value"] == [], condition


@pytest.mark.parametrize(
    ("path", "condition", "count"),
    [
        ("Things", "Datastreams/ObservedProperty/id eq 'battery'", 1),
        ("Things", "geo.distance(Locations/location, geography'POINT(127.09 35.86)') lt 0.0001", 1),
        ("Things", "properties/kind eq 'robot'", 6),
        ("Datastreams", "unitOfMeasurement/symbol eq '°C' and Thing/id eq 'palbok-01'", 1),
        ("HistoricalLocations", "Thing/id eq 'robot-1' and time ge 2026-03-04T11:59:00Z", 7),
        ("HistoricalLocations", "Thing/id eq 'robot-2'", 0),
        ("Observations", "FeatureOfInterest/id eq 'robot-1@1772625600000000'", 2),
        ("Observations", "FeatureOfInterest/id eq 'palbok-01' and Datastream/ObservedProperty/id eq 'pm10'", STEPS),
        ("Observations", "id eq 'palbok-01:pm25:1772625600000000'", 1),
        ("Observations", "resultQuality/flag ne 'ok'", 1),
        ("Observations", "result eq null", 0),
        ("Observations", "false", 0),
        (
            "Observations",
            "Datastream/Thing/id eq 'palbok-02' and Datastream/ObservedProperty/id eq 'pm10' or result eq 80",
            2 * STEPS,
        ),
    ],
)
def test_request_data_filter(get: Get, path: str, condition: str, count: int) -> None:
    assert get(path, filter=condition, count="true", top=1)["@iot.count"] == count
