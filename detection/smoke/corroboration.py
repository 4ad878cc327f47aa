"""Whether several devices may stand in one plume: their places agree with the wind."""

from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.detection.windows import Window
from jeonju.rules.watched import QUANTITIES, WINDOW_S

Flags = NDArray[np.bool_]

WIND_OVER_S: Final = 300.0
# A weaker wind turns where it likes: then every near device agrees.
LEAST_WIND_M_S: Final = 1.0
NEAR_M: Final = 500.0
# A plume is recognised this far downwind; it meanders about 25° to each side, and its source need not stand in line with both.
FARTHEST_M: Final = 1500.0
ASIDE_M: Final = 100.0
ASIDE_PER_M: Final = 0.5
_WIND: Final = [QUANTITIES.index("wind_east_m_s"), QUANTITIES.index("wind_north_m_s")]


class Wind:
    """The mean wind of the last minutes over all devices that measure it; not known until one does."""

    def __init__(self) -> None:
        self.vector_m_s = np.full(2, np.nan)

    def step(self, window: Window) -> None:
        """Take the next window."""
        wind = window.means[:, _WIND]
        heard = np.isfinite(wind).all(axis=1)
        if heard.any():
            now = wind[heard].mean(axis=0)
            known = np.isfinite(self.vector_m_s).all()
            self.vector_m_s = self.vector_m_s + WINDOW_S / WIND_OVER_S * (now - self.vector_m_s) if known else now


class Support(NamedTuple):
    """A device that supports another: how far it is [m] along the wind, downwind positive, and in all."""

    number: int
    downwind_m: float
    distance_m: float


def supports(number: int, others: Iterable[int], xy_m: Floats, wind_m_s: Floats) -> list[Support]:
    """Return which of the others may stand in the same plume as a device, the nearest first."""
    found = []
    for other in others:
        apart = xy_m[other] - xy_m[number]
        distance = float(np.hypot(*apart))
        if other == number or not distance <= FARTHEST_M:
            continue
        if in_line(apart[None], np.array([distance]), wind_m_s)[0]:
            found.append(Support(other, float(_along(apart[None], wind_m_s)[0]), distance))
    return sorted(found, key=lambda support: support.distance_m)


def in_line(apart_m: Floats, distance_m: Floats, wind_m_s: Floats) -> Flags:
    """Return which devices may stand in one plume, by how far apart they lie, (devices, 2); in a calm, and without wind, those near."""
    if not float(np.hypot(*wind_m_s)) >= LEAST_WIND_M_S:
        return np.asarray(distance_m <= NEAR_M)
    along = _along(apart_m, wind_m_s)
    aside = np.sqrt(np.maximum(distance_m**2 - along**2, 0.0))
    return np.asarray(aside <= ASIDE_M + ASIDE_PER_M * np.abs(along))


def _along(apart_m: Floats, wind_m_s: Floats) -> Floats:
    speed = float(np.hypot(*wind_m_s))
    return np.asarray(apart_m @ wind_m_s / speed) if speed > 0 else np.zeros(len(apart_m))
