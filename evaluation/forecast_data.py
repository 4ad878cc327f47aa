"""Hourly records for `jeonju evaluate forecast`: a weather station of the city with PM10, and stations elsewhere in the country."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from jeonju.airquality.index import UPPER
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.tables import read_table
from jeonju.forecast.panel import Panel, grid_s, on_grid, wind_parts

TIMEZONE: Final = "Asia/Seoul"
CITY, COUNTRY = "jeonju_hourly", "korea_hourly"
# A year is judged if it has so many hours of the quantity.
LEAST_HOURS: Final = 2000
QUANTITIES: Final = {"pm10": "pm10_ug_m3", "pm25": "pm25_ug_m3", "o3": "o3_ppm", "no2": "no2_ppm"}
OTHERS: Final = {**QUANTITIES, "co": "co_ppm", "so2": "so2_ppm"}
WEATHER: Final = {
    "temperature": "temperature_c",
    "humidity": "humidity_pct",
    "pressure": "pressure_hpa",
    "rain": "rain_mm",
    "visibility": "visibility_m",
    "cloud": "cloud_tenths",
}
# What a weather service forecasts for each hour.
FORECAST: Final = ("wind_east", "wind_north", "wind_speed", "temperature", "humidity", "pressure", "rain")
# Beyond these it is the instrument or another unit.
PLAUSIBLE: Final = {"temperature_c": (-40.0, 50.0), "pm10_ug_m3": (0.0, 5000.0), "pm25_ug_m3": (0.0, 5000.0)}


class Table(NamedTuple):
    """The columns of a file, on full hours."""

    time_s: Floats
    columns: dict[str, Floats]


class Series(NamedTuple):
    """What is to be forecast at one place, with some set of inputs, and the number of the first hour that is judged."""

    place: str
    quantity: str
    inputs: str
    panel: Panel
    judged_from: int
    judged_year: int


def all_series(folder: Path) -> Iterator[Series]:
    """Return what can be judged in a folder that holds jeonju_hourly and korea_hourly, or is one of them (the other is looked for beside it).

    Raises UserError where there is neither, and for what cannot be read.
    """
    around = folder.parent if folder.name in (CITY, COUNTRY) else folder
    stations = {
        path.stem: _table(path.parent, path.name, tuple(OTHERS.values()))
        for path in sorted((around / COUNTRY).glob("*.csv"))
    }
    has_city = (around / CITY / "hourly.csv").is_file()
    if not stations and not has_city:
        raise UserError(f"{folder} holds neither {CITY}/hourly.csv nor {COUNTRY}/*.csv; name the folder around them")
    if has_city and folder.name != COUNTRY:
        yield from _of_city(around / CITY, stations)
    if folder.name != CITY:
        for place, table in stations.items():
            yield from _of_station(place, table)


def _of_city(folder: Path, stations: dict[str, Table]) -> Iterator[Series]:
    table = _table(folder, "hourly.csv", ("pm10_ug_m3", "wind_from_deg", "wind_speed_m_s", *WEATHER.values()))
    known = table.columns
    weather = wind_parts(known["wind_from_deg"], known["wind_speed_m_s"])
    weather |= {name: known[column] for name, column in WEATHER.items()}
    judged_from, year = _last_year(folder / "hourly.csv", table.time_s, known["pm10_ug_m3"])
    upwind = _upwind(table.time_s, judged_from, stations)
    ahead = {name: weather[name] for name in FORECAST}
    sets: list[tuple[str, dict[str, dict[str, Floats]]]] = [
        ("own", {}),
        ("own, weather", {"weather": weather}),
        ("own, weather, upwind", {"weather": weather, "upwind": upwind}),
        ("own, weather, perfect forecast weather", {"weather": weather, "ahead": ahead}),
        ("own, weather, upwind, perfect forecast weather", {"weather": weather, "upwind": upwind, "ahead": ahead}),
    ]
    for inputs, given in sets:
        if upwind or "upwind" not in inputs:
            panel = _panel(table.time_s, "pm10", known["pm10_ug_m3"], **given)
            yield Series("jeonju", "pm10", inputs, panel, judged_from, year)


def _of_station(place: str, table: Table) -> Iterator[Series]:
    for quantity, column in QUANTITIES.items():
        if column not in table.columns:
            continue
        beside = {
            name: table.columns[other] for name, other in OTHERS.items() if other in table.columns and other != column
        }
        judged_from, year = _last_year(Path(f"{place}.csv"), table.time_s, table.columns[column])
        panel = _panel(table.time_s, quantity, table.columns[column], beside=beside)
        yield Series(place, quantity, "own, other quantities", panel, judged_from, year)


def _panel(time_s: Floats, quantity: str, own: Floats, **given: dict[str, Floats]) -> Panel:
    lone_above = UPPER[quantity][1] * 0.375
    return Panel(time_s=time_s, own=own[None], timezone=TIMEZONE, lone_above=lone_above, **given)


def _upwind(time_s: Floats, judged_from: int, stations: dict[str, Table]) -> dict[str, Floats]:
    """Return particles, their coarse part and CO of the stations that were there both in the years to learn from and in the one that is judged."""
    series: dict[str, Floats] = {}
    for place, table in stations.items():
        wanted = {name: table.columns[column] for name, column in OTHERS.items() if column in table.columns}
        if {"pm10", "pm25"} <= wanted.keys():
            wanted["coarse"] = wanted["pm10"] - wanted["pm25"]
        here = {
            name: on_grid(time_s, table.time_s, wanted[name]) for name in ("pm10", "coarse", "co") if name in wanted
        }
        parts = (here["pm10"][:judged_from], here["pm10"][judged_from:]) if "pm10" in here else ()
        if parts and all(np.isfinite(part).sum() >= LEAST_HOURS for part in parts):
            series |= {f"{place} {name}": values for name, values in here.items()}
    return series


def _table(folder: Path, name: str, wanted: tuple[str, ...]) -> Table:
    rows = read_table(folder, name, ("time",))
    instants = np.array([row.instant("time") for row in rows])
    grid = grid_s(float(instants.min()), float(instants.max()))
    columns = {}
    for column in wanted:
        if not rows[0].has(column):
            continue
        values = np.array([np.nan if (value := row.optional(column)) is None else value for row in rows])
        low, high = PLAUSIBLE.get(column, (-np.inf, np.inf))
        columns[column] = on_grid(grid, instants, np.where((values < low) | (values > high), np.nan, values))
    return Table(grid, columns)


def _last_year(path: Path, time_s: Floats, values: Floats) -> tuple[int, int]:
    """Return the number of the first hour of the last year that has enough hours, and that year."""
    years = np.array([datetime.fromtimestamp(at, UTC).year for at in time_s])
    full = [year for year in np.unique(years) if np.isfinite(values[years == year]).sum() >= LEAST_HOURS]
    if len(full) < 2:
        raise UserError(
            f"{path} has {len(full)} year(s) of at least {LEAST_HOURS} hours; one to learn from and one to judge are needed"
        )
    return int(np.flatnonzero(years == full[-1])[0]), int(full[-1])
