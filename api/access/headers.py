"""Headers that keep a browser from doing more than it must. CORS stays closed: no other site's page may read an answer."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response

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


def add_security_headers(app: FastAPI) -> None:
    """Set them on every answer."""

    @app.middleware("http")
    async def headers(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        path = request.url.path
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        response.headers["Content-Security-Policy"] = DOCS_POLICY if path.startswith("/docs") else POLICY
        if path.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        elif path == "/" or path.startswith("/static/"):
            # Asked for anew each time, or the parts of the page might be of two versions.
            response.headers.setdefault("Cache-Control", "no-cache")
        if request.url.scheme == "https":
            response.headers["Strict-Transport-Security"] = f"max-age={YEAR_S}"
        return response
