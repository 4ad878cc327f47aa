"""The zones that the plume of an incident reaches within the next hour: how probable that is, and when it may arrive."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.geo import is_within
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.minutes import Minutes
from jeonju.localization.plume_ensemble import (
    BREATHING_HEIGHT_M,
    COURSES,
    HORIZON_MIN,
    Released,
    needed_g_m3,
    runs,
    share_above,
    wind_of,
)

# When it is looked whether the plume has arrived: the farther ahead, the wider the interval anyway.
AHEAD_MIN: Final = (0, 1, 2, 3, 4, 6, 8, 10, 13, 16, *range(20, HORIZON_MIN + 1, 5))
# Spacing of the points of a zone at which the plume is computed.
STEP_M: Final = 250.0
# A zone is named when the plume reaches it with at least this probability.
LEAST_PROBABILITY: Final = 0.1
EARLY, MIDDLE, LATE = 0.1, 0.5, 0.9


@dataclass(frozen=True)
class Downwind:
    """A zone that the plume may reach within the hour: how probable that is, after how many minutes, and how much it adds there at most.

    `minutes` is the median of the arrival times, if it arrives, which lie between `minutes_10` and `minutes_90` in eight of ten cases; 0 where it may
    be there already. Both are None in what earlier versions wrote. `peak` is the mean over the runs of the highest 10-minute mean in the zone, in the
    stored unit of the quantity.
    """

    zone: str
    probability: float
    minutes: float
    peak: float
    minutes_10: float | None = None
    minutes_90: float | None = None


def zones_downwind(site: Site, released: Released, minutes: Minutes, least: float) -> tuple[Downwind, ...]:
    """Return the zones that the plume reaches within the next hour, the soonest first; none where no station reported the wind.

    Reached is a zone where it adds `least` (stored unit) or more somewhere at breathing height. What is not known of place, rate, wind and source is
    counted as in the plume on the map (`plume_ensemble`). No plume rise is assumed: a lofted plume comes down farther away and more diluted.
    """
    receptors, zone_of = _points(site)
    wind = wind_of(site, minutes, released.places_m) if len(released.places_m) else None
    if wind is None or not len(receptors):
        return ()
    zones = list(dict.fromkeys(zone_of.tolist()))
    points = [np.flatnonzero(zone_of == zone) for zone in zones]
    share, one = released.weights / released.weights.sum(), needed_g_m3(1.0, released.quantity)
    arrived, peak = np.zeros((len(zones), len(AHEAD_MIN))), np.zeros(len(zones))
    for run in runs(site, released, wind, receptors, AHEAD_MIN):
        # (times, zones, places): the most that was anywhere in a zone by then.
        highest = np.array([[added[inside].max(axis=0) for inside in points] for added in run])
        by_then = np.maximum.accumulate(highest, axis=0)
        arrived += (share_above(np.array(least * one), by_then, released.rate_g_s)[0] @ share).T / COURSES
        peak += by_then[-1] @ share * released.rate_g_s[1] / one / COURSES
    found = [_of_zone(*each) for each in zip(zones, arrived, peak, strict=True)]
    return tuple(sorted((zone for zone in found if zone is not None), key=lambda zone: zone.minutes))


def _of_zone(zone: str, arrived: Floats, peak: float) -> Downwind | None:
    probability = float(arrived[-1])
    if probability < LEAST_PROBABILITY:
        return None
    early, middle, late = (_when(arrived, share * probability) for share in (EARLY, MIDDLE, LATE))
    return Downwind(zone, round(probability, 2), middle, round(float(peak), 4), early, late)


def _when(arrived: Floats, probability: float) -> float:
    """Return after how many minutes it has arrived with this probability."""
    at = int(np.searchsorted(arrived, probability))
    if at == 0:
        return 0.0
    before, after = arrived[at - 1], arrived[at]
    first, last = AHEAD_MIN[at - 1], AHEAD_MIN[at]
    return round(first + (last - first) * float((probability - before) / (after - before)), 1)


def _points(site: Site) -> tuple[Floats, NDArray[np.str_]]:
    """Return points (n, 3) on a grid inside every zone, and the zone of each."""
    points, names = [], []
    for zone in site.zones:
        corners = np.array(zone.outline)
        x, y = site.map.to_xy(corners[:, 0], corners[:, 1])
        grid = np.stack(
            np.meshgrid(np.arange(x.min(), x.max(), STEP_M), np.arange(y.min(), y.max(), STEP_M)), axis=-1
        ).reshape(-1, 2)
        inside = grid[is_within(x, y, grid[:, 0], grid[:, 1])]
        points.append(inside)
        names += [zone.name] * len(inside)
    flat = np.vstack(points)
    return np.column_stack([flat, np.full(len(flat), BREATHING_HEIGHT_M)]), np.array(names)
