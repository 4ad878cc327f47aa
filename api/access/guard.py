"""The guard before all routes: authentication, origin, role and rate limit. It refuses a request before its body is read."""

import ipaddress
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from fastapi import Depends, HTTPException, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.access.limiter import Limit, Limiter
from jeonju.api.access.origin import foreign_page, is_elsewhere, wrong_name
from jeonju.api.access.problem import problem
from jeonju.api.access.sessions import Sessions
from jeonju.api.beside import LIST_PATH

# Needed before there is a key: the page that asks for one with its files, what supervisors look at, and the description of the api. What the names
# of NGSI-LD mean is asked for by programs that are given an answer, and know no key.
OPEN_PATHS: Final = frozenset(
    {"/", "/healthz", "/readyz", "/api/v1/session", "/openapi.json", "/ngsi-ld/v1/context.jsonld"}
)
OPEN_FOLDERS: Final = ("/static/", "/static-offline-docs/")
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Who asks from the same machine while no key was ever made.
LOCAL: Final = "local"
# A page asks eight times in a quarter of a minute; a script that reads every device every second still fits.
REQUESTS: Final = Limit(3000)
# A key cannot be guessed in any time, but a client that tries need not be answered.
WRONG_KEYS: Final = Limit(10)
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


@dataclass(frozen=True)
class Caller:
    """Who asks: the name and role of a key, by its hash, and the session that stands for it, if one does."""

    name: str
    role: Role
    key: str | None = None
    session: str | None = None
    # Names of the sites that the key is for, none where it is for all.
    sites: frozenset[str] = frozenset()

    def may_see(self, site: str) -> bool:
        """Return whether the key is for a site."""
        return not self.sites or site in self.sites


@dataclass(frozen=True)
class Shown:
    """What a request shows: a key, or the token of a session."""

    key: str | None
    session: str | None

    @classmethod
    def by(cls, request: Request) -> "Shown":
        """Return what a request shows; a key counts more than a session."""
        scheme, _, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return cls(secret.strip() or None, None)
        return cls(None, request.cookies.get(cookie_name(request.scope)))


class Access:
    """The keys, the sessions that stand for them, and the number of requests of each client; `names` are those the api may be called by."""

    def __init__(self, keys: KeyFile, names: Collection[str] = ()) -> None:
        self.keys, self.sessions = keys, Sessions()
        self.names = frozenset(name.lower() for name in names)
        self._limiter = Limiter()
        self._needs_keys = False

    @property
    def needs_keys(self) -> bool:
        """Whether a key is needed. Once there was one, it stays so until the next start: a lost file must not open the door."""
        self._needs_keys = self._needs_keys or self.keys.exists
        return self._needs_keys

    def identify(self, shown: Shown, address: str) -> Caller:
        """Return who shows this. Raises HTTPException 401 for nothing, or what is not or no longer known, 429 after too many wrong keys."""
        if not self.needs_keys:
            return Caller(LOCAL, Role.ADMIN)
        if shown.key is not None:
            return self._by_key(shown.key, address)
        if shown.session is None:
            raise HTTPException(
                401, "a key is needed: Authorization: Bearer KEY; `jeonju key add` makes one", _CHALLENGE
            )
        digest = self.sessions.key_of(shown.session)
        found = None if digest is None else self.keys.of_hash(digest)
        if digest is None or found is None:
            self.sessions.close(shown.session)
            raise HTTPException(401, "this session has ended; show the key again", _CHALLENGE)
        return Caller(*found, digest, shown.session, self.keys.sites_of(digest))

    def holds(self, caller: Caller) -> bool:
        """Return whether a caller may still do what it was let in for: its key and its session are there, with the same role."""
        if caller.key is None:
            return not self.needs_keys
        if caller.session is not None and self.sessions.key_of(caller.session, uses=False) != caller.key:
            return False
        return self.keys.of_hash(caller.key) == (caller.name, caller.role)

    def count(self, limit: Limit, who: str) -> None:
        """Count one more. Raises HTTPException 429 beyond the limit."""
        if not self._limiter.hit(limit, who):
            raise HTTPException(429, f"too many requests: at most {limit.amount} a minute", {"Retry-After": "60"})

    def _by_key(self, key: str, address: str) -> Caller:
        digest = self.keys.hash_of(key)
        found = self.keys.of_hash(digest)
        if found is None:
            self.count(WRONG_KEYS, f"wrong:{address}")
            raise HTTPException(401, "this key is not known, or was revoked", _CHALLENGE)
        return Caller(*found, digest, sites=self.keys.sites_of(digest))


