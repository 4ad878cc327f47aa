"""Where the plume of an incident is now and within the next hour: the probability that it adds a level or more, on a grid.

Known are a map of places and a range of rates (`source_map`), and the wind of the last minutes with its error (`wind_field`). The plume is carried by
several winds and from several places, while the source grows, dies down or ends; of the rate, which only scales it, the share above what the level
needs is counted.
"""

from collections.abc import Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.dispersion.plume_rise import CONVECTIVE_FRACTION, Rise, buoyant_rise, fire_buoyancy_flux
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.index import UPPER
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.hypotheses import COURSE, DETECTION_LEVEL, LEAD_MIN, RELEASED_G_S_PER_MW
from jeonju.localization.minutes import MINUTE_S, TICK_S, Minutes, airs_of, winds_of
from jeonju.localization.plume_forecast import BREATHING_HEIGHT_M, SOURCE_HEIGHT_M, sample_cells

# Minutes ahead for which the plume is given.
AHEAD_MIN: Final = (0, 10, 20, 30, 40, 50, 60)
# What was released before is beyond the map by now, or as thin as to make no difference.
BACK_MIN: Final = 40
PLACES: Final = 8
# Each course of the wind and of the source is a run of its own.
COURSES: Final = 24
# By how much each component of the wind (10-minute means) changes within an hour: 0.76, 0.86, 1.03 and 1.26 m/s at 1, 2, 3.1 and 5 m/s (root mean
# square of 20 000 hours of KMA station 146, Jeonju, 2018 to 2020); as of a random walk, less sooner.
CHANGE_M_S: Final = 0.63
CHANGE_SHARE: Final = 0.125
HOUR_S: Final = 3600.0
MOST_CELLS: Final = 60
LEAST_CELL_M: Final = 100.0
MARGIN_M: Final = 1500.0
AVERAGING_S: Final = 600.0
# A range of rates is at least this wide (standard deviation of the logarithm): fires are unsteady.
LEAST_RATE_SPREAD: Final = 0.3
NINETY: Final = 1.645
# Of the sequence that fills a space of four dimensions most evenly (Roberts 2018): powers of the root of x⁵ = x + 1.
_EVEN: Final = 1.1673039782614187 ** -np.arange(1.0, 5.0)
# The logistic curve of this slope differs from the normal distribution by less than 0.01 (Camilli 1994, J. Educ. Behav. Stat. 19, 293).
LOGISTIC: Final = 1.702


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


class Released(NamedTuple):
    """Where the source may be (places, 2) with weights, the 5, 50 and 95 % points of its rate [g/s], of what, and for how many minutes by now."""

    places_m: Floats
    weights: Floats
    rate_g_s: tuple[float, float, float]
    quantity: str
    since_min: float


def released_from(
    site: Site,
    cells: Sequence[tuple[float, float, float]],
    rate_g_s: tuple[float, float, float],
    quantity: str,
    noticed_min: float,
) -> Released:
    """Return what is released from the cells (lat, lon, probability) of a source that was noticed so many minutes ago.

    It is taken to have begun half of the lead of source maps before."""
    lat, lon, probability = np.array(cells, dtype=np.float64).reshape(-1, 3).T
    places, weights = sample_cells(np.column_stack(site.map.to_xy(lat, lon)), probability, PLACES)
    return Released(places, weights, rate_g_s, quantity, noticed_min + LEAD_MIN / 2)


def levels_of(quantity: str) -> tuple[float, float]:
    """Return what a device can tell, and what makes the air bad: the end of the index's second class, ten times the former where it has none."""
    told = DETECTION_LEVEL[quantity]
    return told, UPPER[quantity][1] if quantity in UPPER else 10 * told


def plume_field(site: Site, released: Released, minutes: Minutes, levels: Sequence[float]) -> PlumeField | None:
    """Return the plume at `AHEAD_MIN`; None where no station reported the wind. `minutes` are the last ones, as many as there are since it began.

    If the source is on its map at all: what it holds "elsewhere" does not count. Its plume is taken not to rise, as for the zones downwind. Wind and
    rate stay those of the last minute but for what they change within an hour.
    """
    whole = slice(0, len(minutes.values))
    airs, past = airs_of(site, minutes, whole), winds_of(minutes, whole)
    if airs is None or past is None or not len(released.places_m):
        return None
    every = round(MINUTE_S / TICK_S)
    airs, past = airs[::every], past._replace(east_m_s=past.east_m_s[::every], north_m_s=past.north_m_s[::every])
    back = min(len(airs), BACK_MIN, max(round(released.since_min), 1))
    x_m, y_m = _nodes(site, released.places_m)
    x, y = np.meshgrid(x_m, y_m)
    receptors = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, BREATHING_HEIGHT_M)])
    per_gram = float(stored_units({released.quantity: 1.0})[KEYS.index(released.quantity)])
    needed = np.array(levels)[:, None, None] / per_gram
    total = np.zeros((len(levels), len(AHEAD_MIN), len(receptors)))
    for course in _courses(back):
        winds = _carrying(past, back, course.offset, _error_m_s(minutes, released.places_m))
        for number, added in enumerate(_added(site, released.places_m, airs, course, winds, (x_m, y_m), receptors)):
            total[:, number] += _share_above(needed, added, released.rate_g_s) @ (
                released.weights / released.weights.sum()
            )
    probability = (total / COURSES).reshape(*total.shape[:2], *x.shape)
    return PlumeField(tuple(levels), x_m, y_m, probability, _rises(released, airs[-1]))


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


