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
