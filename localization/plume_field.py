"""Where the plume of an incident is now and within the next hour: the probability that it adds a level or more, on a grid."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.dispersion.plume_rise import CONVECTIVE_FRACTION, Rise, buoyant_rise, fire_buoyancy_flux
from jeonju.airquality.index import UPPER
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.hypotheses import DETECTION_LEVEL, RELEASED_G_S_PER_MW
from jeonju.localization.minutes import Minutes
from jeonju.localization.plume_ensemble import (
    BREATHING_HEIGHT_M,
    COURSES,
    MARGIN_M,
    Released,
    needed_g_m3,
    runs,
    share_above,
    wind_of,
)

# Minutes ahead for which the plume is given.
AHEAD_MIN: Final = (0, 10, 20, 30, 40, 50, 60)
MOST_CELLS: Final = 60
LEAST_CELL_M: Final = 100.0


class PlumeField(NamedTuple):
    """`probability` (levels, times, ny, nx) that the plume adds a level or more at breathing height, at nodes `x_m`, `y_m` on the site's map.

    `rises` are how high it rises, and over what distance, if it is a fire's, for the 5, 50 and 95 % points of the rate; none for what no fire
    releases.
    """

    levels: tuple[float, ...]
    x_m: Floats
    y_m: Floats
    probability: Floats
    rises: tuple[Rise, ...]


def levels_of(quantity: str) -> tuple[float, float]:
    """Return what a device can tell, and what makes the air bad: the end of the index's second class, ten times the former where it has none."""
    told = DETECTION_LEVEL[quantity]
    return told, UPPER[quantity][1] if quantity in UPPER else 10 * told


def plume_field(site: Site, released: Released, minutes: Minutes, levels: Sequence[float]) -> PlumeField | None:
    """Return the plume at `AHEAD_MIN`; None where no station reported the wind. `minutes` are the last ones, as many as there are since it began.

    If the source is on its map at all: what it holds "elsewhere" does not count. Its plume is taken not to rise, as for the zones downwind.
    """
    wind = wind_of(site, minutes, released.places_m) if len(released.places_m) else None
    if wind is None:
        return None
    x_m, y_m = _nodes(site, released.places_m)
    x, y = np.meshgrid(x_m, y_m)
    receptors = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, BREATHING_HEIGHT_M)])
    needed = np.array([needed_g_m3(level, released.quantity) for level in levels])[:, None, None]
    total = np.zeros((len(levels), len(AHEAD_MIN), len(receptors)))
    for run in runs(site, released, wind, receptors, AHEAD_MIN):
        for number, added in enumerate(run):
            total[:, number] += share_above(needed, added, released.rate_g_s) @ (
                released.weights / released.weights.sum()
            )
    probability = (total / COURSES).reshape(*total.shape[:2], *x.shape)
    return PlumeField(tuple(levels), x_m, y_m, probability, _rises(released, wind.airs[-1]))


def _rises(released: Released, air: Meteorology) -> tuple[Rise, ...]:
    """Return the rise by Briggs of the heat that usual fires with such rates have (within a factor of three)."""
    per_mw = RELEASED_G_S_PER_MW.get(released.quantity)
    if per_mw is None:
        return ()
    heats_w = [rate / per_mw * 1e6 / CONVECTIVE_FRACTION for rate in released.rate_g_s]
    return tuple(
        buoyant_rise(fire_buoyancy_flux(heat_w, air.temperature_k), air.wind_speed_m_s, air) for heat_w in heats_w
    )


def _nodes(site: Site, places_m: Floats) -> tuple[Floats, Floats]:
    """Return the nodes' places along x and y, around the zones and the places."""
    outlines = np.concatenate([np.array(zone.outline) for zone in site.zones])
    corners = np.column_stack(site.map.to_xy(outlines[:, 0], outlines[:, 1]))
    every = np.vstack([corners, places_m])
    low, high = every.min(axis=0) - MARGIN_M, every.max(axis=0) + MARGIN_M
    cell_m = max(LEAST_CELL_M, float((high - low).max()) / (MOST_CELLS - 1))
    x_m, y_m = (low[k] + cell_m * np.arange(int((high[k] - low[k]) / cell_m + 1e-9) + 1) for k in (0, 1))
    return x_m, y_m
