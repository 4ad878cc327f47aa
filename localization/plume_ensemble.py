"""The plume of an incident as a set of runs: each goes on as wind and source may, from several places; where anything may be is their share.

Known are a map of places and a range of rates (`source_map`), and the wind of the last minutes with its error (`wind_field`). The plume is carried by
several winds and from several places, while the source grows, dies down or ends; of the rate, which only scales it, the share above what a level
needs is counted.
"""

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.wind_grid import WindGrid
from jeonju.airquality.fuels import stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.hypotheses import COURSE, LEAD_MIN
from jeonju.localization.minutes import MINUTE_S, TICK_S, Minutes, airs_of, winds_of

# How far ahead runs go.
HORIZON_MIN: Final = 60
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
BREATHING_HEIGHT_M: Final = 1.5
SOURCE_HEIGHT_M: Final = 2.0
MARGIN_M: Final = 1500.0
AVERAGING_S: Final = 600.0
# A range of rates is at least this wide (standard deviation of the logarithm): fires are unsteady.
LEAST_RATE_SPREAD: Final = 0.3
NINETY: Final = 1.645
# Of the sequence that fills a space of four dimensions most evenly (Roberts 2018): powers of the root of x⁵ = x + 1.
_EVEN: Final = 1.1673039782614187 ** -np.arange(1.0, 5.0)
# The logistic curve of this slope differs from the normal distribution by less than 0.01 (Camilli 1994, J. Educ. Behav. Stat. 19, 293).
LOGISTIC: Final = 1.702
_APART_M: Final = 150.0


class Released(NamedTuple):
    """Where the source may be (places, 2) with weights, the 5, 50 and 95 % points of its rate [g/s], of what, and for how many minutes by now."""

    places_m: Floats
    weights: Floats
    rate_g_s: tuple[float, float, float]
    quantity: str
    since_min: float


class Wind(NamedTuple):
    """The air and the wind of the last minutes, one of each a minute, and the error of the wind's components where the source may be."""

    airs: list[Meteorology]
    past: WindGrid
    error_m_s: float


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


def wind_of(site: Site, minutes: Minutes, places_m: Floats) -> Wind | None:
    """Return the air and wind of the minutes; None where no station reported the wind."""
    whole = slice(0, len(minutes.values))
    airs, past = airs_of(site, minutes, whole), winds_of(minutes, whole)
    if airs is None or past is None:
        return None
    every = round(MINUTE_S / TICK_S)
    minutely = past._replace(east_m_s=past.east_m_s[::every], north_m_s=past.north_m_s[::every])
    return Wind(list(airs[::every]), minutely, _error_m_s(minutes, places_m))


def runs(
    site: Site, released: Released, wind: Wind, receptors: Floats, ahead_min: Sequence[int]
) -> Iterator[list[Floats]]:
    """Yield for each of `COURSES` runs what 1 g/s from each place adds [g/m³] at the receptors (receptors, places), at each of the minutes ahead.

    The plume is taken not to rise. Wind and rate stay those of the last minute but for what they change within an hour.
    """
    back = min(len(wind.airs), BACK_MIN, max(round(released.since_min), 1))
    reach = np.vstack([receptors[:, :2], released.places_m])
    box = (*(reach.min(axis=0) - MARGIN_M), *(reach.max(axis=0) + MARGIN_M))
    for course in _courses(back):
        winds = _carrying(wind.past, back, course.offset, wind.error_m_s)
        puffs = Puffs(
            n_sources=len(released.places_m),
            box_m=box,
            surroundings=site.surroundings,
            averaging_time_s=AVERAGING_S,
        )
        yield _added(puffs, released.places_m, wind.airs, course, winds, receptors, ahead_min)


def needed_g_m3(level: float, quantity: str) -> float:
    """Return a level of a quantity in its stored unit as a concentration [g/m³]."""
    return level / float(stored_units({quantity: 1.0})[KEYS.index(quantity)])


def share_above(needed: Floats, added: Floats, rate_g_s: tuple[float, float, float]) -> Floats:
    """Return the share of the rates (levels, receptors, places) with which so much is added; the range is taken as lognormal."""
    low, middle, high = (max(rate, 1e-9) for rate in rate_g_s)
    spread = max((np.log(high) - np.log(low)) / (2 * NINETY), LEAST_RATE_SPREAD)
    with np.errstate(divide="ignore"):
        off = LOGISTIC * (np.log(middle) + np.log(added)[None] - np.log(needed)) / spread
    return np.asarray(1 / (1 + np.exp(-np.clip(off, -50, 50))))


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


class _Course(NamedTuple):
    """How wind and source may go on: the offset of the wind (2,) in standard deviations, and what is released (ticks,) of the rate of now."""

    offset: Floats
    released: Floats


def _courses(back: int) -> list[_Course]:
    """Return courses from `back` minutes ago to an hour ahead, evenly spread over what is possible; always the same.

    From now on the source changes and ends as source maps take it to (`COURSE`): one in two within an hour.
    """
    ahead_h = MINUTE_S * np.maximum(np.arange(back + HORIZON_MIN) - back + 1, 0) / HOUR_S
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
        np.concatenate([part[-back:], np.repeat(part[-1:], HORIZON_MIN, axis=0)])
        for part in (past.east_m_s, past.north_m_s)
    )
    ahead_s = MINUTE_S * np.maximum(np.arange(len(east)) - back + 1, 0)
    speed = float(np.hypot(past.east_m_s[-1], past.north_m_s[-1]).mean())
    error = np.hypot(error_m_s, (CHANGE_M_S + CHANGE_SHARE * speed) * np.sqrt(ahead_s / HOUR_S))[:, None, None]
    return past._replace(east_m_s=east + offset[0] * error, north_m_s=north + offset[1] * error)


def _added(
    puffs: Puffs,
    places_m: Floats,
    airs: Sequence[Meteorology],
    course: _Course,
    winds: WindGrid,
    receptors: Floats,
    ahead_min: Sequence[int],
) -> list[Floats]:
    back, last = len(course.released) - HORIZON_MIN, airs[-1]
    out, done = [], 0
    for ahead in ahead_min:
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
