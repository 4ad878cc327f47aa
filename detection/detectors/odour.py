"""Odorous gases above the limit that the law sets for the boundary of a plant in such an area."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.standards import ODOUR_LIMITS, OdourLimit
from jeonju.contract.details import OdourDetails
from jeonju.detection.condition import Condition
from jeonju.detection.windows import Bin, Floats
from jeonju.rules.watched import QUANTITIES

# Those of the limits that are measured.
_LIMITS: Final = tuple(limit for limit in ODOUR_LIMITS if limit.key in QUANTITIES)
_COLUMNS: Final = [QUANTITIES.index(limit.key) for limit in _LIMITS]
# The law judges a sample taken within minutes. A mean over ten, of at least two bins, is above the noise of the cells. Our choice.
MEAN_S: Final = 600.0
LEAST_BINS: Final = 2
# Ends when two means in a row are at most the limit. Without data it lasts for an hour more. Our choice.
CLEAR_MEANS: Final = 2
MISSING_MEANS: Final = 6


@dataclass
class OdourWatcher:
    """Judges H₂S and NH₃ of every device over ten minutes. `is_industrial` tells in what area a device stands."""

    is_industrial: Callable[[str], bool]
    kinds: frozenset[str] = frozenset(["odour"])
    _slot: int | None = None
    _sums: Floats = field(default_factory=lambda: np.zeros((0, len(_LIMITS))))
    _counts: Floats = field(default_factory=lambda: np.zeros((0, len(_LIMITS))))
    _limits: Floats = field(default_factory=lambda: np.zeros((0, len(_LIMITS))))
    # Means left until it ends, 0 where nothing holds; and the last mean that was known.
    _left: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, len(_LIMITS)), dtype=np.int64))
    _last: Floats = field(default_factory=lambda: np.zeros((0, len(_LIMITS))))
    _missing: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, len(_LIMITS)), dtype=np.int64))

    def step(self, one: Bin) -> list[Condition] | None:
        """Take a bin; return what holds now, None until ten minutes are over."""
        self._grow(one.devices)
        slot = int((one.end_s - 1e-3) // MEAN_S)
        closed = self._slot is not None and slot > self._slot
        if closed:
            self._close()
        self._slot = slot
        values = one.means[:, _COLUMNS]
        present = np.isfinite(values)
        self._sums += np.where(present, values, 0.0)
        self._counts += present
        return (
            [self._condition(one.devices[row], row) for row in np.flatnonzero(self._left.any(axis=1)).tolist()]
            if closed
            else None
        )

    def _close(self) -> None:
        known = self._counts >= LEAST_BINS
        means = self._sums / np.maximum(self._counts, 1)
        self._last = np.where(known, means, self._last)
        self._missing = np.where(known, 0, self._missing + 1)
        less = np.where(known | (self._missing > MISSING_MEANS), 1, 0)
        self._left = np.where(known & (means > self._limits), CLEAR_MEANS, np.maximum(self._left - less, 0))
        self._sums[:], self._counts[:] = 0.0, 0.0

    def _condition(self, device: str, row: int) -> Condition:
        held = [column for column in range(len(_LIMITS)) if self._left[row, column]]
        worst = max(held, key=lambda column: self._last[row, column] / self._limits[row, column])
        value, limit = float(self._last[row, worst]), float(self._limits[row, worst])
        return Condition(
            kind="odour",
            place=device,
            severity="warning",
            details=OdourDetails(area="industrial" if self.is_industrial(device) else "other"),
            value=value,
            limit=limit,
            quantity=_LIMITS[worst].key,
        )

    def _grow(self, devices: list[str]) -> None:
        fresh = devices[len(self._sums) :]
        if not fresh:
            return
        limits = np.array(
            [[_limit(limit, industrial=self.is_industrial(device)) for limit in _LIMITS] for device in fresh]
        )
        self._limits = np.concatenate([self._limits, limits])
        for name in ("_sums", "_counts", "_left", "_last", "_missing"):
            array = getattr(self, name)
            setattr(self, name, np.concatenate([array, np.zeros((len(fresh), len(_LIMITS)), dtype=array.dtype)]))


def _limit(limit: OdourLimit, *, industrial: bool) -> float:
    return limit.industrial_ppm if industrial else limit.other_ppm
