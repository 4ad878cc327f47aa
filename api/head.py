"""HEAD is answered as GET is, without the body (RFC 9110, section 9.3.2): supervisors and caches ask so."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Their answers have no end, or a late one, and nobody would read them.
_ENDLESS: Final = frozenset({"/api/v1/stream", "/api/v1/export"})


class HeadAsGet:
    """Has a HEAD request answered as if it were a GET, and leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"] in _ENDLESS:
            await self._app(scope, receive, send)
            return

        async def bare(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, bare)
