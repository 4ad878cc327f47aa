"""Headers that keep a browser from doing more than it must. CORS stays closed: no other site's page may read an answer."""

from collections.abc import Iterator
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing from elsewhere, no script in the markup; styles of the report stand in its own page.
POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)
# The page of the documentation starts itself from its markup.
DOCS_POLICY: Final = POLICY + "; script-src 'self' 'unsafe-inline'"
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Resource-Policy": "same-origin",
}
YEAR_S: Final = 31_536_000
_ALWAYS: Final = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
_POLICY_NAME: Final = b"content-security-policy"


class SecurityHeaders:
    """Sets these headers on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = list(message.get("headers", ()))
                names = {name.lower() for name, _ in there}
                more = [(name, value) for name, value in _more(scope) if name not in names]
                message = {**message, "headers": there + more}
            await send(message)

        await self._app(scope, receive, adding)


def _more(scope: Scope) -> Iterator[tuple[bytes, bytes]]:
    yield from _ALWAYS
    path = scope["path"]
    yield _POLICY_NAME, (DOCS_POLICY if path.startswith("/docs") else POLICY).encode()
    if path.startswith("/api/"):
        yield b"cache-control", b"no-store"
    elif path == "/" or path.startswith("/static/"):
        # Asked for anew each time, or the parts of the page might be of two versions.
        yield b"cache-control", b"no-cache"
    if scope.get("scheme") == "https":
        yield b"strict-transport-security", f"max-age={YEAR_S}".encode()
