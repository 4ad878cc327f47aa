"""Trace an incident: its source map, its most probable source, and the zones downwind, from the readings around it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa

from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.localization.arrivals import Downwind, zones_downwind
from jeonju.localization.hypotheses import BASELINE_MIN, BLOCK_MIN, DETECTION_LEVEL, LEAD_MIN
from jeonju.localization.minutes import MINUTE_S, minute_means
from jeonju.localization.plume_ensemble import PLACES, Released, sample_places
from jeonju.localization.source_map import SourceMap, locate_source

# Later readings add little about where it began, and the map would take ever longer; a robot has been there and back by then.
LONGEST_S: Final = 7200.0
# A map is made of that many minutes at least.
LEAST_S: Final = 2 * MINUTE_S * BLOCK_MIN
SHOWN_SHARE: Final = 0.9
HALF: Final = 0.5
# Stations of an hour show how much the wind differs over the city.
WIND_OVER_MIN: Final = 60


def span_of(opened_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    """Return the start and end of the readings that a map at `now` needs."""
    noticed_s = opened_at.timestamp()
    until_s = min(max(now.timestamp(), noticed_s + LEAST_S), noticed_s + LONGEST_S)
    begin_s = noticed_s - MINUTE_S * (BASELINE_MIN + LEAD_MIN + 1)
    return datetime.fromtimestamp(begin_s // MINUTE_S * MINUTE_S, UTC), datetime.fromtimestamp(until_s, UTC)


@dataclass(frozen=True, kw_only=True)
class Source:
    """The source in short: the most probable place, the radii around it that hold half and nine tenths of the probability, and the cells.

    `cells` are (lat, lon, probability), the most probable first, as many as hold nine tenths, of which `cells_of_half` hold half; `rate_g_s` are the
    5 %, 50 % and 95 % points. `unexplained` are devices that noticed a plume which this source does not explain.
    """

    quantity: str
    lat: float
    lon: float
    radius_m: float
    elsewhere: float
    is_unsure: bool
    rate_g_s: tuple[float, float, float]
    cells: tuple[tuple[float, float, float], ...]
    cell_m: float
    traced_at: datetime
    cells_of_half: int = 0
    says_nothing: bool = False
    unexplained: tuple[str, ...] = ()
    radius_90_m: float = 0.0  # 0: of an earlier version


class Trace(NamedTuple):
    """The source of an incident, as a map and in short, and the zones downwind."""

    map: SourceMap
    source: Source
    downwind: tuple[Downwind, ...]


def trace(
    site: Site, opened_at: datetime, alerts: Collection[AlertRecord], readings: pa.Table, until: datetime
) -> Trace:
    """Return the source map of an incident, and the zones that its plume reaches within the next hour in the wind of the last minutes.

    `readings` are those over `span_of(opened_at, …)`: minute means of stations; of robots each one, for they move.
    """
    found = source_map(site, opened_at, alerts, readings, until)
    noticed_min = (until - opened_at).total_seconds() / MINUTE_S
    downwind = _downwind(site, found, readings, until.timestamp(), noticed_min)
    return Trace(found, _source(site, found, until), downwind)


def source_map(
    site: Site, opened_at: datetime, alerts: Collection[AlertRecord], readings: pa.Table, until: datetime
) -> SourceMap:
    """Return the map of where the source of an incident may be, from its alerts and the readings over `span_of(opened_at, until)`."""
    return locate_source(
        site,
        readings,
        traced_quantity(alerts),
        noticed_s=opened_at.timestamp(),
        until_s=until.timestamp(),
        noticed_by={alert.device for alert in alerts if alert.device},
        smelt_by={alert.device for alert in alerts if alert.device and alert.quantity in DETECTION_LEVEL},
    )


def traced_quantity(alerts: Collection[AlertRecord]) -> str:
    """Return the quantity by which a plume is traced: that of most alerts, PM2.5 where none names one, as when a camera saw a flame."""
    named = [alert.quantity for alert in alerts if alert.quantity in DETECTION_LEVEL]
    return max(set(named), key=lambda key: (named.count(key), key)) if named else "pm25"


def _source(site: Site, found: SourceMap, at: datetime) -> Source:
    x, y = (axis.ravel() for axis in np.meshgrid(found.x_m, found.y_m, indexing="ij"))
    share = found.probability.ravel()
    order = np.argsort(-share)
    total = np.cumsum(share[order])
    shown = order[: int(np.searchsorted(total, SHOWN_SHARE * total[-1])) + 1]
    best_x, best_y = found.best_m
    lat, lon = site.map.to_latlon(x[shown], y[shown])
    best_lat, best_lon = (float(value) for value in site.map.to_latlon(best_x, best_y))
    distance = np.hypot(x - best_x, y - best_y)
    by_distance = np.argsort(distance)
    within = np.cumsum(share[by_distance])

    def radius_m(part: float) -> float:
        last = min(int(np.searchsorted(within, part * within[-1])), len(within) - 1)
        return round(max(float(distance[by_distance[last]]), found.cell_m / 2), 0)

    return Source(
        quantity=found.quantity,
        lat=round(best_lat, 6),
        lon=round(best_lon, 6),
        radius_m=radius_m(HALF),
        radius_90_m=radius_m(SHOWN_SHARE),
        elsewhere=round(found.elsewhere, 4),
        is_unsure=found.is_unsure,
        rate_g_s=tuple(round(rate, 3) for rate in found.rate_g_s),  # type: ignore[arg-type]
        cells=tuple(
            (round(float(a), 6), round(float(b), 6), round(float(p), 6))
            for a, b, p in zip(lat, lon, share[shown], strict=True)
        ),
        cell_m=found.cell_m,
        traced_at=at,
        cells_of_half=int(np.searchsorted(total, HALF * total[-1])) + 1,
        says_nothing=found.says_nothing,
        unexplained=found.unexplained,
    )


def _downwind(
    site: Site, found: SourceMap, readings: pa.Table, until_s: float, noticed_min: float
) -> tuple[Downwind, ...]:
    start_s = until_s - MINUTE_S * WIND_OVER_MIN
    minutes = minute_means(site, readings, found.quantity, start_s=start_s, until_s=until_s)
    places, weights = sample_places(found.x_m, found.y_m, found.probability, PLACES)
    since_min = max(noticed_min, 0.0) + LEAD_MIN / 2
    released = Released(places, weights, found.rate_g_s, found.quantity, since_min)
    return zones_downwind(site, released, minutes, DETECTION_LEVEL[found.quantity])
