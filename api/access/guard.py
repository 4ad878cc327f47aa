"""The guard before every route: who asks, may they, and not too often."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyCookie, HTTPBearer
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from jeonju.api.access.keys import KeyFile, Role

COOKIE: Final = "jeonju_key"
# Needed before there is a key: the page that asks for one, and what supervisors look at.
OPEN_PATHS: Final = frozenset({"/", "/healthz", "/readyz", "/api/v1/session"})
READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
# Who asks from the same machine while no key was ever made.
LOCAL: Final = "local"
# A page asks eight times in a quarter of a minute; a script that reads every device every second still fits.
REQUESTS: Final = RateLimitItemPerMinute(3000)
# A key cannot be guessed in any time, but a client that tries need not be answered.
WRONG_KEYS: Final = RateLimitItemPerMinute(10)

# Only said here, for the documentation; the guard itself looks at what comes.
_BEARER: Final = HTTPBearer(auto_error=False, description="A key made by `jeonju key add`.")
_COOKIE: Final = APIKeyCookie(
    name=COOKIE, auto_error=False, description="The same key, kept by the page after `POST /api/v1/session`."
)


@dataclass
class Access:
    """The keys, and the number of requests of each client."""

    keys: KeyFile
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))
    _needs_keys: bool = False

    @property
    def needs_keys(self) -> bool:
        """Whether a key is needed. Once there was one, it stays so until the next start: a lost file must not open the door."""
        self._needs_keys = self._needs_keys or self.keys.exists
        return self._needs_keys

    def identify(self, secret: str | None, address: str) -> tuple[str, Role]:
        """Return who shows this key. Raises HTTPException 401 without or with a wrong one, 429 after too many wrong ones."""
        if not self.needs_keys:
            return LOCAL, Role.ADMIN
        if not secret:
            raise HTTPException(
                401, "a key is needed: Authorization: Bearer KEY; `jeonju key add` makes one", _CHALLENGE
            )
        found = self.keys.find(secret)
        if found is None:
            self.count(WRONG_KEYS, f"wrong:{address}")
            raise HTTPException(401, "this key is not known, or was revoked", _CHALLENGE)
        return found

    def count(self, limit: RateLimitItem, who: str) -> None:
        """Count one more. Raises HTTPException 429 beyond the limit."""
        if not self._limiter.hit(limit, who):
            raise HTTPException(429, f"too many requests: at most {limit.amount} a minute", {"Retry-After": "60"})


_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


def guard(
    request: Request, _bearer: Annotated[Any, Depends(_BEARER)], _cookie: Annotated[Any, Depends(_COOKIE)]
) -> None:
    """Let a request through to its route: reading needs a viewer, everything else an operator, unless the route asks for more."""
    access: Access = request.app.state.access
    address = request.client.host if request.client else "unknown"
    if request.url.path in OPEN_PATHS:
        access.count(REQUESTS, address)
        return
    name, role = access.identify(shown_key(request), address)
    access.count(REQUESTS, f"key:{name}" if name != LOCAL else address)
    request.state.who, request.state.role = name, role
    _need(request, Role.VIEWER if request.method in READING else Role.OPERATOR)


def admin_only(request: Request) -> None:
    """Let only administrators through."""
    _need(request, Role.ADMIN)


def shown_key(request: Request) -> str | None:
    """Return the key that a request shows, as bearer or as cookie."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else request.cookies.get(COOKIE)


def _need(request: Request, least: Role) -> None:
    role: Role = request.state.role
    if role < least:
        raise HTTPException(
            403,
            f"the key {request.state.who!r} is that of a {role.name.lower()}; this needs one of an {least.name.lower()}",
        )


# For a route's decorator: what it asks for, and what the documentation says of it.
ROLE_MARK: Final = "x-role"
ADMIN_ONLY: Final[dict[str, Any]] = {"dependencies": [Depends(admin_only)], "openapi_extra": {ROLE_MARK: "admin"}}
