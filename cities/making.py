"""From the answers to a checked site file: places are found, stations read, climate and ground added, and the file is read back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

import numpy as np

from jeonju.airquality.dispersion.meteorology import Surroundings
from jeonju.airquality.geo import LocalMap
from jeonju.airquality.schemes import EMERGENCY_NUMBER, SCHEME_OF_COUNTRY, SCHEMES, USUAL_EMERGENCY_NUMBER
from jeonju.cities.airkorea import station_list
from jeonju.cities.climate import climate_of
from jeonju.cities.ground import ground_of
from jeonju.cities.places import UNNAMED, Place, check_position, find_place
from jeonju.cities.site_file import NewCity, text_of
from jeonju.cities.stations import Found, from_airkorea, from_csv, laid_out
from jeonju.common.errors import UserError
from jeonju.contract.land import MAP_REACH_M
from jeonju.contract.site import Robot, Site, load_site
from jeonju.contract.topics import NAME
from jeonju.ingest.airkorea import key_from_surroundings

# Where stations are laid out, within this; beyond, an official station says little about a district.
RADIUS_M: Final = 2500.0
MOST_LAID_OUT: Final = 200
MOST_ROBOTS: Final = 50
ASK_AIRKOREA: Final = "airkorea"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a person was asked; `stations` is a number, a CSV file, a JSON file of AirKorea, or `airkorea` to ask for it. Empty: the default."""

    place: str
    name: str = ""
    label_ko: str = ""
    label_en: str = ""
    stations: str = "8"
    within_km: float = 8.0
    robots: int = 1
    ground: Path | None = None
    timezone: str = ""
    index: str = ""
    elevation_m: float | None = None
    pm25_ug_m3: float | None = None
    surroundings: str = "urban"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A site that was written and read back, and what was assumed for it."""

    path: Path
    site: Site
    assumed: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what scripts want to know."""
        counts = {key: len(getattr(self.site, key)) for key in ("zones", "stations", "robots", "sources", "land")}
        return {
            "file": str(self.path),
            "name": self.site.name,
            "index": self.site.index,
            **counts,
            "assumed": self.assumed,
        }


def make_city(answers: Answers, path: Path | None) -> Made:
    """Write the site file of a city, `NAME.toml` here where no path is given, and read it back.

    Raises UserError for an answer that cannot be, naming it, and for a file that is there already; then nothing is left behind.
    """
    place = find_place(answers.place)
    name = answers.name or place.name
    if not NAME.fullmatch(name):
        raise UserError(
            f"--name {name!r} must be 1 to 64 letters, digits, '-' or '_', beginning with a letter or digit"
        )
    path = path or Path(f"{name}.toml")
    if path.suffix != ".toml":
        raise UserError(f"{path} must end in .toml, as all site files do")
    if path.exists():
        raise UserError(f"{path} is there already; remove it, or write to another one with --out")
    city = _city(answers, place, name)
    try:
        path.write_text(text_of(city), encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        site = load_site(path)
        check_reach(site)
    except UserError:
        path.unlink()
        raise
    return Made(path=path, site=site, assumed=tuple(city.assumed))


def check_reach(site: Site) -> None:
    """Raise UserError where a device of a site cannot be on its flat map, or the map cannot be where it is."""
    check_position(*site.origin, f"{site.name}: origin")
    for device in site.devices:
        lat, lon = device.dock if isinstance(device, Robot) else (device.lat, device.lon)
        distance_m = float(np.hypot(*site.map.to_xy(lat, lon)))
        if distance_m > MAP_REACH_M:
            raise UserError(
                f"{site.name}: {device.name!r} at {lat:g}, {lon:g} is {distance_m / 1000:.0f} km from the origin of the map, which reaches "
                f"{MAP_REACH_M / 1000:.0f} km; are latitude and longitude swapped?"
            )


def _city(answers: Answers, place: Place, name: str) -> NewCity:
    area = LocalMap(place.lat, place.lon)
    if not 0 <= answers.robots <= MOST_ROBOTS:
        raise UserError(f"--robots {answers.robots} must be 0 to {MOST_ROBOTS}")
    timezone = answers.timezone or place.timezone
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise UserError(f"--timezone {timezone!r} is no time zone; give one such as Asia/Seoul") from None
    index = answers.index or SCHEME_OF_COUNTRY.get(place.country, "us")
    if index not in SCHEMES:
        raise UserError(f"--index {index!r} is none; there are: {', '.join(SCHEMES)}")
    if answers.surroundings not in get_args(Surroundings):
        raise UserError(f"--surroundings {answers.surroundings!r} must be one of {', '.join(get_args(Surroundings))}")
    emergency = EMERGENCY_NUMBER.get(place.country, USUAL_EMERGENCY_NUMBER)
    stations, said = _stations(answers, area)
    climate = climate_of(place, answers.elevation_m or 0.0, answers.pm25_ug_m3)
    ground = "" if answers.ground is None else ground_of(answers.ground, area, answers.within_km * 1000)[0]
    assumed = ["the climate, by latitude", "the background air", "outlines of zones", "loops of robots"]
    assumed += [] if answers.elevation_m is not None else ["height above the sea: 0 m"]
    assumed += [] if not answers.stations.isdigit() else ["places of stations"]
    assumed += [] if ground else ["a plain without roads, rivers and stacks"]
    if place.country not in EMERGENCY_NUMBER:
        assumed.append(f"the emergency number {emergency}")
    if place.name == UNNAMED and not answers.timezone:
        assumed.append(f"time zone and index, by the nearest principal city ({timezone}, {index})")
    return NewCity(
        name=name,
        label_ko=answers.label_ko or place.label_ko,
        label_en=answers.label_en or place.label_en,
        place=place,
        timezone=timezone,
        index=index,
        emergency_number=emergency,
        elevation_m=answers.elevation_m or 0.0,
        surroundings=answers.surroundings,
        climate=climate,
        stations=stations,
        stations_from=said,
        robots=answers.robots,
        ground=ground,
        assumed=assumed,
    )


def _stations(answers: Answers, area: LocalMap) -> tuple[list[Found], str]:
    wanted, within_m = answers.stations.strip(), answers.within_km * 1000
    if wanted.isdigit():
        if not 1 <= int(wanted) <= MOST_LAID_OUT:
            raise UserError(f"--stations {wanted} must be 1 to {MOST_LAID_OUT}, or the path of a list")
        return laid_out(int(wanted), area, RADIUS_M), f"laid out over {RADIUS_M / 1000:g} km, none is a real one"
    if wanted == ASK_AIRKOREA:
        content = station_list(key_from_surroundings())
        return from_airkorea(content, area, "AirKorea", within_m), "AirKorea's list, where official stations stand"
    path = Path(wanted)
    if path.suffix.lower() == ".json":
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror or error}") from error
        return from_airkorea(content, area, str(path), within_m), "AirKorea's list, where official stations stand"
    return from_csv(path, area), f"from {path.name}"
