"""Entities by the smart data models: what the published schemas ask for, the query language, geographic conditions, and pages."""

from datetime import datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeonju.api.ngsi.models import AIR, ALERT, MAPPED, WEATHER
from tests.api.ngsi.conftest import ROOT, Get

AIR_01 = "urn:ngsi-ld:AirQualityObserved:jeonju:palbok-01"
ROBOT_AIR = "urn:ngsi-ld:AirQualityObserved:jeonju:robot-1"
# What the schemas of smartdatamodels.org ask for: AirQualityObserved 0.1.4, WeatherObserved 0.3.4, Alert 0.0.3.
REQUIRED = {
    AIR: {"id", "type", "dateObserved", "location"},
    WEATHER: {"id", "type", "dateObserved", "location"},
    ALERT: {"id", "type", "alertSource", "category", "dateIssued"},
}
SEVERITIES = {"informational", "low", "medium", "high", "critical"}
CATEGORIES = {"traffic", "naturalDisaster", "weather", "environment", "health", "security", "agriculture"}


@pytest.mark.parametrize("type_", REQUIRED)
def test_entities_keep_the_published_schema(get: Get, type_: str) -> None:
    found = get("entities", type=type_, options="keyValues")
    assert found
    for entity in found:
        assert REQUIRED[type_] <= entity.keys()
        assert entity["type"] == type_
        for name in {"dateObserved", "dateIssued", "validFrom", "validTo"} & entity.keys():
            assert datetime.fromisoformat(entity[name]).tzinfo is not None
        for one in MAPPED.get(type_, ()):
            if one.attribute in entity:
                assert one.minimum is None or entity[one.attribute] >= one.minimum
                assert one.maximum is None or entity[one.attribute] <= one.maximum
    if type_ == ALERT:
        assert {one["severity"] for one in found} == {"informational", "medium", "critical"} <= SEVERITIES
        assert {one["category"] for one in found} <= CATEGORIES
        assert {one["id"][-8:]: one.get("subCategory") for one in found}["silent-1"] is None


def test_values_carry_unit_flag_and_time(get: Get) -> None:
    assert get(f"entities/{AIR_01}")["pm25"] == {
        "type": "Property",
        "value": 20.0,
        "observedAt": "2026-03-04T12:00:00Z",
        "unitCode": "GQ",
        "ucum": {"type": "Property", "value": "ug/m3"},
        "quality": {"type": "Property", "value": "ok"},
    }
    weather = get("entities/urn:ngsi-ld:WeatherObserved:jeonju:palbok-01")
    assert (weather["relativeHumidity"]["value"], weather["relativeHumidity"]["unitCode"]) == (0.6, "C62")
    past = get(f"temporal/entities/{AIR_01}", timerel="after", timeAt="2026-03-04T11:59:15Z", attrs="pm10")["pm10"]
    assert [one["quality"]["value"] for one in past] == ["suspect", "ok", "ok", "ok", "ok"]
    assert past[0]["qualityReason"]["value"] == "outside the plausible range"


def test_context_says_what_every_name_means(client: TestClient, get: Get) -> None:
    served = client.get(f"{ROOT}/context.jsonld")
    assert served.headers["content-type"].startswith("application/ld+json")
    terms = served.json()["@context"][0]
    # These are in the core context of the standard.
    known = {*terms, "id", "type", "location", "description", "data"}
    for entity in get("entities", type=f"{AIR},{WEATHER},{ALERT}", options="keyValues"):
        assert entity.keys() <= known
    answer = client.get(f"{ROOT}/entities/{AIR_01}", headers={"Accept": "application/ld+json"})
    assert answer.json()["@context"][0] == f"http://127.0.0.1:8000{ROOT}/context.jsonld"
    plain = client.get(f"{ROOT}/entities/{AIR_01}")
    assert "@context" not in plain.json()
    assert plain.headers["link"].startswith(f"<http://127.0.0.1:8000{ROOT}/context.jsonld>; rel=")


