"""Where a place is: Korean cities and districts, the principal cities of the world's time zones, or latitude and longitude."""

import re
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import TZPATH

import numpy as np

from jeonju.airquality.geo import NOWHERE_DEG
from jeonju.common.errors import UserError

# Beyond, a degree of longitude shrinks so fast that a flat map of 20 km is off by more than one part in a hundred.
HIGHEST_LATITUDE: Final = 80.0
# Longitudes are not joined at ±180°: nothing of a city may lie on the other side (20 km are 1.04° at 80°).
DATE_LINE_MARGIN_DEG: Final = 0.2


# Of a place by its coordinates.
UNNAMED: Final = "new-city"


class Place(NamedTuple):
    """A place, in WGS84 degrees; `zone` is its time zone, `country` of ISO 3166, both by the nearest principal city where not known."""

    name: str
    label_ko: str
    label_en: str
    lat: float
    lon: float
    timezone: str
    country: str


# City halls and offices of districts, to a hundredth of a degree: common knowledge, as any map shows it.
_KOREA: Final = (
    ("seoul", "서울", "Seoul", 37.567, 126.978),
    ("gangnam", "강남구", "Gangnam", 37.517, 127.047),
    ("songpa", "송파구", "Songpa", 37.515, 127.106),
    ("yeongdeungpo", "영등포구", "Yeongdeungpo", 37.526, 126.896),
    ("mapo", "마포구", "Mapo", 37.566, 126.902),
    ("busan", "부산", "Busan", 35.180, 129.075),
    ("daegu", "대구", "Daegu", 35.871, 128.602),
    ("incheon", "인천", "Incheon", 37.456, 126.705),
    ("gwangju", "광주", "Gwangju", 35.160, 126.851),
    ("daejeon", "대전", "Daejeon", 36.351, 127.385),
    ("ulsan", "울산", "Ulsan", 35.539, 129.311),
    ("sejong", "세종", "Sejong", 36.480, 127.289),
    ("suwon", "수원", "Suwon", 37.263, 127.029),
    ("seongnam", "성남", "Seongnam", 37.420, 127.127),
    ("ansan", "안산", "Ansan", 37.322, 126.831),
    ("chuncheon", "춘천", "Chuncheon", 37.881, 127.730),
    ("wonju", "원주", "Wonju", 37.342, 127.920),
    ("gangneung", "강릉", "Gangneung", 37.752, 128.876),
    ("cheongju", "청주", "Cheongju", 36.642, 127.489),
    ("cheonan", "천안", "Cheonan", 36.815, 127.114),
    ("jeonju", "전주", "Jeonju", 35.824, 127.148),
    ("gunsan", "군산", "Gunsan", 35.968, 126.737),
    ("iksan", "익산", "Iksan", 35.948, 126.958),
    ("mokpo", "목포", "Mokpo", 34.812, 126.392),
    ("yeosu", "여수", "Yeosu", 34.760, 127.662),
    ("suncheon", "순천", "Suncheon", 34.951, 127.487),
    ("gwangyang", "광양", "Gwangyang", 34.941, 127.696),
    ("pohang", "포항", "Pohang", 36.019, 129.343),
    ("gumi", "구미", "Gumi", 36.120, 128.344),
    ("changwon", "창원", "Changwon", 35.228, 128.682),
    ("gimhae", "김해", "Gimhae", 35.229, 128.889),
    ("jinju", "진주", "Jinju", 35.180, 128.108),
    ("jeju", "제주", "Jeju", 33.500, 126.531),
)
_NUMBERS: Final = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*[,; ]\s*([+-]?\d+(?:\.\d+)?)\s*")