class Guard:
    """Lets a request through to its route: reading needs a viewer, everything else an operator, unless the route asks for more."""

    def __init__(self, app: ASGIApp, access: Access, site: str) -> None:
        self._app, self._access, self._site = app, access, site

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not."""
        if scope["type"] == "http":
            try:
                self._check(scope)
            except HTTPException as refusal:
                await problem(refusal.status_code, str(refusal.detail), refusal.headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        request, access = Request(scope), self._access
        shown = Shown.by(request)
        _check_way(request.headers, scope, access, shown)
        if scope["path"].startswith(OPEN_FOLDERS):
            return
        address = address_of(scope)
        if scope["path"] in OPEN_PATHS:
            access.count(REQUESTS, address)
            return
        try:
            caller = access.identify(shown, address)
        except HTTPException:
            access.count(REQUESTS, f"refused:{address}")
            raise
        access.count(REQUESTS, f"key:{caller.name}" if caller.key is not None else address)
        note(request, caller)
        if not caller.may_see(self._site) and scope["path"] != LIST_PATH:
            raise HTTPException(
                403,
                f"the key {caller.name!r} is not for the site {self._site}, but for {', '.join(sorted(caller.sites))}",
            )
        _need(caller, Role.VIEWER if scope["method"] in READING else Role.OPERATOR)


def _check_way(headers: Headers, scope: Scope, access: Access, shown: Shown) -> None:
    """Raise HTTPException for a request under a wrong name, from a foreign page, or, while there are no keys, from another machine.

    A page of another site cannot know a key, so who shows one is no such page.
    """
    needs_keys = access.needs_keys
    if (wrong := wrong_name(headers, access.names, needs_keys=needs_keys)) is not None:
        raise HTTPException(421, wrong)
    if not needs_keys and is_elsewhere(scope):
        raise HTTPException(403, "without keys only this machine is served; make one: jeonju key add NAME --role admin")
    has_key = needs_keys and shown.key is not None
    if not has_key and (foreign := foreign_page(headers, scope["method"])) is not None:
        raise HTTPException(403, foreign)


async def admin_only(request: Request) -> None:
    """Let only administrators through."""
    _need(request.state.caller, Role.ADMIN)


def note(request: Request, caller: Caller) -> None:
    """Write down who asks, for the route and the audit."""
    request.state.caller, request.state.who = caller, caller.name


def cookie_name(scope: Scope) -> str:
    """Return the name of the session's cookie: browsers send cookies to every port of a machine, so it carries ours."""
    _, port = scope.get("server") or ("", None)
    return f"jeonju-{port or 0}"


def address_of(scope: Scope) -> str:
    """Return what a client is counted by: its address, of IPv6 the network that one customer has."""
    client = scope.get("client")
    return "unknown" if client is None else _network_of(str(client[0]))


@lru_cache(maxsize=10_000)
def _network_of(host: str) -> str:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(address) if address.version == 4 else str(ipaddress.ip_network((address, 64), strict=False))


def _need(caller: Caller, least: Role) -> None:
    if caller.role < least:
        raise HTTPException(
            403,
            f"the key {caller.name!r} is that of a {caller.role.name.lower()}; this needs one of an {least.name.lower()}",
        )


# For a route's decorator: what it asks for, and what the documentation says of it.
ROLE_MARK: Final = "x-role"
ADMIN_ONLY: Final[dict[str, Any]] = {"dependencies": [Depends(admin_only)], "openapi_extra": {ROLE_MARK: "admin"}}
