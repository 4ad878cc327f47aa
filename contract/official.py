"""Which devices are official, and of which region of AirKorea's forecast a city is: what its site file says (`names` of a gateway)."""

import re
from collections.abc import Iterator
from typing import Final

from jeonju.contract.site import Site

# Devices that the site file names so stand in other provinces, whose air may come here.
UPWIND_NAME: Final = "upwind-"
_KMA_NAME: Final = re.compile(r"kma-\d{1,3}-\d{1,3}")
# Regions in which AirKorea forecasts, by province; most are their province.
_PARTS: Final = {"경기": ("경기남부", "경기북부"), "강원": ("영동", "영서")}
REGIONS: Final = (
    *("서울", "제주", "전남", "전북", "광주", "경남", "경북", "울산", "대구"),
    *("부산", "충남", "충북", "세종", "대전", "인천", *_PARTS["경기"], *_PARTS["강원"]),
)


def source_of(site: Site, device: str) -> str | None:
    """Return who publishes the values of an official device, None for the city's own."""
    if _KMA_NAME.fullmatch(device):
        return "KMA"
    return "AirKorea" if any(device == named for _, named in _named(site)) else None


def official_stations(site: Site) -> dict[str, str]:
    """Return what AirKorea calls each official station in the city, by device."""
    return {device: name.rpartition("/")[2] for name, device in _named(site) if not device.startswith(UPWIND_NAME)}


def regions(site: Site) -> list[str]:
    """Return the regions of AirKorea's forecast that the city's official stations lie in: one, or both parts of their province."""
    provinces = dict.fromkeys(
        name.partition("/")[0] for name, device in _named(site) if not device.startswith(UPWIND_NAME)
    )
    return [part for province in provinces for part in _PARTS.get(province, (province,)) if part in REGIONS]


def _named(site: Site) -> Iterator[tuple[str, str]]:
    for gateway in site.gateways:
        if gateway.format == "airkorea":
            yield from gateway.names.items()