POLYGON = "[[[127.08,35.855],[127.1,35.855],[127.1,35.865],[127.08,35.865],[127.08,35.855]]]"


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"q": "pm25>30"}, [ROBOT_AIR]),
        ({"q": "pm25==50"}, [ROBOT_AIR]),
        ({"q": "pm25==40..60"}, [ROBOT_AIR]),
        ({"q": "pm25==1,50"}, [ROBOT_AIR]),
        ({"q": "pm25!=20"}, [ROBOT_AIR]),
        ({"q": "pm10"}, 2),
        ({"q": "pm25<30;pm10>=30"}, 2),
        ({"q": "pm25<10|(pm25>30;areaServed~=Palbok)"}, [ROBOT_AIR]),
        ({"q": 'pm25.quality=="ok"'}, 3),
        ({"q": "dateObserved>=2026-03-04T21:00:00+09:00"}, 3),
        ({"q": "dateObserved>2026-03-04T12:00:00Z"}, 0),
        ({"q": 'name!~="bridge"'}, 2),
        ({"q": "temperature"}, 0),
        ({"q": "https://smartdatamodels.org/dataModel.Environment/pm25>30"}, [ROBOT_AIR]),
        ({"id": f"{AIR_01},urn:x:y"}, [AIR_01]),
        ({"idPattern": "robot-[0-9]$"}, [ROBOT_AIR]),
        ({"attrs": "pm10"}, 2),
        ({"georel": "near;maxDistance==200", "geometry": "Point", "coordinates": "[127.09,35.8610]"}, [ROBOT_AIR]),
        ({"georel": "near;maxDistance==100", "geometry": "Point", "coordinates": "[127.09,35.8610]"}, 0),
        ({"georel": "near;minDistance==1000", "geometry": "Point", "coordinates": "[127.0935,35.8462]"}, [ROBOT_AIR]),
        ({"georel": "within", "geometry": "Polygon", "coordinates": POLYGON}, [ROBOT_AIR]),
        ({"georel": "intersects", "geometry": "Polygon", "coordinates": POLYGON}, [ROBOT_AIR]),
        ({"georel": "disjoint", "geometry": "Polygon", "coordinates": POLYGON}, 2),
        ({"georel": "equals", "geometry": "Point", "coordinates": "[127.09,35.86]"}, [ROBOT_AIR]),
        ({"georel": "contains", "geometry": "Point", "coordinates": "[127.09,35.86]"}, [ROBOT_AIR]),
    ],
)  # fmt: skip
def test_entities_are_chosen(get: Get, query: dict[str, str], ids: list[str] | int) -> None:
    found = [entity["id"] for entity in get("entities", type=AIR, **query)]
    assert (found if isinstance(ids, list) else len(found)) == ids


def test_alerts_are_found_by_place_and_values(get: Get) -> None:
    zone = {"georel": "contains", "geometry": "Point", "coordinates": "[127.095,35.86]", "type": ALERT}
    assert [one["id"] for one in get("entities", **zone)] == ["urn:ngsi-ld:Alert:jeonju:pm10-1"]
    assert [one["name"] for one in get("entities", type=ALERT, q='data[kind]=="smoke"', options="keyValues")] == ["smoke"]  # fmt: skip
    assert get("entities/urn:ngsi-ld:Alert:jeonju:smoke-1", options="keyValues")["alertSource"].endswith("palbok-03")


def test_full_types_and_attributes_are_known(get: Get) -> None:
    full = "https://smartdatamodels.org/dataModel.Environment/"
    [first, *_] = get("entities", type=f"{full}AirQualityObserved", attrs=f"{full}pm25", options="keyValues")
    assert first == {"id": AIR_01, "type": AIR, "pm25": 20.0}


