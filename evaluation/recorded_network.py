"""A recorded network of cheap particle counters (PurpleAir and the like) and the fires that burnt beside it, read from a folder.

`sensors.csv`: sensor, lat, lon. `observations.csv`: one line for each sensor and instant, in any order; `pm25_atm_a` is what the detector is shown.
Optional: `pm1_atm_a`, `pm10_atm_a`, `humidity_pct`, `temperature_f`, `wind_from_deg`, `wind_speed_m_s`, and the second laser beside the first,
`pm25_cf1_a` and `pm25_cf1_b`. Fields may be empty and lines may be missing. `events.csv`: name, start, end, lat, lon; no line where nothing burnt.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.contract.topics import NAME
from jeonju.evaluation.tables import Row, read_table

# Columns of observations.csv and what they become; °F as PurpleAir sends them.
VALUES: Final[Mapping[str, tuple[str, Callable[[float], float]]]] = {
    "pm1_atm_a": ("pm1", float),
    "pm25_atm_a": ("pm25", float),
    "pm10_atm_a": ("pm10", float),
    "humidity_pct": ("humidity", float),
    "temperature_f": ("temperature", lambda fahrenheit: (fahrenheit - 32.0) / 1.8),
    "wind_from_deg": ("wind_direction", float),
    "wind_speed_m_s": ("wind_speed", float),
}
PARTICLES: Final = ("pm1", "pm25", "pm10")
LASERS: Final = ("pm25_cf1_a", "pm25_cf1_b")
# Two lasers in one air agree within 5 µg/m³ or 70 % of their mean (Barkjohn 2021, AMT 14, 4617; the US EPA's fire and smoke map drops the others).
LASERS_APART_UG_M3: Final = 5.0
LASERS_APART_SHARE: Final = 0.7
# No counter of this kind reports more; a larger number is a filler value.
MOST_UG_M3: Final = 10_000.0


@dataclass(frozen=True)
class Event:
    """A fire of which the files tell; times are POSIX seconds."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Network:
    """Sensors as stations of a site, and what they measured: `values` by quantity, (times, sensors), NaN where nothing was."""

    site: Site
    sensors: tuple[str, ...]
    times_s: Floats
    values: dict[str, Floats]
    events: tuple[Event, ...]
    disagreements: int  # readings of which the particles were left out because the two lasers disagreed


def read_network(folder: Path) -> Network:
    """Read a folder.

    Raises UserError, naming file and line, for files and columns that are missing and for what cannot have been measured.
    """
    places = _places(folder)
    rows = read_table(folder, "observations.csv", ("time", "sensor", "pm25_atm_a"))
    columns = [column for column in VALUES if rows[0].has(column)]
    lasers = all(rows[0].has(column) for column in LASERS)
    times_s, instant = np.unique([row.instant("time") for row in rows], return_inverse=True)
    number = _numbers(rows, instant.tolist(), tuple(places), folder)
    values = {VALUES[column][0]: np.full((len(times_s), len(places)), np.nan) for column in columns}
    disagreements = 0
    for row, at, sensor in zip(rows, instant.tolist(), number, strict=True):
        agree = not lasers or _agree(row)
        disagreements += not agree
        for column in columns:
            key, convert = VALUES[column]
            value = _checked(row, column, key)
            if value is not None and (agree or key not in PARTICLES):
                values[key][at, sensor] = convert(value)
    return Network(_site(places), tuple(places), times_s, values, _events(folder), disagreements)


def _numbers(rows: Sequence[Row], instant: Sequence[int], sensors: Sequence[str], folder: Path) -> list[int]:
    """Return the number of the sensor of every line; each sensor has at most one for an instant."""
    number = {sensor: place for place, sensor in enumerate(sensors)}
    seen: dict[tuple[int, int], str] = {}
    found = []
    for row, at in zip(rows, instant, strict=True):
        name = row.text("sensor")
        if name not in number:
            raise UserError(f"{row.where}: sensor {name!r} is not in {folder / 'sensors.csv'}")
        found.append(number[name])
        if (first := seen.setdefault((at, number[name]), row.where)) != row.where:
            raise UserError(f"{row.where}: sensor {name!r} has this time already in {first}; leave one of them")
    return found


def _checked(row: Row, column: str, key: str) -> float | None:
    value = row.optional(column)
    if value is not None and key in (*PARTICLES, "humidity", "wind_speed") and not 0 <= value <= MOST_UG_M3:
        raise UserError(f"{row.where}: {column} is {value:g}, which no sensor measures; leave the field empty")
    return value


def _agree(row: Row) -> bool:
    """Return whether the two lasers may have seen one air; where one is not heard nothing speaks against the other."""
    a, b = (_checked(row, column, "pm25") for column in LASERS)
    if a is None or b is None:
        return True
    apart = abs(a - b)
    return apart <= LASERS_APART_UG_M3 or apart <= LASERS_APART_SHARE * 0.5 * (a + b)


def _places(folder: Path) -> dict[str, tuple[float, float]]:
    places: dict[str, tuple[float, float]] = {}
    for row in read_table(folder, "sensors.csv", ("sensor", "lat", "lon")):
        name, lat, lon = row.text("sensor"), row.number("lat"), row.number("lon")
        if not NAME.fullmatch(name):
            raise UserError(f"{row.where}: sensor {name!r} must be 1 to 64 letters, digits, '-' or '_'")
        if name in places:
            raise UserError(f"{row.where}: sensor {name!r} stands there twice")
        if not (abs(lat) <= 90 and abs(lon) <= 180):
            raise UserError(f"{row.where}: {lat:g}, {lon:g} is no place on earth")
        places[name] = lat, lon
    return places


def _events(folder: Path) -> tuple[Event, ...]:
    events = []
    for row in read_table(folder, "events.csv", ("name", "start", "end"), may_be_empty=True):
        event = Event(row.text("name"), row.instant("start"), row.instant("end"))
        if event.end_s < event.start_s:
            raise UserError(f"{row.where}: {event.name} ends before it starts")
        events.append(event)
    return tuple(sorted(events, key=lambda event: event.start_s))


def _site(places: Mapping[str, tuple[float, float]]) -> Site:
    """Return a site whose stations are the sensors, in one zone around them all."""
    at = np.array(list(places.values()))
    (south, west), (north, east) = at.min(axis=0) - 0.01, at.max(axis=0) + 0.01
    outline = [(south, west), (south, east), (north, east), (north, west)]
    label: dict[str, Any] = {"label_ko": "기록된 측정망", "label_en": "recorded network"}
    stations = [
        {"name": name, "zone": "all", "lat": lat, "lon": lon, "quantities": ["pm25"]}
        for name, (lat, lon) in places.items()
    ]
    return Site.model_validate(
        {
            "name": "recorded",
            **label,
            "timezone": "UTC",
            "origin": tuple(np.median(at, axis=0)),
            "zones": [{"name": "all", **label, "outline": outline}],
            "stations": stations,
        }
    )


def utc(time_s: float) -> datetime:
    """Return an instant as a datetime."""
    return datetime.fromtimestamp(time_s, UTC)
