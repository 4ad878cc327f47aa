"""Whether somebody serves a site, as those who show it say."""

import logging
import threading
from collections.abc import Sequence
from typing import Final, Self

from jeonju.broker.leases import LeaseStore
from jeonju.broker.rights import RESPOND
from jeonju.common.errors import UnavailableError

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 2.0
# Longer than a site is taken over in.
MISSED_AFTER_LOOKS: Final = 10
_START: Final = {RESPOND: "jeonju api without --no-respond"}


class HolderWatch:
    """Looks in a thread of its own who holds the leases of a site; `notices` are lines for people. As a context manager it looks while entered."""

    def __init__(self, site: str, roles: Sequence[str], leases: LeaseStore) -> None:
        self._site, self._leases = site, leases
        self._missed = dict.fromkeys(roles, 0)
        self._away: str | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="holders", daemon=True)

    def notices(self) -> list[str]:
        """Return a line for each role in which nobody serves the site, and one where that is not known."""
        if self._away is not None:
            return [f"who serves {self._site} is not known: {self._away}"]
        return [
            f"no worker has {role} of {self._site}: start one ({_START.get(role, f'jeonju worker {role}')}), or look at the log of those that run"
            for role, looks in self._missed.items()
            if looks >= MISSED_AFTER_LOOKS
        ]

    def __enter__(self) -> Self:
        self._leases.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()
        self._leases.stop()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            before = self.notices()
            try:
                for role, looks in self._missed.items():
                    is_held = self._leases.holder(f"{role}.{self._site}") is not None
                    self._missed[role] = 0 if is_held else looks + 1
                self._away = None
            except UnavailableError as error:
                self._away = str(error)
            for notice in self.notices():
                if notice not in before:
                    log.warning("%s", notice)
