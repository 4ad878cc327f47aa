"""What weighs less at the places that people have marked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.contract.known_source import KnownSource
from jeonju.contract.site import Site
from jeonju.detection.smoke.classes import CLASSES

# At a marked place and time the odds of the marked class are this much smaller, and a rise must be this many times as large.
LOG_ODDS: Final = -3.0
LEAST_RISE_FACTOR: Final = 3.0


class KnownSources:
    """Looks up which devices stand at a marked place now."""

    def __init__(self, places: Sequence[KnownSource], site: Site) -> None:
        self._places = [(place, np.hstack(site.map.to_xy(place.lat, place.lon))) for place in places]
        self._zone = ZoneInfo(site.timezone)

    def at(self, end_s: float, xy_m: Floats) -> NDArray[np.bool_]:
        """Return for each device and each of CLASSES whether it is to weigh less now, (devices, classes)."""
        marked = np.zeros((len(xy_m), len(CLASSES)), dtype=bool)
        local = datetime.fromtimestamp(end_s, self._zone)
        for place, middle_m in self._places:
            if place.applies(local):
                marked[np.hypot(*(xy_m - middle_m).T) <= place.radius_m, CLASSES.index(place.of_class)] = True
        return marked
