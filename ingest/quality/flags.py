"""The flags: `ok` (no entry), `estimated`, `suspect` (why), `bad` (why); and the rules that need no memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.columns import TOO_LARGE

Flag = tuple[str, str]

OUT_OF_RANGE: Final[Flag] = ("bad", "outside the plausible range")
BEYOND_MEANS: Final[Flag] = ("bad", f"{TOO_LARGE:.1e} or more, left out of means")
UNKNOWN_KEY: Final[Flag] = ("suspect", "unknown quantity, kept as extra")
NO_NUMBER: Final[Flag] = ("bad", "not a number, kept as extra")
NO_TIME: Final[Flag] = ("suspect", "impossible time, time of arrival taken")

# Nothing of ours is older than this, and no clock may run further ahead: such a time says that the device has no clock.
EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
FURTHEST_AHEAD: Final = timedelta(days=1)

_SEVERITY: Final = {"ok": 0, "estimated": 1, "suspect": 2, "bad": 3}


class Finding(NamedTuple):
    """What a rule says of one quantity: the rows of the batch, the flags, and for each row which of them; the first where nothing is said."""

    rows: NDArray[np.int64]
    key: str
    flags: Sequence[Flag]
    which: NDArray[np.int64] | int = 0


def worse(old: Flag, new: Flag) -> Flag:
    """Return the graver flag; of two that are equally grave one with both reasons."""
    before, after = _SEVERITY.get(old[0], 0), _SEVERITY.get(new[0], 0)
    if before != after:
        return old if before > after else new
    return old if new[1] in old[1] else (old[0], f"{old[1]}; {new[1]}")


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


def in_words(seconds: float) -> str:
    """Return a length of time as a person says it: `45 s`, `30 min`, `6 h`, `3 d`."""
    for unit, length_s in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length_s or (unit != "d" and seconds >= length_s):
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
