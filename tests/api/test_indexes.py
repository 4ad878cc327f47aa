"""Indexes, standards and limits over HTTP, and the alert that the store is away. With a real broker and a real store."""

import json
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from fastapi.testclient import TestClient

from jeonju.api.http import indexes
from jeonju.api.stream import Stream
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError
from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord, DeviceRecord, LedgerEntry
from jeonju.contract.site import Site
from jeonju.detection import service
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.clients import local_client
from tests.waiting import wait_until

# Half past midnight in Seoul, a day after the new year began there.
NOW = datetime(2026, 1, 1, 15, 30, tzinfo=UTC)
HAZY = {"pm25": 40.0, "pm10": 60.0, "no2": 0.02, "o3": 0.03, "co": 0.5, "so2": 0.003}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker"), port=0) as running:
        yield running


class LeavingStore(DuckDBStore):
    """A store that goes away and comes back, as one behind a network does."""

    is_away = False

    def _check(self) -> None:
        if self.is_away:
            raise UnavailableError("the store is away")

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        self._check()
        super().write_alerts(alerts)

    def ledger(self, site: str) -> list[LedgerEntry]:
        self._check()
        return super().ledger(site)


def filled(store: DuckDBStore) -> None:
    """Write 26 hours of two stations, and of one that was adopted, every ten minutes."""
    times = [NOW - timedelta(minutes=10 * step) for step in range(26 * 6)]
    rows = [
        {"site": "jeonju", "device": device, "time": at, "received_at": at, **HAZY}
        for at in times
        for device in ("palbok-01", "palbok-02", "balcony")
    ]
    adopted = DeviceRecord("jeonju", "balcony", "palbok", "station", "real", "online", NOW)
    store.write(Commit(readings=readings_table(rows), devices=[adopted]))


