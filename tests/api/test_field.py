"""The field of a quantity over the api: now and in the past, and what cannot be answered."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from jeonju.contract.columns import readings_table
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.api.test_moment import incident
from tests.clients import local_client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore) -> Iterator[TestClient]:
    rows = [
        {
            "site": "jeonju",
            "device": station.name,
            "time": NOW - timedelta(minutes=ago),
            "received_at": NOW,
            "pm25": value,
        }
        for station in jeonju.stations
        for ago, value in ((0, 10.0), (30, 80.0))
    ]
    store.write(Commit(readings=readings_table([*rows, rows[0] | {"no2": 0.02}])))
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started


def test_field_of_now_and_of_an_instant_of_the_past(client: TestClient) -> None:
    now = client.get("/api/v1/field").json()
    assert (now["quantity"], now["unit"], now["at"], now["devices"]) == ("pm25", "µg/m³", "2026-03-04T12:00:00Z", 20)
    grid = now["grid"]
    assert len(grid["value"]) == len(grid["low"]) == len(grid["high"]) == grid["rows"] * grid["columns"] <= 3600
    assert all(low < value < high for low, value, high in zip(grid["low"], grid["value"], grid["high"], strict=True))
    assert grid["value"][0] == pytest.approx(10.0, abs=0.5)
    past = client.get("/api/v1/field", params={"at": "2026-03-04T11:35:00Z", "quantity": "pm25"}).json()
    assert past["at"] == "2026-03-04T11:35:00Z"
    assert past["grid"]["value"][0] == pytest.approx(80.0, abs=1.0)


def test_what_cannot_be_drawn_is_said(client: TestClient) -> None:
    few = client.get("/api/v1/field", params={"quantity": "no2"}).json()
    assert few["grid"] is None
    assert few["reason"].startswith("not enough devices: 1 measured NO₂")
    for query, said in (
        ({"quantity": "wind_direction"}, "quantity: cannot be interpolated; can be: pm1, pm25"),
        ({"at": "2026-03-06T00:00:00Z"}, "at: lies in the future"),
        ({"at": "2026-03-04"}, "at: "),
    ):
        refused = client.get("/api/v1/field", params=query)
        assert refused.status_code == 422
        assert refused.json()["detail"].startswith(said)


def test_plume_of_an_incident_goes_with_the_wind_and_is_made_once(
    client: TestClient, store: DuckDBStore, jeonju: Site
) -> None:
    blows = {"site": "jeonju", "received_at": NOW, "pm25": 10.0, "wind_speed": 2.0, "wind_direction": 270.0}
    rows = [
        blows | {"device": station.name, "time": NOW - timedelta(minutes=ago)}
        for station in jeonju.wind_stations
        for ago in range(1, 60)
    ]
    store.write(Commit(readings=readings_table(rows)))
    store.write_incidents([incident("burning", NOW - timedelta(minutes=20), None)])
    now = {"at": NOW.isoformat()}
    found = client.get("/api/v1/incidents/burning/plume", params=now).json()
    assert (found["at"], found["minutes"][-1], found["levels"]) == ("2026-03-04T12:00:00Z", 60, [4.0, 35.0])
    grid, first = found["grid"], found["percent"][0][0]
    assert len(first) == grid["rows"] * grid["columns"] <= 3600
    assert max(first) > 50
    # The source is at 127.09 E, what is reached lies east of it.
    east = grid["west"] + grid["step_lon"] * (first.index(max(first)) % grid["columns"])
    assert east > 127.088
    # Readings that come later change nothing of what was said of an instant and a map.
    store.write(Commit(readings=readings_table([row | {"wind_direction": 90.0} for row in rows])))
    assert client.get("/api/v1/incidents/burning/plume", params=now).json() == found


def test_plume_that_nobody_can_tell_is_refused_with_the_reason(client: TestClient, store: DuckDBStore) -> None:
    store.write_incidents([incident("burning", NOW - timedelta(minutes=20), None)])
    for query, status, said in (
        ({}, 404, "no station reported the wind"),
        ({"at": "2026-03-04T11:00:00Z"}, 422, "at: lies before the incident was opened"),
        ({"at": "2026-03-04T13:00:00Z"}, 422, "at: lies in the future"),
    ):
        refused = client.get("/api/v1/incidents/burning/plume", params=query)
        assert (refused.status_code, refused.json()["detail"][: len(said)]) == (status, said)
    assert client.get("/api/v1/incidents/nothing/plume").status_code == 404
