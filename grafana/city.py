"""The city on which the dashboards open: the built-in one. Another is chosen at the top; its days and map views begin as this one's."""

from typing import Final

from jeonju.contract.site import load_site

NAME: Final = "jeonju"


def timezone() -> str:
    """Return its time zone."""
    return load_site(NAME).timezone


def middle() -> tuple[float, float]:
    """Return the latitude and longitude of the middle of its stations."""
    lats, lons = zip(*((station.lat, station.lon) for station in load_site(NAME).stations), strict=True)
    return round((min(lats) + max(lats)) / 2, 4), round((min(lons) + max(lons)) / 2, 4)
