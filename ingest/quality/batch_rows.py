"""The readings of one batch as the rules see them."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]
_Number = TypeVar("_Number", np.float64, np.int64)

US_PER_S: Final = 1_000_000
# Earlier than every time: nothing is remembered.
NEVER_US: Final = -(2**62)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """One row is one reading in the order of arrival; of `values`, NaN is absent or already known to be bad."""

    device: Integers
    time_us: Integers
    received_us: Integers
    seq: Integers
    values: dict[str, Floats]

    def __len__(self) -> int:
        return len(self.device)


def grown(array: NDArray[_Number], length: int, fill: float) -> NDArray[_Number]:
    """Return the array with room for more devices."""
    return np.concatenate([array, np.full(length - len(array), fill, dtype=array.dtype)])


def firsts(of: Integers) -> Bools:
    """Tell where in a sorted array another number begins."""
    first = np.ones(len(of), dtype=np.bool_)
    first[1:] = of[1:] != of[:-1]
    return first