def find_place(text: str) -> Place:
    """Return a place by its name in Korean or English, or by `LAT,LON`.

    Raises UserError for one that is not known, at a pole or across the date line.
    """
    if (numbers := _NUMBERS.fullmatch(text)) is not None:
        return _at(float(numbers[1]), float(numbers[2]))
    wanted = _plain(text)
    known = {key: place for place in _known() for key in (place.name, _plain(place.label_ko), _plain(place.label_en))}
    if wanted not in known:
        near = get_close_matches(wanted, known, n=3, cutoff=0.6)
        like = f"; there is {', '.join(dict.fromkeys(known[key].label_en for key in near))}" if near else ""
        raise UserError(f"no place is known as {text!r}{like}; give latitude and longitude: --place 37.517,127.047")
    return known[wanted]


def check_position(lat: float, lon: float, what: str) -> None:
    """Raise UserError for a place where no city's flat map can be."""
    if abs(lat) > 90 and abs(lat) <= 180 and abs(lon) <= 90:
        raise UserError(f"{what}: latitude {lat:g} is beyond the pole; are latitude and longitude swapped?")
    if abs(lat) > 90 or abs(lon) > 180:
        raise UserError(f"{what}: {lat:g}, {lon:g} is no place on the globe; give latitude, then longitude, in degrees")
    if abs(lat) <= NOWHERE_DEG and abs(lon) <= NOWHERE_DEG:
        raise UserError(f"{what}: 0, 0 is where receivers are that have no position; give the true one")
    if abs(lat) > HIGHEST_LATITUDE:
        raise UserError(
            f"{what}: latitude {lat:g} is too near to the pole for a flat map; cities up to {HIGHEST_LATITUDE:g}° can be made"
        )
    if abs(lon) > 180 - DATE_LINE_MARGIN_DEG:
        raise UserError(
            f"{what}: longitude {lon:g} lies at the date line, where the map is not joined; choose an origin {DATE_LINE_MARGIN_DEG:g}° off it"
        )


def _at(lat: float, lon: float) -> Place:
    check_position(lat, lon, "--place")
    nearest = min(_known(), key=lambda place: _distance_deg(place, lat, lon))
    label = f"{lat:.3f}, {lon:.3f}"
    return Place(UNNAMED, label, label, lat, lon, nearest.timezone, nearest.country)


def _distance_deg(place: Place, lat: float, lon: float) -> float:
    east = (place.lon - lon + 180) % 360 - 180
    return float(np.hypot(place.lat - lat, east * np.cos(np.radians(lat))))


def _known() -> list[Place]:
    places = [Place(name, korean, english, lat, lon, "Asia/Seoul", "KR") for name, korean, english, lat, lon in _KOREA]
    names = {place.name for place in places}
    return places + [place for place in _principal_cities() if place.name not in names]


def _principal_cities() -> list[Place]:
    """Return the principal city of every time zone (IANA time zone database, zone.tab)."""
    places = []
    for line in _zone_tab().splitlines():
        if line.startswith("#"):
            continue
        country, position, zone, *_ = line.split("\t")
        lat, lon = (_degrees(part) for part in re.findall(r"[+-]\d+", position))
        city = zone.rsplit("/", 1)[1].replace("_", " ")
        name = re.sub(r"[^a-z0-9]+", "-", city.lower()).strip("-")
        places.append(Place(name, city, city, lat, lon, zone, country))
    return places


def _degrees(text: str) -> float:
    """Return the degrees of ±DDMM, ±DDDMM, ±DDMMSS or ±DDDMMSS (ISO 6709)."""
    digits = text[1:]
    whole = 2 if len(digits) in (4, 6) else 3
    parts = [float(digits[:whole]), float(digits[whole : whole + 2]) / 60, float(digits[whole + 2 :] or 0) / 3600]
    return (-1 if text[0] == "-" else 1) * round(sum(parts), 4)


def _zone_tab() -> str:
    for folder in TZPATH:
        if (path := Path(folder) / "zone.tab").is_file():
            return path.read_text(encoding="utf-8")
    try:
        return (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8")
    except ModuleNotFoundError:
        return ""


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", "-", text.strip().lower())
