"""The report, as it is asked for over HTTP, and its words."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import AlertRecord, IncidentRecord, JournalEntry
from jeonju.contract.site import Site
from jeonju.localization.trace import Trace
from jeonju.messages.catalogue import LANGUAGES
from jeonju.messages.words import word
from jeonju.response.fleet.mission import Outcome
from jeonju.response.incidents import tracing
from jeonju.response.incidents.incident import ACTIONS, Action
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
ALERT = AlertRecord(
    "one", "jeonju", "smoke", "critical", "palbok-01", "palbok", NOW, NOW, None, None, None, None, "연기", "smoke", "{}"
)
NOTES = pytest.mark.parametrize("note", [None, "", "소방서에 <알림>"], ids=["absent", "empty", "given"])
SOURCE = {
    "quantity": "pm25",
    "lat": 35.85,
    "lon": 127.09,
    "radius_m": 50.0,
    "elsewhere": 1.0,
    "is_unsure": True,
    "rate_g_s": [0.1, 1.0, 9.0],
    "cells": [[35.85, 127.09, 0.0]],
    "cell_m": 100.0,
    "traced_at": NOW.isoformat(),
}
VISIT = {"incident": "old", "robot": "robot-1", "sent_at": NOW.isoformat(), "outcome": "", "ended_at": None}
DOWNWIND = {"zone": "palbok", "probability": 0.5, "minutes": 2.0, "peak": 3.0}
ARRIVING = DOWNWIND | {"minutes": 12.0, "minutes_10": 4.6, "minutes_90": 31.2}


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An api that traces no source: there are no readings, and maps are given here where they matter."""

    def away(*_: Any) -> Trace:
        raise UnavailableError("no readings")

    monkeypatch.setattr(tracing, "trace", away)
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started


def opened(client: TestClient, **other: Any) -> str:
    """Open an incident as an alert does; return its path."""
    incidents = client.app.state.air.response.orders.incidents  # type: ignore[attr-defined]
    incidents.handle([ALERT._replace(**other)], {}, NOW)
    (incident,) = client.get("/api/v1/incidents").json()
    return f"/api/v1/incidents/{incident['id']}"


def report(client: TestClient, path: str, kind: str, language: str) -> Response:
    answer = client.get(f"{path}/report.{kind}", params={"language": language})
    assert answer.status_code == 200, answer.text
    return answer


def pages(client: TestClient, path: str) -> list[str]:
    """Return the report in Korean and in English."""
    return [report(client, path, "html", language).text for language in ("ko", "en")]


@NOTES
def test_report_lists_every_action_with_and_without_a_note(client: TestClient, note: str | None) -> None:
    path = opened(client)
    actions: tuple[Action, ...] = ("acknowledge", "comment", "assign", "confirm", "false-alarm", "close")
    assert set(actions) == set(ACTIONS)
    for action in actions:
        doing = {"action": action} | ({} if note is None else {"note": note})
        assert client.post(path, json=doing).status_code == 200
        for language, page in zip(LANGUAGES, pages(client, path), strict=True):
            said = f"<td>{word('journal-action', action, language)}"
            assert (f"{said}: 소방서에 &lt;알림&gt;</td>" if note else f"{said}</td>") in page
    assert report(client, path, "pdf", "ko").content.startswith(b"%PDF")


@pytest.mark.parametrize("device", ["palbok-01", "of-no-zone"])
def test_report_of_what_the_system_closed_says_why(client: TestClient, device: str) -> None:
    path = opened(client, device=device, ended_at=NOW)
    client.app.state.air.response.orders.incidents.handle([], {}, NOW + timedelta(hours=3))  # type: ignore[attr-defined]
    assert all("nothing seen any more" in page for page in pages(client, path))


