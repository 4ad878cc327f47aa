"""When sources of the site are active."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.common.arrays import Floats

_HOURS: Final = np.arange(25.0)


def _closed(*by_hour: float) -> Floats:
    return np.array([*by_hour, by_hour[0]])


# Traffic by hour of a working day and of a weekend day, relative to the mean of a week (typical Korean city roads).
_WORKDAY: Final = _closed(
    0.35,
    0.22,
    0.17,
    0.17,
    0.28,
    0.6,
    1.1,
    1.65,
    1.75,
    1.45,
    1.3,
    1.3,
    1.25,
    1.3,
    1.35,
    1.4,
    1.5,
    1.7,
    1.75,
    1.4,
    1.1,
    0.95,
    0.8,
    0.55,
)
_WEEKEND: Final = _closed(
    0.5,
    0.35,
    0.25,
    0.2,
    0.25,
    0.4,
    0.6,
    0.75,
    0.9,
    1.05,
    1.2,
    1.25,
    1.25,
    1.3,
    1.3,
    1.3,
    1.3,
    1.25,
    1.15,
    1.0,
    0.85,
    0.75,
    0.65,
    0.5,
)


def _traffic(local: datetime, _air: Meteorology) -> float:
    table = _WEEKEND if local.weekday() >= 5 else _WORKDAY
    return float(np.interp(local.hour + local.minute / 60, _HOURS, table))


def _weekdays(local: datetime, _air: Meteorology) -> float:
    return 1.0 if local.weekday() < 5 and 7 <= local.hour < 19 else 0.15


def _two_shifts(local: datetime, _air: Meteorology) -> float:
    return 1.0 if local.weekday() < 6 and 6 <= local.hour < 22 else 0.1


def _night(local: datetime, air: Meteorology) -> float:
    """Heating of homes: evenings and nights, the more the colder it is."""
    by_hour = 1.0 if local.hour >= 17 or local.hour < 8 else 0.4
    return by_hour * min(max((289.0 - air.temperature_k) / 15.0, 0.0), 2.0)


def _warm_nights(local: datetime, air: Meteorology) -> float:
    """Livestock: ammonia doubles with every 10 K or so, and slurry is handled in the evening."""
    by_hour = 1.5 if local.hour >= 19 or local.hour < 6 else 0.8
    return by_hour * 2.0 ** min(max((air.temperature_k - 288.15) / 10.0, -2.0), 1.5)


_ACTIVITY: Final[dict[str, Callable[[datetime, Meteorology], float]]] = {
    "always": lambda _local, _air: 1.0,
    "weekdays": _weekdays,
    "two-shifts": _two_shifts,
    "rush-hours": _traffic,
    "night": _night,
    "warm-nights": _warm_nights,
}


def activity(schedule: str, local: datetime, air: Meteorology) -> float:
    """Return how active a source with this schedule is; 1 is what its rates are given for."""
    return _ACTIVITY[schedule](local, air)
