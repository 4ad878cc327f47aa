"""The readings of one batch as the rules see them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

Integers = NDArray[np.int64]
Bools = NDArray[np.bool_]

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


def firsts(of: Integers) -> Bools:
    """Tell where in a sorted array another number begins."""
    first = np.ones(len(of), dtype=np.bool_)
    first[1:] = of[1:] != of[:-1]
    return first
