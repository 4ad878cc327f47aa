"""How often the wind comes from where, and how strong it is: by season and time of day, in Jeonju or after the rose of another city.

Shares of hours and hourly means of the station 146 (Jeonju) of the Korea Meteorological Administration, 2018 to 2020, rounded; December is missing
in the record. By night air drains from the valleys in the south-east, by day the breeze from the Yellow Sea blows from the west.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.simulator.season import at_hour, of_four_seasons

POINT_DEG: Final = 22.5
# The rose of the winds [% of hours with 0.5 m/s and more] from N, NNE, NE, … NNW in winter, spring, summer and autumn.
_NIGHT: Final = (
    (4, 3, 3, 2, 4, 15, 29, 5, 2, 1, 3, 3, 6, 4, 8, 8),
    (3, 3, 2, 2, 4, 16, 35, 5, 2, 2, 6, 4, 5, 3, 4, 4),
    (3, 4, 5, 4, 6, 17, 27, 7, 4, 2, 8, 4, 3, 2, 2, 2),
    (3, 3, 4, 3, 5, 23, 37, 4, 2, 1, 2, 2, 2, 2, 3, 4),
)
_MORNING: Final = (
    (8, 3, 2, 2, 2, 8, 12, 7, 2, 2, 4, 4, 7, 5, 16, 16),
    (4, 2, 1, 2, 3, 6, 7, 8, 6, 5, 10, 9, 8, 6, 10, 13),
    (5, 6, 5, 4, 4, 6, 9, 7, 6, 5, 9, 5, 6, 5, 9, 9),
    (10, 6, 4, 3, 3, 5, 11, 6, 3, 2, 3, 5, 4, 4, 13, 18),
)
_DAY: Final = (
    (3, 2, 1, 1, 1, 1, 2, 1, 1, 1, 6, 10, 23, 16, 17, 14),
    (2, 2, 1, 1, 2, 1, 3, 3, 2, 2, 9, 15, 32, 11, 8, 6),
    (4, 4, 2, 2, 2, 4, 6, 4, 4, 5, 8, 11, 21, 9, 8, 6),
    (6, 5, 3, 2, 2, 2, 4, 2, 2, 2, 5, 8, 17, 11, 15, 14),
)
_EVENING: Final = (
    (4, 1, 2, 1, 2, 8, 18, 3, 2, 5, 12, 7, 6, 6, 12, 11),
    (1, 2, 3, 2, 3, 5, 11, 5, 3, 5, 20, 15, 11, 5, 5, 4),
    (2, 3, 4, 2, 3, 8, 14, 5, 2, 4, 20, 14, 10, 2, 4, 3),
    (3, 3, 3, 3, 5, 17, 26, 6, 5, 4, 6, 3, 4, 3, 5, 4),
)
# The hours at which these hold: night 0 to 8 h, day 12 to 20 h, and a change within three hours between them.
_ROSE_HOURS: Final = np.array([1.0, 7.5, 10.0, 12.5, 19.5, 22.0])
# What is measured contains the swing of the wind within minutes, which is added to the slow turns again: by this much in the means of ten minutes.
_SWING_DEG: Final = 22.0
# The slow turns are told apart in four parts of a point.
_PARTS: Final = 4
PART_DEG: Final = POINT_DEG / _PARTS


def _without_swing(rose: Floats) -> Floats:
    """Return the shares of the slow turns (…, 64), from the one around north on, that make this rose (…, 16) as directions swing.

    After Richardson (1972) and Lucy (1974), 30 steps from a rose that is even within its points.
    """
    parts = np.arange(rose.shape[-1] * _PARTS)
    apart_deg = PART_DEG * (parts[:, None] - parts)
    swing = np.exp(-0.5 * (((apart_deg + 180) % 360 - 180) / _SWING_DEG) ** 2)
    # The parts of a point lie around its middle: half of one on either side counts for the point and its neighbour.
    of_point = np.clip(0.5 + _PARTS / 2 - np.abs((apart_deg[::_PARTS] + 180) % 360 - 180) / PART_DEG, 0, 1)
    seen = of_point @ (swing / swing.sum(axis=0))
    slow = rose @ of_point
    for _ in range(30):
        slow = slow * ((rose / (slow @ seen.T)) @ seen)
    return slow


_MEASURED: Final = np.array([_NIGHT, _NIGHT, _MORNING, _DAY, _DAY, _EVENING], dtype=float).swapaxes(0, 1)
# Roses begin between the rarest points, north-east and east-north-east, so that the wind hardly ever jumps there.
_BEGIN: Final = 10
_BEGIN_DEG: Final = PART_DEG * (_BEGIN - 0.5)
_ROSES: Final = np.roll(_without_swing(_MEASURED), -_BEGIN, axis=-1)

# Mean speed [m/s] at 1, 4, … 22 h in winter, spring, summer and autumn; 1.66 m/s on the whole, as in Deokjin-gu 2015 to 2021 (1.56 to 1.76).
_MEAN_M_S: Final = np.array(
    (
        (1.4, 1.35, 1.35, 1.3, 2.2, 2.55, 2.05, 1.5),
        (1.4, 1.4, 1.35, 1.7, 2.55, 3.05, 2.35, 1.5),
        (1.1, 1.1, 1.05, 1.4, 1.9, 2.25, 2.0, 1.35),
        (1.3, 1.25, 1.15, 1.25, 2.05, 2.3, 1.7, 1.25),
    )
)
_SPEED_HOURS: Final = np.arange(1.0, 24.0, 3.0)
# Within an hour of a season speeds are Weibull-distributed with this shape.
WEIBULL_SHAPE: Final = 2.0
_WEIBULL_MEAN_OF_UNIT_SCALE: Final = 0.8862  # Γ(1 + 1/2)


class WindTables(NamedTuple):
    """Roses of the slow turns (4 seasons, 6 hours, 64 directions from `begin_deg` on), and mean speeds (4 seasons, 8 hours) [m/s]."""

    roses: Floats
    begin_deg: float
    mean_m_s: Floats


JEONJU: Final = WindTables(_ROSES, _BEGIN_DEG, _MEAN_M_S)


def tables(rose: Sequence[float], mean_m_s: Floats, seasons: Callable[[Floats], Floats]) -> WindTables:
    """Return the winds of a city with one rose (16, from north on) for all hours, and mean speeds of the seasons (4) [m/s].

    Over the day its speed varies as in Jeonju; `seasons` moves a table of Jeonju (4, …) to the seasons of the city.
    """
    slow = _without_swing(np.array(rose, dtype=float))
    begin = int(np.argmin(slow))
    roses = np.broadcast_to(np.roll(slow, -begin), (4, len(_ROSE_HOURS), len(slow)))
    of_day = seasons(_MEAN_M_S)
    speeds = of_day / of_day.mean(axis=1, keepdims=True) * mean_m_s[:, None]
    return WindTables(roses, PART_DEG * (begin - 0.5), speeds)


def wind_from_deg(below: Floats, local: datetime, hour: Floats, wind: WindTables = JEONJU) -> Floats:
    """Return the direction [degrees, from `begin_deg` on] below which the share `below` of the winds of a season and hour of day lies."""
    rose = at_hour(of_four_seasons(wind.roses, local), _ROSE_HOURS, hour)
    upto = np.cumsum(rose, axis=1)
    wanted = below * upto[:, -1]
    part = np.minimum((upto <= wanted[:, None]).sum(axis=1), upto.shape[1] - 1)
    rows = np.arange(len(below))
    return wind.begin_deg + PART_DEG * (part + 1 - (upto[rows, part] - wanted) / rose[rows, part])


def wind_speed_m_s(below: Floats, local: datetime, hour: Floats, wind: WindTables = JEONJU) -> Floats:
    """Return the speed [m/s] below which the share `below` of the winds of a season and hour of day lies."""
    mean = at_hour(of_four_seasons(wind.mean_m_s, local), _SPEED_HOURS, hour)
    return mean / _WEIBULL_MEAN_OF_UNIT_SCALE * (-np.log1p(-below)) ** (1 / WEIBULL_SHAPE)