class _Course(NamedTuple):
    """How wind and source may go on: the offset of the wind (2,) in standard deviations, and what is released (ticks,) of the rate of now."""

    offset: Floats
    released: Floats


def _courses(back: int) -> list[_Course]:
    """Return courses from `back` minutes ago to an hour ahead, evenly spread over what is possible; always the same.

    From now on the source changes and ends as source maps take it to (`COURSE`): one in two within an hour.
    """
    ahead_h = MINUTE_S * np.maximum(np.arange(back + AHEAD_MIN[-1]) - back + 1, 0) / HOUR_S
    out = []
    for even in (0.5 + np.arange(1, COURSES + 1)[:, None] * _EVEN) % 1:
        east, north, drift = (NormalDist().inv_cdf(float(share)) for share in even[:3])
        ends_h = -np.log(1 - even[3]) / COURSE.ends_per_hour
        grown = np.exp(COURSE.drift_log_per_hour * drift * np.sqrt(ahead_h))
        out.append(_Course(np.array([east, north]), np.where(ahead_h < ends_h, grown, 0.0)))
    return out


def _error_m_s(minutes: Minutes, places_m: Floats) -> float:
    """Return the error of the wind's components over the site where the source may be."""
    grid = minutes.winds.grid
    near = np.abs(grid.x_m - places_m[0, 0]).argmin(), np.abs(grid.y_m - places_m[0, 1]).argmin()
    return float(minutes.winds.error_m_s[near[1], near[0]])


def _carrying(past: WindGrid, back: int, offset: Floats, error_m_s: float) -> WindGrid:
    """Return the wind of each minute from `back` minutes ago to an hour ahead, off by so many standard deviations."""
    east, north = (
        np.concatenate([part[-back:], np.repeat(part[-1:], AHEAD_MIN[-1], axis=0)])
        for part in (past.east_m_s, past.north_m_s)
    )
    ahead_s = MINUTE_S * np.maximum(np.arange(len(east)) - back + 1, 0)
    speed = float(np.hypot(past.east_m_s[-1], past.north_m_s[-1]).mean())
    error = np.hypot(error_m_s, (CHANGE_M_S + CHANGE_SHARE * speed) * np.sqrt(ahead_s / HOUR_S))[:, None, None]
    return past._replace(east_m_s=east + offset[0] * error, north_m_s=north + offset[1] * error)


def _added(
    site: Site,
    places_m: Floats,
    airs: Sequence[Meteorology],
    course: _Course,
    winds: WindGrid,
    nodes_m: tuple[Floats, Floats],
    receptors: Floats,
) -> list[Floats]:
    """Return what 1 g/s from each place adds [g/m³] at the receptors (receptors, places), at each of `AHEAD_MIN`."""
    x_m, y_m = nodes_m
    back = len(course.released) - AHEAD_MIN[-1]
    box = (x_m[0] - MARGIN_M, y_m[0] - MARGIN_M, x_m[-1] + MARGIN_M, y_m[-1] + MARGIN_M)
    puffs = Puffs(n_sources=len(places_m), box_m=box, surroundings=site.surroundings, averaging_time_s=AVERAGING_S)
    last = airs[-1]
    out, done = [], 0
    for ahead in AHEAD_MIN:
        ticks = range(done, back + ahead)
        for tick in ticks:
            mass = MINUTE_S * float(course.released[tick])
            for number, (x, y) in enumerate(places_m if mass else ()):
                puffs.release(number, x_m=float(x), y_m=float(y), z_m=SOURCE_HEIGHT_M, mass=mass, tick=tick - done)
        part = winds._replace(
            east_m_s=winds.east_m_s[ticks.start : ticks.stop], north_m_s=winds.north_m_s[ticks.start : ticks.stop]
        )
        puffs.march(MINUTE_S, [airs[tick - back] if tick < back else last for tick in ticks], winds=part)
        out.append(puffs.concentration(receptors)[..., 0])
        done = ticks.stop
    return out


def _share_above(needed: Floats, added: Floats, rate_g_s: tuple[float, float, float]) -> Floats:
    """Return the share of the rates (levels, receptors, places) with which so much is added; the range is taken as lognormal."""
    low, middle, high = (max(rate, 1e-9) for rate in rate_g_s)
    spread = max((np.log(high) - np.log(low)) / (2 * NINETY), LEAST_RATE_SPREAD)
    with np.errstate(divide="ignore"):
        off = LOGISTIC * (np.log(middle) + np.log(added)[None] - np.log(needed)) / spread
    return np.asarray(1 / (1 + np.exp(-np.clip(off, -50, 50))))
