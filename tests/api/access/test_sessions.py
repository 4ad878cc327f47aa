"""Sessions of the page, tried with stolen, ended, foreign and invented ones, and in the wrong place."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeonju.api.access import sessions
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.access.sessions import IDLE_S, LONGEST_S, Sessions
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.stack.http_server import HttpSettings
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import Answer, Wire, served

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def wire(jeonju: Site, store: DuckDBStore, tmp_path: Path, keys: KeyFile) -> Iterator[Wire]:
    path = tmp_path / "keys.json"
    keys.add("first", Role.ADMIN, NOW)
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1", keys=path), keys=path) as running:
        yield running


def log_in(wire: Wire, key: str, **headers: str) -> str:
    """Return the cookie of a new session."""
    opened = wire.ask("POST", "/api/v1/session", {"key": key}, **headers)
    assert opened.status == 200, opened.body
    return opened.headers["set-cookie"].partition(";")[0]


def look(wire: Wire, cookie: str) -> int:
    return wire.ask("GET", "/api/v1/site", Cookie=cookie).status


def test_cookie_is_a_token_of_its_own_bound_to_the_port(wire: Wire, keys: KeyFile) -> None:
    key = keys.add("kim", Role.OPERATOR, NOW)
    opened = wire.ask("POST", "/api/v1/session", {"key": key})
    said = opened.headers["set-cookie"]
    cookie = said.partition(";")[0]
    assert cookie.startswith(f"jeonju-{wire.port}=")
    assert key not in said
    assert "HttpOnly" in said
    assert "samesite=strict" in said.lower()
    assert "Secure" not in said
    assert log_in(wire, key) != cookie
    assert look(wire, cookie) == 200
    # That of another port of this machine, and the token where a key belongs.
    token = cookie.partition("=")[2]
    assert look(wire, f"jeonju-1={token}") == 401
    assert look(wire, f"jeonju-{wire.port}={key}") == 401
    assert wire.ask("GET", "/api/v1/site", Authorization=f"Bearer {token}").status == 401


def test_session_ends_by_logout_by_another_login_and_with_its_key(wire: Wire, keys: KeyFile) -> None:
    key = keys.add("kim", Role.OPERATOR, NOW)
    first = log_in(wire, key)
    second = log_in(wire, key, Cookie=first)
    assert (look(wire, first), look(wire, second)) == (401, 200)
    assert wire.ask("DELETE", "/api/v1/session", Cookie=second).status == 200
    assert look(wire, second) == 401
    assert wire.ask("GET", "/api/v1/session", Cookie=second).json() == {"name": None, "role": None}
    third = log_in(wire, key)
    keys.revoke("kim")
    assert look(wire, third) == 401
    # A new key of the same name is another key.
    keys.add("kim", Role.ADMIN, NOW)
    assert look(wire, third) == 401


def test_session_that_has_ended_is_no_wrong_key(wire: Wire, keys: KeyFile) -> None:
    key = keys.add("kim", Role.OPERATOR, NOW)
    answers = [look(wire, f"jeonju-{wire.port}=gone-{number}") for number in range(15)]
    assert answers == [401] * 15
    assert look(wire, log_in(wire, key)) == 200


def test_session_ends_when_unused_and_after_a_week_whatever_happens() -> None:
    now_s = 0.0
    kept = Sessions(lambda: now_s)
    idle, used = kept.open("k"), kept.open("k")
    while now_s < LONGEST_S - IDLE_S / 2:
        assert kept.key_of(used) == "k"
        now_s += IDLE_S / 2
    assert kept.key_of(idle) is None
    assert kept.key_of(used) == "k"
    now_s = LONGEST_S
    assert kept.key_of(used) is None
    kept.open("k")
    assert len(kept) == 1


def test_looking_whether_a_session_lasts_does_not_keep_it_alive() -> None:
    now_s = 0.0
    kept = Sessions(lambda: now_s)
    token = kept.open("k")
    now_s = IDLE_S - 1
    assert kept.key_of(token, uses=False) == "k"
    now_s = IDLE_S
    assert kept.key_of(token) is None


def test_number_of_sessions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_OF_A_KEY", 2)
    monkeypatch.setattr(sessions, "MOST", 3)
    numbers = iter(range(100))
    kept = Sessions(lambda: float(next(numbers)))
    tokens = [kept.open("a") for _ in range(3)]
    assert [kept.key_of(token) for token in tokens] == [None, "a", "a"]
    others = [kept.open(key) for key in "bc"]
    assert len(kept) == 3
    assert [kept.key_of(token) for token in [*tokens, *others]] == [None, None, "a", "b", "c"]


ODD_KEYS = ["열쇠", "\u00e9", "\ud800", "a b", "a\nb", "\x00", "", "x" * 201, None, 5, ["x"], {"a": 1}]


@pytest.mark.parametrize("key", ODD_KEYS)
def test_key_that_can_be_none_is_refused_with_and_without_keys(
    wire: Wire, jeonju: Site, store: DuckDBStore, key: object
) -> None:
    assert 400 <= wire.ask("POST", "/api/v1/session", {"key": key}).status < 500
    answered: Answer = wire.ask("GET", "/api/v1/site", Authorization=b"Bearer \xc3\xa9\xff".decode("latin-1"))
    assert answered.status == 401


def test_without_keys_there_is_no_session(jeonju: Site, store: DuckDBStore) -> None:
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as wire:
        for key in ODD_KEYS:
            assert 400 <= wire.ask("POST", "/api/v1/session", {"key": key}).status < 500
        opened = wire.ask("POST", "/api/v1/session", {"key": "jeonju_x"})
        assert opened.status == 409
        assert "set-cookie" not in opened.headers


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": "b"}', ""])
def test_keys_that_cannot_be_read_stop_the_start_and_not_what_runs(
    wire: Wire, keys: KeyFile, tmp_path: Path, text: str
) -> None:
    key = keys.add("kim", Role.OPERATOR, NOW)
    shown = {"Authorization": f"Bearer {key}"}
    assert wire.ask("GET", "/api/v1/site", **shown).status == 200
    (tmp_path / "keys.json").write_text(text)
    assert wire.ask("GET", "/api/v1/site", **shown).status == 200
    assert wire.ask("GET", "/api/v1/site", Authorization="Bearer x").status == 401
    with pytest.raises(UserError, match="cannot be read as keys of the api"):
        HttpSettings(keys=tmp_path / "keys.json").check()
