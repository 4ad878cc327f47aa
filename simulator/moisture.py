"""How damp the air of Jeonju is and how far one sees in it: by season and time of day, in rain and in fog.

Humidity is that of the station 146 (Jeonju) of the Korea Meteorological Administration, 2018 to 2020, rounded: a normal distribution that ends where
the air is saturated, which gives the hours at 95 % and more by itself. Visibility is log-normal, with a median that falls as humidity rises: in the
same record, saturated air is foggy in one hour of eight in winter and in one of a hundred in summer.
"""

from datetime import datetime
from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.simulator.season import at_hour, of_four_seasons

# Median relative humidity [%] of hours without rain at 1, 4, … 22 h in winter, spring, summer and autumn.
MEDIAN_PERCENT: Final = np.array(
    (
        (74.0, 77, 79, 63, 49, 47, 60, 66),
        (77.0, 81, 79, 58, 44, 45, 60, 71),
        (93.0, 95, 92, 76, 67, 68, 79, 89),
        (86.0, 89, 88, 69, 55, 54, 68, 79),
    )
)
_HOURS: Final = np.arange(1.0, 24.0, 3.0)
# Standard deviation [%] of the same, below saturation.
SPREAD_PERCENT: Final = np.array((14.5, 17.0, 12.0, 14.0))
LEAST_PERCENT: Final = 15.0
# Hygrometers in fog show 97 to 99 %.
SATURATED_PERCENT: Final = 99.0
# Half of the hours with rain have 98 % and more, one in twenty less than 83 %.
RAIN_PERCENT: Final = 85.0
# The air moistens in the hours before rain: by this much for each standard deviation that the process of the rain rises.
_MOISTENING_PERCENT: Final = 75.0

# Median visibility [km] at 60, 87 and 97 % in winter, spring, summer and autumn, and the spread of its logarithm.
VISIBILITY_KM: Final = np.array(((17.0, 6.5, 2.6), (20.0, 11.5, 4.9), (24.0, 18.0, 10.4), (24.0, 18.0, 10.9)))
_VISIBILITY_PERCENT: Final = np.array([60.0, 87.0, 97.0])
_VISIBILITY_SPREAD: Final = np.array([0.6, 0.8, 1.05])
# Fog needs weak wind: of damp hours one in 20 below 0.5 m/s is foggy, one in 50 from 1 to 3 m/s and none above.
_CLEARED_BY_WIND: Final = 0.3
_USUAL_WIND_M_S: Final = 1.25
_SPREAD_OF_LOG_WIND: Final = 0.65
LEAST_VISIBILITY_M, LARGEST_VISIBILITY_M = 50.0, 50_000.0


def humidity_percent(
    process: Floats, local: datetime, hour: Floats, median_percent: Floats, spread_percent: Floats
) -> Floats:
    """Return the relative humidity [%] where it does not rain, from a process of mean 0 and variance 1.

    `median_percent` (4, 8) and `spread_percent` (4) are tables like MEDIAN_PERCENT and SPREAD_PERCENT.
    """
    median = at_hour(of_four_seasons(median_percent, local), _HOURS, hour)
    spread = float(of_four_seasons(spread_percent, local))
    return np.clip(median + spread * process, LEAST_PERCENT, SATURATED_PERCENT)


def least_humidity_percent(wetness: Floats, short_of_rain: Floats) -> Floats:
    """Return the least humidity [%] of hours with rain (`wetness` 0 to 1, from the weakest to the strongest) and of those before it.

    `short_of_rain` is how far the process of the rain is below the level at which rain falls.
    """
    in_rain = RAIN_PERCENT + (SATURATED_PERCENT - RAIN_PERCENT) * np.sqrt(wetness)
    return np.where(wetness > 0, in_rain, RAIN_PERCENT - _MOISTENING_PERCENT * np.maximum(short_of_rain, 0))


def visibility_m(
    process: Floats, local: datetime, humidity: Floats, speed_m_s: Floats, visibility_km: Floats
) -> Floats:
    """Return how far one sees [m], from a process of mean 0 and variance 1; below 1000 m is fog.

    `visibility_km` (4, 3) is a table like VISIBILITY_KM.
    """
    median_log = np.log(1000 * of_four_seasons(visibility_km, local))
    wind = np.log(np.maximum(speed_m_s, 0.1) / _USUAL_WIND_M_S) / _SPREAD_OF_LOG_WIND
    chance = _CLEARED_BY_WIND * np.clip(wind, -2.5, 2.5) + np.sqrt(1 - _CLEARED_BY_WIND**2) * process
    spread = np.interp(humidity, _VISIBILITY_PERCENT, _VISIBILITY_SPREAD)
    distance = np.exp(np.interp(humidity, _VISIBILITY_PERCENT, median_log) + spread * chance)
    return np.clip(distance, LEAST_VISIBILITY_M, LARGEST_VISIBILITY_M)
