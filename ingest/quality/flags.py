"""Findings of the rules, and the rules that need no memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.columns import TOO_LARGE
from jeonju.contract.quality import Flag

OUT_OF_RANGE: Final = Flag.of("bad", "out-of-range")
BEYOND_MEANS: Final = Flag.of("bad", "too-large", limit=TOO_LARGE)
UNKNOWN_KEY: Final = Flag.of("suspect", "unknown-quantity")
NO_TIME: Final = Flag.of("suspect", "impossible-time")

# Nothing of ours is older than this, and no clock may run further ahead: such a time says that the device has no clock.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
FURTHEST_AHEAD: Final = timedelta(days=1)


class Finding(NamedTuple):
    """What a rule says of one quantity: the rows of the batch, the flags, and for each row which of them; the first where nothing is said."""

    rows: NDArray[np.int64]
    key: str
    flags: Sequence[Flag]
    which: NDArray[np.int64] | int = 0


def is_possible(time: datetime, received_at: datetime) -> bool:
    """Tell whether a device's time can be true. What is recorded as having come before `EARLIEST` may be as old as that."""
    return min(EARLIEST, received_at - FURTHEST_AHEAD) <= time <= received_at + FURTHEST_AHEAD


def out_of_range(key: str, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values no working instrument reports; NaN counts as absent."""
    quantity = QUANTITY[key]
    return (values < quantity.minimum) | (values > quantity.maximum)


def is_beyond_means(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which values are too large to be part of a mean; NaN counts as absent."""
    return np.abs(values) >= TOO_LARGE


def shown_s(seconds: float) -> int:
    """Return a length of time cut to what is shown of it (45 s, 30 min, 6 h, 3 d), so that not every reading has a flag of its own."""
    for unit_s in (86_400, 3600, 60):
        if seconds >= 2 * unit_s or (unit_s < 86_400 and seconds >= unit_s):
            return round(seconds / unit_s) * unit_s
    return round(seconds)
