"""How large the body of a request may be, and how long it may take: what is too large is refused before it is read."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jeonju.api.access.problem import problem

MOST_BYTES: Final = 64 * 1024
# Half an hour of 26 devices once a second has 2.8 MB.
MOST_RUN_BYTES: Final = 256 * 1024 * 1024
# Two thousand ids of dead letters; a finished run.
LARGER: Final[Mapping[str, int]] = MappingProxyType(
    {"/api/v1/dead-letters/replay": 256 * 1024, "/api/v1/runs": MOST_RUN_BYTES}
)
WITHIN_S: Final = 30.0
# A connection that is closed while the client still sends is reset, and the client may never see the answer: so a little more is read first.
LINGER_S: Final = 1.0
LINGER_BYTES: Final = 1024 * 1024
_BODY_HEADERS: Final = frozenset({b"content-length", b"transfer-encoding"})
_CLOSE: Final = {"Connection": "close"}


class BodyLimit:
    """Answers 413 to a body that is too large, by its length or, where none is given, when it has become so, and 408 to one that is too slow."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, with its body counted."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        most = LARGER.get(scope["path"], MOST_BYTES)
        body = _Body(receive, send, most)
        if _length(scope) > most:
            body.is_refused = True
            await problem(413, _too_large(most), _CLOSE)(scope, body.receive, body.send)
        else:
            await self._app(scope, body.receive, body.send)


class _Body:
    """The body of one request, counted on its way to the application."""

    def __init__(self, receive: Receive, send: Send, most: int) -> None:
        self._receive, self._send, self._most = receive, send, most
        self._seen, self._until = 0, asyncio.get_running_loop().time() + WITHIN_S
        self._is_whole = self._is_answering = self.is_refused = False

    async def receive(self) -> Message:
        """Return the next part. Raises HTTPException 413 or 408; while the answer is on its way already, the request ends instead."""
        if self._is_whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._until):
                message = await self._receive()
        except TimeoutError:
            return self._refuse(408, f"the body did not arrive within {WITHIN_S:.0f} s")
        self._seen += len(message.get("body", b""))
        if self._seen > self._most:
            return self._refuse(413, _too_large(self._most))
        self._is_whole = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass the answer on; after that of a refusal the rest of the body is read for a moment."""
        self._is_answering = True
        if self.is_refused and message["type"] == "http.response.body" and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    def _refuse(self, status: int, why: str) -> Message:
        self.is_refused = True
        if self._is_answering:
            return {"type": "http.disconnect"}
        raise HTTPException(status, why, _CLOSE)

    async def _linger(self) -> None:
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0:
                    message = await self._receive()
                    if not message.get("more_body", False):
                        return
                    left -= len(message["body"])


def _has_body(scope: Scope) -> bool:
    """Return whether a request says that it has a body (RFC 9112, section 6.3): without either of these headers it has none."""
    return any(name in _BODY_HEADERS for name, _ in scope["headers"])


def _length(scope: Scope) -> int:
    """Return the length that a request says its body has, 0 where it says none."""
    said = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(said) if said.isdigit() else 0


def _too_large(most: int) -> str:
    return f"the body is too large: at most {most // 1024} KiB are taken here"
