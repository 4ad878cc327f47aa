"""The simulated weather and PM10 of the background, beside what a weather station of the same city measured, hour by hour.

The simulated city lives through the years of the record from its first hour to its last and is seen as the station sees the air: wind as a
mean of the last ten minutes in sixteen points, PM10 with the errors of a beta gauge. Hours in which the station has no value are left out of
both. Figures say whether the simulated city has the winds, damp hours and dusty hours of the real one; a single hour is not compared with a
single hour.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site
from jeonju.evaluation.markdown import table
from jeonju.evaluation.tables import read_table
from jeonju.simulator.background import Background
from jeonju.simulator.weather import FOG_M, Weather

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
# Directions are reported in sixteen points, rounded to tens (20°, 50°, 70°, 90° …): three of them fall into each sector N, E, S and W, and
# one into each of the others.
POINT_DEG: Final = 22.5
DAMP_PERCENT: Final = 95.0
DUSTY_UG_M3: Final = 150.0
# A tenth of a millimetre is what a gauge shows.
WET_MM: Final = 0.1
SECTORS: Final = ("n", "ne", "e", "se", "s", "sw", "w", "nw")
SEASONS: Final = ("winter", "spring", "summer", "autumn")
SEED: Final = 1
# A simulated figure that is further from the real one is called out.
NEAR: Final = 1 / 3
# An hour of PM10 this many times as large as both of its neighbours, and more by this, is no air but the gauge.
LONE_TIMES, LONE_UG_M3 = 3.0, 30.0
# What a beta gauge adds to an hour of air. Noise: makers give 2.4 µg/m³ (BAM 1020, 2 σ below 4.8), and water on the filter −13 to +21 µg/m³
# (Kiss et al. 2017, AMT 10, 2477); 4 is what the second differences of hours below 20 µg/m³ leave at KMA 146. Lone spikes: 13 in 23 500
# hours there, 115 to 893 µg/m³.
GAUGE_NOISE_UG_M3: Final = 4.0
GAUGE_SPIKES_AN_HOUR: Final = 13 / 23_500
GAUGE_SPIKE_UG_M3: Final = (100.0, 900.0)


class Hours(NamedTuple):
    """Hourly values, all of the same length; NaN where there is none."""

    time_s: Floats
    wind_from_deg: Floats
    wind_speed_m_s: Floats
    humidity_percent: Floats
    rain_mm: Floats
    visibility_m: Floats
    pm10_ug_m3: Floats

    @property
    def follows(self) -> Any:
        """Whether an hour comes right after the one before."""
        return np.concatenate([[False], np.diff(self.time_s) == HOUR_S])


def evaluate_weather(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Return the figures of both, those of every measured year alone, and which simulated ones are not within a third of the real ones.

    Raises UserError for files, columns or numbers that are missing, and for values in other units.
    """
    measured = measured_hours(folder)
    real = figures(measured)
    simulated = figures(as_far_as_measured(simulated_hours(measured.time_s, on_progress=on_progress), measured))
    years = np.array([local.year for local in _local(measured.time_s)])
    alone = {str(year): figures(Hours(*(values[years == year] for values in measured))) for year in np.unique(years)}
    far = [name for name, value in real.items() if value is not None and not _is_near(simulated[name], value)]
    return {"real": real, "simulated": simulated, "not_within_a_third": far, "real_years": alone}


def weather_table(result: dict[str, Any]) -> str:
    """Return the table of measured, simulated and measured years, without those of single seasons."""
    years = [year for year in result["real_years"].values() if any(value is not None for value in year.values())]
    rows = []
    for name, real in result["real"].items():
        if "_in_" in name or real is None:
            continue
        spread = [year[name] for year in years if year[name] is not None]
        far = " (!)" if name in result["not_within_a_third"] else ""
        span = f"{_short(min(spread))} to {_short(max(spread))}"
        rows.append([name, _short(real), span, _short(result["simulated"][name]) + far])
    return table(["", "measured", "its single years", "simulated"], rows)


