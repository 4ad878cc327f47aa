"""Sessions of the page: random tokens that stand for a key for a while, kept in memory as hashes."""

import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

IDLE_S: Final = 12 * 3600.0
LONGEST_S: Final = 7 * 86_400.0
# Beyond these the session that was used least recently ends.
MOST_OF_A_KEY: Final = 50
MOST: Final = 2000
TOKEN_BYTES: Final = 32


@dataclass
class _Session:
    key: str  # SHA-256 of the key
    opened_s: float
    used_s: float


class Sessions:
    """A session ends 12 hours after its last request, a week after it began, when its key is revoked, and with this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, _Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, key: str) -> str:
        """Begin a session for the key of a hash, and return its token."""
        now_s = self._clock()
        self._forget_ended(now_s)
        of_key = [token for token, session in self._sessions.items() if session.key == key]
        for too_many, most in ((of_key, MOST_OF_A_KEY), (list(self._sessions), MOST)):
            if len(too_many) >= most:
                del self._sessions[min(too_many, key=lambda token: self._sessions[token].used_s)]
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._sessions[_hash(token)] = _Session(key, now_s, now_s)
        return token

    def key_of(self, token: str, *, uses: bool = True) -> str | None:
        """Return the hash of the key that a session stands for, None where it has ended; a request `uses` it, which keeps it alive."""
        now_s, session = self._clock(), self._sessions.get(_hash(token))
        if session is None or _is_over(session, now_s):
            return None
        if uses:
            session.used_s = now_s
        return session.key

    def close(self, token: str) -> None:
        """End a session."""
        self._sessions.pop(_hash(token), None)

    def _forget_ended(self, now_s: float) -> None:
        self._sessions = {token: session for token, session in self._sessions.items() if not _is_over(session, now_s)}


def _is_over(session: _Session, now_s: float) -> bool:
    return now_s - session.used_s >= IDLE_S or now_s - session.opened_s >= LONGEST_S


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
