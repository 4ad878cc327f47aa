"""A plume as the console draws it: whole percent on a grid, without the parts of it where nothing is probable."""

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.site import Site
from jeonju.localization.plume_field import AHEAD_MIN, PlumeField

# What is less probable than this is not drawn, and what lies beyond is left away.
LEAST_PERCENT: Final = 1


def plume_json(site: Site, found: PlumeField, quantity: str, at: datetime) -> dict[str, Any]:
    """Return the plume of a quantity as of an instant; `percent[level][time]` is row by row from the south-west."""
    return {
        "quantity": quantity,
        "unit": QUANTITY[quantity].unit,
        "at": at.astimezone(UTC),
        "minutes": AHEAD_MIN,
        "levels": found.levels,
        "rise_m": [round(rise.final_m) for rise in found.rises] or None,
        "rise_over_m": round(found.rises[1].distance_m) if found.rises else None,
        **_grid(site, found),
    }


def _grid(site: Site, found: PlumeField) -> dict[str, Any]:
    """Return the part of the grid where anything is probable, and what is."""
    percent = np.round(100 * found.probability).astype(int)
    probable = np.asarray((percent >= LEAST_PERCENT).any(axis=(0, 1)))
    if not probable.any():
        return {"grid": None, "percent": []}
    rows, columns = _around(np.any(probable, axis=1)), _around(np.any(probable, axis=0))
    x_m, y_m = found.x_m[columns], found.y_m[rows]
    (south, north), (west, east) = site.map.to_latlon(x_m[[0, -1]], y_m[[0, -1]])
    return {
        "grid": {
            "south": float(south),
            "west": float(west),
            "step_lat": float(north - south) / (len(y_m) - 1),
            "step_lon": float(east - west) / (len(x_m) - 1),
            "rows": len(y_m),
            "columns": len(x_m),
        },
        "percent": [[part[rows, columns].ravel() for part in level] for level in percent],
    }


def _around(which: NDArray[np.bool_]) -> slice:
    """Return the stretch that holds all that is true, and one more on each side."""
    numbers = np.flatnonzero(which)
    first = max(int(numbers[0]) - 1, 0)
    return slice(min(first, len(which) - 2), int(numbers[-1]) + 2)
