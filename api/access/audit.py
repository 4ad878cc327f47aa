"""What is written down: every request that changes something, with who asked and what became of it."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from anyio import to_thread
from fastapi import FastAPI, Request, Response

from jeonju.api.access.guard import READING
from jeonju.common.errors import UnavailableError
from jeonju.response.journal import Journal

log = logging.getLogger(__name__)

ACTION: Final = "request"
REFUSED: Final = frozenset({401, 403, 429})


def write_down_changes(app: FastAPI) -> None:
    """Add the audit log: changes go into the journal; refusals, of which anybody can cause as many as they like, only into the log."""

    @app.middleware("http")
    async def audit(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        who = getattr(request.state, "who", "nobody")
        if response.status_code in REFUSED:
            log.warning(
                "refused: %s %s by %s from %s (%d)",
                request.method,
                request.url.path,
                who,
                _address(request),
                response.status_code,
            )
        elif request.method not in READING and request.url.path.startswith("/api/") and response.status_code < 500:
            await to_thread.run_sync(_write, app, request, who, response.status_code)
        return response


def _write(app: FastAPI, request: Request, who: str, status: int) -> None:
    air = app.state.air
    journal = Journal(air.site.name, air.store, air.now)
    details = {"method": request.method, "status": status, "address": _address(request)}
    try:
        journal.write(journal.entry(ACTION, request.url.path[:500], who, details))
    except UnavailableError as error:
        log.warning("not in the journal: %s %s by %s; %s", request.method, request.url.path, who, error)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
