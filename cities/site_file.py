"""The text of a new site file: what was found, and of everything that was assumed that it was."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from jeonju.airquality.geo import LocalMap
from jeonju.cities.places import Place
from jeonju.cities.stations import USUAL, Found
from jeonju.common.arrays import Floats
from jeonju.contract.climate import Climate

ROBOT_QUANTITIES: Final = (*USUAL, "so2", "voc_index", "tvoc", "thermal_max")
# Around the outermost stations of a zone; half the side of a robot's square.
ZONE_MARGIN_M: Final = 400.0
LOOP_HALF_M: Final = 150.0
_CORNERS: Final = 8


@dataclass(frozen=True, kw_only=True)
class NewCity:
    """Everything that a site file is made of."""

    name: str
    label_ko: str
    label_en: str
    place: Place
    timezone: str
    index: str
    emergency_number: str
    elevation_m: float
    surroundings: str
    climate: Climate
    stations: Sequence[Found]
    stations_from: str
    robots: int
    ground: str = ""
    assumed: list[str] = field(default_factory=list)


def text_of(city: NewCity) -> str:
    """Return the TOML of a city."""
    area = LocalMap(city.place.lat, city.place.lon)
    zones = _zones(city)
    parts = [
        _head(city),
        _table(
            "",
            {
                "name": city.name,
                "label_ko": city.label_ko,
                "label_en": city.label_en,
                "timezone": city.timezone,
                "origin": [city.place.lat, city.place.lon],
                "elevation_m": city.elevation_m,
                "surroundings": city.surroundings,
                "roughness_m": 0.8 if city.surroundings == "urban" else 0.3,
                "index": city.index,
                "emergency_number": city.emergency_number,
                "note": f"Assumed: {'; '.join(city.assumed)}.",
            },
        ),
        "# The months are those of the calendar, whatever the season is then.\n"
        + _table("[climate]", city.climate.model_dump(exclude={"air"})),
        "# Annual means of what comes from elsewhere. `seasons` is 1 where they swing over the year as in Korea, 0 where not.\n"
        + _table("[climate.air]", city.climate.air.model_dump()),
        *(
            "# Drawn around the stations; put the real district in its place.\n"
            + _table(
                "[[zones]]",
                {"name": zone, "label_ko": labels[0], "label_en": labels[1], "outline": _outline(members, area)},
            )
            for zone, (labels, members) in zones.items()
        ),
        f"# Stations: {city.stations_from}.",
        *(_station(one, zones) for one in city.stations),
        *_robots(city, zones, area),
        _ground(city),
    ]
    return "\n".join(parts)


Zones = dict[str, tuple[tuple[str, str], list[Found]]]


def _head(city: NewCity) -> str:
    lines = [f"{city.label_en}: made by `jeonju site new`.", "", *(f"Assumed: {line}." for line in city.assumed)]
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _zones(city: NewCity) -> Zones:
    zones: Zones = {}
    for one in city.stations:
        name = one.zone or "city"
        labels = (city.label_ko, city.label_en) if name == "city" else (name, name)
        zones.setdefault(name, (labels, []))[1].append(one)
    return zones


def _outline(members: Iterable[Found], area: LocalMap) -> list[list[float]]:
    """Return the convex hull of octagons around the stations."""
    angle = 2 * np.pi * (np.arange(_CORNERS) + 0.5) / _CORNERS
    circle = ZONE_MARGIN_M * np.column_stack([np.cos(angle), np.sin(angle)])
    places = np.array([area.to_xy(one.lat, one.lon) for one in members], dtype=float)
    corners = _hull((places[:, None] + circle).reshape(-1, 2))
    return [[round(float(lat), 5), round(float(lon), 5)] for lat, lon in zip(*area.to_latlon(*corners.T), strict=True)]


def _hull(points: Floats) -> Floats:
    """Return the convex hull, anticlockwise (Andrew 1979)."""

    def half(ordered: list[tuple[float, float]]) -> list[tuple[float, float]]:
        kept: list[tuple[float, float]] = []
        for point in ordered:
            while len(kept) > 1 and _turn(kept[-2], kept[-1], point) <= 0:
                kept.pop()
            kept.append(point)
        return kept[:-1]

    ordered = sorted({(round(float(x), 1), round(float(y), 1)) for x, y in points})
    return np.array([*half(ordered), *half(ordered[::-1])])


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _station(one: Found, zones: Zones) -> str:
    return _table(
        "[[stations]]",
        {
            "name": one.name,
            "label_ko": one.label_ko or one.label_en or one.name,
            "label_en": one.label_en or one.label_ko or one.name,
            "zone": one.zone or next(iter(zones)),
            "lat": one.lat,
            "lon": one.lon,
            "height_m": one.height_m,
            "quantities": list(one.quantities),
        },
    )


def _robots(city: NewCity, zones: Zones, area: LocalMap) -> Iterable[str]:
    """Yield robots that go round a square of 1.2 km, each at another station, zone by zone in turn."""
    turns = [list(members) for _, members in zones.values()]
    starts = [members[turn] for turn in range(max(map(len, turns))) for members in turns if turn < len(members)]
    if city.robots:
        yield "# Loops are squares of 1.2 km around stations; put streets that robots may drive on in their place."
    for number in range(city.robots):
        at = starts[number % len(starts)]
        x, y = (float(value) for value in area.to_xy(at.lat, at.lon))
        # Two robots of one station do not share their loop.
        x += 2.5 * LOOP_HALF_M * (number // len(starts))
        loop = [
            [round(float(value), 5) for value in area.to_latlon(x + east * LOOP_HALF_M, y + north * LOOP_HALF_M)]
            for east, north in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        yield _table(
            "[[robots]]",
            {
                "name": f"{city.name[:50]}-robot-{number + 1}",
                "label_ko": f"{at.label_ko or at.name} 순찰",
                "label_en": f"{at.label_en or at.name} loop",
                "zone": at.zone or next(iter(zones)),
                "dock": loop[0],
                "loop": loop,
                "quantities": list(ROBOT_QUANTITIES),
            },
        )


def _ground(city: NewCity) -> str:
    if city.ground:
        return city.ground
    return (
        "# No ground: the map shows zones and stations on a plain, the wind is the same everywhere, and no road or stack emits anything.\n"
        "# `scripts/ground` makes rivers, fields, dense quarters and main roads from an extract of OpenStreetMap.\n"
    )


def _table(head: str, rows: dict[str, object]) -> str:
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in rows.items() if value != ""]
    return "\n".join(([head] if head else []) + lines) + "\n"
