"""Every list comes in pages that say where the next one is, however many rows and bytes there are."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.api import shared_answers
from jeonju.api.http import paging, readings
from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord, DeadLetter, DeviceRecord, IncidentRecord, JournalEntry, LedgerEntry
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.clients import local_client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
COUNT = 7
LISTS = {
    "latest": "device",
    "geojson": "device",
    "devices": "device",
    "devices/unknown": "device",
    "ledger": "device",
    "alerts?state=all": "id",
    "incidents?state=all": "id",
    "journal?subject=thing": "id",
    "silences": "id",
    "nuisances": "id",
    "dead-letters": "id",
}


@pytest.fixture(scope="module")
def client(jeonju: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """An api over a store with seven of everything, each of which says as much as it may."""
    store = DuckDBStore(tmp_path_factory.mktemp("pages") / "air.duckdb")
    names = [f"new-{number}" for number in range(COUNT)]
    at = [NOW - timedelta(minutes=number) for number in range(COUNT)]
    rows = [
        {
            "site": "jeonju",
            "device": name,
            "time": NOW,
            "received_at": NOW,
            "pm25": 1.0,
            "lat": 35.85,
            "lon": 127.1,
            "extra": json.dumps({"text": "x" * 3000}),
        }
        for name in reversed(names)
    ]
    details = json.dumps({"text": "x" * 3000})
    alerts = [
        AlertRecord(
            f"a{n}",
            "jeonju",
            "smoke",
            "critical",
            "palbok-01",
            "palbok",
            at[n],
            NOW,
            None,
            1.0,
            None,
            "pm25",
            "가",
            "a",
            details,
        )
        for n in range(COUNT)
    ]
    incidents = [
        IncidentRecord(
            f"i{n}",
            "jeonju",
            "closed",
            "fire",
            "critical",
            "palbok",
            at[n],
            NOW,
            NOW,
            1.0,
            1.0,
            1.0,
            1.0,
            1.0,
            "가",
            "a",
            details,
        )
        for n in range(COUNT)
    ]
    store.write(
        Commit(
            readings=readings_table(rows),
            devices=[DeviceRecord("jeonju", name, "", "", "real", "x" * 1_000_000, NOW) for name in names],
            ledger=[LedgerEntry("jeonju", name, "1", 1, 1, 0, 0, 0, 0, "1," * 100_000) for name in names],
            dead_letters=[DeadLetter(at[n], "air/x", b"\x00" * 65_536, "is not JSON") for n in range(COUNT)],
        )
    )
    store.write_alerts(alerts)
    store.write_incidents(incidents)
    store.write_journal([JournalEntry(f"j{n}", "jeonju", at[n], "kim", "note", "thing", details) for n in range(COUNT)])
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        for number in range(COUNT):
            silence = {"kind": f"k{number}", "for": "1h", "reason": "x" * 2000}
            assert started.post("/api/v1/silences", json=silence).status_code == 201
            place = {"lat": 35.8546, "lon": 127.0976, "radius_m": 80, "of_class": "fire", "note": f"grill {number}"}
            assert started.post("/api/v1/nuisances", json=place).status_code == 201
        yield started
    store.close()


def pages(client: TestClient, path: str, **query: Any) -> Iterator[list[Any]]:
    """Yield the rows of every page, as the `Link` headers lead."""
    address: str | None = (
        str(client.build_request("GET", f"/api/v1/{path}", params=query or None).url.raw_path, "ascii")
        if query
        else f"/api/v1/{path}"
    )
    while address is not None:
        answer = client.get(address)
        assert answer.status_code == 200, answer.text
        content = answer.json()
        yield content["features"] if isinstance(content, dict) else content
        link = re.fullmatch(r'<(/api/v1/.+)>; rel="next"', answer.headers.get("link", ""))
        address = link.group(1) if link else None


@pytest.mark.parametrize("path", LISTS)
def test_pages_lead_to_every_row_once(client: TestClient, path: str) -> None:
    (whole,) = pages(client, path)
    assert len(whole) == COUNT
    limited = list(pages(client, f"{path}{'&' if '?' in path else '?'}limit=3"))
    assert [len(page) for page in limited] == [3, 3, 1]
    flat = [row for page in (limited[::-1] if path.startswith("journal") else limited) for row in page]
    assert flat == whole


@pytest.mark.parametrize("path", LISTS)
def test_page_ends_where_it_would_be_too_large_and_leads_on(
    client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_answers, "FRESH_NOW_S", -1.0)
    (whole,) = pages(client, path)
    size = len(json.dumps(whole[0], ensure_ascii=False, separators=(",", ":")).encode())
    monkeypatch.setattr(paging, "MOST_BYTES", int(2.5 * size))
    assert [len(page) for page in pages(client, path)] == [2, 2, 2, 1]
    monkeypatch.setattr(paging, "MOST_BYTES", 10)
    assert [len(page) for page in pages(client, path)] == [1] * COUNT


def test_what_a_device_says_of_itself_is_served_shortened(client: TestClient) -> None:
    assert all(len(row["state"]) == 200 for row in client.get("/api/v1/devices").json())
    assert all(len(row["state"]) == 200 for row in client.get("/api/v1/devices/unknown").json())
    assert all(len(row["properties"]["state"]) == 200 for row in client.get("/api/v1/geojson").json()["features"])
    assert all(len(row["gaps"]) == 1000 for row in client.get("/api/v1/ledger").json())
    letters = client.get("/api/v1/dead-letters").json()
    assert all((len(row["payload"]), row["payload_bytes"]) == (4000, 65_536) for row in letters)
    assert len(client.get(f"/api/v1/dead-letters/{letters[0]['id']}").json()["payload"]) == 65_536


@pytest.mark.parametrize(
    "query",
    ["limit=1001", "limit=0", "offset=-1", "offset=1000001", "offset=999999999999999999999", "after=" + "x" * 201],
)
def test_page_that_cannot_be_is_refused(client: TestClient, query: str) -> None:
    path = "devices" if query.startswith(("after", "limit")) else "alerts"
    assert client.get(f"/api/v1/{path}?{query}").status_code == 422


def test_series_that_is_too_large_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readings, "MOST_BYTES", 100)
    answer = client.get("/api/v1/series?every=raw")
    assert answer.status_code == 422
    assert "MB; ask for a shorter time" in answer.json()["detail"]


def test_one_alert_and_incident_show_the_newest_of_their_journal_and_say_how_much_there_is(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeonju.api.http.alerts.MOST_ENTRIES", 2)
    for number in range(3):
        assert client.post("/api/v1/alerts/a0/comment", json={"note": f"n{number}"}).status_code == 200
    found = client.get("/api/v1/alerts/a0").json()
    assert (len(found["journal"]), found["journal_total"]) == (2, 3)
    assert client.get("/api/v1/incidents/i0").json()["alerts_total"] == 0
