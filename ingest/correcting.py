"""Agreed corrections, applied by the time of measurement: the same reading gets the same value however often it comes."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.contract.correction import Correction
from jeonju.contract.quality import CORRECTED, Flag
from jeonju.ingest.quality.batch_rows import US_PER_S, Bools, Integers
from jeonju.ingest.quality.flags import Finding

_EVER_US: Final = 2**62


class Corrections:
    """The corrections of one site. `put` may be called from another thread than the rest."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._of_device: dict[str, list[Correction]] = {}

    def put(self, known: Iterable[Correction]) -> None:
        """Take all that were ever agreed to instead of those before."""
        of_device: dict[str, list[Correction]] = {}
        for one in known:
            of_device.setdefault(one.device, []).append(one)
        self._of_device = of_device

    def of_rows(
        self, devices: Sequence[tuple[str, str]], of_row: Integers, time_us: Integers
    ) -> Iterator[tuple[Correction, Integers]]:
        """Yield each correction that holds for rows of a batch, and these rows."""
        known = self._of_device
        for number, (site, device) in enumerate(devices):
            for one in known.get(device, ()) if site == self._site else ():
                until_us = _EVER_US if one.until_at is None else _us(one.until_at)
                holds = (of_row == number) & (time_us >= _us(one.from_at)) & (time_us < until_us)
                if holds.any():
                    yield one, np.flatnonzero(holds)


NO_CORRECTIONS: Final = Corrections("")


def corrected(one: Correction, rows: Integers, measured: Floats, is_bad: Bools) -> tuple[Floats, Finding | None]:
    """Return the values of a column with these rows corrected, and flags that keep what was measured. What is absent or bad stays as it is."""
    rows = rows[np.isfinite(measured[rows]) & ~is_bad[rows]]
    if not len(rows):
        return measured, None
    values = measured.copy()
    # No air has less than nothing; the flag has what was measured.
    values[rows] = np.maximum((measured[rows] - one.offset) / one.gain, QUANTITY[one.quantity].minimum)
    numbers, which = np.unique(measured[rows], return_inverse=True)
    flags = [
        Flag.of("estimated", CORRECTED, measured=value, gain=one.gain, offset=one.offset) for value in numbers.tolist()
    ]
    return values, Finding(rows, one.quantity, flags, which)


def _us(time: datetime) -> int:
    return round(time.timestamp() * US_PER_S)
