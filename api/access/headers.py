"""Headers that keep a browser from doing more than it must. CORS stays closed: no other site's page may read an answer."""

from functools import cache
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing from elsewhere, no script in the markup; styles of the report stand in its own page.
POLICY: Final = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'self'"
)
# The address of tiles under the map, if any, and what their server is told of the page: its origin, as many ask for.
TILES_POLICY: Final = POLICY.replace("img-src 'self' data:", "img-src 'self' data: {0}; connect-src 'self' {0}")
TILES_REFERRER: Final = "strict-origin"
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
# By the first part of the path. The page and its parts are asked for anew each time, or they might be of two versions.
_CACHE_CONTROL: Final = {"api": b"no-store", "": b"no-cache", "static": b"no-cache"}
_FOLDERS: Final = frozenset({*_CACHE_CONTROL, "docs"})


class SecurityHeaders:
    """Sets these headers on every answer."""

    def __init__(self, app: ASGIApp, tiles_origin: str | None = None) -> None:
        self._app, self._tiles_origin = app, tiles_origin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = list(message.get("headers", ()))
                names = {name.lower() for name, _ in there}
                wanted = _more(scope.get("scheme", "http"), _folder(scope["path"]), self._tiles_origin)
                more = [(name, value) for name, value in wanted if name not in names]
                message = {**message, "headers": there + more}
            await send(message)

        await self._app(scope, receive, adding)


@cache
def _more(scheme: str, folder: str, tiles_origin: str | None) -> tuple[tuple[bytes, bytes], ...]:
    policy = POLICY if tiles_origin is None else TILES_POLICY.format(tiles_origin)
    more = [*_ALWAYS, (_POLICY_NAME, (DOCS_POLICY if folder == "docs" else policy).encode())]
    if tiles_origin is not None:
        more = [(name, TILES_REFERRER.encode() if name == b"referrer-policy" else value) for name, value in more]
    if folder in _CACHE_CONTROL:
        more.append((b"cache-control", _CACHE_CONTROL[folder]))
    if scheme == "https":
        more.append((b"strict-transport-security", f"max-age={YEAR_S}".encode()))
    return tuple(more)


def _folder(path: str) -> str:
    """Return the first part of a path if it has headers of its own, or one that has none."""
    first = path[1:].partition("/")[0]
    return first if first in _FOLDERS else "other"
