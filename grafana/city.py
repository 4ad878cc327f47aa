"""The city on which the dashboards open, with the names of its places: the built-in one. Another is chosen at the top.

Days, map views, ground and names begin as this one's; `JEONJU_SITE` of `make dashboards` names another site file for all of them.
"""

import math
import os
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from jeonju.airquality.schemes import SCHEMES, Scheme
from jeonju.contract.site import Site, load_site

SITE: Final = os.environ.get("JEONJU_SITE", "jeonju")
HOUR_S: Final = 3600
# Metres of a pixel at zoom 0 on the equator, as maps on the web have it.
PIXEL_M: Final = 156_543.03
# Metres of a degree of latitude.
DEGREE_M: Final = 111_195


@cache
def site() -> Site:
    """Return its site file."""
    return load_site(SITE)


def scheme() -> Scheme:
    """Return the index, standards and levels that it has chosen."""
    return SCHEMES[site().index]


def name() -> str:
    """Return its name."""
    return site().name


def timezone() -> str:
    """Return its time zone."""
    return site().timezone


def utc_offset_h() -> int:
    """Return its offset from UTC in January, in whole hours."""
    offset = datetime(2026, 1, 15, tzinfo=UTC).astimezone(ZoneInfo(timezone())).utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / HOUR_S)


def middle() -> tuple[float, float]:
    """Return the latitude and longitude of the middle of its zones and devices."""
    south, west, north, east = _bounds()
    return round((south + north) / 2, 4), round((west + east) / 2, 4)


def extent_m() -> tuple[float, float]:
    """Return how far its zones and devices lie apart [m], from south to north and from west to east."""
    south, west, north, east = _bounds()
    return (north - south) * DEGREE_M, (east - west) * DEGREE_M * math.cos(math.radians((south + north) / 2))


def _bounds() -> tuple[float, float, float, float]:
    places = [corner for zone in site().zones for corner in zone.outline]
    places += [(station.lat, station.lon) for station in site().stations] + [robot.dock for robot in site().robots]
    lats, lons = zip(*places, strict=True)
    return min(lats), min(lons), max(lats), max(lons)
