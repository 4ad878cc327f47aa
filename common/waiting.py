"""Try again with longer and longer pauses what only waiting can help."""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

from jeonju.common.errors import UnavailableError

log = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
Result = TypeVar("Result")


def wait_until_available(attempt: Callable[[], Result], wait: Callable[[float], bool]) -> Result | None:
    """Return what `attempt` returns as soon as it raises no UnavailableError; the first one is logged.

    `wait` waits for so many seconds and returns whether to give up; the result is None then. Other errors are raised: waiting would not help.
    """
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            return attempt()
        except UnavailableError as error:
            if pause_s == FIRST_PAUSE_S:
                log.warning("%s; it is tried again", error)
        if wait(pause_s):
            return None
        pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
