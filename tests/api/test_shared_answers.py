"""What many ask at once is made once, and is never older than a second, or two while it is made anew."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from jeonju.api import shared_answers
from jeonju.api.shared_answers import SharedAnswers
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import Wire, served

PATH = "/api/v1/series"
Ask = Callable[..., Awaitable[tuple[int, dict[bytes, bytes], bytes]]]


class Counting:
    """An application that answers with the number of the request, or with what a test wants, when it is let go."""

    def __init__(self) -> None:
        self.asked: list[Scope] = []
        self.status, self.size = 200, 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope)
        number = len(self.asked)
        await self.go.wait()
        assert (await receive())["body"] == b""
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"etag", b'"own"')]})
        await send({"type": "http.response.body", "body": b"%d" % number, "more_body": True})
        await send({"type": "http.response.body", "body": b"x" * self.size})


def played(play: Callable[[Counting, Ask, SharedAnswers], Awaitable[None]]) -> None:
    async def run() -> None:
        app = Counting()
        shared = SharedAnswers(app)

        async def ask(query: bytes = b"", headers: dict[bytes, bytes] | None = None, **changed: Any) -> Any:
            scope = {"type": "http", "method": "GET", "path": PATH, "query_string": query} | changed
            sent: list[Message] = []

            async def send(message: Message) -> None:
                sent.append(message)

            async def receive() -> Message:
                return {"type": "http.request", "body": b""}

            await shared({**scope, "headers": list((headers or {}).items())}, receive, send)
            body = b"".join(message.get("body", b"") for message in sent[1:])
            return sent[0]["status"], dict(sent[0]["headers"]), body

        await play(app, ask, shared)

    asyncio.run(run())


def test_those_who_ask_at_once_share_one_answer_also_where_the_first_one_goes_away() -> None:
    async def play(app: Counting, ask: Ask, _shared: SharedAnswers) -> None:
        app.go.clear()
        first, *others = [asyncio.ensure_future(ask()) for _ in range(5)]
        await asyncio.sleep(0)
        first.cancel()
        app.go.set()
        assert {(await other)[2] for other in others} == {b"1"}
        assert len(app.asked) == 1

    played(play)


def test_only_one_waits_for_a_new_answer_while_the_last_one_is_not_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("jeonju.api.shared_answers.time.monotonic", lambda: now_s)

    async def play(app: Counting, ask: Ask, _shared: SharedAnswers) -> None:
        nonlocal now_s
        assert (await ask())[2] == b"1"
        app.go.clear()
        now_s = 1.5
        first = asyncio.ensure_future(ask())
        for _ in range(3):
            await asyncio.sleep(0)
        assert len(app.asked) == 2
        assert (await ask())[2] == b"1"
        now_s = 2.1
        late = asyncio.ensure_future(ask())
        await asyncio.sleep(0)
        app.go.set()
        assert (await first)[2] == (await late)[2] == b"2"

    played(play)


def test_answer_is_kept_for_a_moment_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 0.0
    monkeypatch.setattr("jeonju.api.shared_answers.time.monotonic", lambda: now_s)

    async def play(_app: Counting, ask: Ask, _shared: SharedAnswers) -> None:
        nonlocal now_s
        assert (await ask())[2] == (await ask())[2] == b"1"
        assert (await ask(b"limit=1"))[2] == b"2"
        now_s = 1.1
        assert (await ask())[2] == b"3"
        assert (await ask(path="/api/v1/latest"))[2] == b"4"
        now_s = 1.25
        assert (await ask(path="/api/v1/latest"))[2] == b"5"
        assert (await ask())[2] == b"3"

    played(play)


def test_error_is_not_kept() -> None:
    async def play(app: Counting, ask: Ask, _shared: SharedAnswers) -> None:
        app.status = 503
        assert (await ask())[0] == 503
        app.status = 200
        assert (await ask())[0] == 200

    played(play)


def test_who_has_the_newest_answer_gets_no_second_copy() -> None:
    async def play(app: Counting, ask: Ask, _shared: SharedAnswers) -> None:
        _, headers, _ = await ask()
        assert headers[b"etag"] != b'"own"'
        status, _, body = await ask(headers={b"if-none-match": headers[b"etag"]})
        assert (status, body) == (304, b"")
        assert (await ask(headers={b"if-none-match": b'"other"'}))[0] == 200
        # The application is never asked whether something has changed: its answer is for others too.
        assert all(not scope["headers"] for scope in app.asked)

    played(play)


@pytest.mark.parametrize(
    ("headers", "changed"),
    [({}, {"method": "POST"}), ({b"range": b"bytes=0-9"}, {}), ({}, {"path": "/api/v1/alerts"})],
)
def test_what_depends_on_more_than_the_address_is_asked_for_each_time(
    headers: dict[bytes, bytes], changed: dict[str, str]
) -> None:
    async def play(app: Counting, ask: Ask, _shared: SharedAnswers) -> None:
        for _ in range(2):
            await ask(headers=headers, **changed)
        assert len(app.asked) == 2

    played(play)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_answers, "MOST_BYTES", 2500)
    monkeypatch.setattr(shared_answers, "MOST_ANSWERS", 10)

    async def play(app: Counting, ask: Ask, shared: SharedAnswers) -> None:
        for number in range(20):
            await ask(b"%d" % number)
        assert len(shared._kept) == 10
        app.size = 1000
        for number in range(20, 25):
            await ask(b"%d" % number)
        assert len(shared._kept) == 2
        assert shared._bytes <= 2500

    played(play)


@pytest.fixture
def keyless(jeonju: Site, tmp_path: Path) -> Iterator[Wire]:
    with (
        closing(DuckDBStore(tmp_path / "air.duckdb")) as store,
        served(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as wire,
    ):
        yield wire


def test_page_and_latest_carry_an_etag_over_the_wire(keyless: Wire) -> None:
    for path in ("/static/page.js", "/", "/api/v1/latest"):
        first = keyless.ask("GET", path)
        assert first.status == 200
        again = keyless.ask("GET", path, If_None_Match=first.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert "no-cache" in again.headers["cache-control"]
