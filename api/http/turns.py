"""Bounded queues for slow work, apart from all other requests; beyond the bound a request is answered 429."""

from collections.abc import Callable
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException

Result = TypeVar("Result")

RETRY_AFTER_S: Final = 10


class Turns:
    """Lets so many pieces of one kind of work run at once, and so many wait."""

    def __init__(self, what: str, *, at_once: int, waiting: int) -> None:
        self._what, self._most = what, at_once + waiting
        self._threads = CapacityLimiter(at_once)
        self._present = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """Return what a piece of work returns, once it had its turn in a thread. Raises HTTPException 429 where too many wait."""
        self.enter()
        try:
            return await self.in_thread(work)
        finally:
            self.leave()

    async def in_thread(self, work: Callable[[], Result]) -> Result:
        """Return what a piece of work returns, for who has a place already."""
        return await to_thread.run_sync(work, limiter=self._threads)

    def enter(self) -> None:
        """Take a place, to be left later. Raises HTTPException 429 where there is none."""
        if self._present >= self._most:
            raise HTTPException(
                429,
                f"too many {self._what} are asked for at once; try again later",
                {"Retry-After": str(RETRY_AFTER_S)},
            )
        self._present += 1

    def leave(self) -> None:
        """Give a place back."""
        self._present -= 1


class AllTurns:
    """The kinds of work that have turns of their own."""

    def __init__(self) -> None:
        # Setting the type of a page keeps one core busy for seconds.
        self.reports = Turns("reports", at_once=1, waiting=8)
        # What reads many rows of the store.
        self.exports = Turns("series, years and lists of dead letters", at_once=2, waiting=30)
        # Written, and being sent: each may be as large as a million rows.
        self.files = Turns("files", at_once=8, waiting=0)
        # Sent for as long as it takes: they take turns piece by piece, in one thread.
        self.spans = Turns("exports", at_once=1, waiting=3)
        self.replays = Turns("replays", at_once=1, waiting=8)
        self.what_ifs = Turns("what-ifs", at_once=1, waiting=3)
        # Each needs as much room in TMPDIR as the store has.
        self.runs = Turns("runs", at_once=1, waiting=0)
        self.backups = Turns("backups", at_once=1, waiting=0)
        self.tests = Turns("tests of channels", at_once=1, waiting=2)
