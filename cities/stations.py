"""Stations of a new city: from a CSV file, from AirKorea's list, or laid out where nobody knows better."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from jeonju.airquality.geo import LocalMap
from jeonju.airquality.pollutants import QUANTITY
from jeonju.cities.places import check_position
from jeonju.common.errors import UserError
from jeonju.contract.land import MAP_REACH_M
from jeonju.contract.topics import NAME

MOST_STATIONS: Final = 2000
MOST_BYTES: Final = 5_000_000
USUAL: Final = ("pm1", "pm25", "pm10", "no2", "o3", "co", "temperature", "humidity")
WIND: Final = ("wind_speed", "wind_direction", "pressure")
_OFFICIAL: Final = {"SO2": "so2", "CO": "co", "O3": "o3", "NO2": "no2", "PM10": "pm10", "PM2.5": "pm25"}
_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("name", "id", "station", "stationname", "station_id", "측정소", "측정소명", "이름"),
    "lat": ("lat", "latitude", "위도", "dmx"),
    "lon": ("lon", "lng", "long", "longitude", "경도", "dmy"),
    "label_ko": ("label_ko", "한글명", "주소"),
    "label_en": ("label_en", "label", "영문명"),
    "zone": ("zone", "구역"),
    "height_m": ("height_m", "height", "높이"),
    "quantities": ("quantities", "item", "측정항목"),
}


@dataclass(frozen=True, kw_only=True)
class Found:
    """A station as it was found, `where` for people."""

    name: str
    lat: float
    lon: float
    where: str
    label_ko: str = ""
    label_en: str = ""
    zone: str = ""
    height_m: float = 3.0
    quantities: tuple[str, ...] = (*USUAL, *WIND)


def from_csv(path: Path, area: LocalMap) -> list[Found]:
    """Return the stations of a CSV file with at least a name, a latitude and a longitude; UTF-8, or CP949 as Korean Excel writes it.

    Raises UserError, naming file and line, for what is no such file or no station of this city.
    """
    rows = csv.reader(io.StringIO(_text(path), newline=""), delimiter=_delimiter(path))
    try:
        head = [cell.strip().lower() for cell in next(rows, [])]
        at = {key: head.index(name) for key, names in _COLUMNS.items() for name in names if name in head}
        if missing := [key for key in ("name", "lat", "lon") if key not in at]:
            raise UserError(
                f"{path}:1: no column for {', '.join(missing)}; a first line such as name,lat,lon,label_ko,label_en,zone,quantities is needed"
            )
        found = [
            _of_row({key: row[column].strip() for key, column in at.items() if column < len(row)}, f"{path}:{number}")
            for number, row in enumerate(rows, start=2)
            if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise UserError(f"{path} is no CSV: {error}") from error
    return checked(found, area, str(path))


def from_airkorea(content: bytes, area: LocalMap, what: str, within_m: float = MAP_REACH_M) -> list[Found]:
    """Return the stations of an answer of MsrstnInfoInqireSvc/getMsrstnList within `within_m` of the origin.

    Raises UserError for what is no such answer, one without coordinates, or one without a station here.
    """
    try:
        items = json.loads(content)["response"]["body"]["items"]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{what} is no station list of AirKorea in JSON (MsrstnInfoInqireSvc/getMsrstnList, returnType=json)"
        ) from error
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UserError(f"{what}: response.body.items is no list of stations")
    placed = [(item, *position) for item in items if (position := _position(item)) is not None]
    if items and not placed:
        raise UserError(
            f"{what}: none of {len(items)} stations has coordinates (dmX latitude, dmY longitude); the list must be that of getMsrstnList"
        )
    near = [
        (item, lat, lon)
        for item, lat, lon in placed
        if float(np.hypot(*area.to_xy(lat, lon))) <= min(within_m, MAP_REACH_M)
    ]
    if not near:
        raise UserError(
            f"{what}: none of {len(placed)} stations lies within {within_m / 1000:g} km of {area.lat:g}, {area.lon:g}"
        )
    found = [
        Found(
            name=f"official-{number:02d}",
            lat=lat,
            lon=lon,
            where=f"{what}: {item.get('stationName')}",
            label_ko=f"{item.get('stationName', '')} ({item.get('mangName', '국가망')})",
            label_en=str(item.get("stationName", "")),
            quantities=(*_official(str(item.get("item", ""))), "temperature", "humidity", *WIND),
        )
        for number, (item, lat, lon) in enumerate(near, start=1)
    ]
    return checked(found, area, what)


def laid_out(count: int, area: LocalMap, radius_m: float) -> list[Found]:
    """Return `count` stations spread evenly over a disc (sunflower), for a city of which nobody has a list."""
    numbers = np.arange(count) + 0.5
    distance_m, angle = radius_m * np.sqrt(numbers / count), numbers * np.pi * (3 - np.sqrt(5))
    lat, lon = area.to_latlon(distance_m * np.sin(angle), distance_m * np.cos(angle))
    return [
        Found(
            name=f"station-{number:02d}",
            lat=round(float(north), 5),
            lon=round(float(east), 5),
            where="laid out",
            label_ko=f"측정소 {number}",
            label_en=f"Station {number}",
            quantities=(*USUAL, *(WIND if number % 4 == 1 else ())),
        )
        for number, (north, east) in enumerate(zip(lat, lon, strict=True), start=1)
    ]


def checked(found: list[Found], area: LocalMap, what: str) -> list[Found]:
    """Return the stations. Raises UserError for none, two of one name, or one outside."""
    if not found:
        raise UserError(f"{what} has no station")
    if len(found) > MOST_STATIONS:
        raise UserError(
            f"{what} has {len(found)} stations, more than {MOST_STATIONS}; leave those out that are not meant"
        )
    seen: dict[str, Found] = {}
    for station in found:
        if (before := seen.get(station.name)) is not None:
            raise UserError(f"{station.where}: {station.name!r} is there already ({before.where}); names must differ")
        seen[station.name] = station
        if (distance_m := float(np.hypot(*area.to_xy(station.lat, station.lon)))) > MAP_REACH_M:
            swapped_m = float(np.hypot(*area.to_xy(station.lon, station.lat)))
            hint = (
                "latitude and longitude are swapped"
                if swapped_m <= MAP_REACH_M
                else f"a city reaches {MAP_REACH_M / 1000:.0f} km; leave it out, or choose another place"
            )
            raise UserError(
                f"{station.where}: {station.name!r} at {station.lat:g}, {station.lon:g} is {distance_m / 1000:.0f} km from "
                f"{area.lat:g}, {area.lon:g}: {hint}"
            )
    return found


def _of_row(row: dict[str, str], where: str) -> Found:
    if not NAME.fullmatch(row.get("name", "")):
        raise UserError(
            f"{where}: name {row.get('name', '')!r} must be 1 to 64 Latin letters, digits, '-' or '_'; names in Korean go into label_ko"
        )
    lat, lon, height = (_number(row, key, where) for key in ("lat", "lon", "height_m"))
    if lat is None or lon is None:
        raise UserError(f"{where}: {row['name']!r} has no coordinates; give lat and lon in degrees")
    check_position(lat, lon, where)
    return Found(
        name=row["name"],
        lat=lat,
        lon=lon,
        where=where,
        label_ko=row.get("label_ko", ""),
        label_en=row.get("label_en", ""),
        zone=row.get("zone", ""),
        height_m=3.0 if height is None else height,
        quantities=tuple(_quantities(row.get("quantities", ""), where)) or (*USUAL, *WIND),
    )


def _number(row: dict[str, str], key: str, where: str) -> float | None:
    if not (text := row.get(key, "")):
        return None
    try:
        number = float(text.replace(",", ".")) if text.count(",") == 1 and "." not in text else float(text)
    except ValueError:
        raise UserError(f"{where}: {key} {text!r} is no number") from None
    if not np.isfinite(number):
        raise UserError(f"{where}: {key} {text!r} is no number")
    return number


def _quantities(text: str, where: str) -> Iterator[str]:
    for part in filter(None, re.split(r"[;,|\s]+", text)):
        key = _OFFICIAL.get(part.upper(), part.lower())
        if key not in QUANTITY:
            raise UserError(f"{where}: {part!r} is no known quantity; known are {', '.join(QUANTITY)}")
        yield key


def _official(items: str) -> tuple[str, ...]:
    """Return what an official station measures; its list names what it has, such as `SO2, CO, O3, NO2, PM10, PM2.5`."""
    return tuple(key for name, key in _OFFICIAL.items() if name in re.split(r"[\s,]+", items)) or tuple(
        _OFFICIAL.values()
    )


def _position(item: dict[str, Any]) -> tuple[float, float] | None:
    try:
        lat, lon = float(item["dmX"]), float(item["dmY"])
    except (KeyError, TypeError, ValueError):
        return None
    return (lat, lon) if 0 < abs(lat) <= 90 and 0 < abs(lon) <= 180 else None


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror or error}") from error
    if len(raw) > MOST_BYTES:
        raise UserError(f"{path} has {len(raw)} bytes, more than {MOST_BYTES}: it is no list of stations")
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp949")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UserError(f"{path} is in neither UTF-8 nor CP949 (EUC-KR); save it as UTF-8")


def _delimiter(path: Path) -> str:
    first = _text(path).partition("\n")[0]
    return max(",;\t", key=first.count)
