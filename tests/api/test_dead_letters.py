"""Dead letters over HTTP: chosen, looked at, and asked for once each."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.api.http import dead_letters
from jeonju.contract.records import LONGEST_LETTER_BYTES, LONGEST_LETTER_TEXT, DeadLetter, LetterMark
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, LetterChoice
from tests.clients import local_client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
PATH = "/api/v1/dead-letters"


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore) -> Iterator[TestClient]:
    """An api whose ingest is elsewhere and takes nothing, over letters 0 to 5 of which the last was not kept whole."""
    letters = [
        DeadLetter(NOW - timedelta(hours=6 - number), f"v{number % 2}/x", b"%d\xff" % number, "is not JSON")
        for number in range(5)
    ]
    cut = DeadLetter(NOW, "v1/x", b" " * LONGEST_LETTER_BYTES, "x" * LONGEST_LETTER_TEXT)
    store.write(Commit(dead_letters=[*letters, cut]))
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started


def ids(store: DuckDBStore, **choice: Any) -> list[str]:
    return [letter.id for letter in store.letters_in_order(LetterChoice(**choice), limit=100)]


def ask(client: TestClient, **wanted: Any) -> Any:
    answer = client.post(f"{PATH}/replay", json=wanted)
    assert answer.status_code == 202, answer.text
    return answer.json()


def test_list_and_one_letter(client: TestClient, store: DuckDBStore) -> None:
    found = client.get(
        PATH, params={"since": (NOW - timedelta(hours=3)).isoformat(), "topic": "v1/+", "limit": 5}
    ).json()
    assert [letter["topic"] for letter in found] == ["v1/x"] * 2
    assert (found[1]["payload"], found[1]["whole"], found[0]["whole"]) == ("3�", True, False)
    one = client.get(f"{PATH}/{found[1]['id']}").json()
    assert one == found[1] | {"payload_hex": "33ff"}
    assert (one["asked_at"], one["replayed_at"]) == (None, None)
    assert client.get(f"{PATH}/none").status_code == 404
    assert "is no MQTT topic filter" in client.get(PATH, params={"topic": "a#"}).json()["detail"]


def test_each_letter_is_asked_for_once(client: TestClient, store: DuckDBStore) -> None:
    all_ids = ids(store)
    answer = ask(client, ids=[all_ids[2], "none"])
    assert answer == {
        "asked": 1,
        "skipped": 0,
        "cut": [],
        "unknown": ["none"],
        "asked_at": "2026-03-04T12:00:00Z",
        "next": None,
    }
    assert ids(store, is_asked=True) == [all_ids[2]]
    store.mark_letters([LetterMark(all_ids[0], None, NOW, "was wrong")])
    answer = ask(client, all=True)
    # One was asked for before, one was replayed before, one is cut.
    assert (answer["asked"], answer["skipped"], answer["cut"]) == (4, 1, [all_ids[5]])
    assert ids(store, is_asked=True) == all_ids[1:5]
    assert client.get(f"{PATH}/replay", params={"since": NOW.isoformat()}).json() == {"waiting": 4, "replayed": 1}
    assert ask(client, topic="v0/#", again=True)["asked"] == 3
    assert ids(store, is_asked=True) == all_ids[:5]


def test_many_letters_are_asked_for_page_by_page(
    client: TestClient, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "MOST_AT_ONCE", 2)
    asked, after, pages = 0, "", 0
    while after is not None:
        answer = ask(client, all=True, after=after)
        asked, after, pages = asked + answer["asked"], answer["next"], pages + 1
    assert (asked, pages) == (5, 4)
    assert ids(store, is_asked=True) == ids(store)[:5]
    assert client.get(f"{PATH}/replay", params={"since": NOW.isoformat()}).json() == {"waiting": 5, "replayed": 0}


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        ({}, "give one of ids, topic and all"),
        ({"all": True, "ids": []}, "give one of ids, topic and all"),
        ({"topic": "a/#/b"}, "topic: is no MQTT topic filter"),
        ({"ids": ["x" * 100]}, "ids.0: String should have at most 64 characters"),
    ],
)
def test_wrong_request_is_answered_in_one_line(client: TestClient, wanted: Any, line: str) -> None:
    answer = client.post(f"{PATH}/replay", json=wanted)
    assert answer.status_code == 422
    assert line in answer.json()["detail"]
