"""Odorous gases above the limit that the law sets for the boundary of a plant in such an area."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from jeonju.airquality.standards import ODOUR_LIMITS, OdourLimit
from jeonju.common.device_array import DeviceArray
from jeonju.contract.details import OdourDetails
from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Past, WindowDetector
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES

# Those of the limits that are measured.
_LIMITS: Final = tuple(limit for limit in ODOUR_LIMITS if limit.key in QUANTITIES)
_COLUMNS: Final = [QUANTITIES.index(limit.key) for limit in _LIMITS]
# The law judges a sample taken within minutes. A mean over ten, of at least two windows, is above the noise of the cells. Our choice.
MEAN_S: Final = 600.0
LEAST_WINDOWS: Final = 2
# Ends when two means in a row are at most the limit. Without data it lasts for an hour more. Our choice.
CLEAR_MEANS: Final = 2
MISSING_MEANS: Final = 6


class OdourDetector(WindowDetector):
    """Judges H₂S and NH₃ of every device over ten minutes. `industrial` are the devices that stand in an industrial area."""

    kinds = frozenset(["odour"])

    def __init__(self, industrial: Collection[str]) -> None:
        shape = (len(_LIMITS),)
        self._industrial = industrial
        self._devices: list[str] = []
        self._slot: int | None = None
        self._is_closed = False
        self._sums = DeviceArray(np.float64, 0.0, shape)
        self._counts = DeviceArray(np.float64, 0.0, shape)
        self._limits = DeviceArray(np.float64, np.inf, shape)
        # Means left until it ends, 0 where nothing holds; the last mean that was known; and how many were missing since.
        self._left = DeviceArray(np.int64, 0, shape)
        self._last = DeviceArray(np.float64, 0.0, shape)
        self._missing = DeviceArray(np.int64, 0, shape)

    def restore(self, past: Past) -> None:
        """Ten minutes are heard anew soon enough."""

    def step(self, window: Window) -> None:
        """Take the next window."""
        self._grow(window.devices)
        slot = int((window.end_s - 1e-3) // MEAN_S)
        if self._slot is not None and slot > self._slot:
            self._close()
        self._slot = slot
        values = window.means[:, _COLUMNS]
        present = np.isfinite(values)
        self._sums[:] += np.where(present, values, 0.0)
        self._counts[:] += present

    def conditions(self, now: datetime) -> Sequence[Condition] | None:
        """Return the conditions that are met now, None until ten minutes are over."""
        if not self._is_closed:
            return None
        self._is_closed = False
        return [
            self._condition(self._devices[row], row) for row in np.flatnonzero(self._left.values.any(axis=1)).tolist()
        ]

    def _close(self) -> None:
        known = self._counts.values >= LEAST_WINDOWS
        means = self._sums.values / np.maximum(self._counts.values, 1)
        self._last[:] = np.where(known, means, self._last.values)
        self._missing[:] = np.where(known, 0, self._missing.values + 1)
        less = np.where(known | (self._missing.values > MISSING_MEANS), 1, 0)
        self._left[:] = np.where(
            known & (means > self._limits.values), CLEAR_MEANS, np.maximum(self._left.values - less, 0)
        )
        self._sums[:], self._counts[:] = 0.0, 0.0
        self._is_closed = True

    def _condition(self, device: str, row: int) -> Condition:
        held = [column for column in range(len(_LIMITS)) if self._left[row, column]]
        worst = max(held, key=lambda column: self._last[row, column] / self._limits[row, column])
        value, limit = float(self._last[row, worst]), float(self._limits[row, worst])
        return Condition(
            kind="odour",
            place=device,
            severity="warning",
            details=OdourDetails(area="industrial" if device in self._industrial else "other"),
            value=value,
            limit=limit,
            quantity=_LIMITS[worst].key,
        )

    def _grow(self, devices: list[str]) -> None:
        self._devices = devices
        fresh = devices[len(self._limits) :]
        if fresh:
            self._limits.extend(
                [[_limit(limit, industrial=name in self._industrial) for limit in _LIMITS] for name in fresh]
            )
            for array in (self._sums, self._counts, self._left, self._last, self._missing):
                array.grow(len(devices))


def _limit(limit: OdourLimit, *, industrial: bool) -> float:
    return limit.industrial_ppm if industrial else limit.other_ppm