def test_pages_are_linked_and_counted(client: TestClient) -> None:
    first = client.get(f"{ROOT}/entities", params={"type": f"{AIR},{WEATHER}", "limit": 2, "count": "true"})
    assert (len(first.json()), first.headers["ngsild-results-count"]) == (2, "5")
    seen, answer = first.json(), first
    while (link := answer.links.get("next")) is not None:
        answer = client.get(link["url"])
        seen += answer.json()
    assert len({one["id"] for one in seen}) == len(seen) == 5
    assert client.get(answer.links["prev"]["url"]).status_code == 200
    counted = client.get(f"{ROOT}/entities", params={"type": AIR, "limit": 0, "options": "count"})
    assert (counted.json(), counted.headers["ngsild-results-count"]) == ([], "3")


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ({}, "BadRequestData", "name what is wanted: type=AirQualityObserved"),
        ({"q": ";".join(["pm25>1"] * 100)}, "TooComplexQuery", "q: has more than 50 conditions"),
        ({"q": "(" * 20 + "pm25" + ")" * 20}, "TooComplexQuery", "q: is nested deeper than 10 levels"),
        ({"q": "pm25>"}, "BadRequestData", "q: ends where a value should be"),
        ({"q": "pm25>1..2"}, "BadRequestData", "q: > takes one value"),
        ({"q": "name~=("}, "BadRequestData", "q: has '(' where a pattern should be"),
        ({"q": 'name~="("'}, "BadRequestData", "is no pattern"),
        ({"type": AIR, "idPattern": "(" * 50}, "BadRequestData", "is no pattern"),
        ({"georel": "beside", "geometry": "Point", "coordinates": "[1,2]"}, "BadRequestData", "georel: 'beside' is not known"),
        ({"georel": "within"}, "BadRequestData", "georel needs geometry and coordinates"),
        ({"georel": "within", "geometry": "Point", "coordinates": "[[["}, "BadRequestData", "no coordinates of a Point in JSON"),
        ({"georel": "within", "geometry": "Point", "coordinates": "[35,127]"}, "BadRequestData", "longitude lies within"),
        ({"type": AIR, "options": "beautiful"}, "BadRequestData", "options: 'beautiful' is not known"),
        ({"type": AIR, "limit": "1001"}, "BadRequestData", "limit: must be a whole number from 0 to 1000"),
        ({"type": AIR, "offset": "-1"}, "BadRequestData", "offset: must be a whole number"),
        ({"type": AIR, "scopeQ": "/a"}, "OperationNotSupported", "scopeQ is not known here"),
    ],
)  # fmt: skip
def test_wrong_or_too_much_is_said_in_one_line(
    client: TestClient, query: dict[str, str], error: str, message: str
) -> None:
    answer = client.get(f"{ROOT}/entities", params=query)
    assert answer.status_code == (422 if error == "OperationNotSupported" else 403 if error.startswith("Too") else 400)
    problem = answer.json()
    assert problem["type"] == f"https://uri.etsi.org/ngsi-ld/errors/{error}"
    assert message in problem["detail"]


PIECES = st.sampled_from(
    ["pm25", "name", "data[kind]", "a.b.c", ">", "==", "!=", "~=", "!~=", "<=", ";", "|", "(", ")", ",", "..", "1", '"x"', "1..2", "true",
     "2026-03-04T12:00:00Z", "(?:a+)+$", "[", "\\", "é", " "]
)  # fmt: skip


@given(text=st.text(max_size=40) | st.lists(PIECES, max_size=15).map("".join),
       name=st.sampled_from(["q", "idPattern", "georel", "coordinates", "attrs", "type", "options", "timeAt", "lastN", "aggrPeriodDuration"]))  # fmt: skip
@settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_query_is_answered_or_refused(client: TestClient, text: str, name: str) -> None:
    query: dict[str, Any] = {"type": AIR, "georel": "near;maxDistance==5", "geometry": "Point", "coordinates": "[1,2]"}
    assert client.get(f"{ROOT}/entities", params=query | {name: text}).status_code in (200, 400, 403)
    span = {"type": AIR, "timerel": "after", "timeAt": "2026-03-04T11:59:00Z", "options": "aggregatedValues", "aggrPeriodDuration": "PT1M"}  # fmt: skip
    assert client.get(f"{ROOT}/temporal/entities", params=span | {name: text}).status_code in (200, 206, 400, 403)
