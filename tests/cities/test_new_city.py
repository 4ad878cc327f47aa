"""`jeonju site new`: a place becomes a checked site file, and what cannot be is said in one line."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.airquality.geo import LocalMap, is_within
from jeonju.airquality.pollutants import KEYS
from jeonju.cities.airkorea import station_list
from jeonju.cities.making import Answers, make_city
from jeonju.cities.places import find_place
from jeonju.cities.stations import from_airkorea
from jeonju.cli.site import app
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.site import Site, load_site
from jeonju.simulator.background import Background
from jeonju.simulator.weather import Weather
from tests.ingest.portal import UNREGISTERED, Portal
from tests.test_ground import FEATURES

HEAD = "name,lat,lon,label_ko,zone,quantities\n"
GOOD = HEAD + "a-1,37.50,127.04,역삼,west,pm25;co2\nb-2,37.51,127.06,삼성,east,\n"


def asked(*options: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["new", *options])
    if isinstance(done.exception, UserError):
        return 2, done.stdout, str(done.exception)
    return done.exit_code, done.stdout, done.stderr


def airkorea(items: list[dict[str, Any]]) -> str:
    """As MsrstnInfoInqireSvc/getMsrstnList answers (data.go.kr 15073877)."""
    body = {"totalCount": len(items), "items": items, "pageNo": 1, "numOfRows": 1000}
    return json.dumps({"response": {"body": body, "header": {"resultMsg": "NORMAL_CODE", "resultCode": "00"}}})


OFFICIAL = {
    "dmX": "37.517322",
    "dmY": "127.047387",
    "item": "SO2, CO, O3, NO2, PM10, PM2.5",
    "mangName": "도시대기",
    "year": "1998",
    "addr": "서울 강남구 학동로 426",
    "stationName": "강남구",
}


@pytest.mark.parametrize("place", ["강남구", "Nairobi", "sydney", "-54.8,-68.3", "69.6,18.9", "Singapore"])
def test_a_place_alone_makes_a_city_whose_devices_lie_in_its_zones(place: str, tmp_path: Path) -> None:
    made = make_city(Answers(place=place, robots=3), tmp_path / "city.toml")
    site = load_site(made.path)
    assert (len(site.stations), len(site.robots)) == (8, 3)
    assert site.wind_stations
    (zone,) = site.zones
    corners = site.map.to_xy(*np.array(zone.outline).T)
    assert all(is_within(*corners, *site.map.to_xy(one.lat, one.lon)) for one in site.stations)
    text = made.path.read_text(encoding="utf-8")
    assert all(f"# Assumed: {line}." in text for line in made.assumed)
    assert site.climate is not None
    assert "Guess" in site.climate.source


def test_stations_of_a_csv_keep_their_zones_and_quantities_in_either_encoding(tmp_path: Path) -> None:
    sites = []
    for encoding in ("utf-8", "cp949", "utf-8-sig", "utf-16"):
        (tmp_path / "list.csv").write_bytes(GOOD.encode(encoding))
        path = tmp_path / f"{encoding}.toml"
        sites.append(make_city(Answers(place="강남구", stations=str(tmp_path / "list.csv")), path).site)
    assert sites[1:] == sites[:1] * 3
    first, second = sites[0].stations
    assert (first.name, first.label_ko, first.zone, first.quantities) == ("a-1", "역삼", "west", ["pm25", "co2"])
    assert {"pm25", "wind_speed"} <= set(second.quantities)
    assert [zone.name for zone in sites[0].zones] == ["west", "east"]


def test_stations_of_airkorea_stand_where_they_are_and_those_elsewhere_are_left_out(tmp_path: Path) -> None:
    busan = OFFICIAL | {"stationName": "광복동", "dmX": "35.0999", "dmY": "129.0303"}
    (tmp_path / "list.json").write_text(airkorea([OFFICIAL, busan, OFFICIAL | {"dmX": "", "dmY": None}]))
    made = make_city(Answers(place="강남구", stations=str(tmp_path / "list.json")), tmp_path / "city.toml")
    (station,) = made.site.stations
    assert (station.lat, station.lon, station.label_ko) == (37.517322, 127.047387, "강남구 (도시대기)")
    assert {"so2", "pm25"} <= set(station.quantities)


CSVS: dict[str, tuple[str, str]] = {
    "swapped": (HEAD + "a,127.04,37.50,,,\n", r"list.csv:2: latitude 127.04 is beyond the pole; .* swapped"),
    "outside": (HEAD + "a,37.5,127.04,,,\nb,35.1,129.0,,,\n", r"list.csv:3: 'b' at 35.1, 129 is 31\d km from .* leave"),
    "two of one id": (HEAD + "a,37.5,127.04,,,\na,37.51,127.04,,,\n", r"list.csv:3: 'a' is there already"),
    "no column": ("id,x,y\na,1,2\n", r"list.csv:1: no column for lat, lon"),
    "no number": (HEAD + "a,north,127,,,\n", r"list.csv:2: lat 'north' is no number"),
    "no coordinates": (HEAD + "a,,127,,,\n", r"list.csv:2: 'a' has no coordinates"),
    "nowhere": (HEAD + "a,0,0,,,\n", r"list.csv:2: 0, 0 is where receivers are"),
    "not a name": (HEAD + "역삼,37.5,127,,,\n", r"list.csv:2: name '역삼' must be .* label_ko"),
    "no quantity": (HEAD + "a,37.5,127.04,,,radon\n", r"list.csv:2: 'radon' is no known quantity"),
    "empty": (HEAD, r"list.csv has no station"),
}


@pytest.mark.parametrize("fault", CSVS)
def test_a_wrong_csv_is_one_line_with_its_place_and_leaves_no_file(fault: str, tmp_path: Path) -> None:
    content, expected = CSVS[fault]
    (tmp_path / "list.csv").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=expected) as error:
        make_city(Answers(place="강남구", stations=str(tmp_path / "list.csv")), tmp_path / "city.toml")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "city.toml").exists()


def test_swapped_axes_that_are_possible_are_named(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(HEAD + "a,18.97,69.65,,,\n")
    with pytest.raises(UserError, match="latitude and longitude are swapped"):
        make_city(Answers(place="69.65,18.96", stations=str(tmp_path / "list.csv")), tmp_path / "city.toml")


def test_a_file_that_is_neither_utf8_nor_cp949_is_said(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(GOOD.encode() + b"\x81\xff\xff\x00")
    with pytest.raises(UserError, match="neither UTF-8 nor CP949"):
        make_city(Answers(place="강남구", stations=str(tmp_path / "list.csv")), tmp_path / "city.toml")


LISTS: dict[str, tuple[str, str]] = {
    "no coordinates": (airkorea([{**OFFICIAL, "dmX": "", "dmY": ""}]), r"none of 1 stations has coordinates"),
    "elsewhere": (airkorea([{**OFFICIAL, "dmX": "35.1", "dmY": "129.0"}]), r"none of 1 stations lies within 8 km"),
    "a refusal": ("<OpenAPI_ServiceResponse/>", r"is no station list of AirKorea"),
    "another list": ('{"response": {"body": {"items": "x"}}}', r"is no list of stations"),
}


@pytest.mark.parametrize("fault", LISTS)
def test_a_wrong_list_of_airkorea_is_one_line(fault: str, tmp_path: Path) -> None:
    content, expected = LISTS[fault]
    (tmp_path / "list.json").write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=expected):
        make_city(Answers(place="강남구", stations=str(tmp_path / "list.json")), tmp_path / "city.toml")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--place", "Gangnm"], r"no place is known as 'Gangnm'; there is Gangnam"),
        (["--place", "127.04,37.5"], r"swapped"),
        (["--place", "89.9,10"], r"too near to the pole"),
        (["--place", "-16.8,179.95"], r"date line"),
        (["--place", "강남구", "--stations", "0"], r"--stations 0 must be 1 to 200"),
        (["--place", "강남구", "--stations", "nowhere.csv"], r"cannot read nowhere.csv"),
        (["--place", "강남구", "--timezone", "Mars/Base"], r"is no time zone"),
        (["--place", "강남구", "--index", "aqi"], r"there are: cai, us, eu"),
        (["--place", "강남구", "--name", "강남"], r"--name '강남' must be"),
        ([], r"--place is missing"),
    ],
)
def test_a_wrong_answer_is_one_line(
    options: list[str], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, said = asked(*options)
    assert code == 2
    assert re.search(expected, said), said
    assert not list(tmp_path.iterdir())


def test_scripts_get_json_and_nothing_is_overwritten(tmp_path: Path) -> None:
    out = str(tmp_path / "city.toml")
    code, said, _ = asked("--place", "Berlin", "--json", "--out", out)
    answer = json.loads(said)
    assert (code, answer["name"], answer["index"], answer["stations"]) == (0, "berlin", "eu", 8)
    assert "is there already" in asked("--place", "Berlin", "--out", out)[2]


def _site(place: str, tmp_path: Path) -> Site:
    return make_city(Answers(place=place), tmp_path / "city.toml").site


def _month(site: Site, month: int, value: Callable[[Weather, Background, np.ndarray], float]) -> float:
    """Return the mean over six days that lie far apart."""
    found = []
    for seed in range(6):
        begin_s = datetime(2026, month, 10, tzinfo=UTC).timestamp()
        weather = Weather(site, start_s=begin_s, rng=np.random.default_rng(seed))
        air = Background(site, start_s=begin_s, rng=np.random.default_rng(100 + seed), weather=weather)
        found.append(value(weather, air, begin_s + np.arange(600.0, 86_400.0, 3600.0)))
    return float(np.mean(found))


def _temperature(weather: Weather, _air: Background, times_s: np.ndarray) -> float:
    return float(weather.sample(times_s).temperature_c.mean())


def _pm25(_weather: Weather, air: Background, times_s: np.ndarray) -> float:
    return float(air.sample(times_s, np.zeros((len(times_s), 1, 2)))[..., KEYS.index("pm25")].mean())


@pytest.mark.parametrize(
    ("place", "january", "july"),
    # Rough climates of the real places (°C), which a guess by latitude should meet within some 6 °C.
    [("Sydney", 23, 13), ("Singapore", 27, 28), ("강남구", -2, 25)],
)
def test_seasons_are_those_of_the_latitude(place: str, january: float, july: float, tmp_path: Path) -> None:
    site = _site(place, tmp_path)
    assert _month(site, 1, _temperature) == pytest.approx(january, abs=6)
    assert _month(site, 7, _temperature) == pytest.approx(july, abs=6)


def test_the_air_from_elsewhere_is_that_of_the_file_and_worse_in_the_winter_of_either_half(tmp_path: Path) -> None:
    site = make_city(Answers(place="-33.9,151.2", pm25_ug_m3=7.0), tmp_path / "south.toml").site
    january, july = _month(site, 1, _pm25), _month(site, 7, _pm25)
    assert january < july
    assert (january + july) / 2 == pytest.approx(7.0, rel=0.6)


def test_places_of_the_time_zone_database_are_known() -> None:
    place = find_place("Buenos Aires")
    assert (place.timezone, place.country) == ("America/Argentina/Buenos_Aires", "AR")
    assert float(np.hypot(*LocalMap(-34.6, -58.4).to_xy(place.lat, place.lon))) < 20_000


@pytest.mark.parametrize("key", ["a+b/c==", "a%2Bb%2Fc%3D%3D"])
def test_the_list_is_asked_with_a_key_in_either_of_its_forms(key: str) -> None:
    with Portal((200, airkorea([OFFICIAL]).encode())) as portal:
        (station,) = from_airkorea(station_list(key, portal.url), LocalMap(37.5, 127.04), "AirKorea")
    assert station.label_en == "강남구"
    assert "getMsrstnList?serviceKey=a%2Bb%2Fc%3D%3D&returnType=json&" in portal.asked[0]


def test_a_key_that_is_not_taken_is_one_line_without_it() -> None:
    said = r"^AirKorea's station list answers SERVICE_KEY_IS_NOT_REGISTERED_ERROR: .*15073877.* AIRKOREA_KEY"
    with Portal(UNREGISTERED) as portal, pytest.raises(UserError, match=said) as error:
        station_list("secret-key", portal.url)
    assert "secret-key" not in str(error.value)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        station_list("secret-key", "http://127.0.0.1:9")


def test_the_ground_of_an_extract_is_in_the_file_and_without_one_the_file_says_that_it_is_plain(tmp_path: Path) -> None:
    (tmp_path / "extract.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": FEATURES}))
    answers = Answers(place="35.845,127.085", ground=tmp_path / "extract.geojson")
    site = make_city(answers, tmp_path / "ground.toml").site
    assert {patch.kind for patch in site.land} == {"river", "open", "built"}
    assert [source.name for source in site.sources] == ["girin-daero"]
    plain = make_city(Answers(place="35.845,127.085"), tmp_path / "plain.toml")
    assert not plain.site.land
    assert "# No ground: the map shows zones and stations on a plain" in plain.path.read_text(encoding="utf-8")
    (tmp_path / "extract.geojson").write_text("[]")
    with pytest.raises(UserError, match="is no GeoJSON with features"):
        make_city(answers, tmp_path / "other.toml")
    assert not (tmp_path / "other.toml").exists()
