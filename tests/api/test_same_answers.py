"""SensorThings and NGSI-LD answer the same from every store: pages, orders, filters that the store is asked, spans of time and means."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import islice
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jeonju.api import windows
from jeonju.api.ngsi import temporal
from jeonju.contract.columns import readings_table
from jeonju.contract.quality import Flag, encode_flags
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.port import Commit
from tests.api.small_city import NOW
from tests.api.small_stores import KINDS, opened
from tests.clients import local_client

DEVICES = ("palbok-01", "palbok-02", "robot-1")
FLAGGED = [
    encode_flags(flags)
    for flags in (
        {"pm25": Flag.of("suspect", "out-of-range")},
        {"pm10": Flag.of("bad", "out-of-range"), "time": Flag.of("suspect", "out-of-range")},
    )
]
MOST_PAGES = 3


def crooked() -> Commit:
    """Return readings at equal instants, a microsecond apart, with gaps, and with quantities that come and go."""
    random = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for burst in range(12):
        # Many at once, then for a while nothing.
        start = NOW - timedelta(minutes=9 * burst)
        for number in range(12):
            at = start - timedelta(microseconds=number) if number % 3 else start - timedelta(seconds=number)
            for device in DEVICES:
                row: dict[str, Any] = {"site": "jeonju", "device": device, "time": at, "received_at": NOW, "seq": 1}
                row |= {"pm25": float(random.integers(0, 8))} if random.random() < 0.8 else {}
                row |= {"pm10": random.uniform(-1, 99)} if random.random() < 0.5 else {}
                row |= {"quality": FLAGGED[random.integers(2)]} if random.random() < 0.3 else {}
                if device == "robot-1" and random.random() < 0.7:
                    row |= {"lat": 35.8 + random.integers(9) / 1000, "lon": 127.1}
                rows.append(row)
    told = [
        DeviceRecord("jeonju", name, "palbok", "robot" if name == "robot-1" else "station", "real", "online", NOW)
        for name in DEVICES
    ]
    return Commit(readings=readings_table(rows), devices=told)


@pytest.fixture(scope="module")
def clients(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[TestClient]]:
    with pytest.MonkeyPatch.context() as patch:
        # Windows are halved and instants cut in two by few readings already.
        patch.setattr(windows, "_ROWS_AT_ONCE", 70)
        patch.setattr(temporal, "MOST_VALUES", 60)
        first, second = (opened(kind, tmp_path_factory.mktemp("same")) for kind in KINDS)
        with first as one, second as other:
            apps = []
            for store in (one, other):
                store.write(crooked())
                apps.append(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW))
            with local_client(apps[0]) as asked, local_client(apps[1]) as asked_too:
                yield [asked, asked_too]


def pages(client: TestClient, path: str, query: dict[str, str]) -> list[Any]:
    """Return the answers to a question and to all that follow it."""

    def walk() -> Iterator[Any]:
        answer = client.get(path, params=query)
        while True:
            yield answer.status_code, answer.json(), answer.headers.get("content-range")
            body = answer.json()
            following = body.get("@iot.nextLink") if isinstance(body, dict) else answer.links.get("next", {}).get("url")
            if following is None:
                return
            answer = client.get(following)

    return list(islice(walk(), MOST_PAGES))


PATHS = (
    "Observations",
    "HistoricalLocations",
    "Datastreams('palbok-01:pm25')/Observations",
    "Things('robot-1')/HistoricalLocations",
    "FeaturesOfInterest('palbok-02')/Observations",
    "Datastreams('robot-1:pm25')/Observations",
)
# Not of HistoricalLocations, which have neither: both stores must refuse it alike.
FILTERS = st.sampled_from(
    ["result gt 4", "result le 2.5", "result ne 3", "resultQuality/flag ne 'ok'", "Datastream/ObservedProperty/id eq 'pm10'",
     "Datastream/Thing/id eq 'robot-1' or result eq 7", "round(result) eq 3", "result gt 1 and result lt 90", "false"]
)  # fmt: skip
INSTANTS = st.builds(
    lambda burst, seconds, micros: (NOW - timedelta(minutes=9 * burst, seconds=seconds, microseconds=micros)).isoformat(),
    st.integers(0, 12), st.sampled_from([0, 3, 9, 60]), st.integers(0, 11),
)  # fmt: skip
BOUNDS = st.builds(
    "{} {} {}".format, st.just("phenomenonTime"), st.sampled_from(["gt", "ge", "lt", "le", "eq"]), INSTANTS
)
ORDERS = st.sampled_from(["phenomenonTime", "phenomenonTime desc", "result desc,id", "id"])


@given(path=st.sampled_from(PATHS), parts=st.lists(FILTERS | BOUNDS, max_size=3), order=st.none() | ORDERS,
       size=st.sampled_from([9, 25, 100]), is_counted=st.booleans())  # fmt: skip
@settings(max_examples=10, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_observations_are_the_same(
    clients: list[TestClient], path: str, parts: list[str], order: str | None, size: int, is_counted: bool
) -> None:
    asked = {"$top": str(size), "$count": "true" if is_counted else "false", "$expand": "FeatureOfInterest"}
    if path.endswith("HistoricalLocations"):
        asked["$expand"] = "Locations"
        parts = [part.replace("phenomenonTime", "time") for part in parts if part.startswith("phenomenonTime")]
        order = order and order.replace("phenomenonTime", "time")
    asked |= {"$filter": " and ".join(f"({part})" for part in parts)} if parts else {}
    asked |= {"$orderby": order} if order else {}
    one, other = (pages(client, f"/sta/v1.1/{path}", asked) for client in clients)
    assert one == other
    if one[0][0] == 200:
        ids = [entity["@iot.id"] for _, answer, _ in one for entity in answer["value"]]
        assert len(set(ids)) == len(ids)


@given(start=INSTANTS, end=INSTANTS, relation=st.sampled_from(["before", "after", "between"]), last=st.none() | st.integers(1, 30),
       type_=st.sampled_from(["AirQualityObserved", "AirQualityObserved,WeatherObserved"]), q=st.sampled_from([None, "pm25>2", "pm10"]))  # fmt: skip
@settings(max_examples=10, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_history_is_the_same(
    clients: list[TestClient], start: str, end: str, relation: str, last: int | None, type_: str, q: str | None
) -> None:
    asked = {"type": type_, "timerel": relation, "timeAt": start} | ({"q": q} if q else {})
    asked |= {"endTimeAt": end} if relation == "between" else {}
    asked |= {"lastN": str(last)} if last else {}
    one, other = (pages(client, "/ngsi-ld/v1/temporal/entities", asked) for client in clients)
    assert one == other


@pytest.mark.parametrize("period", ["PT1M", "PT7M", "PT1H", "P1D"])
def test_means_are_the_same(clients: list[TestClient], period: str) -> None:
    asked = {
        "type": "AirQualityObserved",
        "options": "aggregatedValues",
        "aggrMethods": "avg",
        "aggrPeriodDuration": period,
    }
    span = {"timerel": "between", "timeAt": "2026-03-03T00:00:00Z", "endTimeAt": "2026-03-05T00:00:00Z"}
    one, other = (pages(client, "/ngsi-ld/v1/temporal/entities", asked | span)[0] for client in clients)
    assert one[0] == other[0]
    assert one[2] == other[2]
    for ours, theirs in zip(one[1], other[1], strict=True):
        assert ours.keys() == theirs.keys()
        for name in ours.keys() & {"pm25", "pm10"}:
            for a, b in zip(ours[name]["avg"], theirs[name]["avg"], strict=True):
                assert a == [pytest.approx(b[0]), b[1], b[2]]


def test_entities_are_the_same(clients: list[TestClient]) -> None:
    for asked in ({"type": "AirQualityObserved,WeatherObserved"}, {"type": "AirQualityObserved", "q": "pm25>2"}):
        one, other = (pages(client, "/ngsi-ld/v1/entities", asked | {"limit": "2"}) for client in clients)
        assert one == other
