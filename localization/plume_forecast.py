"""Plume forecast: the zones that the plume of an incident reaches within the next hour, if wind and source stay as they are."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.airquality.geo import is_within
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site

AHEAD_S: Final = 3600.0
TICK_S: Final = 30.0
BREATHING_HEIGHT_M: Final = 1.5
SOURCE_HEIGHT_M: Final = 2.0
# Spacing of the points of a zone at which the plume is computed.
STEP_M: Final = 250.0
MARGIN_M: Final = 1000.0
# A zone is named when the plume reaches it with at least this probability.
LEAST_PROBABILITY: Final = 0.1


@dataclass(frozen=True)
class Downwind:
    """A zone that the plume may reach: how probable it is, after how many minutes, and how much it adds there at most.

    `peak` is the mean over the possible sources of the highest 10-minute mean in the zone, in the stored unit of the quantity.
    """

    zone: str
    probability: float
    minutes: float
    peak: float


def zones_downwind(
    site: Site,
    places_m: Floats,
    weights: Floats,
    amount_per_s: float,
    air: Meteorology,
    *,
    winds: WindGrid | None = None,
    least: float,
) -> tuple[Downwind, ...]:
    """Return the zones that the plume reaches within the next hour, the soonest first.

    `places_m` (places, 2) and `weights` are where the source may be; `amount_per_s` is what it releases, in stored units · m³ per second.
    Reached is where it adds `least` or more at breathing height. No plume rise is assumed: a lofted plume comes down farther away and more
    diluted. It is carried by the `winds` over the site (one, which lasts), or else by that of the air.
    """
    receptors, zone_of = _points(site)
    if not len(places_m) or not len(receptors):
        return ()
    reach = np.vstack([receptors[:, :2], places_m])
    box = (*(reach.min(axis=0) - MARGIN_M), *(reach.max(axis=0) + MARGIN_M))
    puffs = Puffs(n_sources=len(places_m), box_m=box, surroundings=site.surroundings, averaging_time_s=600.0)
    ticks = round(AHEAD_S / TICK_S)
    for number, (x_m, y_m) in enumerate(places_m):
        for tick in range(ticks):
            puffs.release(number, x_m=x_m, y_m=y_m, z_m=SOURCE_HEIGHT_M, mass=TICK_S * amount_per_s, tick=tick)
    # (ticks, points, places): gases; particles are lost only by rain, which is not forecast.
    added = puffs.march(TICK_S, [air] * ticks, receptors[None], winds=winds)[..., 0]
    share = weights / weights.sum()
    found = [_of_zone(zone, added[:, zone_of == zone], share, least) for zone in dict.fromkeys(zone_of.tolist())]
    return tuple(sorted((zone for zone in found if zone is not None), key=lambda zone: zone.minutes))


def _of_zone(zone: str, added: Floats, share: Floats, least: float) -> Downwind | None:
    highest = added.max(axis=1)
    reached = highest >= least
    probability = float(share[reached.any(axis=0)].sum())
    if probability < LEAST_PROBABILITY:
        return None
    first = int(reached.any(axis=1).argmax())
    return Downwind(
        zone, round(probability, 2), round((first + 1) * TICK_S / 60, 1), round(float(share @ highest.max(axis=0)), 4)
    )


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


def sample_places(x_m: Floats, y_m: Floats, probability: Floats, count: int) -> tuple[Floats, Floats]:
    """Return at most `count` places (places, 2) and weights that represent a map of probability (x, y)."""
    x, y = np.meshgrid(x_m, y_m, indexing="ij")
    return sample_cells(np.column_stack([x.ravel(), y.ravel()]), probability.ravel(), count)


def sample_cells(cells_m: Floats, probability: Floats, count: int) -> tuple[Floats, Floats]:
    """Return at most `count` of the cells (cells, 2) and weights that represent them all: the most probable, apart from each other."""
    left = probability.copy()
    places: list[Floats] = []
    weights = []
    for _ in range(min(count, len(left))):
        best = int(left.argmax())
        if left[best] <= 0:
            break
        around = np.hypot(*(cells_m - cells_m[best]).T) <= _APART_M
        places.append(cells_m[best])
        weights.append(float(left[around].sum()))
        left[around] = 0.0
    return np.array(places).reshape(-1, 2), np.array(weights)


_APART_M: Final = 150.0