@pytest.mark.parametrize(
    "details",
    [
        {},
        {"classes": {"fire": 1.0}, "verdict": None, "source": None, "downwind": [DOWNWIND]},
        {"classes": {"fire": 1.0}, "source": SOURCE, "downwind": [DOWNWIND, ARRIVING], "visits": [VISIT]},
        {
            "source": SOURCE | {"cells": []},
            "visits": [VISIT | {"places": [], "outcome": "done", "ended_at": NOW.isoformat()}],
        },
    ],
    ids=["nothing", "untraced", "elsewhere", "no-cells"],
)
def test_report_needs_nothing_that_an_incident_may_lack(
    client: TestClient, store: DuckDBStore, details: dict[str, Any]
) -> None:
    record = IncidentRecord(
        "old",
        "jeonju",
        "open",
        "traffic",
        "info",
        None,
        NOW,
        NOW,
        None,
        None,
        None,
        None,
        None,
        None,
        "오래됨",
        "old",
        json.dumps(details),
    )
    store.write_incidents([record])
    store.write_journal(
        [JournalEntry(action, "jeonju", NOW, "kim", action, "old", "{}") for action in (*ACTIONS, "unheard-of")]
    )
    korean, english = pages(client, "/api/v1/incidents/old")
    assert "오래됨" in korean
    assert "unheard-of" in english
    assert report(client, "/api/v1/incidents/old", "pdf", "ko").content.startswith(b"%PDF")
    assert client.get("/api/v1/incidents").json()[0]["details"]["visits"] == details.get("visits", [])


def drawn(client: TestClient, store: DuckDBStore, **source: Any) -> tuple[str, str]:
    """Return the report, in Korean and in English, of a stored incident with this source."""
    opened(client)
    (incident,) = store.incidents("jeonju")
    store.write_incidents([incident._replace(id="drawn", details=json.dumps({"source": SOURCE | source}))])
    korean, english = pages(client, "/api/v1/incidents/drawn")
    return korean, english


def test_report_draws_the_regions_of_half_and_nine_tenths(client: TestClient, store: DuckDBStore) -> None:
    cells = [[35.85 + 0.001 * number, 127.09, 0.1] for number in range(9)]
    _, english = drawn(client, store, cells=cells, cells_of_half=5, unexplained=["palbok-05"])
    light, dark = re.findall(r'<g fill="#d1495b" fill-opacity="(?:0.25|0.75)">(.*?)</g>', english, re.DOTALL)
    assert (light.count("<rect"), dark.count("<rect")) == (4, 5)
    assert "Dark: the area that holds half" in english
    assert "there may be a second one" in english


def test_report_of_a_map_that_says_nothing_says_so_and_draws_no_region(client: TestClient, store: DuckDBStore) -> None:
    korean, english = drawn(client, store, says_nothing=True)
    assert "The map says nothing yet" in english
    assert "아직 발생지를 알 수 없음" in korean
    assert 'fill="#d1495b"' not in english


@pytest.mark.parametrize("outcome", get_args(Outcome))
def test_every_outcome_of_a_visit_has_words_in_both_languages(outcome: str) -> None:
    korean, english = (word("mission-outcome", outcome, language) for language in LANGUAGES)
    assert english == outcome
    assert any("가" <= letter <= "힣" for letter in korean)


def test_one_incident_and_its_alerts_are_asked_of_the_store_by_id(
    client: TestClient, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many newer ones there are: a list of them ends after the newest 10 000."""
    store.write_alerts([ALERT._replace(started_at=NOW - timedelta(days=9), ended_at=NOW - timedelta(days=8))])
    path = opened(client)
    for listing in ("alerts", "incidents"):
        monkeypatch.setattr(store, listing, lambda *_, **__: [])
    assert [alert["id"] for alert in client.get(path).json()["alerts"]] == ["one"]
    assert client.get("/api/v1/alerts/one").status_code == 200
    assert client.get("/api/v1/alerts/nothing").status_code == 404
    assert client.get("/api/v1/incidents/nothing").status_code == 404


def test_report_says_between_which_times_a_zone_is_reached(client: TestClient, store: DuckDBStore) -> None:
    opened(client)
    (incident,) = store.incidents("jeonju")
    details = json.dumps({"source": SOURCE, "downwind": [ARRIVING, DOWNWIND]})
    store.write_incidents([incident._replace(id="reached", details=details)])
    _, english = pages(client, "/api/v1/incidents/reached")
    assert "<td>5–31 min</td>" in english
    assert "<td>2 min</td>" in english
