"""Waiting for conditions, and what makes an experiment stop early."""

import threading
import time
from collections.abc import Callable


class Skipped(Exception):  # noqa: N818  (it is no error)
    """This experiment cannot be run on this machine; the text says why."""


def wait_until(condition: Callable[[], object], *, within_s: float, what: str) -> None:
    """Return as soon as `condition` holds; raise TimeoutError where it does not in time."""
    if not holds_within(condition, within_s):
        raise TimeoutError(f"{what} did not come true within {within_s:g} s")


def holds_within(condition: Callable[[], object], within_s: float) -> bool:
    """Wait until `condition` holds; False where it does not in time."""
    deadline = time.monotonic() + within_s
    patience = threading.Event()
    while not condition():
        if time.monotonic() > deadline:
            return False
        patience.wait(0.02)
    return True
