"""How entities developed: spans, the newest values, means, and answers that hold a part."""

import pytest
from fastapi.testclient import TestClient

from jeonju.api.ngsi import temporal
from tests.api.ngsi.conftest import ROOT, Get
from tests.api.small_city import STEPS, robot_place

AIR_01 = "temporal/entities/urn:ngsi-ld:AirQualityObserved:jeonju:palbok-01"
ROBOT = "temporal/entities/urn:ngsi-ld:AirQualityObserved:jeonju:robot-1"
TEN_YEARS = {"timerel": "between", "timeAt": "2016-03-04T12:00:00Z", "endTimeAt": "2026-03-05T00:00:00Z"}


def test_span_holds_every_value_the_oldest_first(get: Get) -> None:
    found = get(AIR_01, timerel="before", timeAt="2026-03-04T12:00:01Z", attrs="pm25", options="temporalValues")
    values = found["pm25"]["values"]
    assert [value for value, _ in values] == pytest.approx([20 + step / 10 for step in reversed(range(STEPS))])
    assert values[-1][1] == "2026-03-04T12:00:00Z"
    after = get(AIR_01, timerel="after", timeAt="2026-03-04T11:59:50Z", attrs="pm25")["pm25"]
    assert [one["observedAt"] for one in after] == ["2026-03-04T12:00:00Z"]


def test_last_values_come_newest_first_with_the_robots_place(get: Get) -> None:
    found = get(ROBOT, lastN=3)
    assert [one["value"] for one in found["pm25"]] == [50.0] * 3
    places = [one["value"]["coordinates"] for one in found["location"]]
    assert places == [list(reversed(robot_place(step))) for step in range(3)]
    assert get(ROBOT, lastN=1, attrs="location").keys() == {"id", "type", "location"}


def test_means_answer_ten_years(get: Get) -> None:
    query = {**TEN_YEARS, "options": "aggregatedValues", "aggrMethods": "avg", "aggrPeriodDuration": "P1D"}
    found = get("temporal/entities", type="AirQualityObserved", attrs="pm25", **query)
    assert len(found) == 3
    [[mean, start, end]] = found[0]["pm25"]["avg"]
    assert mean == pytest.approx(20 + (STEPS - 1) / 20)
    assert (start, end) == ("2026-03-04T00:00:00Z", "2026-03-05T00:00:00Z")


def test_more_than_an_answer_holds_comes_in_part(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "MOST_VALUES", 20)
    answer = client.get(f"{ROOT}/{AIR_01}", params={**TEN_YEARS, "attrs": "pm25"})
    assert answer.status_code == 206
    assert len(answer.json()["pm25"]) == 20
    assert answer.headers["content-range"] == "date-time 2016-03-04T12:00:00-2026-03-04T11:33:20/*"
    newest = client.get(f"{ROOT}/{AIR_01}", params={"lastN": 100, "attrs": "pm25"})
    assert newest.status_code == 206
    assert newest.json()["pm25"][0]["observedAt"] == "2026-03-04T12:00:00Z"


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ({}, 400, "name a span"),
        ({"timerel": "during"}, 400, "timerel: must be one of before, after, between"),
        ({"timerel": "after"}, 400, "timeAt: needs an instant"),
        ({"timerel": "after", "timeAt": "2026-03-04T12:00:00"}, 400, "timeAt: needs a time zone"),
        ({"timerel": "after", "timeAt": "0001-01-01T00:00:00Z"}, 400, "a year from 1971 to 2199"),
        ({"timerel": "after", "timeAt": "2100-01-01T00:00:00Z"}, 400, "the span ends before it begins"),
        ({"lastN": "0"}, 400, "lastN: must be a number from 1 to 10000"),
        ({**TEN_YEARS, "options": "aggregatedValues", "aggrPeriodDuration": "PT1S"}, 400, "must be a duration of a minute or more"),
        ({**TEN_YEARS, "options": "aggregatedValues", "aggrPeriodDuration": "PT1M"}, 400, "means of 60 s are given for at most 400 days"),
        ({**TEN_YEARS, "options": "aggregatedValues", "aggrPeriodDuration": "PT1H", "aggrMethods": "max"}, 422, "only avg is known"),
        ({"lastN": "1", "timeproperty": "modifiedAt"}, 422, "only observedAt is known"),
    ],
)  # fmt: skip
def test_wrong_span_is_refused_in_one_line(
    client: TestClient, query: dict[str, str], status: int, message: str
) -> None:
    answer = client.get(f"{ROOT}/temporal/entities", params={"type": "AirQualityObserved", **query})
    assert answer.status_code == status
    assert message in answer.json()["detail"]


def test_what_has_no_past_is_not_found(client: TestClient) -> None:
    for path in ("urn:ngsi-ld:Alert:jeonju:smoke-1", "urn:ngsi-ld:AirQualityObserved:jeonju:nobody"):
        assert client.get(f"{ROOT}/temporal/entities/{path}", params={"lastN": 1}).status_code == 404
