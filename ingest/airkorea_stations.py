"""AirKorea's list of stations: where the official stations of a province stand, so that own ones can be compared with the nearest."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

# Degrees; the list names latitude dmX and longitude dmY, and older answers the other way round, which cannot be confused in Korea.
KOREA_LAT: Final = (32.0, 40.0)
KOREA_LON: Final = (123.0, 133.0)
COLUMNS: Final = ("province", "station", "lat", "lon", "network", "address")


class OfficialStation(NamedTuple):
    """One station: its province as AirKorea's hourly values name it, and its network, such as 도시대기 (city) or 도로변대기 (roadside)."""

    province: str
    station: str
    lat: float
    lon: float
    network: str
    address: str


class StationList(NamedTuple):
    """The stations of an answer, and how many entries had no name or no place in Korea."""

    stations: list[OfficialStation]
    left_out: int


def read_stations(payload: bytes, province: str) -> StationList:
    """Return the stations of an answer that `read_answer` has found good."""
    items = msgspec.json.decode(payload)["response"]["body"]["items"]
    found = [_station(item, province) for item in items]
    return StationList([station for station in found if station is not None], found.count(None))


def _station(item: Any, province: str) -> OfficialStation | None:
    if not isinstance(item, dict) or not item.get("stationName"):
        return None
    place = _place([item.get("dmX"), item.get("dmY")])
    if place is None:
        return None
    address = str(item.get("addr") or "")
    return OfficialStation(province, str(item["stationName"]), *place, str(item.get("mangName") or ""), address)


def _place(given: Iterable[Any]) -> tuple[float, float] | None:
    try:
        first, second = (float(value) for value in given)
    except (TypeError, ValueError):
        return None
    for lat, lon in ((first, second), (second, first)):
        if KOREA_LAT[0] < lat < KOREA_LAT[1] and KOREA_LON[0] < lon < KOREA_LON[1]:
            return lat, lon
    return None
