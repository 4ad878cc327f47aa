"""The instrument for carbon dioxide, of those devices that have one: infrared absorption in a diffusion cell (Senseair S8, Sensirion SCD30).

It is apart from the other instruments, so that a device without it draws the same random numbers as before there was one.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

# Data sheets: ±(30 to 50 ppm + 3 %) at most, t63 20 s, noise of some ppm. Taken as three standard deviations; the automatic baseline keeps zero from
# drifting.
RESPONSE_S: Final = 20.0
OFFSET_SPREAD_PPM: Final = 12.0
GAIN_SPREAD: Final = 0.01
NOISE_PPM: Final = 3.0
LOWEST_PPM, HIGHEST_PPM = 350.0, 10_000.0


class CarbonDioxide:
    """The instruments of the devices that `fitted` (devices,) says have one; one generator for each device."""

    def __init__(self, fitted: NDArray[np.bool_], rngs: list[np.random.Generator]) -> None:
        self.fitted = np.flatnonzero(fitted)
        self._rngs = [rngs[number] for number in self.fitted]
        drawn = np.array([rng.standard_normal(2) for rng in self._rngs]).reshape(-1, 2)
        self._offset, self._gain = OFFSET_SPREAD_PPM * drawn[:, 0], 1 + GAIN_SPREAD * drawn[:, 1]
        self._state: Floats | None = None

    def measure(self, true_ppm: Floats, interval_s: float) -> Floats:
        """Return the readings [ppm] (T, fitted) of the true air (T, fitted), `interval_s` apart: lagged, with errors, in whole ppm."""
        share = 1 - np.exp(-interval_s / RESPONSE_S)
        lagged = np.empty_like(true_ppm)
        state = true_ppm[0] if self._state is None else self._state
        for step, now in enumerate(true_ppm):
            state = lagged[step] = state + share * (now - state)
        self._state = state.copy()
        noise = np.stack([rng.standard_normal(len(true_ppm)) for rng in self._rngs], axis=1)
        return np.clip(np.round(lagged * self._gain + self._offset + NOISE_PPM * noise), LOWEST_PPM, HIGHEST_PPM)
