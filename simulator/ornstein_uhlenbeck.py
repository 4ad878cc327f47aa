"""Ornstein-Uhlenbeck processes: the random part of weather and background air.

Each column is a process with mean 0, variance 1 and its own relaxation time. They are generated in chunks of an hour on a grid of whole
minutes, so that the result does not depend on how far ahead each call asks.
"""

import math
from typing import Final

import numpy as np
from numba import njit

from jeonju.common.arrays import Floats

GRID_S: Final = 60.0
CHUNK_STEPS: Final = 60
CHUNK_S: Final = GRID_S * CHUNK_STEPS


@njit(cache=True, nogil=True)
def _relax(shocks: Floats, memory: Floats, state: Floats) -> None:
    """Turn white noise (steps, processes) into the processes in place, starting from `state`, which becomes the last step."""
    for step in range(shocks.shape[0]):
        for k in range(shocks.shape[1]):
            state[k] = memory[k] * state[k] + np.sqrt(1.0 - memory[k] ** 2) * shocks[step, k]
            shocks[step, k] = state[k]


@njit(cache=True, nogil=True)
def share_below(values: Floats) -> Floats:
    """Return the standard normal distribution function, within (0, 1)."""
    shares = np.empty_like(values)
    for k in range(len(values)):
        shares[k] = min(max(0.5 * math.erfc(-values[k] / math.sqrt(2.0)), 1e-9), 1.0 - 1e-9)
    return shares


class OrnsteinUhlenbeck:
    """Independent processes of mean 0 and variance 1 with the given relaxation times [s]."""

    def __init__(self, relaxation_s: list[float], rng: np.random.Generator) -> None:
        self._rng = rng
        self._memory = np.exp(-GRID_S / np.array(relaxation_s))
        # A draw from the stationary distribution, so that the first hour is like any other.
        self._state = rng.standard_normal(len(relaxation_s))

    def chunk(self) -> Floats:
        """Return the next hour (60, processes), one row a minute."""
        shocks = self._rng.standard_normal((CHUNK_STEPS, len(self._state)))
        _relax(shocks, self._memory, self._state)
        return shocks


class SampledSeries:
    """A series sampled on the grid, interpolated in between; only the last `KEPT_CHUNKS` hours are kept, so a live city can run for months."""

    KEPT_CHUNKS: Final = 3

    def __init__(self, start_s: float) -> None:
        self.end_s = np.floor(start_s / GRID_S) * GRID_S
        self._times: list[Floats] = []
        self._chunks: list[Floats] = []
        self._joined: tuple[Floats, Floats] | None = None

    def next_times(self) -> Floats:
        """Return the grid instants (60) of the next chunk."""
        return self.end_s + GRID_S * np.arange(CHUNK_STEPS)

    def append(self, chunk: Floats) -> None:
        """Append the values (60, columns) at `next_times`."""
        self._times = [*self._times, self.next_times()][-self.KEPT_CHUNKS :]
        self._chunks = [*self._chunks, chunk][-self.KEPT_CHUNKS :]
        self.end_s += CHUNK_S
        self._joined = None

    def at(self, times_s: Floats) -> Floats:
        """Return the columns (times, columns) by linear interpolation."""
        if self._joined is None:
            self._joined = np.concatenate(self._times), np.concatenate(self._chunks)
        grid_s, values = self._joined
        # Counted from the epoch, so that a value does not depend on how much of the past is kept.
        steps = times_s / GRID_S
        whole = np.floor(steps)
        low = np.clip(whole.astype(np.int64) - round(grid_s[0] / GRID_S), 0, len(grid_s) - 2)
        share = (steps - whole)[:, None]
        return (1 - share) * values[low] + share * values[low + 1]
