"""Tables by month, season and hour of the day, read in between."""

from datetime import datetime

import numpy as np

from jeonju.common.arrays import Floats


def of_season(table: tuple[float, ...], local: datetime) -> float:
    """Interpolate a table of twelve monthly values, each of which is valid in the middle of its month."""
    return float(np.interp(_months(local), np.arange(-1, 13), (table[-1], *table, table[0])))


def of_four_seasons(table: Floats, local: datetime) -> Floats:
    """Interpolate a table of winter, spring, summer and autumn (4, …), valid in the middle of January, April, July and October."""
    seasons = _months(local) / 3
    low = int(np.floor(seasons))
    share = seasons - low
    return np.asarray((1 - share) * table[low % 4] + share * table[(low + 1) % 4])


def at_hour(values: Floats, known_hours: Floats, hour: Floats) -> Floats:
    """Interpolate rows that hold at known hours of the day (ascending) to other hours, around midnight."""
    hours = np.concatenate([[known_hours[-1] - 24], known_hours, [known_hours[0] + 24]])
    around = np.concatenate([values[-1:], values, values[:1]])
    hour = np.mod(hour, 24)
    low = np.clip(np.searchsorted(hours, hour, side="right") - 1, 0, len(hours) - 2)
    share = (hour - hours[low]) / (hours[low + 1] - hours[low])
    share = share.reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray((1 - share) * around[low] + share * around[low + 1])


def _months(local: datetime) -> float:
    """Return the time since the middle of January [months], from -0.5 to 11.5."""
    return local.month - 1 + (local.day - 15) / 30
