"""What is written down: every request that changes something, with who asked and what became of it."""

import logging
from typing import Any, Final

from anyio import to_thread
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jeonju.api.access.guard import READING, address_of
from jeonju.api.access.limiter import Limit, Limiter
from jeonju.common.errors import UnavailableError
from jeonju.response.journal import Journal

log = logging.getLogger(__name__)

ACTION: Final = "request"
REFUSED: Final = frozenset({401, 403, 413, 421, 429})
# Anybody can cause refusals; beyond so many a minute they are counted, not logged one by one.
LOGGED: Final = Limit(100)
LONGEST_PATH: Final = 500


class Audit:
    """Changes go into the journal; refusals, and what nobody known has asked for in vain, only into the log."""

    def __init__(self, app: ASGIApp, air: Any) -> None:
        self._app, self._air = app, air
        self._limiter, self._not_logged = Limiter(), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; what it changed is in the journal before the answer begins."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Here already, as what writes it down further in may have a copy of the scope.
        state = scope.setdefault("state", {})

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, state.get("who"), message["status"])
            await send(message)

        await self._app(scope, receive, noting)

    async def _note(self, scope: Scope, who: str | None, status: int) -> None:
        is_change = scope["method"] not in READING and scope["path"].startswith("/api/")
        if status in REFUSED or (is_change and who is None and status >= 400):
            self._log(scope, who, status)
        elif is_change and status < 500:
            await to_thread.run_sync(self._write, scope, who or "nobody", status)

    def _log(self, scope: Scope, who: str | None, status: int) -> None:
        if not self._limiter.hit(LOGGED, ""):
            self._not_logged += 1
            return
        if self._not_logged:
            log.warning("refused: %d more requests, too many to be logged one by one", self._not_logged)
            self._not_logged = 0
        log.warning(
            "refused: %s %s by %s from %s (%d)", scope["method"], _path(scope), who or "nobody", _client(scope), status
        )

    def _write(self, scope: Scope, who: str, status: int) -> None:
        journal = Journal(self._air.site.name, self._air.store, self._air.now)
        details = {"method": scope["method"], "status": status, "address": _client(scope)}
        try:
            journal.write(journal.entry(ACTION, _path(scope), who, details))
        except UnavailableError as error:
            log.warning("not in the journal: %s %s by %s; %s", scope["method"], _path(scope), who, error)


def _path(scope: Scope) -> str:
    """Return a path in one line, without anything that a terminal would take for an order."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in scope["path"][:LONGEST_PATH])


def _client(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else address_of(scope)
