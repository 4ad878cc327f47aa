"""`jeonju site`: cities as data."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from jeonju.cli.options import Json
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site

COUNTED: Final = ("zones", "stations", "robots", "sources")
NO_WIND = (
    "no station measures the wind (wind_speed and wind_direction): source maps say nothing of where a plume comes from beyond what the cameras of "
    "robots see, and no zone downwind is named; add both quantities to a station that has an anemometer"
)

app = typer.Typer(no_args_is_help=True, help="Cities as data.")


@app.command("check")
def site_check(
    site: Annotated[str, typer.Argument(help="A site file, or the name of a built-in site such as `jeonju`.")],
    *,
    as_json: Json = False,
) -> None:
    """Check a site file; every fault is named with its line."""
    from jeonju.cities.making import check_reach

    checked = load_site(site)
    check_reach(checked)
    counts = {name: len(getattr(checked, name)) for name in COUNTED}
    if not checked.wind_stations:
        typer.echo(f"{site}: {NO_WIND}", err=True)
    typer.echo(
        json.dumps(counts)
        if as_json
        else f"{site}: good; " + ", ".join(f"{count} {what}" for what, count in counts.items())
    )


@app.command("new")
def site_new(
    *,
    place: Annotated[
        str | None, typer.Option("--place", help="A city or district by name (강남구, Nairobi), or LAT,LON.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Its name in files and topics.")] = None,
    label_ko: Annotated[str | None, typer.Option("--label-ko", help="Its name in Korean.")] = None,
    label_en: Annotated[str | None, typer.Option("--label-en", help="Its name in English.")] = None,
    stations: Annotated[
        str | None,
        typer.Option(
            "--stations",
            help="A CSV file (name,lat,lon,…), a JSON file of AirKorea's station list, `airkorea` to ask for it (AIRKOREA_KEY), or how many.",
        ),
    ] = None,
    within_km: Annotated[
        float, typer.Option("--within-km", min=0.5, max=20, help="How far official stations and the ground are taken.")
    ] = 8.0,
    robots: Annotated[int | None, typer.Option("--robots", help="How many patrol robots.")] = None,
    ground: Annotated[
        Path | None, typer.Option("--ground", help="GeoJSON of OpenStreetMap around the place (docs/another-city.md).")
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", help="Such as Asia/Seoul; by the place otherwise.")] = "",
    index: Annotated[str, typer.Option("--index", help="cai, us or eu; by the country otherwise.")] = "",
    elevation: Annotated[float | None, typer.Option("--elevation", help="Height above the sea [m].")] = None,
    pm25: Annotated[
        float | None, typer.Option("--pm25", min=0.5, max=300, help="Annual mean of PM2.5 there [µg/m³], where known.")
    ] = None,
    surroundings: Annotated[str, typer.Option("--surroundings", help="urban, downtown, rural or open.")] = "urban",
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; NAME.toml here otherwise.")] = None,
    language: Annotated[
        str, typer.Option("--language", envvar="LANG", help="Language of the questions: ko or en.", show_envvar=False)
    ] = "en",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; take the defaults.")] = False,
    as_json: Json = False,
) -> None:
    """Make the site file of another city, and check it: zones, stations, robots, climate and ground.

    What is not given is asked, in a terminal; scripts get the defaults. What is assumed stands in the file.
    """
    from jeonju.cities.making import Answers, make_city
    from jeonju.cities.places import find_place
    from jeonju.cities.questions import Language
    from jeonju.cities.questions import ask as question

    tongue: Language = "ko" if language.lower().startswith("ko") else "en"
    asks = sys.stdin.isatty() and not yes and not as_json

    def asked(given: Any, key: str, default: Any) -> Any:
        if given is not None or not asks:
            return default if given is None else given
        return typer.prompt(question(key, tongue), default=default, type=type(default) if default is not None else str)

    place = asked(place, "place", None)
    if place is None:
        raise UserError("--place is missing: a name such as 강남구, or LAT,LON")
    known = find_place(place)
    made = make_city(
        Answers(
            place=place,
            name=asked(name, "name", known.name),
            label_ko=asked(label_ko, "label_ko", known.label_ko),
            label_en=asked(label_en, "label_en", known.label_en),
            stations=asked(stations, "stations", "8"),
            within_km=within_km,
            robots=asked(robots, "robots", 1),
            ground=ground,
            timezone=timezone,
            index=index,
            elevation_m=asked(elevation, "elevation_m", 0.0) if asks else elevation,
            pm25_ug_m3=pm25,
            surroundings=surroundings,
        ),
        out,
    )
    if as_json:
        typer.echo(json.dumps(made.as_json(), ensure_ascii=False))
        return
    typer.echo(f"{made.path}: good; " + ", ".join(f"{len(getattr(made.site, what))} {what}" for what in COUNTED))
    typer.echo(f"assumed, and said in the file: {'; '.join(made.assumed)}")
    typer.echo(f"see it live: jeonju up --site {made.path}")
