"""The city at an instant: the newest reading of each device up to it, what lasted then, and no more than a bounded answer."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.api.http import moment
from jeonju.contract.columns import readings_table
from jeonju.contract.records import IncidentRecord
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.clients import local_client
from tests.response.notifying import alert

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
CELLS = [[35.85, 127.09, 0.5], [35.86, 127.09, 0.3]]


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def incident(name: str, opened_at: datetime, closed_at: datetime | None) -> IncidentRecord:
    estimated = {
        "quantity": "pm25",
        "radius_m": 40.0,
        "elsewhere": 0.0,
        "is_unsure": False,
        "rate_g_s": [1.0, 2.0, 3.0],
    }
    traced_at = opened_at.isoformat()
    source = {"lat": 35.85, "lon": 127.09, "cells": CELLS, "cell_m": 50.0, "traced_at": traced_at, **estimated}
    state = "open" if closed_at is None else "closed"
    times = (opened_at, closed_at or opened_at, closed_at)
    estimate = (35.85, 127.09, 40.0, None, 0.9)
    seen = {
        "alerts": ["one"],
        "devices": ["palbok-03"],
        "places": {"one": [35.8546, 127.0976]},
        "classes": {"fire": 0.9},
    }
    details = json.dumps({"source": source, **seen})
    return IncidentRecord(name, "jeonju", state, "fire", "critical", "palbok", *times, *estimate, "불", "fire", details)


def row(device: str, at: datetime, pm25: float) -> dict[str, Any]:
    place = {"lat": 35.85, "lon": 127.0 + pm25 / 1000} if device == "robot-1" else {}
    return {"site": "jeonju", "device": device, "time": at, "received_at": at, "pm25": pm25, **place}


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore) -> Iterator[TestClient]:
    rows = [row(device, ago(minute), float(minute)) for minute in range(60) for device in ("palbok-01", "robot-1")]
    # It reports every ten minutes.
    rows += [row("palbok-02", ago(minute), float(minute)) for minute in range(0, 60, 10)]
    store.write(Commit(readings=readings_table(rows)))
    store.write_alerts([alert("past", started_at=ago(50), ended_at=ago(20)), alert("lasting", started_at=ago(10))])
    store.write_incidents([incident("closed", ago(50), ago(15)), incident("open", ago(9), None)])
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started


def asked(client: TestClient, at: datetime | None = None) -> Any:
    answer = client.get("/api/v1/state", params={} if at is None else {"at": at.isoformat()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def values(content: Any) -> dict[str, float]:
    return {reading["device"]: reading["values"]["pm25"] for reading in content["latest"]}


def names(content: Any) -> tuple[list[str], list[str]]:
    return [one["id"] for one in content["alerts"]], [one["id"] for one in content["incidents"]]


def test_an_instant_of_the_past_has_what_was_measured_and_lasted_then(client: TestClient) -> None:
    content = asked(client, ago(25))
    assert content["at"] == "2026-03-04T11:35:00Z"
    assert values(content) == {"palbok-01": 25.0, "palbok-02": 30.0, "robot-1": 25.0}
    assert content["latest"][2]["position"] == [35.85, 127.025]
    assert names(content) == (["past"], ["closed"])
    assert content["incidents"][0]["details"]["source"]["cells"] == CELLS
    assert content["alerts"][0]["handling"] == {"state": "open"}


def test_source_of_an_incident_is_what_was_known_of_it_then(client: TestClient, store: DuckDBStore) -> None:
    known = incident("known", ago(9), None)
    details = json.loads(known.details)
    details["source"]["traced_at"] = ago(1).isoformat()
    details["course"] = [
        {"at": ago(minute).isoformat(), "lat": 35.0, "lon": 127.0, "radius_m": minute * 100.0, "radius_90_m": 900.0}
        | {"is_unsure": True, "says_nothing": False}
        for minute in (5, 3, 1)
    ]
    store.write_incidents([known._replace(details=json.dumps(details))])

    def source(minute: float) -> Any:
        found = {one["id"]: one for one in asked(client, ago(minute))["incidents"]}
        return found["known"]["details"]["source"]

    assert source(8) is None
    then = source(4)
    assert (then["radius_m"], then["lat"], then["is_unsure"], then["cells"]) == (500.0, 35.0, True, [])
    assert source(2.5)["radius_m"] == 300.0
    assert source(0.5)["cells"] == CELLS


def test_now_is_the_newest_of_all(client: TestClient) -> None:
    content = asked(client)
    assert values(content) == {"palbok-01": 0.0, "palbok-02": 0.0, "robot-1": 0.0}
    assert names(content) == (["lasting"], ["open"])
    assert names(asked(client, NOW)) == names(content)
    # Between two alerts and two incidents.
    assert names(asked(client, ago(12))) == ([], [])
    assert asked(client, ago(600))["latest"] == []


def test_the_past_is_asked_for_again_with_its_etag_and_the_future_is_refused(client: TestClient) -> None:
    query = {"at": ago(25).isoformat()}
    first = client.get("/api/v1/state", params=query)
    again = client.get("/api/v1/state", params=query, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    # What somebody has just done is seen at once.
    assert "etag" not in client.get("/api/v1/state").headers
    refused = client.get("/api/v1/state", params={"at": "2026-03-06T00:00:00Z"})
    assert (refused.status_code, refused.json()["detail"]) == (422, "at: lies in the future")


def test_an_answer_is_bounded(client: TestClient, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moment, "MOST_ROWS", 3)
    monkeypatch.setattr(moment, "MOST_RECORDS", 1)
    monkeypatch.setattr(moment, "MOST_CELLS", 1)
    store.write_alerts([alert("another", started_at=ago(40), ended_at=ago(20))])
    content = asked(client, ago(25))
    # The earliest rows of a span come first; the newest of each device is found all the same.
    assert values(content)["palbok-01"] == 25.0
    assert content["left_out"] == {"alerts": 1, "incidents": 0}
    assert len(content["alerts"]) == 1
    assert content["incidents"][0]["details"]["source"]["cells"] == CELLS[:1]
