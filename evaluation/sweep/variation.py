"""What differs between the runs of a sweep, read from words such as `wind=1..6,fire.position=0..500`, and the scenario of each run."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
from pydantic import ValidationError

from jeonju.airquality.geo import is_within
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.weather import WeatherOverrides

# Short names of the weather that people vary most.
WEATHER: Final = {
    "wind": "wind_speed_m_s",
    "wind.from": "wind_from_deg",
    "temperature": "temperature_c",
    "humidity": "humidity_percent",
    "rain": "rain_mm_h",
    "cloud": "cloud_fraction",
    "stability": "stability",
}
PLACED: Final = ("fire", "leak", "dust")
ANYWHERE: Final = "city"
DAY_H: Final = 24.0
YEAR_DAYS: Final = 365.0
_RANGE: Final = re.compile(r"^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)(:log)?$")
HELP: Final = (
    f"wind=1..6 (m/s), wind.from=0..360, {', '.join(list(WEATHER)[2:])}, hour=0..24, day=1..365, fire.position=0..500 (metres from its place) "
    f"or fire.position={ANYWHERE}, fire.peak_heat_mw=1..30:log, fire.fuel=wood|tyres"
)


@dataclass(frozen=True)
class Variation:
    """One thing that differs: numbers from `low` to `high` (in equal shares of the logarithm where `is_log`), or one of `choices`."""

    name: str
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    choices: tuple[str, ...] = ()

    def draw(self, rng: np.random.Generator) -> float | str:
        """Return the value of one run."""
        share = float(rng.uniform())
        if self.choices:
            return self.choices[int(share * len(self.choices))]
        if self.is_log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + share * (self.high - self.low)

    def ends(self) -> tuple[float | str, ...]:
        """Return the values that must be possible for all to be."""
        return self.choices or (self.low, self.high)


def parse(words: Sequence[str]) -> tuple[Variation, ...]:
    """Return the variations that options name, several of them separated by commas.

    Raises UserError for what cannot be read, and for a name that comes twice.
    """
    variations = tuple(_parsed(word) for text in words for word in text.split(",") if word.strip())
    names = [variation.name for variation in variations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise UserError(f"--vary names {', '.join(sorted(twice))} twice; give each once")
    return variations


def _parsed(word: str) -> Variation:
    name, is_given, value = (part.strip() for part in word.partition("="))
    if not is_given or not value:
        raise UserError(f"--vary {word!r} has no value; write NAME=LOW..HIGH or NAME=ONE|OTHER, such as {HELP}")
    if (numbers := _RANGE.match(value)) is None:
        return Variation(name, choices=tuple(value.split("|")))
    low, high, is_log = float(numbers[1]), float(numbers[2]), numbers[3] is not None
    if low > high:
        raise UserError(f"--vary {word!r} ends below its beginning; write {name}={numbers[2]}..{numbers[1]}")
    if is_log and low <= 0:
        raise UserError(f"--vary {word!r} has no logarithm at {low:g}; begin above 0")
    return Variation(name, low, high, is_log)


def check(scenario: Scenario, site: Site, variations: Sequence[Variation]) -> None:
    """Raise UserError for a variation that the scenario does not have, or whose values it does not take."""
    rng = np.random.default_rng(0)
    for variation in variations:
        for value in variation.ends():
            varied(scenario, site, {variation.name: value}, rng)
    for end in (0, -1):
        varied(scenario, site, {variation.name: variation.ends()[end] for variation in variations}, rng)


def drawn(
    scenario: Scenario, site: Site, variations: Sequence[Variation], seed: int, run: int
) -> tuple[dict[str, float | str], Scenario]:
    """Return what run number `run` of a sweep has, and its scenario; neither depends on how many runs there are."""
    rng = np.random.default_rng([seed, run])
    values = {variation.name: variation.draw(rng) for variation in variations}
    own = varied(scenario, site, values, rng)
    return values, own.model_copy(update={"seed": int(rng.integers(2**31))})


def varied(scenario: Scenario, site: Site, values: dict[str, float | str], rng: np.random.Generator) -> Scenario:
    """Return the scenario with these values. Raises UserError for what it does not have or take."""
    weather: dict[str, Any] = scenario.weather.model_dump()
    start, events = scenario.start, list(scenario.events)
    for name, value in values.items():
        kind, _, field = name.partition(".")
        if name in WEATHER:
            weather[WEATHER[name]] = value
        elif name == "hour":
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
            start = midnight + timedelta(hours=_number(name, value, DAY_H))
        elif name == "day":
            new_year = start.replace(month=1, day=1)
            start = new_year + timedelta(days=int(_number(name, value, YEAR_DAYS + 1)) - 1)
        else:
            number = next((k for k, event in enumerate(events) if event.kind == kind), None)
            if number is None or not field:
                raise UserError(f"--vary {name}: the scenario has nothing of that name; there are {HELP}")
            change = _moved(events[number], site, value, rng) if field == "position" else {field: value}
            events[number] = _checked(events[number], name, change)
    return scenario.model_copy(
        update={"weather": _checked(WeatherOverrides(), "weather", weather), "start": start, "events": events}
    )


def _number(name: str, value: float | str, highest: float) -> float:
    if isinstance(value, str) or not 0 <= value <= highest:
        raise UserError(f"--vary {name}={value}: give numbers from 0 to {highest:g}")
    return value


def _checked(model: Any, name: str, change: dict[str, Any]) -> Any:
    """Return the model with a change, checked as if it stood in a file."""
    try:
        return type(model).model_validate({**model.model_dump(), **change})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or name
        raise UserError(f"--vary {name}: {where} {first['msg']} (given: {first['input']!r})") from error


def _moved(event: Any, site: Site, value: float | str, rng: np.random.Generator) -> dict[str, float]:
    """Return a place some metres from that of the event in any direction, or anywhere in the zones of the city."""
    if event.kind not in PLACED:
        raise UserError(f"--vary {event.kind}.position: only {', '.join(PLACED)} have a place")
    if isinstance(value, str):
        if value != ANYWHERE:
            raise UserError(f"--vary {event.kind}.position={value}: give metres, such as 0..500, or {ANYWHERE}")
        x_m, y_m = anywhere(site, rng)
    else:
        x_m, y_m = (float(axis) for axis in site.map.to_xy(event.lat, event.lon))
        angle = rng.uniform(0.0, 2 * np.pi)
        x_m, y_m = x_m + value * np.sin(angle), y_m + value * np.cos(angle)
    lat, lon = site.map.to_latlon(x_m, y_m)
    return {"lat": round(float(lat), 6), "lon": round(float(lon), 6)}


def anywhere(site: Site, rng: np.random.Generator) -> tuple[float, float]:
    """Return a place in the zones, each as probable as any other."""
    outlines = [outline_of(site, zone.outline) for zone in site.zones]
    (west, south), (east, north) = np.min(np.vstack(outlines), axis=0), np.max(np.vstack(outlines), axis=0)
    while True:
        x_m, y_m = float(rng.uniform(west, east)), float(rng.uniform(south, north))
        if any(is_within(outline[:, 0], outline[:, 1], x_m, y_m) for outline in outlines):
            return x_m, y_m


def outline_of(site: Site, outline: Sequence[tuple[float, float]]) -> Floats:
    """Return the corners (corners, 2) of an outline on the site's map [m]."""
    return np.column_stack(site.map.to_xy(*np.array(outline, dtype=float).T))
