"""The store's maintenance while ingest writes to it: roll-ups and retention, about every minute."""

import logging
import os
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final

from jeonju.common.errors import JeonjuError
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

EVERY_S: Final = 60.0
# Long enough for a commit that waits, short enough to make up for a month of minutes within the hour.
BETWEEN_STEPS_S: Final = 0.05
# A tenth of the share of a thread at the usual 0, where there are not cores enough for all.
NICENESS: Final = 10


def give_way() -> None:
    """Let every other thread go first from now on; on Linux only, where a priority is a thread's own."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        # No higher than it was, which takes a privilege.
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


def maintain(
    store: Store, now: Callable[[], datetime], stopping: threading.Event, failed: Callable[[], None] = lambda: None
) -> None:
    """Work until `stopping` is set; it may end between any two steps, the rest is done at the next start. `failed` is called at each failure."""
    while not stopping.wait(EVERY_S):
        try:
            for _ in store.maintenance(now()):
                if stopping.wait(BETWEEN_STEPS_S):
                    return
        except JeonjuError as error:
            # Also what a person must change, such as a token that was revoked: readings are still stored, and it is tried again.
            log.warning("%s; rolling up and forgetting wait for it", error)
            failed()
        except Exception:
            # A fault of ours, or data that nobody thought of. Readings come first: they are still stored, and it is tried again.
            log.exception(
                "a fault in rolling up and forgetting; readings are stored, it is tried again in %.0f s", EVERY_S
            )
            failed()
