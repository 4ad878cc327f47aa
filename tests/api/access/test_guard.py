"""Who may do what over HTTP, tried without, with a wrong and with a too weak key, too often, and from another site's page."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from jeonju.api.access.guard import OPEN_PATHS, READING
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.access.limiter import Limit
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FIRE = {"kind": "fire", "lat": 35.85, "lon": 127.09}


@dataclass
class Door:
    client: TestClient
    store: DuckDBStore
    keys: KeyFile
    secrets: dict[str, str]

    def ask(self, method: str, path: str, role: str | None = None, **options: object) -> int:
        headers = {"Authorization": f"Bearer {self.secrets[role]}"} if role else {}
        status: int = self.client.request(method, path, headers=headers, **options).status_code  # type: ignore[arg-type]
        return status


@pytest.fixture
def door(jeonju: Site, store: DuckDBStore, tmp_path: Path) -> Iterator[Door]:
    keys = KeyFile(tmp_path / "keys.json")
    secrets = {role.name.lower(): keys.add(role.name.lower(), role, NOW) for role in Role}
    app = api_app(jeonju, store, "mqtt://127.0.0.1:1", keys=tmp_path / "keys.json", now=lambda: NOW)
    with local_client(app) as client:
        yield Door(client, store, keys, secrets)


def test_without_a_key_only_the_door_is_open(door: Door) -> None:
    paths = door.client.get("/openapi.json").json()["paths"]
    assert len(paths) > 15
    asked = {(method.upper(), path) for path, methods in paths.items() for method in methods} | {
        ("GET", "/docs"),
        ("GET", "/"),
    }
    for method, path in asked:
        status = door.ask(method, path.replace("{", "").replace("}", ""))
        assert (status == 401) is (path not in OPEN_PATHS), (method, path, status)


def test_wrong_key_and_wrong_scheme_are_no_key(door: Door) -> None:
    for header in ("Bearer jeonju_wrong", "Basic " + door.secrets["admin"], door.secrets["admin"], "Bearer "):
        answer = door.client.get("/api/v1/site", headers={"Authorization": header})
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    assert door.ask("GET", f"/api/v1/site?key={door.secrets['admin']}") == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "allowed"),
    [
        ("GET", "/api/v1/site", None, {"viewer", "operator", "admin"}),
        ("POST", "/api/v1/incidents/x", {"action": "close"}, {"operator", "admin"}),
        ("POST", "/api/v1/simulation/events", FIRE, {"admin"}),
        ("POST", "/api/v1/what-if", {"hours": -1}, {"operator", "admin"}),
        ("POST", "/api/v1/backup", None, {"admin"}),
        ("POST", "/api/v1/devices/x/adopt", {"zone": "palbok", "kind": "station"}, {"admin"}),
    ],
)
def test_key_that_is_too_weak_is_refused(door: Door, method: str, path: str, body: object, allowed: set[str]) -> None:
    refused = {role for role in door.secrets if door.ask(method, path, role, json=body) == 403}
    assert refused == set(door.secrets) - allowed


def test_revoked_key_is_refused_from_the_next_request_on_and_a_lost_file_opens_nothing(
    door: Door, tmp_path: Path
) -> None:
    assert door.ask("GET", "/api/v1/site", "viewer") == 200
    door.keys.revoke("viewer")
    assert door.ask("GET", "/api/v1/site", "viewer") == 401
    (tmp_path / "keys.json").unlink()
    assert door.ask("GET", "/api/v1/site") == 401
    assert door.ask("GET", "/api/v1/site", "admin") == 401


def test_who_tries_keys_is_soon_not_answered_any_more(door: Door) -> None:
    answers = [
        door.client.get("/api/v1/site", headers={"Authorization": f"Bearer jeonju_{n}"}).status_code for n in range(12)
    ]
    assert answers == [401] * 10 + [429] * 2
    assert door.ask("GET", "/api/v1/site", "viewer") == 200


def test_client_over_the_rate_limit_must_wait_and_others_need_not(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jeonju.api.access.guard.REQUESTS", Limit(5))
    answers = [door.ask("GET", "/api/v1/quantities", "viewer") for _ in range(7)]
    assert answers == [200] * 5 + [429] * 2
    assert door.ask("GET", "/api/v1/quantities", "operator") == 200


def test_page_keeps_the_key_in_a_cookie_that_no_script_and_no_other_site_can_use(door: Door) -> None:
    assert door.client.post("/api/v1/session", json={"key": "wrong"}).status_code == 401
    answer = door.client.post("/api/v1/session", json={"key": door.secrets["operator"]})
    assert answer.json() == {"name": "operator", "role": "operator"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert door.ask("GET", "/api/v1/site") == 200
    assert door.client.get("/api/v1/session").json() == {"name": "operator", "role": "operator"}
    door.client.delete("/api/v1/session")
    assert door.client.get("/api/v1/session").json() == {"name": None, "role": None}
    assert door.ask("GET", "/api/v1/site") == 401


def test_no_other_site_may_read_an_answer_and_no_page_may_frame_it(door: Door) -> None:
    headers = {"Authorization": f"Bearer {door.secrets['viewer']}", "Origin": "https://elsewhere.example"}
    for path in ("/", "/api/v1/site", "/docs", "/static/page.js"):
        answer = door.client.get(path, headers=headers)
        assert answer.status_code == 200, path
        assert "access-control-allow-origin" not in answer.headers
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    asked = door.client.options("/api/v1/site", headers=headers | {"Access-Control-Request-Method": "GET"})
    assert "access-control-allow-origin" not in asked.headers


def test_page_is_asked_for_anew_each_time_or_its_parts_could_be_of_two_versions(door: Door) -> None:
    for path in ("/", "/static/page.js"):
        assert door.client.get(path).headers["cache-control"] == "private, no-cache"


def test_changes_are_in_the_journal_with_name_and_refusals_and_secrets_are_not(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        door.ask("POST", "/api/v1/incidents/x", "operator", json={"action": "close"})
        door.ask("POST", "/api/v1/incidents/x", "viewer", json={"action": "close"})
        door.ask("POST", "/api/v1/session", json={"key": door.secrets["admin"]})
    written = {(entry.who, entry.subject) for entry in door.store.journal("jeonju")}
    assert written == {("operator", "/api/v1/incidents/x"), ("admin", "/api/v1/session")}
    assert "refused: POST /api/v1/incidents/x by viewer" in caplog.text
    whole = caplog.text + "".join(map(str, door.store.journal("jeonju")))
    assert not any(secret in whole for secret in door.secrets.values())


def test_documentation_says_what_a_request_needs_and_loads_nothing_from_elsewhere(door: Door) -> None:
    openapi = door.client.get("/openapi.json").json()
    assert set(openapi["components"]["securitySchemes"]) == {"HTTPBearer", "APIKeyCookie"}
    for path, methods in openapi["paths"].items():
        for method, route in methods.items():
            if path in OPEN_PATHS:
                assert "security" not in route, path
                continue
            needed = (
                "viewer"
                if method.upper() in READING
                else "admin"
                if path.endswith(
                    (
                        "/events",
                        "/speed",
                        "/adopt",
                        "/backup",
                        "/runs",
                        "/test",
                        "/subscriptions",
                        "/{subscription}",
                        "/corrections",
                        "/withdraw",
                    )
                )
                else "operator"
            )
            assert f"Needs a key of role {needed}" in route["description"], path
            assert {"401", "403", "429"} <= route["responses"].keys(), path
    page = door.client.get("/docs", headers={"Authorization": f"Bearer {door.secrets['viewer']}"}).text
    assert "https://" not in page


def test_as_long_as_no_key_was_made_this_machine_may_do_everything(jeonju: Site, store: DuckDBStore) -> None:
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as client:
        assert client.get("/api/v1/site").status_code == 200
        assert client.post("/api/v1/simulation/events", json=FIRE).status_code == 503
