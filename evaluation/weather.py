"""A simulated year of weather and of PM10 in the background, beside what a weather station of the same city measured, hour by hour.

Figures are of all hours in which a quantity is there. They say whether the simulated city has the winds, damp hours and dusty hours of the real
one; a single hour is not compared with a single hour.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site
from jeonju.evaluation.tables import read_table
from jeonju.simulator.background import Background
from jeonju.simulator.weather import Weather

COLUMNS: Final = (
    "time",
    "wind_from_deg",
    "wind_speed_m_s",
    "humidity_pct",
    "rain_mm",
    "visibility_m",
    "pm10_ug_m3",
)
HOUR_S: Final = 3600
HOURS_OF_YEAR: Final = 8766
# Hours below this count as calm and have no direction.
CALM_M_S: Final = 0.5
DAMP_PERCENT: Final = 95.0
DUSTY_UG_M3: Final = 150.0
FOG_M: Final = 1000.0
# A tenth of a millimetre is what a gauge shows.
WET_MM: Final = 0.1
SECTORS: Final = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
SEED: Final = 1
# Any year will do: the simulator knows months only.
YEAR: Final = 2019
DAYS: Final = 365
# A simulated figure that is further from the real one is called out.
NEAR: Final = 1 / 3


class Hours(NamedTuple):
    """Hourly values, all of the same length; NaN where there is none. `follows` says whether an hour comes right after the one before."""

    wind_from_deg: Floats
    wind_speed_m_s: Floats
    humidity_percent: Floats
    rain_mm: Floats
    visibility_m: Floats
    pm10_ug_m3: Floats
    follows: Any


def evaluate_weather(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Return the figures of both, and which simulated ones are not within a third of the real ones.

    Raises UserError for files, columns or numbers that are missing, and for values in other units.
    """
    real = figures(measured_hours(folder))
    simulated = figures(simulated_hours(on_progress=on_progress))
    far = [name for name, value in real.items() if value is not None and not _is_near(simulated[name], value)]
    return {"real": real, "simulated": simulated, "not_within_a_third": far}


def figures(hours: Hours) -> dict[str, float | None]:
    """Return what characterises the weather: shares of hours, hours a year, means, and how much an hour's PM10 says of the next."""
    is_wind = hours.wind_speed_m_s >= CALM_M_S
    sector = np.floor(((hours.wind_from_deg + 22.5) % 360) / 45)
    found: dict[str, float | None] = {
        f"wind_from_{name}": _mean(sector == number, ~np.isnan(sector) & is_wind) for number, name in enumerate(SECTORS)
    }
    found |= {
        "wind_mean_m_s": _mean(hours.wind_speed_m_s),
        "calm": _mean(hours.wind_speed_m_s < CALM_M_S, ~np.isnan(hours.wind_speed_m_s)),
        "humidity_mean_percent": _mean(hours.humidity_percent),
        "humidity_from_95_percent": _mean(hours.humidity_percent >= DAMP_PERCENT, ~np.isnan(hours.humidity_percent)),
        "rain_mm_a_year": _yearly(hours.rain_mm, ~np.isnan(hours.rain_mm)),
        "rain_h_a_year": _yearly(hours.rain_mm >= WET_MM, ~np.isnan(hours.rain_mm)),
        "fog_h_a_year": _yearly(hours.visibility_m < FOG_M, ~np.isnan(hours.visibility_m)),
        "pm10_mean_ug_m3": _mean(hours.pm10_ug_m3),
        "pm10_above_150_h_a_year": _yearly(hours.pm10_ug_m3 > DUSTY_UG_M3, ~np.isnan(hours.pm10_ug_m3)),
        "pm10_lag_1": _lag_1(hours.pm10_ug_m3, hours.follows),
    }
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def _is_near(simulated: float | None, real: float) -> bool:
    return simulated is not None and abs(simulated - real) <= NEAR * abs(real)


def _mean(values: Any, where: Any = None) -> float | None:
    kept = values[~np.isnan(values)] if where is None else values[where]
    return float(kept.mean()) if len(kept) else None


def _yearly(values: Any, where: Any) -> float | None:
    mean = _mean(values, where)
    return None if mean is None else mean * HOURS_OF_YEAR


def _lag_1(values: Floats, follows: Any) -> float | None:
    """Return the correlation of each hour with the next, over pairs of hours that follow each other and have a value both."""
    both = follows[1:] & ~np.isnan(values[1:]) & ~np.isnan(values[:-1])
    if both.sum() < 2:
        return None
    return float(np.corrcoef(values[:-1][both], values[1:][both])[0, 1])


def measured_hours(folder: Path) -> Hours:
    """Return what stands in hourly.csv. Raises UserError for what cannot be read, and for values beyond what can be."""
    rows = read_table(folder, "hourly.csv", COLUMNS)
    instants = np.array([row.instant("time") for row in rows])
    if (backwards := np.flatnonzero(np.diff(instants) <= 0)).size:
        raise UserError(f"{rows[backwards[0] + 1].where}: the time is not after that of the line before; sort the file")
    columns = {}
    for name, field, low, high in (
        ("wind_from_deg", "wind_from_deg", 0, 360),
        ("wind_speed_m_s", "wind_speed_m_s", 0, 75),
        ("humidity_pct", "humidity_percent", 0, 100),
        ("rain_mm", "rain_mm", 0, 200),
        ("visibility_m", "visibility_m", 0, 100_000),
        ("pm10_ug_m3", "pm10_ug_m3", 0, 5000),
    ):
        values = np.array([np.nan if (value := row.optional(name)) is None else value for row in rows])
        if (wrong := np.flatnonzero((values < low) | (values > high))).size:
            row = rows[wrong[0]]
            raise UserError(f"{row.where}: {name} is {row.text(name)}, beyond {low} to {high}; is it in another unit?")
        columns[field] = values
    follows = np.concatenate([[False], np.diff(instants) == HOUR_S])
    return Hours(**columns, follows=follows)


def simulated_hours(days: int = DAYS, on_progress: Callable[[float], None] = lambda _: None) -> Hours:
    """Return a year of the built-in city, an hour at a time as a station reports it: means of minutes, the wind as a mean of vectors."""
    site = load_site("jeonju")
    start_s = datetime(YEAR, 1, 1, tzinfo=UTC).timestamp()
    weather_rng, background_rng = np.random.default_rng(SEED).spawn(2)
    weather = Weather(site, start_s=start_s, rng=weather_rng)
    background = Background(site, start_s=start_s, rng=background_rng, weather=weather)
    minutes_s = np.arange(30.0, HOUR_S, 60.0)
    place = np.zeros((len(minutes_s), 1, 2))
    rows = []
    # No more than an hour at once: weather forgets what is older.
    for hour in range(days * 24):
        times_s = start_s + hour * HOUR_S + minutes_s
        pm10 = background.sample(times_s, place)[:, 0, KEYS.index("pm10")]
        air = weather.sample(times_s)
        angle = np.radians(air.wind_from_deg)
        east, north = air.wind_speed_m_s * np.sin(angle), air.wind_speed_m_s * np.cos(angle)
        minutes = (east, north, air.wind_speed_m_s, air.humidity_percent, air.rain_mm_h, pm10)
        rows.append([each.mean() for each in minutes])
        on_progress(hour / (days * 24))
    east, north, speed, humidity, rain, pm10 = np.array(rows).T
    from_deg = np.degrees(np.arctan2(east, north)) % 360
    # The simulated city has no fog.
    return Hours(from_deg, speed, humidity, rain, np.full_like(pm10, np.inf), pm10, follows=np.ones(len(pm10), bool))
