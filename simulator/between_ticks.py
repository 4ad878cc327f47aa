"""What sources add, from the ticks at which puffs are added up to the instants of readings: the loops of it, compiled."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.common.arrays import Floats


def add_between_ticks(truth: Floats, plume: Floats, since_s: Floats, tick_s: float, factors: Floats) -> None:
    """Add to the true air (T, D, columns) the plume (ticks + 1, D, columns), linear between ticks, times the factors (T, D).

    The first tick is where the block begins, `since_s` (T) are the seconds from there on. Columns of `truth` lie in one piece each.
    """
    low = np.minimum((since_s / tick_s + 1e-9).astype(np.int64), len(plume) - 2)
    # A remainder of whole seconds is exact: the same in a block of any length.
    share = (since_s - low * tick_s) / tick_s
    by_column = np.moveaxis(truth, -1, 0)
    for column in np.flatnonzero(plume.any(axis=(0, 1))):
        _add(by_column[column], np.ascontiguousarray(plume[:, :, column]), low, share, factors)


@njit(cache=True, nogil=True)
def _add(truth: Floats, plume: Floats, low: NDArray[np.int64], share: Floats, factors: Floats) -> None:
    for t in range(truth.shape[0]):
        before, after, part = plume[low[t]], plume[low[t] + 1], share[t]
        for d in range(truth.shape[1]):
            truth[t, d] += ((1.0 - part) * before[d] + part * after[d]) * factors[t, d]


@njit(cache=True, nogil=True)
def remember(shocks: Floats, memory: float, state: Floats) -> None:
    """Turn shocks (steps, series) into series that remember in place, from `state` on, which becomes the last step."""
    for t in range(shocks.shape[0]):
        for d in range(shocks.shape[1]):
            state[d] = memory * state[d] + shocks[t, d]
            shocks[t, d] = state[d]
