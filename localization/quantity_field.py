"""A measured quantity over the site, between its devices, from the newest value of each: on a grid, with what is not known of it."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from jeonju.airquality.geo import is_position
from jeonju.airquality.interpolation import ACCURACY, LEAST_DEVICES, Between, TooFewError, interpolate
from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.localization.minutes import without_flagged

# Beyond so many cells a side nothing is drawn finer; a cell is not smaller than what a device stands for.
MOST_CELLS: Final = 60
LEAST_CELL_M: Final = 100.0
MARGIN_M: Final = 1000.0
# Farther from the site's origin is no place of this city (a receiver that is wrong), as for the land of the site file.
REACH_M: Final = 50_000.0
STALE: Final = timedelta(minutes=15)


class QuantityField(NamedTuple):
    """`between` on nodes (ny, nx), the first at (`south`, `west`) [degrees], `step_lat` and `step_lon` apart; `devices` have part in it."""

    quantity: str
    devices: int
    south: float
    west: float
    step_lat: float
    step_lon: float
    cell_m: float
    between: Between


def field_of(site: Site, newest: pa.Table, quantity: str, at: datetime) -> QuantityField:
    """Return a quantity of `ACCURACY` over the site at an instant, from the newest reading of each device (device, time, lat, lon, quality, it).

    What is older than 15 minutes, flagged bad or as worthless (stuck, out of range, a filler) or at no known place has no part in it. Raises
    TooFewError for fewer than three devices.
    """
    values, at_m = _measured(site, newest, quantity, at)
    if len(values) < LEAST_DEVICES:
        raise TooFewError(
            f"not enough devices: {len(values)} measured {QUANTITY[quantity].label_en} in the last"
            f" {STALE // timedelta(minutes=1)} minutes, {LEAST_DEVICES} are needed"
        )
    x_m, y_m, cell_m = _nodes(site, at_m)
    x, y = np.meshgrid(x_m, y_m)
    found = interpolate(values, at_m, np.column_stack([x.ravel(), y.ravel()]), ACCURACY[quantity])
    (south, north), (west, east) = site.map.to_latlon(x_m[[0, -1]], y_m[[0, -1]])
    return QuantityField(
        quantity,
        len(values),
        float(south),
        float(west),
        float(north - south) / (len(y_m) - 1),
        float(east - west) / (len(x_m) - 1),
        cell_m,
        Between(*(part.reshape(x.shape) for part in found)),
    )


def _measured(site: Site, newest: pa.Table, quantity: str, at: datetime) -> tuple[Floats, Floats]:
    """Return the values (devices,) that count and where they were measured (devices, 2)."""
    stations = {station.name: (station.lat, station.lon) for station in site.stations}
    values, places = [], []
    for row in without_flagged(newest).select(["device", "time", "lat", "lon", quantity]).to_pylist():
        if row[quantity] is None or not at - STALE <= row["time"] <= at + STALE:
            continue
        lat, lon = (row["lat"], row["lon"]) if row["lat"] is not None else stations.get(row["device"], (None, None))
        values.append(row[quantity])
        places.append((np.nan if lat is None else lat, np.nan if lon is None else lon))
    at_deg = np.array(places, dtype=np.float64).reshape(-1, 2)
    at_m = np.column_stack(site.map.to_xy(at_deg[:, 0], at_deg[:, 1]))
    known = is_position(at_deg[:, 0], at_deg[:, 1]) & (np.abs(at_m) <= REACH_M).all(axis=1)
    limits = QUANTITY[quantity]
    measured = np.array(values, dtype=np.float64)
    known &= (measured >= limits.minimum) & (measured <= limits.maximum)
    return measured[known], at_m[known]


def _nodes(site: Site, at_m: Floats) -> tuple[Floats, Floats, float]:
    """Return the nodes' places along x and along y, around the stations of the site and the devices, and how far they are apart."""
    lat, lon = (np.array([getattr(station, key) for station in site.stations], dtype=float) for key in ("lat", "lon"))
    every = np.vstack([at_m, np.column_stack(site.map.to_xy(lat, lon))])
    low, high = every.min(axis=0) - MARGIN_M, every.max(axis=0) + MARGIN_M
    cell_m = max(LEAST_CELL_M, float((high - low).max()) / (MOST_CELLS - 1))
    x_m, y_m = (low[k] + cell_m * np.arange(int((high[k] - low[k]) / cell_m + 1e-9) + 1) for k in (0, 1))
    return x_m, y_m, cell_m
