"""Sizes of particles in one reading: the smaller ones are part of the larger ones, so their mass cannot be more."""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.batch_rows import Bools
from jeonju.ingest.quality.flags import Finding
from jeonju.ingest.quality.thresholds import HUMID_PERCENT, PM_ORDER, PM_ORDER_HUMID, Excess

_SIZES: Final = ("pm1", "pm25", "pm10")
_FLAGS: Final = {
    (smaller, larger): Flag.of("suspect", "pm-order", smaller=smaller, larger=larger)
    for smaller, larger in combinations(_SIZES, 2)
}


def judge(values: dict[str, Floats]) -> Iterator[Finding]:
    """Flag both sizes where the smaller one is above the larger one beyond the noise of both: which of them is wrong is not known."""
    for (smaller, larger), flag in _FLAGS.items():
        if smaller not in values or larger not in values:
            continue
        rows = np.flatnonzero(_is_above(values[smaller], values[larger], PM_ORDER))
        if len(rows) and "humidity" in values:
            dry = ~(values["humidity"][rows] >= HUMID_PERCENT)
            rows = rows[dry | _is_above(values[smaller][rows], values[larger][rows], PM_ORDER_HUMID)]
        if len(rows):
            yield Finding(rows, smaller, [flag])
            yield Finding(rows, larger, [flag])


def _is_above(smaller: Floats, larger: Floats, excess: Excess) -> Bools:
    return smaller > excess.floor + (1 + excess.share) * larger
