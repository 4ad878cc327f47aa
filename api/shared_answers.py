"""One answer for all who ask the same at nearly the same time: what many look at at once is made once.

Only for what is the same for every caller that the guard lets through. An answer carries an `ETag`; who shows it again and has the newest
one already gets 304 without a body.
"""

import asyncio
import time
from collections import OrderedDict
from hashlib import blake2b
from typing import Final, NamedTuple

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jeonju.api.negotiation import Headers, has_already, takes_gzip

FRESH_S: Final = 1.0
# Of what scripts follow from second to second.
FRESH_NOW_S: Final = 0.1
# An answer that is being made anew is given for so many times as long.
MOST_STALE: Final = 2.0
_OF_NOW: Final = frozenset({"/api/v1/latest", "/api/v1/geojson"})
SHARED_PATHS: Final = frozenset(
    f"/api/v1/{name}"
    for name in ("latest", "geojson", "series", "field", "site", "quantities", "limits", "indexes", "standards")
) | {"/"}
SHARED_FOLDERS: Final = ("/static/",)
# Of all answers that are kept; of larger ones only those who ask at the same moment have one in common.
MOST_BYTES: Final = 64 * 1024 * 1024
MOST_ANSWERS: Final = 2000
# An answer to these depends on more than the address.
_NOT_SHARED: Final = frozenset({b"range", b"if-range"})
_CONDITIONS: Final = frozenset({b"if-none-match", b"if-modified-since", b"if-match", b"if-unmodified-since"})
# A browser may keep it, but asks each time whether it is still the newest; no proxy that others use keeps it.
_REVALIDATE: Final = (b"cache-control", b"private, no-cache")
# Path, query, and whether a file is wanted packed.
_Key = tuple[str, bytes, bool]
_Headers = list[tuple[bytes, bytes]]


class _Answer(NamedTuple):
    made_s: float
    status: int
    headers: _Headers
    body: bytes
    etag: bytes


class SharedAnswers:
    """Gives what was answered to a GET a moment ago to others who ask the same, and has one request made where many ask at once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: OrderedDict[_Key, _Answer] = OrderedDict()
        self._bytes = 0
        self._making: dict[_Key, asyncio.Task[_Answer]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let a request through that has an answer of its own."""
        if not _is_shared(scope):
            await self._app(scope, receive, send)
            return
        is_file = scope["path"].startswith(SHARED_FOLDERS)
        key = (scope["path"], scope["query_string"], is_file and takes_gzip(scope["headers"]))
        answer = self._kept.get(key)
        fresh_s = FRESH_NOW_S if scope["path"] in _OF_NOW else FRESH_S
        # Who asks while a new one is made gets the last one, so that only one waits for it.
        old_s = MOST_STALE * fresh_s if key in self._making else fresh_s
        if answer is None or time.monotonic() - answer.made_s > old_s:
            answer = await self._made(key, scope)
        await _send(answer, scope["headers"], send)

    async def _made(self, key: _Key, scope: Scope) -> _Answer:
        if (task := self._making.get(key)) is None:
            task = self._making[key] = asyncio.create_task(self._make(key, scope))
            task.add_done_callback(lambda _done: self._making.pop(key, None))
        # Whoever asked first may go away; the others still wait.
        return await asyncio.shield(task)

    async def _make(self, key: _Key, scope: Scope) -> _Answer:
        """Have the application answer. The answer is as old as the moment at which it was asked for."""
        asked_s, gathered = time.monotonic(), _Gathered()
        headers = [(name, value) for name, value in scope["headers"] if name not in _CONDITIONS]
        await self._app({**scope, "headers": headers, "extensions": {}}, _no_body(), gathered.take)
        answer = gathered.answer(asked_s)
        if answer.status == 200:
            self._keep(key, answer)
        return answer

    def _keep(self, key: _Key, answer: _Answer) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= len(old.body)
        self._kept[key] = answer
        self._bytes += len(answer.body)
        while self._bytes > MOST_BYTES or len(self._kept) > MOST_ANSWERS:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= len(oldest.body)


class _Gathered:
    """What the application sends for one request."""

    def __init__(self) -> None:
        self._status, self._headers, self._parts = 500, _Headers(), list[bytes]()

    async def take(self, message: Message) -> None:
        """Take the next message."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self._parts.append(message.get("body", b""))

    def answer(self, made_s: float) -> _Answer:
        """Return all of it as one answer, with an `ETag` where it is worth asking for it again."""
        body = b"".join(self._parts)
        if self._status != 200:
            return _Answer(made_s, self._status, self._headers, body, b"")
        etag = b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()
        headers = [(name, value) for name, value in self._headers if name not in (b"etag", b"cache-control")]
        return _Answer(made_s, 200, [*headers, (b"etag", etag), _REVALIDATE], body, etag)


def _is_shared(scope: Scope) -> bool:
    if scope["type"] != "http" or scope["method"] != "GET":
        return False
    path: str = scope["path"]
    # The past stands still; the present changes with what somebody has just done, who asks at once how things stand now.
    is_past = path == "/api/v1/state" and b"at=" in scope["query_string"]
    if path not in SHARED_PATHS and not path.startswith(SHARED_FOLDERS) and not is_past:
        return False
    # A file of many rows is sent piece by piece.
    if b"format=" in scope["query_string"]:
        return False
    return not any(name in _NOT_SHARED for name, _ in scope["headers"])


async def _send(answer: _Answer, asked: Headers, send: Send) -> None:
    if answer.etag and has_already(asked, answer.etag):
        headers = [(name, value) for name, value in answer.headers if name != b"content-length"]
        await send({"type": "http.response.start", "status": 304, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body})


def _no_body() -> Receive:
    """Return how a request without body is received: its end, then nothing until it is answered."""
    is_read = False

    async def receive() -> Message:
        nonlocal is_read
        if is_read:
            await asyncio.Event().wait()
        is_read = True
        return {"type": "http.request", "body": b"", "more_body": False}

    return receive
