"""Fires that do not burn evenly: flare-ups and lulls of a minute or three, and the puffing of flames."""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats

# A lognormal process of mean 1: its σ in the logarithm, and the span of its memory [s].
SPREAD: Final = 0.4
MEMORY_S: Final = (60.0, 180.0)
# Flames puff at 1.5/√D Hz for a fire of diameter D [m] (Cetegen and Ahmed 1993, Combust. Flame 93, 157).
PUFFING_HZ: Final = 1.5
PUFFING: Final = 0.5


class Unsteadiness:
    """How one fire burns beside its mean: factors for successive instants."""

    def __init__(self, seed: int, number: int) -> None:
        self._rng = np.random.default_rng([seed, 92, number])
        self._memory_s = float(self._rng.uniform(*MEMORY_S))
        self._swing = float(self._rng.standard_normal())
        self._phase = float(self._rng.uniform(0, 2 * np.pi))

    def factor(self, dt_s: float) -> float:
        """Return the factor after another `dt_s` seconds."""
        memory = float(np.exp(-dt_s / self._memory_s))
        self._swing = memory * self._swing + float(np.sqrt(1 - memory**2) * self._rng.standard_normal())
        return float(np.exp(SPREAD * self._swing - 0.5 * SPREAD**2))

    def puffed(self, late_s: Floats, time_s: float, diameter_m: float) -> Floats:
        """Return instants within a tick, drawn together where the flames puff."""
        pace = 2 * np.pi * PUFFING_HZ / np.sqrt(max(diameter_m, 0.1))
        moved = late_s - PUFFING / pace * np.sin(pace * (time_s + late_s) + self._phase)
        return np.asarray(np.clip(moved, 0.0, late_s.max(initial=0.0)))
