"""The ground of a city's map from open data: rivers, fields and dense quarters as `[[land]]`, main roads as `[[sources]]` of a site file."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from pydantic import ValidationError

from jeonju.airquality.geo import LocalMap
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.land import MAP_REACH_M, Land

RIVERS: Final[dict[str, float]] = {"river": 60.0, "canal": 20.0}  # usual width [m] where none is given
BUILT = {"residential", "commercial", "industrial", "retail"}
OPEN = {"farmland", "meadow", "grass", "orchard", "farmyard", "greenhouse_horticulture", "recreation_ground"}
# Vehicles a day by class where nobody has counted: an assumption, to be replaced by counts.
VEHICLES_A_DAY: Final[dict[str, float]] = {"motorway": 40_000, "trunk": 40_000, "primary": 25_000, "secondary": 12_000}
# Grams per vehicle and kilometre, as for the roads of contract/sites/jeonju.toml; of NOx, four tenths are taken to be NO2 beside the road.
PER_VEHICLE_KM = {"no2": 0.16, "co": 0.8, "pm25": 0.02, "pm10": 0.08, "pm1": 0.014, "tvoc": 0.1}
SECONDS_A_DAY = 86_400
# The map shows no more, and the wind looks at land in steps of 50 m.
MOST = {"river": 20, "open": 30, "built": 30, "road": 40}
LINE_WITHIN_M, OUTLINE_WITHIN_M = 40.0, 80.0
LEAST_LENGTH_M, LEAST_AREA_M2 = 1000.0, 250_000.0
MOST_CORNERS = 120

Entry = tuple[str, float, str]
Point = tuple[float, float]
Line = list[Point]
Key = tuple[Any, ...]


def ground_of(file: Path, area: LocalMap, reach_m: float) -> tuple[str, dict[str, tuple[int, int]]]:
    """Return the entries of a site file, and of each kind how many of how many are in it.

    `file` is GeoJSON with OpenStreetMap's tags as properties. Raises UserError for what is none.
    """
    try:
        features = json.loads(file.read_text("utf-8-sig"))["features"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is no GeoJSON with features: {error}") from error
    reach_m = min(reach_m, MAP_REACH_M)
    texts = [
        "# From OpenStreetMap (© OpenStreetMap contributors, ODbL), simplified by scripts/ground. Roads: vehicles a day are assumed by class.\n"
    ]
    entries = [*_rivers(features, area, reach_m), *_quarters(features, area, reach_m), *_roads(features, area, reach_m)]
    counts = {}
    for kind, most in MOST.items():
        mine = sorted((entry for entry in entries if entry[0] == kind), key=lambda entry: -entry[1])
        texts += [text for _, _, text in mine[:most]]
        counts[kind] = min(len(mine), most), len(mine)
    return "\n".join(texts), counts


def _rivers(features: Iterable[dict[str, Any]], area: LocalMap, reach_m: float) -> Iterator[Entry]:
    for tags, line in _joined(features, "waterway", RIVERS, area, reach_m):
        width_m = _number(tags.get("width")) or RIVERS[tags["waterway"]]
        lines = {"kind": '"river"', **_labels(tags), "width_m": f"{min(width_m, 5000):g}", "line": _points(line, area)}
        yield "river", _length_m(line), _table("land", lines)


def _roads(features: Iterable[dict[str, Any]], area: LocalMap, reach_m: float) -> Iterator[Entry]:
    names: set[str] = set()
    for tags, line in _joined(features, "highway", VEHICLES_A_DAY, area, reach_m):
        length_m, vehicles = _length_m(line), VEHICLES_A_DAY[tags["highway"]]
        first = (
            re.sub(r"[^a-z0-9]+", "-", (tags.get("name:en") or tags.get("ref") or "road").lower()).strip("-")[:50]
            or "road"
        )
        name = next(
            each for number in range(1, 10_000) if (each := first if number == 1 else f"{first}-{number}") not in names
        )
        names.add(name)
        grams = {key: vehicles * length_m / 1000 * per / SECONDS_A_DAY for key, per in PER_VEHICLE_KM.items()}
        rates = ", ".join(f"{key} = {rate:.3f}" for key, rate in grams.items())
        lines = {"kind": '"road"', "name": f'"{name}"', **_labels(tags), "line": _points(line, area)}
        yield (
            "road",
            length_m * vehicles,
            _table("sources", {**lines, "schedule": '"rush-hours"', "rates_g_s": f"{{ {rates} }}"}),
        )


def _quarters(features: Iterable[dict[str, Any]], area: LocalMap, reach_m: float) -> Iterator[Entry]:
    for feature in features:
        tags, shape = feature.get("properties") or {}, feature.get("geometry") or {}
        use = tags.get("landuse")
        kind: Literal["built", "open"] | None = "built" if use in BUILT else "open" if use in OPEN else None
        if kind is None:
            continue
        outlines: dict[Any, Any] = {"Polygon": [shape.get("coordinates")], "MultiPolygon": shape.get("coordinates")}
        for rings in outlines.get(shape.get("type")) or []:
            corners = _simplified(_places(rings[0], area)[:-1], OUTLINE_WITHIN_M)
            size_m2 = abs(_area_m2(corners))
            if size_m2 < LEAST_AREA_M2 or len(corners) > MOST_CORNERS or np.hypot(*corners.T).max() > reach_m:
                continue
            outline = _points(corners, area)
            try:
                Land(kind=kind, outline=json.loads(outline))
            except ValidationError:
                continue  # The simplified outline crosses itself.
            yield kind, size_m2, _table("land", {"kind": f'"{kind}"', **_labels(tags), "outline": outline})


def _joined(
    features: Iterable[dict[str, Any]], key: str, wanted: dict[str, float], area: LocalMap, reach_m: float
) -> Iterator[tuple[dict[str, Any], Floats]]:
    """Yield lines of one kind and name, joined where the end of one is the beginning of another; ways are cut at every crossing."""
    groups: dict[Key, list[tuple[dict[str, Any], Line]]] = {}
    for feature in features:
        tags, shape = feature.get("properties") or {}, feature.get("geometry") or {}
        if tags.get(key) in wanted and shape.get("type") in ("LineString", "MultiLineString"):
            parts = [shape["coordinates"]] if shape["type"] == "LineString" else shape["coordinates"]
            groups.setdefault((tags[key], tags.get("name"), tags.get("ref")), []).extend(
                (tags, [tuple(p[:2]) for p in part]) for part in parts
            )
    for ways in groups.values():
        for tags, line in _chained(ways):
            places = _places(line, area)
            near = np.hypot(*places.T) <= reach_m
            places = _simplified(places[near], LINE_WITHIN_M) if near.sum() > 1 else places[:0]
            if len(places) > 1 and _length_m(places) >= LEAST_LENGTH_M:
                yield tags, places


def _chained(ways: list[tuple[dict[str, Any], Line]]) -> Iterator[tuple[dict[str, Any], Line]]:
    left = {number: way for number, way in enumerate(ways) if len(way[1]) > 1}
    begins: dict[Key, list[int]] = {}
    for number, (_, line) in left.items():
        begins.setdefault(line[0], []).append(number)
    ends = {line[-1] for _, line in left.values()}
    # From those that nothing leads to; rings begin anywhere.
    for number in sorted(left, key=lambda number: left[number][1][0] in ends):
        if number not in left:
            continue
        tags, line = left.pop(number)
        while (following := next((each for each in begins.get(line[-1], ()) if each in left), None)) is not None:
            line = line + left.pop(following)[1][1:]
        yield tags, line


def _places(coordinates: Iterable[Any], area: LocalMap) -> Floats:
    lon, lat = np.array([point[:2] for point in coordinates], dtype=float).T
    return np.column_stack(area.to_xy(lat, lon))


def _simplified(places: Floats, within_m: float) -> Floats:
    """Leave points out that lie so near to the line through the others (Douglas and Peucker 1973)."""
    kept, waiting = {0, len(places) - 1}, [(0, len(places) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:
            continue
        along, off = places[last] - places[first], places[first + 1 : last] - places[first]
        share = np.clip(off @ along / max(along @ along, 1e-9), 0, 1)
        distance = np.hypot(*(off - share[:, None] * along).T)
        if distance.max() > within_m:
            middle = first + 1 + int(distance.argmax())
            kept.add(middle)
            waiting += [(first, middle), (middle, last)]
    return places[sorted(kept)]


def _length_m(places: Floats) -> float:
    return float(np.hypot(*np.diff(places, axis=0).T).sum())


def _area_m2(corners: Floats) -> float:
    x, y = corners.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def _points(places: Floats, area: LocalMap) -> str:
    return "[" + ", ".join(f"[{lat:.5f}, {lon:.5f}]" for lat, lon in zip(*area.to_latlon(*places.T), strict=True)) + "]"


def _labels(tags: dict[str, Any]) -> dict[str, str]:
    korean, english = tags.get("name") or "", tags.get("name:en") or tags.get("name") or ""
    return {"label_ko": json.dumps(korean, ensure_ascii=False), "label_en": json.dumps(english, ensure_ascii=False)}


def _number(text: str | None) -> float | None:
    found = re.match(r"\d+(\.\d+)?", str(text or ""))
    return float(found[0]) or None if found else None


def _table(name: str, lines: dict[str, str]) -> str:
    return f"[[{name}]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items())
