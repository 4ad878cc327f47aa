"""Quality flags: which value is not to be trusted, and why. A value without a flag is `ok`."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from airquality.pollutants import QUANTITY

Flag = tuple[str, str]

OUT_OF_RANGE: Final[Flag] = ("bad", "outside the plausible range")
UNKNOWN_KEY: Final[Flag] = ("suspect", "unknown quantity, kept as extra")
NO_NUMBER: Final[Flag] = ("bad", "not a number, kept as extra")
NO_TIME: Final[Flag] = ("suspect", "impossible time, time of arrival taken")

# Nothing of ours is older than this, and no clock may run further ahead: such a time says that the device has no clock.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
FURTHEST_AHEAD: Final = timedelta(days=1)


def is_possible(time: datetime, received_at: datetime) -> bool:
    """Tell whether a device's time can be true."""
    return EARLIEST <= time <= received_at + FURTHEST_AHEAD


def has_time(time: datetime | None, received_at: datetime) -> bool:
    """Tell whether a reading has a time of its own that can be true."""
    return time is not None and is_possible(time, received_at)


def out_of_range(key: str, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values no working instrument reports; NaN counts as absent."""
    quantity = QUANTITY[key]
    return (values < quantity.minimum) | (values > quantity.maximum)
