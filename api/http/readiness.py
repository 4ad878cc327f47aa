"""Whether the store is there, for all who ask: it is asked at most once a second, in a thread that nothing else can keep busy."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from anyio import CapacityLimiter, to_thread

KNOWN_FOR_S: Final = 1.0


class Readiness:
    """Remembers for a second that the store was there."""

    def __init__(self) -> None:
        self._asking, self._thread = asyncio.Lock(), CapacityLimiter(1)
        self._known_until_s = 0.0

    async def check(self, ask: Callable[[], Any]) -> None:
        """Ask, unless it has answered just now. Raises what `ask` raises."""
        async with self._asking:
            if time.monotonic() < self._known_until_s:
                return
            await to_thread.run_sync(ask, limiter=self._thread)
            self._known_until_s = time.monotonic() + KNOWN_FOR_S
