"""What an attacker sends over a socket: bodies of any size, foreign names and pages, invented addresses, requests that never end."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeonju.api.access import audit, bodies
from jeonju.api.access.bodies import MOST_BYTES
from jeonju.api.access.limiter import Limit, Limiter
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import Wire, served, served_with_key, until_closed
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FIRE = {"kind": "fire", "lat": 35.85, "lon": 127.09}
ENDLESS_OR_CHANGING = {"/api/v1/stream", "/api/v1/export", "/metrics", "/api/v1/health"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path_factory.mktemp("requests") / "air.duckdb")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def keyless(jeonju: Site, store: DuckDBStore) -> Iterator[Wire]:
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as wire:
        yield wire


def test_body_of_400_mb_is_refused_by_every_route_before_a_byte_of_it_is_sent(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "LINGER_S", 0.0)
    with served_with_key(jeonju, store, tmp_path) as (wire, _):
        paths = wire.ask("GET", "/openapi.json").json()["paths"]
        asked = [(method.upper(), path) for path, methods in paths.items() for method in methods]
        assert {("POST", "/api/v1/session"), ("GET", "/api/v1/stream"), ("GET", "/healthz")} < set(asked)
        for method, path in [*asked, ("GET", "/"), ("GET", "/static/page.js"), ("POST", "/nothing")]:
            head = f"{method} {path.replace('{', '').replace('}', '')} HTTP/1.1\nHost: x\nContent-Length: 400000000\n\n"
            with wire.open(head) as client:
                answer = until_closed(client)
            assert answer.startswith(b"HTTP/1.1 413"), (method, path, answer[:100])
            assert b"the body is too large" in answer


@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/simulation/events"])
def test_body_without_a_length_is_counted_and_refused(keyless: Wire, path: str) -> None:
    head = f"POST {path} HTTP/1.1\nHost: localhost\nContent-Type: application/json\nTransfer-Encoding: chunked\n\n"
    with keyless.open(head) as client:
        for _ in range(3):
            client.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        assert until_closed(client).startswith(b"HTTP/1.1 413")


def test_stream_whose_request_never_ends_is_ended(keyless: Wire) -> None:
    head = "GET /api/v1/stream HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n"
    with keyless.open(head) as client:
        for _ in range(1 + MOST_BYTES // 0x8000):
            client.sendall(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
        assert b"HTTP/1.1 200" in until_closed(client)
    wait_until(lambda: keyless.app.state.air.stream.listeners == 0, what="the place of the listener")


def test_body_that_does_not_come_is_not_waited_for(keyless: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WITHIN_S", 0.05)
    head = "POST /api/v1/silences HTTP/1.1\nHost: localhost\nContent-Type: application/json\nContent-Length: 20\n\n{"
    with keyless.open(head) as client:
        assert until_closed(client).startswith(b"HTTP/1.1 408")


def test_head_that_does_not_come_is_not_waited_for(
    jeonju: Site, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeonju.stack.http_server.HEAD_WITHIN_S", 0.05)
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as wire:
        for beginning in ("", "GET /healthz HTTP/1.1\nHost: localhost\nX: "):
            with wire.open(beginning) as client:
                assert until_closed(client) == b""


def test_head_without_end_is_not_kept(keyless: Wire) -> None:
    with keyless.open("GET /healthz HTTP/1.1\nHost: localhost\n") as client:
        with suppress(ConnectionError):
            for number in range(1000):
                client.sendall(b"X-%d: %s\r\n" % (number, b"x" * 1000))
        assert until_closed(client) == b""


def test_connections_beyond_the_most_are_cut_off_and_those_that_are_there_go_on(
    jeonju: Site, store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jeonju.stack.http_server.MOST_CONNECTIONS", 5)
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as wire, ExitStack() as stack:
        idle = [stack.enter_context(wire.open("")) for _ in range(5)]
        with wire.open("GET /healthz HTTP/1.1\nHost: localhost\n\n") as refused:
            assert until_closed(refused) == b""
        idle[0].sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert until_closed(idle[0]).startswith(b"HTTP/1.1 200")
        assert wire.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.168.0.7", "", "[::]"]
)
def test_without_keys_no_foreign_name_is_served(keyless: Wire, host: str) -> None:
    for path in ("/", "/api/v1/latest", "/api/v1/stream", "/healthz", "/static/page.js"):
        assert keyless.ask("GET", path, Host=host).status == 421, path
    assert keyless.ask("POST", "/api/v1/simulation/events", FIRE, Host=host).status == 421


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "127.1.2.3", "LOCALHOST:99", "air.localhost"]
)
def test_names_of_this_machine_are_served_without_keys(keyless: Wire, host: str) -> None:
    assert keyless.ask("GET", "/api/v1/site", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Origin": "http://[bad"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:3000"},
        {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "iframe"},
    ],
)
def test_without_keys_no_foreign_page_is_served(keyless: Wire, headers: dict[str, str]) -> None:
    for method, path in (
        ("POST", "/api/v1/robots/robot-1/forbid"),
        ("POST", "/api/v1/simulation/events"),
        ("GET", "/api/v1/latest"),
        ("GET", "/api/v1/stream"),
        ("DELETE", "/api/v1/session"),
    ):
        answer = keyless.ask(method, path, FIRE if method == "POST" else None, **headers)
        assert answer.status == 403, (method, path)


def test_own_page_scripts_and_links_from_elsewhere_are_served(keyless: Wire) -> None:
    own = f"http://127.0.0.1:{keyless.port}"
    for headers in ({"Origin": own}, {"Sec_Fetch_Site": "same-origin", "Origin": own}, {"Sec_Fetch_Site": "none"}, {}):
        assert keyless.ask("GET", "/api/v1/site", **headers).status == 200
        assert keyless.ask("POST", "/api/v1/simulation/events", FIRE, **headers).status == 503
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
    assert keyless.ask("GET", "/", **link).status == 200
    assert keyless.ask("POST", "/api/v1/session", {"key": "x"}, **link).status == 403


def test_with_keys_the_name_counts_where_names_are_given_and_a_page_of_another_site_never_logs_in(
    jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    with served_with_key(jeonju, store, tmp_path, names=("air.example.org",)) as (wire, key):
        shown = {"Authorization": f"Bearer {key}"}
        for host, status in (
            ("air.example.org", 200),
            ("AIR.example.org:443", 200),
            ("localhost", 200),
            ("evil.example", 421),
        ):
            assert wire.ask("GET", "/api/v1/site", Host=host, **shown).status == status
        page = {"Origin": "https://evil.example", "Host": "air.example.org"}
        assert wire.ask("POST", "/api/v1/session", {"key": key}, **page).status == 403
        behind_https = {"Origin": "https://air.example.org", "Host": "air.example.org"}
        assert wire.ask("POST", "/api/v1/session", {"key": key}, **behind_https).status == 200


def test_no_answer_leads_to_the_name_that_a_request_gives(jeonju: Site, store: DuckDBStore, tmp_path: Path) -> None:
    with served_with_key(jeonju, store, tmp_path) as (wire, key):
        for path in (
            "/api/v1/site/",
            "/static",
            "/static/",
            "/docs/",
            "/api/v1/latest?limit=1",
            "//evil.example/",
            "/static-offline-docs",
        ):
            answer = wire.ask("GET", path, Host="evil.example", Authorization=f"Bearer {key}")
            assert answer.status < 300 or answer.status >= 400, path
            assert "evil.example" not in f"{dict(answer.headers)}", path


def test_host_header_does_not_open_what_is_closed(jeonju: Site, store: DuckDBStore, tmp_path: Path) -> None:
    with served_with_key(jeonju, store, tmp_path) as (wire, _):
        for host in ("x/healthz?", "x/static/", "x/api/v1/session#"):
            assert wire.ask("GET", "/api/v1/site", Host=host).status in (400, 401)


def test_refusals_do_not_fill_the_log_and_the_journal_and_give_no_terminal_orders(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "LOGGED", Limit(3))
    before = len(store.journal("jeonju"))
    with caplog.at_level(logging.WARNING), served_with_key(jeonju, store, tmp_path) as (wire, _):
        wire.ask("GET", "/api/v1/%1b[2J%0ax")
        for _ in range(10):
            assert wire.ask("POST", "/api/v1/session", {"key": ""}).status == 422
    assert caplog.text.count("refused:") == 3
    assert "\x1b" not in caplog.text
    assert len(store.journal("jeonju")) == before


def test_limit_holds_within_any_minute_and_forgets_who_is_long_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    limiter = Limiter(lambda: now_s)
    assert [limiter.hit(Limit(10), "a") for _ in range(12)] == [True] * 10 + [False] * 2
    now_s = 90.0  # half of the first ten still counts
    assert [limiter.hit(Limit(10), "a") for _ in range(7)] == [True] * 5 + [False] * 2
    now_s = 300.0
    assert limiter.hit(Limit(1), "a")
    monkeypatch.setattr("jeonju.api.access.limiter.MOST_REMEMBERED", 3)
    for who in "bcde":
        limiter.hit(Limit(1), who)
    assert limiter.hit(Limit(1), "a")


def test_head_is_answered_as_get_without_the_body(keyless: Wire) -> None:
    paths = [path for path, methods in keyless.ask("GET", "/openapi.json").json()["paths"].items() if "get" in methods]
    for path in ["/", "/static/page.js", *(path for path in paths if path not in ENDLESS_OR_CHANGING)]:
        path = path.replace("{", "").replace("}", "")
        get, head = (keyless.ask(method, path, Accept_Encoding="gzip") for method in ("GET", "HEAD"))
        assert (head.status, head.body) == (get.status, b""), path
        assert head.headers.get("content-length") == get.headers.get("content-length"), path
    assert keyless.ask("HEAD", "/api/v1/stream").status == 405