@pytest.fixture(scope="module")
def client(jeonju: Site, broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    store = DuckDBStore(tmp_path_factory.mktemp("indexes") / "air.duckdb")
    filled(store)
    graded = jeonju.model_copy(
        update={"stations": [jeonju.stations[0].model_copy(update={"certificate": "grade-1"}), *jeonju.stations[1:]]}
    )
    with local_client(api_app(graded, store, broker.url, now=lambda: NOW)) as started:
        wait_until(lambda: started.get("/api/v1/cai").json()["hour"] == "2026-01-01T15:00:00Z", what="the indexes")
        yield started
    store.close()


def get(client: TestClient, path: str, **query: Any) -> Any:
    answer = client.get(f"/api/v1/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_index_has_subindices_both_indexes_and_what_the_law_asks_to_be_said(client: TestClient) -> None:
    answer = get(client, "cai")
    station = answer["stations"]["palbok-01"]
    # 24 hours at 40 µg/m³ are 35 by the moving formula, which is just moderate.
    assert (station["cai"], station["pollutant"], station["label_ko"]) == (100, "pm25", "보통")
    assert set(station["sub_indices"]) == {"pm25", "pm10", "no2", "o3", "co", "so2"}
    assert (station["us_aqi"]["aqi"], station["us_aqi"]["grade"]) == (112, "sensitive")
    assert station["instrument_ko"] == "간이측정기(성능인증 1등급), 참고용"
    assert "reference only" in answer["stations"]["palbok-02"]["instrument_en"]
    assert "공식 자료가 아닙니다" in answer["note_ko"]
    assert {(row["body"], row["quantity"], row["hours"]) for row in station["exceeded"]} >= {
        ("korea", "pm25", 24),
        ("who", "pm25", 24),
        ("who", "pm10", 24),
    }
    assert answer["zones"]["palbok"]["advisories"] == {"pm10": 0, "pm25": 0, "o3": 0}
    assert answer["asian_dust"] is None
    assert answer["hour"] == "2026-01-01T15:00:00Z"


def test_adopted_station_has_an_index(client: TestClient) -> None:
    assert get(client, "cai")["stations"]["balcony"]["cai"] == 100


def test_places_on_the_map_say_that_they_are_for_reference(client: TestClient) -> None:
    properties = get(client, "geojson")["features"][0]["properties"]
    assert "참고용" in properties["instrument_ko"]


def test_standards_of_now_and_of_the_year(client: TestClient) -> None:
    now = {
        (row["body"], row["quantity"], row["hours"]): row for row in get(client, "standards")["stations"]["palbok-01"]
    }
    assert now["korea", "pm25", 24]["mean"] == 40.0
    assert now["korea", "pm25", 24]["exceeded"]
    assert not now["korea", "no2", 1]["exceeded"]
    year = get(client, "standards/palbok-01")
    assert year["year"] == 2026
    of_year = {(row["body"], row["quantity"], row["hours"]): row for row in year["standards"]}
    daily = of_year["korea", "pm25", 24]
    assert (daily["percentile"], daily["times_exceeded"], daily["means"], daily["exceeded"]) == (99.0, 1, 1, True)
    assert of_year["korea", "pm25", 8760]["percentile"] is None
    assert get(client, "standards/unknown")["standards"] == []
    answer = client.get("/api/v1/standards/palbok-01", params={"year": 2027})
    assert (answer.status_code, answer.json()["detail"]) == (422, "year: 2027 has not begun")


def test_year_that_begins_at_half_past_has_its_first_hour_first(store: DuckDBStore, jeonju: Site) -> None:
    at = datetime(2025, 12, 31, 18, 40, tzinfo=UTC)  # ten past midnight in Kolkata
    store.write(
        Commit(readings=readings_table([{"site": "jeonju", "device": "a", "time": at, "received_at": at, **HAZY}]))
    )
    begin = datetime(2026, 1, 1, tzinfo=ZoneInfo("Asia/Kolkata"))
    air: Any = SimpleNamespace(store=store, site=jeonju)
    hours = indexes._hourly_means(air, "a", begin, begin + timedelta(hours=5))
    assert np.isfinite(hours).any(axis=1).tolist() == [True, False, False, False, False, False]


def test_all_limits_are_listed(client: TestClient) -> None:
    limits = get(client, "limits")
    assert {"quantity": "pm25", "body": "who", "hours": 24, "limit": 15.0} in limits["standards"]
    assert [stage["issue_at"] for stage in limits["asian_dust"]] == [300, 800]
    assert {limit["key"] for limit in limits["odour"]} >= {"h2s", "nh3", "toluene"}
    assert len(limits["us_grades"]) == 6


def test_store_that_goes_away_raises_one_alert_that_is_published_at_once_and_stored_later(
    jeonju: Site, broker: EmbeddedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "IDLE_S", 0.02)
    passed, lock = timedelta(0), threading.Lock()

    def now() -> datetime:
        with lock:
            return NOW + passed

    def wait(seconds: float) -> None:
        nonlocal passed
        with lock:
            passed += timedelta(seconds=seconds)

    store = LeavingStore(tmp_path / "air.duckdb")
    filled(store)
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(
        Stream,
        "send",
        lambda _self, kind, content: (
            sent.append(json.loads(json.dumps(content, default=str))) if kind == "alert" else None
        ),
    )
    app = api_app(jeonju, store, broker.url, now=now)
    air = app.state.air
    with local_client(app):
        wait_until(lambda: air.detection.snapshot.index.cai, what="the rebuild")
        store.is_away = True
        wait(16)
        wait_until(lambda: not air.detection.snapshot.store_available, what="that the store is missed")
        wait(31)
        wait_until(
            lambda: [alert["kind"] for alert in sent if alert["kind"].endswith("-away")] == ["store-away"],
            what="the alert",
        )
        store.is_away = False
        wait(120)
        wait_until(lambda: any(alert["kind"] == "store-away" and alert["ended_at"] for alert in sent), what="its end")
    stored = [alert for alert in store.alerts("jeonju") if alert.kind == "store-away"]
    assert len(stored) == 1
    assert stored[0].ended_at is not None
    store.close()
