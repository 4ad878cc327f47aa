"""Wait for a condition with a deadline instead of sleeping and hoping.

The deadline only ends what would never come; it is so late that a slow machine with other work to do is not mistaken for a fault.
"""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], object], *, within_s: float = 60.0, what: str = "the condition") -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true within {within_s} s")
        time.sleep(0.02)
