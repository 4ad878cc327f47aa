"""Identifiers that rise, so that what has the same instant is kept in the order in which it was made."""

import secrets
import threading
from typing import Final

from jeonju.common.clock import utc_now

_CHANCE_BYTES: Final = 8
_lock = threading.Lock()
_last_us = 0


def rising_id() -> str:
    """Return 32 hexadecimal digits: half the microsecond, half chance, by which other processes make others.

    Within a process each is above all that were made before, even where the clock is set back.
    """
    global _last_us
    with _lock:
        _last_us = max(_last_us + 1, int(utc_now().timestamp() * 1e6))
        return f"{_last_us:016x}{secrets.token_hex(_CHANCE_BYTES)}"
