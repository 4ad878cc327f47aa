"""Monthly tables read at a day of the year."""

from datetime import datetime

import numpy as np


def of_season(table: tuple[float, ...], local: datetime) -> float:
    """Interpolate a table of twelve monthly values, each of which is valid in the middle of its month."""
    return float(np.interp(local.month - 1 + (local.day - 15) / 30, np.arange(-1, 13), (table[-1], *table, table[0])))
