"""Where keys are asked for and the page is for everybody, it is answered here, before anybody is asked for a key or counted."""

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from jeonju.api.access.guard import Access
from jeonju.api.public.snapshot import PATH, PublicPage
from jeonju.messages.catalogue import LANGUAGES, Language


class PublicFront:
    """Answers `/public` without a limit of requests: an answer costs no more than a refusal, and a thousand phones may have one address."""

    def __init__(self, app: ASGIApp, page: PublicPage, access: Access, *, is_public: bool) -> None:
        self._app, self._page, self._access, self._is_public = app, page, access, is_public

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let a request through."""
        if (
            not self._is_public
            or scope["type"] != "http"
            or scope["path"] != PATH
            or scope["method"] not in ("GET", "HEAD")
        ):
            await self._app(scope, receive, send)
            return
        # While there are no keys, nobody but this machine is served, which the guard looks after.
        if not self._access.needs_keys:
            await self._app(scope, receive, send)
            return
        answer = await self._page.answer(scope["headers"], _language(scope["query_string"]), is_shared=True)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})


def _language(query: bytes) -> Language | None:
    """Return the language that an address names, if it does."""
    if not query:
        return None
    asked = parse_qs(query[:1000].decode("latin-1")).get("language")
    return next((language for language in LANGUAGES if asked and language == asked[0]), None)
