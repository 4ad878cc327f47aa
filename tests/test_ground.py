"""The ground of a city from an extract of open data: what `scripts/ground` writes is taken by a site file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from jeonju.contract.site import BUILT_IN_SITES, Road, load_site

SCRIPT = Path(__file__).parents[1] / "scripts" / "ground"


def way(tags: dict[str, str], points: list[tuple[float, float]]) -> dict[str, Any]:
    """A line of (lat, lon)."""
    coordinates = [[lon, lat] for lat, lon in points]
    return {"type": "Feature", "properties": tags, "geometry": {"type": "LineString", "coordinates": coordinates}}


def quarter(use: str, corners: list[tuple[float, float]]) -> dict[str, Any]:
    ring = [[lon, lat] for lat, lon in [*corners, corners[0]]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"landuse": use}, "geometry": shape}


SQUARE = [(35.84, 127.08), (35.84, 127.09), (35.85, 127.09), (35.85, 127.08)]
FEATURES = [
    # Two ways of one river, the second first; the middle of one is on the line between its neighbours.
    way({"waterway": "river", "name": "전주천", "name:en": "Jeonju \"stream\""}, [(35.85, 127.10), (35.86, 127.10)]),
    way({"waterway": "river", "name": "전주천", "name:en": "Jeonju \"stream\""}, [(35.83, 127.10), (35.84, 127.1001), (35.85, 127.10)]),
    way({"waterway": "ditch"}, [(35.83, 127.11), (35.86, 127.11)]),
    way({"highway": "primary", "name": "기린대로", "name:en": "Girin-daero"}, [(35.84, 127.09), (35.86, 127.09)]),
    way({"highway": "residential"}, [(35.84, 127.09), (35.86, 127.09)]),
    way({"highway": "trunk"}, [(34.0, 127.0), (34.1, 127.0)]),
    quarter("farmland", SQUARE),
    quarter("industrial", [(lat + 0.02, lon) for lat, lon in SQUARE]),
    # Smaller than the wind can feel, crossing itself, and without a shape.
    quarter("farmland", [(35.84, 127.08), (35.84, 127.081), (35.841, 127.081)]),
    quarter("farmland", [SQUARE[0], SQUARE[2], SQUARE[1], SQUARE[3]]),
    {"type": "Feature", "properties": {"landuse": "farmland"}, "geometry": None},
]  # fmt: skip


def made(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, file, "--around", "35.845", "127.085"], capture_output=True, text=True, check=False
    )


def test_rivers_quarters_and_roads_become_parts_of_a_site_file(tmp_path: Path) -> None:
    extract = tmp_path / "extract.geojson"
    extract.write_text(json.dumps({"type": "FeatureCollection", "features": FEATURES}), encoding="utf-8")
    done = made(extract)
    assert done.returncode == 0, done.stderr
    text = (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8")
    (tmp_path / "city.toml").write_text(f"{text}\n{done.stdout}", encoding="utf-8")
    before, after = load_site("jeonju"), load_site(tmp_path / "city.toml")
    river, field, quarter_ = after.land[len(before.land) :]
    assert (river.kind, river.label_ko, river.label_en, river.width_m) == ("river", "전주천", 'Jeonju "stream"', 60.0)
    assert river.line == [(35.83, 127.1), (35.86, 127.1)]
    assert (field.kind, len(field.outline), quarter_.kind) == ("open", 4, "built")
    (road,) = after.sources[len(before.sources) :]
    assert isinstance(road, Road)
    assert (road.name, road.line) == ("girin-daero", [(35.84, 127.09), (35.86, 127.09)])
    # 2.2 km, 25 000 vehicles a day, 0.8 g of CO for each and kilometre.
    assert road.rates_g_s["co"] == pytest.approx(2.22 * 25_000 * 0.8 / 86_400, rel=0.01)
    assert "river: 1 of 1" in done.stderr


def test_what_is_no_geojson_is_said_in_a_line(tmp_path: Path) -> None:
    for content in ("{}", "no json", "[]"):
        (tmp_path / "extract.geojson").write_text(content)
        done = made(tmp_path / "extract.geojson")
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert "is no GeoJSON with features" in done.stderr
