"""The city on which the dashboards open, with the names of its places: the built-in one. Another is chosen at the top.

Days, map views, ground and names begin as this one's; `JEONJU_SITE` of `make dashboards` names another site file for all of them.
"""

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
    """Return the latitude and longitude of the middle of its devices, or of its zones where it has none."""
    places = [(station.lat, station.lon) for station in site().stations] or [robot.dock for robot in site().robots]
    places = places or [corner for zone in site().zones for corner in zone.outline]
    lats, lons = zip(*places, strict=True)
    return round((min(lats) + max(lats)) / 2, 4), round((min(lons) + max(lons)) / 2, 4)
