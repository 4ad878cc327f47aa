"""Errors that an instrument keeps for hours and weeks: Ornstein-Uhlenbeck processes of mean 0 and variance 1 on a grid of ten minutes.

Each device has a generator of its own, and the grid is drawn in chunks of a quarter of a day, so a value does not depend on how the time is cut
into blocks. Between two instants of the grid values are interpolated: the shortest memory is two hours.
"""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

GRID_S: Final = 600.0
CHUNK: Final = 36


@njit(cache=True, nogil=True)
def _relax(shocks: Floats, keep: Floats, state: Floats) -> None:
    """Turn white noise (steps, devices, processes) into the processes in place, from `state` on, which becomes the last step."""
    for step in range(shocks.shape[0]):
        for d in range(shocks.shape[1]):
            for k in range(shocks.shape[2]):
                state[d, k] = keep[k] * state[d, k] + np.sqrt(1.0 - keep[k] ** 2) * shocks[step, d, k]
                shocks[step, d, k] = state[d, k]


class Wander:
    """The same processes for every device, independent between devices; `memory_s` (processes) are their relaxation times.

    With `is_steady` they stay at zero: as errors that nobody can foresee.
    """

    def __init__(
        self, memory_s: Floats, *, start_s: float, rngs: list[np.random.Generator], is_steady: bool = False
    ) -> None:
        self._is_steady = is_steady
        self._rngs = rngs
        self._memory_s = memory_s
        self._keep = np.exp(-GRID_S / memory_s)
        # Drawn from the stationary distribution, so that the first day is like any other.
        self._state = np.stack([rng.standard_normal(len(memory_s)) for rng in rngs])
        self._first = int(np.floor(start_s / GRID_S))
        self._grid = np.empty((0, *self._state.shape))

    def at(self, times_s: Floats) -> tuple[NDArray[np.int64], Floats, Floats]:
        """Return for each time the step of the grid before it and the share of the next one, and the grid (steps, devices, processes).

        Times may not be before those of the call before by more than a chunk.
        """
        steps = np.asarray(times_s) / GRID_S
        whole = np.floor(steps).astype(np.int64)
        low, high = int(whole.min()), int(whole.max()) + 1
        self._skip_to(low)
        if (missing := high + 1 - self._first - len(self._grid)) > 0:
            self._grid = np.concatenate([self._grid, *(self._chunk() for _ in range(-(-missing // CHUNK)))])
        if (past := low - self._first - CHUNK) > 0:
            self._first, self._grid = self._first + past, self._grid[past:]
        return whole - self._first, steps - whole, self._grid

    def _chunk(self) -> Floats:
        shocks = np.stack([rng.standard_normal((CHUNK, len(self._keep))) for rng in self._rngs], axis=1)
        if self._is_steady:
            return np.zeros_like(shocks)
        _relax(shocks, self._keep, self._state)
        return shocks

    def _skip_to(self, low: int) -> None:
        """Step over a pause in one go: the process after it has forgotten as much as the pause is long."""
        pause = low - self._first - len(self._grid) - CHUNK
        if pause > 0:
            keep = np.exp(-pause * GRID_S / self._memory_s)
            shocks = np.stack([rng.standard_normal(len(keep)) for rng in self._rngs])
            self._state = keep * self._state + np.sqrt(1.0 - keep**2) * shocks
            self._first, self._grid = low - CHUNK, self._grid[:0]
