"""Events drawn at random: fires, leaks and dust upwind of a station of the site, as the wind of the run will blow there when they begin.

The weather of a run follows from its seed alone, so the wind of an instant that is still to come can be looked up before anything is simulated.
"""

from datetime import datetime
from typing import Any, Final
from zlib import crc32

import numpy as np
import simpy

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.events import EVENT, Event
from jeonju.contract.site import Site, Station
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.world import World

DAY_S: Final = 86_400.0
# What came before an event: the detector needs a quarter of an hour to learn what is usual.
LEAD_S: Final = 1500.0
WIND_OVER_S: Final = 600.0
# Upwind is where the smoke comes from on the mean of the first ten minutes, within this angle.
OFF_AXIS_DEG: Final = 10.0
_SPEED, _FROM = KEYS.index("wind_speed"), KEYS.index("wind_direction")
# What burns in a Korean city, in the order in which it has always been drawn.
BURNS: Final = ("building", "crop-residue", "mixed-waste", "tyres", "vehicle", "waste-paper", "wood")
LOCAL_EVENTS: Final = ("fire", "leak", "dust")


def drawn(scenario: Scenario, site: Site, kind: str, seed: int) -> Scenario:
    """Return the scenario at a random time of its day, with one event of a kind in place of its own, and what else happens in it."""
    rng = np.random.default_rng([seed, crc32(f"{kind} {scenario.title_en}".encode())])
    station = site.stations[int(rng.integers(len(site.stations)))]
    event, lasts_s = EVENTS[kind](rng, station)
    moved = _at_random_hour(scenario, rng, seed, LEAD_S + lasts_s)
    lat, lon = _upwind(moved, site, station, rng, farthest_m=300.0 if kind == "smouldering" else 150.0)
    others = [event for event in scenario.events if event.kind not in (*LOCAL_EVENTS, "odour")]
    new = EVENT.validate_python({**event, "after": LEAD_S, "title": kind, "lat": lat, "lon": lon})
    return moved.model_copy(update={"events": [*(_brought_forward(event) for event in others), new]})


def quiet(scenario: Scenario, seed: int, hours: float) -> Scenario:
    """Return some hours of the scenario's day, from a random hour on, without anything that burns, leaks or whirls up dust."""
    rng = np.random.default_rng([seed, crc32(f"quiet {scenario.title_en}".encode())])
    kept = [_brought_forward(event) for event in scenario.events if event.kind not in LOCAL_EVENTS]
    return _at_random_hour(scenario, rng, seed, hours * 3600.0).model_copy(update={"events": kept})


def _at_random_hour(scenario: Scenario, rng: np.random.Generator, seed: int, duration_s: float) -> Scenario:
    start = datetime.fromtimestamp(scenario.start_s // DAY_S * DAY_S + rng.uniform(0, DAY_S), scenario.start.tzinfo)
    return scenario.model_copy(update={"seed": seed, "start": start, "duration": duration_s})


def _brought_forward(event: Event) -> Event:
    """Episodes and faults that begin hours into a scenario begin within a short run, too."""
    return event.model_copy(update={"after": event.after / 4})


def _upwind(
    scenario: Scenario, site: Site, station: Station, rng: np.random.Generator, *, farthest_m: float
) -> tuple[float, float]:
    """Return a place 30 m to `farthest_m` upwind of a station, by the wind at that station."""
    distance_m = rng.uniform(30.0, farthest_m)
    towards_deg = _wind_from_deg(scenario, site, station) + rng.uniform(-OFF_AXIS_DEG, OFF_AXIS_DEG)
    x_m, y_m = site.map.to_xy(station.lat, station.lon)
    lat, lon = site.map.to_latlon(
        x_m + distance_m * np.sin(np.radians(towards_deg)), y_m + distance_m * np.cos(np.radians(towards_deg))
    )
    return float(lat), float(lon)


def _wind_from_deg(scenario: Scenario, site: Site, station: Station) -> float:
    world = World(
        site, simpy.Environment(initial_time=scenario.start_s), _Nowhere(), seed=scenario.seed, weather=scenario.weather
    )
    times_s = scenario.start_s + LEAD_S + np.arange(0.0, WIND_OVER_S, 60.0)
    weather = world.weather.sample(times_s)
    air = np.zeros((len(times_s), 1, len(KEYS)))
    air[:, 0, _SPEED], air[:, 0, _FROM] = weather.wind_speed_m_s, weather.wind_from_deg
    place = np.array(site.map.to_xy(station.lat, station.lon))
    world.wind_field.measure(air, times_s, np.tile(place, (len(times_s), 1, 1)))
    speed, angle = air[:, 0, _SPEED], np.radians(air[:, 0, _FROM])
    return float(np.degrees(np.arctan2(np.mean(speed * np.sin(angle)), np.mean(speed * np.cos(angle)))))


class _Nowhere:
    def send(self, block: object) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to finish."""


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _flaming(rng: np.random.Generator, _station: Station) -> tuple[dict[str, Any], float]:
    """1 to 30 MW: a car or a stack of pallets up to a yard of waste. Before the flames it smoulders for 5 s to 10 minutes, 1 to 20 g/s."""
    event = {
        "kind": "fire",
        "fuel": str(rng.choice(BURNS)),
        "peak_heat_mw": _log_uniform(rng, 1.0, 30.0),
        "growth": str(rng.choice(["slow", "medium", "fast"])),
        "smoulder": _log_uniform(rng, 5.0, 600.0),
        "smoulder_kg_s": _log_uniform(rng, 0.001, 0.02),
        "plateau": 1200.0,
        "decay": 300.0,
        "tail": 600.0,
        "tail_kg_s": _log_uniform(rng, 0.01, 0.1),
    }
    return event, 1800.0


def _smouldering(rng: np.random.Generator, _station: Station) -> tuple[dict[str, Any], float]:
    """A heap without flames, 1 to 10 g/s for 40 minutes."""
    event = {
        "kind": "fire",
        "fuel": str(rng.choice(BURNS)),
        "peak_heat_mw": 0.0,
        "smoulder": 2400.0,
        "smoulder_kg_s": _log_uniform(rng, 0.001, 0.01),
        "tail": 0.0,
    }
    return event, 2700.0


def _leak(rng: np.random.Generator, station: Station) -> tuple[dict[str, Any], float]:
    """One or two gases that the station can measure, for 20 minutes."""
    rates = {
        "tvoc": _log_uniform(rng, 5.0, 60.0),
        "h2s": _log_uniform(rng, 0.2, 2.0),
        "nh3": _log_uniform(rng, 5.0, 50.0),
    }
    measured = [key for key in rates if key in station.quantities] or ["tvoc"]
    which = rng.choice(measured, size=int(rng.integers(1, min(len(measured), 2) + 1)), replace=False).tolist()
    event = {
        "kind": "leak",
        "rates_g_s": {key: rates[key] for key in which},
        "duration": 1200.0,
        "height_m": 2.0,
        "course": str(rng.choice(["constant", "decaying"])),
    }
    return event, 2700.0


def _dust(rng: np.random.Generator, _station: Station) -> tuple[dict[str, Any], float]:
    """A yard, demolition or unpaved traffic for 20 minutes."""
    return {"kind": "dust", "pm10_g_s": _log_uniform(rng, 2.0, 20.0), "radius_m": 30.0, "duration": 1200.0}, 1800.0


EVENTS: Final = {"flaming": _flaming, "smouldering": _smouldering, "leak": _leak, "dust": _dust}
