"""The wind over a site, drawn together from its stations minute by minute, with what is not known of it.

The wind of a minute is the stations' mean, times the speed ratio of the land (rivers and open fields are faster), plus departures that are
smooth in space: optimal interpolation (Gandin 1963) of what each station differs from the mean over ten minutes, eastward and northward alike. A
station whose vane is stuck, or whose wind does not fit those of the others at all, is left out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.interpolation import correlation
from jeonju.common.arrays import Floats
from jeonju.contract.land_use import SpeedRatios, bilinear
from jeonju.contract.site import Site

# Length of the correlation of departures, which is the one that is usual for winds (Thiébaux and Pedder 1987): about the stations' spacing in a city;
# nothing was fitted to the simulator.
LENGTH_M: Final = 1500.0
# What departures usually are [m/s] before the stations of the last hour have shown it, and how many of them that knowledge is worth.
USUAL_M_S: Final = 0.2
USUAL_SHARE: Final = 0.15
USUAL_WORTH: Final = 4.0
# What a station's mean over the window says wrongly of the wind around it: the instrument, houses and trees near the mast.
STATION_M_S: Final = 0.1
STATION_SHARE: Final = 0.1
# Departures are means over so many minutes: they last an hour, gusts do not.
WINDOW_MIN: Final = 11
# A vane that shows the same direction within half a degree for so many minutes is stuck, unless all do.
STUCK_MIN: Final = 10
STUCK_RAD: Final = float(np.radians(0.5))
# So many standard deviations off the median of all stations, a wind is that of no place in this city. Two stations cannot say which of them is wrong.
OUTLYING: Final = 3.5
LEAST_TO_JUDGE: Final = 3
MOST_STATIONS: Final = 200


@dataclass(frozen=True)
class Winds:
    """The wind of each minute: `mean_m_s` (minutes, 2) over the site's usual land, NaN where unknown; `field_m_s` (minutes, 2, ny, nx) on the nodes.

    `error_m_s` (ny, nx) is the standard deviation of each component of the field; `left_out` are stations whose wind is not believed.
    """

    grid: SpeedRatios
    mean_m_s: Floats
    field_m_s: Floats
    error_m_s: Floats
    left_out: tuple[str, ...] = ()


def winds_over(site: Site, winds_m_s: Floats, places_m: Floats) -> Winds:
    """Return the wind over a site from that of each device (minutes, devices, 2), at their places (minutes, devices, 2 or 3).

    Robots do not count: what they feel while they drive is not the wind. A station is where it says it is, or else where the site file has it.
    """
    grid = site.speed_ratios
    at_m, seen = _stations(site, winds_m_s, places_m)
    believed = ~_stuck(winds_m_s[:, seen])
    ratio = grid.at(at_m[:, 0], at_m[:, 1])
    alike = winds_m_s[:, seen] / ratio[:, None]
    believed &= ~_outlying(np.where(believed[:, None], alike, np.nan))
    left_out = tuple(site.devices[number].name for number in np.array(seen)[~believed])
    alike, at_m = alike[:, believed], at_m[believed]
    if not len(at_m) or not np.isfinite(alike).any():
        empty = np.full((len(winds_m_s), 2), np.nan)
        return Winds(grid, empty, np.full((*empty.shape, *grid.ratio.shape), np.nan), grid.ratio * np.nan, left_out)
    mean, departures = _mean_and_departures(alike)
    speed = float(np.nanmean(np.hypot(*mean.T)))
    usual = USUAL_M_S + USUAL_SHARE * speed
    station = STATION_M_S + STATION_SHARE * speed
    spread = _spread(departures, usual, station)
    weights, error = _weights(grid, at_m, spread, station)
    field = np.einsum("ns,msc->mcn", weights, np.nan_to_num(departures)).reshape(-1, 2, *grid.ratio.shape)
    return Winds(grid, mean, (mean[..., None, None] + field) * grid.ratio, error * grid.ratio, left_out)


def _stations(site: Site, winds_m_s: Floats, places_m: Floats) -> tuple[Floats, list[int]]:
    """Return places (stations, 2) and numbers of the stations whose wind is known in some minute."""
    heard = np.asarray(np.isfinite(winds_m_s[..., 0]).any(axis=0))
    seen = [number for number in range(len(site.stations)) if heard[number]]
    if len(seen) > MOST_STATIONS:
        seen = [seen[k] for k in np.linspace(0, len(seen) - 1, MOST_STATIONS).round().astype(int)]
    at_m = np.empty((len(seen), 2))
    for row, number in enumerate(seen):
        said = places_m[:, number, :2]
        said = said[np.isfinite(said).all(axis=1)]
        station = site.stations[number]
        at_m[row] = np.median(said, axis=0) if len(said) else site.map.to_xy(station.lat, station.lon)
    return at_m, seen


def _stuck(winds_m_s: Floats) -> NDArray[np.bool_]:
    """Return which stations (of minutes, stations, 2) show one direction all the time; none where all do."""
    out = np.zeros(winds_m_s.shape[1], dtype=bool)
    for station in range(len(out)):
        known = winds_m_s[:, station]
        known = known[np.isfinite(known[:, 0]) & (np.hypot(*known.T) > 0)][-STUCK_MIN:]
        turned = np.arctan2(known[:, 1], known[:, 0])
        off = np.angle(np.exp(1j * (turned - turned[-1]))) if len(known) else turned
        out[station] = len(known) >= STUCK_MIN and bool(np.ptp(off) < STUCK_RAD)
    return out if not out.all() else np.zeros_like(out)


def _outlying(alike: Floats) -> NDArray[np.bool_]:
    """Return which stations (of minutes, stations, 2) differ from the median of all by more than departures do, one after the other."""
    out = np.zeros(alike.shape[1], dtype=bool)
    while True:
        left = np.where(out[:, None], np.nan, alike)
        known = np.isfinite(left[..., 0])
        judged = known.sum(axis=1) >= LEAST_TO_JUDGE
        if not judged.any():
            return out
        off = left[judged] - np.nanmedian(left[judged], axis=1)[:, None]
        counted = np.isfinite(off[..., 0]).sum(axis=0)
        lasting = np.hypot(*(np.nansum(off, axis=0) / np.maximum(counted, 1)[:, None]).T)
        speed = float(np.nanmedian(np.hypot(left[judged, :, 0], left[judged, :, 1])))
        usual = np.hypot(USUAL_M_S + USUAL_SHARE * speed, STATION_M_S + STATION_SHARE * speed)
        worst = int(lasting.argmax())
        if lasting[worst] <= OUTLYING * usual:
            return out
        out[worst] = True


def _mean_and_departures(alike: Floats) -> tuple[Floats, Floats]:
    """Return the mean (minutes, 2) of all stations, whichever of them report, and what each differs from it over a while (minutes, stations, 2)."""
    first = _mean(alike, axis=1)
    departures = _smooth(alike - first[:, None])
    return _mean(alike - np.nan_to_num(departures), axis=1), departures


def _mean(values: Floats, axis: int) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def _smooth(values: Floats) -> Floats:
    """Return the means of what is known within half a window before and after each minute; NaN where nothing is."""
    half = WINDOW_MIN // 2
    known = np.isfinite(values)
    sums, counts = (
        np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(part, axis=0)])
        for part in (np.where(known, values, 0.0), known)
    )
    first = np.maximum(np.arange(len(values)) - half, 0)
    last = np.minimum(np.arange(len(values)) + half + 1, len(values))
    count = counts[last] - counts[first]
    return np.where(count > 0, (sums[last] - sums[first]) / np.maximum(count, 1), np.nan)


def _spread(departures: Floats, usual: float, station: float) -> float:
    """Return the standard deviation of departures: what is usual, and what these stations show beyond their own error."""
    stations = departures.shape[1]
    seen = float(np.nanmean(departures**2)) * stations / max(stations - 1, 1) - station**2
    return float(np.sqrt((USUAL_WORTH * usual**2 + (stations - 1) * max(seen, 0.0)) / (USUAL_WORTH + stations - 1)))


def _weights(grid: SpeedRatios, at_m: Floats, spread: float, station: float) -> tuple[Floats, Floats]:
    """Return the weight of each station's departure at each node (nodes, stations), and the standard deviation of what is left (ny, nx)."""
    x, y = np.meshgrid(grid.x_m, grid.y_m)
    nodes = np.column_stack([x.ravel(), y.ravel()])
    between = spread**2 * correlation(at_m, at_m, LENGTH_M) + station**2 * np.eye(len(at_m))
    to_nodes = spread**2 * correlation(nodes, at_m, LENGTH_M)
    solved = np.linalg.solve(between, to_nodes.T).T
    # The mean of all stations is itself uncertain, and counts where departures do not say more (ordinary kriging).
    ones = np.linalg.solve(between, np.ones(len(at_m)))
    left = spread**2 - (solved * to_nodes).sum(axis=1) + (1 - solved.sum(axis=1)) ** 2 / ones.sum()
    return np.asarray(solved, dtype=np.float64), np.sqrt(np.maximum(left, 0.0)).reshape(x.shape)


def at_places(winds: Winds, x_m: Floats, y_m: Floats) -> Floats:
    """Return the wind of each minute at places: (minutes, 2, places)."""
    return bilinear(winds.grid, winds.field_m_s, x_m, y_m)
