"""The only place that reads the wall clock; everything else is given the time."""

import time
from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the present instant, aware and in UTC."""
    return datetime.now(UTC)


def wall_offset_s() -> float:
    """Return by how much the wall clock is ahead of the time since the machine was started [s].

    It changes when the clock is set, and by as much as the machine was suspended.
    """
    return utc_now().timestamp() - time.monotonic()