def _short(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def figures(hours: Hours) -> dict[str, float | None]:
    """Return what characterises the weather: shares of hours, hours a year, means, and how much an hour says of the next."""
    is_wind = hours.wind_speed_m_s >= CALM_M_S
    sector = np.where(is_wind, np.floor(((hours.wind_from_deg + 22.5) % 360) / 45), np.nan)
    season = np.array([local.month % 12 // 3 for local in _local(hours.time_s)], dtype=np.int64)
    pm10, lone = hours.pm10_ug_m3, lone_hours(hours)
    found: dict[str, float | None] = {
        "wind_mean_m_s": _mean(hours.wind_speed_m_s),
        "calm": _mean(hours.wind_speed_m_s < CALM_M_S, ~np.isnan(hours.wind_speed_m_s)),
        "wind_keeps_its_sector": _repeated(sector, hours.follows),
        "humidity_mean_percent": _mean(hours.humidity_percent),
        "humidity_from_95_percent": _mean(hours.humidity_percent >= DAMP_PERCENT, ~np.isnan(hours.humidity_percent)),
        "rain_mm_a_year": _yearly(hours.rain_mm, ~np.isnan(hours.rain_mm)),
        "rain_h_a_year": _yearly(hours.rain_mm >= WET_MM, ~np.isnan(hours.rain_mm)),
        "fog_h_a_year": _yearly(hours.visibility_m < FOG_M, ~np.isnan(hours.visibility_m)),
        "pm10_mean_ug_m3": _mean(pm10),
        "pm10_above_150_h_a_year": _yearly(pm10 > DUSTY_UG_M3, ~np.isnan(pm10)),
        "pm10_lag_1": _lag_1(pm10, hours.follows),
        "pm10_lag_1_without_lone_hours": _lag_1(np.where(lone, np.nan, pm10), hours.follows),
        "wind_from_e_and_se": _mean(
            (sector == SECTORS.index("e")) | (sector == SECTORS.index("se")), ~np.isnan(sector)
        ),
    }
    for number, name in enumerate(SECTORS):
        found[f"wind_from_{name}"] = _mean(sector == number, ~np.isnan(sector))
        for which, called in enumerate(SEASONS):
            there = ~np.isnan(sector) & (season == which)
            found[f"wind_from_{name}_in_{called}"] = _mean(sector == number, there)
    return {name: None if value is None else round(value, 4) for name, value in found.items()}


def lone_hours(hours: Hours) -> Any:
    """Return which hours of PM10 stand far above both neighbours."""
    pm10, lone = hours.pm10_ug_m3, np.zeros(len(hours.pm10_ug_m3), bool)
    if len(pm10) > 2:
        neighbours = np.maximum(pm10[:-2], pm10[2:])
        lone[1:-1] = (pm10[1:-1] > LONE_TIMES * neighbours + LONE_UG_M3) & hours.follows[1:-1] & hours.follows[2:]
    return lone


def as_far_as_measured(simulated: Hours, measured: Hours) -> Hours:
    """Return the simulated hours without values where the station has none. A calm has no direction there, and counts as measured."""
    there = measured._replace(wind_from_deg=measured.wind_speed_m_s)
    return Hours(*(np.where(np.isnan(real), np.nan, value) for value, real in zip(simulated, there, strict=True)))


def _local(times_s: Floats) -> list[datetime]:
    zone = ZoneInfo(load_site("jeonju").timezone)
    return [datetime.fromtimestamp(time_s, zone) for time_s in times_s]


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


def _repeated(sector: Floats, follows: Any) -> float | None:
    """Return the share of hours whose wind comes from the sector of the hour before, of those that both have one."""
    both = follows[1:] & ~np.isnan(sector[1:]) & ~np.isnan(sector[:-1])
    return _mean(sector[1:] == sector[:-1], both)


def measured_hours(folder: Path) -> Hours:
    """Return what stands in hourly.csv. Raises UserError for what cannot be read, and for values beyond what can be."""
    rows = read_table(folder, "hourly.csv", COLUMNS)
    instants = np.array([row.instant("time") for row in rows])
    if (backwards := np.flatnonzero(np.diff(instants) <= 0)).size:
        raise UserError(f"{rows[backwards[0] + 1].where}: the time is not after that of the line before; sort the file")
    columns = {"time_s": instants}
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
    return Hours(**columns)


def simulated_hours(times_s: Floats, on_progress: Callable[[float], None] = lambda _: None) -> Hours:
    """Return what a station of the built-in city would report at these instants, ascending, and has seen in the hour before each."""
    site = load_site("jeonju")
    start_s = float(times_s[0]) - HOUR_S
    weather_rng, background_rng, gauge_rng = np.random.default_rng(SEED).spawn(3)
    weather = Weather(site, start_s=start_s, rng=weather_rng)
    background = Background(site, start_s=start_s, rng=background_rng, weather=weather)
    wanted = {float(time_s): row for row, time_s in enumerate(times_s)}
    rows = np.full((6, len(times_s)), np.nan)
    # Hour by hour, those without a line too: weather is one course of time, and forgets what is older than three hours.
    for end_s in np.arange(start_s + HOUR_S, times_s[-1] + 1, HOUR_S):
        seen = _seen(weather, background, float(end_s))
        if (row := wanted.get(float(end_s))) is not None:
            rows[:, row] = seen
            on_progress(row / len(times_s))
    from_deg, speed, humidity, rain, visibility, pm10 = rows
    return Hours(times_s, from_deg, speed, humidity, rain, visibility, through_gauge(pm10, gauge_rng))


def _seen(weather: Weather, background: Background, end_s: float) -> tuple[float, ...]:
    """Return wind, humidity and visibility as a station reports them at the end of an hour, and its rain [mm] and PM10."""
    minutes_s = np.asarray(end_s - 60.0 * np.arange(59, -1, -1), dtype=np.float64)
    pm10 = background.sample(minutes_s, np.zeros((len(minutes_s), 1, 2)))[:, 0, KEYS.index("pm10")]
    air = weather.sample(minutes_s)
    speed, angle = air.wind_speed_m_s[-10:], np.radians(air.wind_from_deg[-10:])
    from_deg = np.degrees(np.arctan2(np.mean(speed * np.sin(angle)), np.mean(speed * np.cos(angle)))) % 360
    return (
        np.floor(np.round(from_deg / POINT_DEG) * POINT_DEG / 10 + 0.5) * 10,
        speed.mean(),
        air.humidity_percent[-1],
        np.floor(10 * air.rain_mm_h.mean()) / 10,
        air.visibility_m[-10:].mean(),
        pm10.mean(),
    )


def through_gauge(pm10_ug_m3: Floats, rng: np.random.Generator) -> Floats:
    """Return hours of PM10 as a beta gauge reports them: whole, never negative, with its noise and its spikes."""
    n = len(pm10_ug_m3)
    read = np.maximum(np.round(pm10_ug_m3 + GAUGE_NOISE_UG_M3 * rng.standard_normal(n)), 0.0)
    spike = np.where(np.isnan(read), np.nan, rng.uniform(*GAUGE_SPIKE_UG_M3, n))
    return np.where(rng.random(n) < GAUGE_SPIKES_AN_HOUR, np.maximum(spike, read), read)
