"""The public page as bytes, made at most once every few seconds: a viewer costs no more than sending them."""

import asyncio
import gzip
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from hashlib import blake2b, sha256
from typing import Final, NamedTuple

from anyio import CapacityLimiter, move_on_after, to_thread

from jeonju.api.http.state import State
from jeonju.api.negotiation import Headers, has_already, language_of, takes_gzip
from jeonju.api.public.facts import gather, nothing_known
from jeonju.api.public.page import STYLE, as_html
from jeonju.common.errors import UnavailableError
from jeonju.messages.catalogue import LANGUAGES, Language

PATH: Final = "/public"
MADE_EVERY_S: Final = 5.0
# A page that nobody has asked for in so long is made anew before it is shown; a younger one is shown while the next one is made.
SHOWN_FOR_S: Final = 15.0
GATHERED_WITHIN_S: Final = 3.0
# A browser asks for it anew by itself.
REFRESH_S: Final = 60
_STYLE_DIGEST: Final = b64encode(sha256(STYLE.encode()).digest()).decode()
# Nothing but its own style; the icon is an empty one.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", POLICY.encode()),
    (b"vary", b"Accept-Language, Accept-Encoding"),
    (b"refresh", str(REFRESH_S).encode()),
)
# Whoever passes it on may keep it for as long as it is the newest one anyway.
_SHARED: Final = (b"cache-control", b"public, max-age=%d" % MADE_EVERY_S)
# Where it is for those with a key only.
_NOT_SHARED: Final = (b"cache-control", b"private, no-cache")


class Answer(NamedTuple):
    """What is sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class _Copy(NamedTuple):
    etag: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


_Copies = Mapping[tuple[Language, bool], _Copy]


class PublicPage:
    """The newest page in every form in which it is sent."""

    def __init__(self, air: State) -> None:
        self._air, self._facts = air, nothing_known(air.site)
        self._copies: _Copies = {}
        self._made_s = float("-inf")
        self._making: asyncio.Task[None] | None = None
        # Threads of their own: all others may wait for the store.
        self._gathering, self._writing = CapacityLimiter(1), CapacityLimiter(1)

    async def answer(self, headers: Headers, language: Language | None, *, is_shared: bool) -> Answer:
        """Return the page, or that a client has the newest one already; `is_shared` says whether others on its way may keep it.

        Without a language it is in the one that the client prefers.
        """
        age_s = time.monotonic() - self._made_s
        if age_s > MADE_EVERY_S:
            if self._making is None:
                self._making = asyncio.create_task(self._make())
            if age_s > SHOWN_FOR_S:
                # Whoever asked first may go away; the others still wait.
                await asyncio.shield(self._making)
        copy = self._copies[language or language_of(headers), takes_gzip(headers)]
        answered = [*copy.headers, _SHARED if is_shared else _NOT_SHARED]
        if has_already(headers, copy.etag):
            return Answer(304, answered, b"")
        return Answer(200, [*answered, (b"content-length", str(len(copy.body)).encode())], copy.body)

    async def _make(self) -> None:
        """Make the page. While the store is away or does not answer, it tells what was known before, and when that was."""
        try:
            began_s = time.monotonic()
            with move_on_after(GATHERED_WITHIN_S), suppress(UnavailableError):
                self._facts = await to_thread.run_sync(
                    gather, self._air, limiter=self._gathering, abandon_on_cancel=True
                )
            self._copies = await to_thread.run_sync(self._in_all_forms, limiter=self._writing)
            self._made_s = began_s
        finally:
            self._making = None

    def _in_all_forms(self) -> _Copies:
        copies = dict[tuple[Language, bool], _Copy]()
        for language in LANGUAGES:
            body = as_html(self._air.site, self._facts, self._air.now(), language).encode()
            copies[language, False] = _copy(body, language)
            copies[language, True] = _copy(gzip.compress(body, mtime=0), language, (b"content-encoding", b"gzip"))
        return copies


def _copy(body: bytes, language: Language, *more: tuple[bytes, bytes]) -> _Copy:
    etag = b'"%s"' % blake2b(body, digest_size=12).hexdigest().encode()
    return _Copy(etag, (*_HEADERS, (b"etag", etag), (b"content-language", language.encode()), *more), body)
