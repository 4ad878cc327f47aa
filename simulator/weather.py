"""The weather over the city: season, hour of day, and random variation around them."""

from datetime import datetime
from statistics import NormalDist
from typing import Annotated, Final, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, pasquill_stability, solar_elevation_deg
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.simulator.climate import tables_of
from jeonju.simulator.moisture import SATURATED_PERCENT, humidity_percent, least_humidity_percent, visibility_m
from jeonju.simulator.ornstein_uhlenbeck import OrnsteinUhlenbeck, SampledSeries, share_below
from jeonju.simulator.present import WEATHER_LASTS_S, GoesOn, Present
from jeonju.simulator.season import of_four_seasons, of_season
from jeonju.simulator.wind_climate import wind_from_deg, wind_speed_m_s

# Rates of hours with rain are Weibull-distributed with this shape: half of them have less than 1 mm, one in a hundred has 20 mm (KMA 146, 2018–2020).
RAIN_SHAPE: Final = 0.65
_RAIN_MEAN_OF_UNIT_SCALE: Final = 1.3663  # Γ(1 + 1/0.65)

_NORMAL: Final = NormalDist()
# Share of the mesoscale in the slow turns of the wind, relative to the synoptic ones.
_TURN_MESO: Final = 0.3

HOUR_S: Final = 3600.0
# Relaxation times [s] of the processes. Of humidity, rain, wind and visibility they are such that hours
# 1 to 24 later are as alike as at KMA 146, 2018–2020.
_RELAXATION_S: Final = {
    "temperature": 70 * HOUR_S,  # day-to-day autocorrelation 0.71
    "humidity": 20 * HOUR_S,
    "pressure": 60 * HOUR_S,
    "cloud": 10 * HOUR_S,
    "rain": 14 * HOUR_S,
    "speed_synoptic": 16 * HOUR_S,
    "speed_meso": 1.5 * HOUR_S,
    "speed_gust": 480.0,
    "turn_synoptic": 30 * HOUR_S,
    "turn_meso": 2.5 * HOUR_S,
    "turn_meander": 420.0,
}
_VISIBILITY_RELAXATION_S: Final = 5 * HOUR_S
_SHOWER_RELAXATION_S: Final = 0.5 * HOUR_S
# Share of showers in the variance of the rain's process.
SHOWERS: Final = 0.08
# How much the air's humidity follows the rain, before and while it falls, and the cloud.
_HUMIDITY_OF_RAIN, _HUMIDITY_OF_CLOUD = 0.35, 0.35
LEAST_WIND_M_S: Final = 0.1
FOG_M: Final = 1000.0
# The least humidity that can be prescribed together with fog, and the least cloud and humidity that can be with rain.
FOG_HUMIDITY_PERCENT: Final = 90.0
RAIN_CLOUD, RAIN_HUMIDITY_PERCENT = 0.5, 60.0


class WeatherOverrides(BaseModel):
    """The weather that a scenario prescribes; everything else follows the season and what is prescribed.

    Rain brings cloud and damp air, fog damp air, and no rain falls from a clear sky or into dry air. `meander = "none"` takes the minutes'
    swing from the wind, prescribed or not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    wind_speed_m_s: Annotated[float, Field(ge=0, le=40)] | None = None
    wind_from_deg: Annotated[float, Field(ge=0, le=360)] | None = None
    meander: Literal["natural", "none"] = "natural"
    temperature_c: Annotated[float, Field(ge=-40, le=50)] | None = None
    humidity_percent: Annotated[float, Field(ge=1, le=100)] | None = None
    rain_mm_h: Annotated[float, Field(ge=0, le=150)] | None = None
    cloud_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    visibility_m: Annotated[float, Field(ge=10, le=100_000)] | None = None
    stability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    mixing_height_m: Annotated[float, Field(ge=30, le=4000)] | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Refuse weather that cannot be."""
        if self.rain_mm_h and self._cannot_rain:
            raise ValueError(
                f"rain_mm_h is above 0, but it does not rain with a cloud_fraction below {RAIN_CLOUD:g} or a humidity_percent"
                f" below {RAIN_HUMIDITY_PERCENT:g}; leave one of them out"
            )
        foggy = self.visibility_m is not None and self.visibility_m < FOG_M
        if foggy and self.humidity_percent is not None and self.humidity_percent < FOG_HUMIDITY_PERCENT:
            raise ValueError(
                f"visibility_m is below {FOG_M:.0f}, which is fog, and humidity_percent below {FOG_HUMIDITY_PERCENT:.0f};"
                " leave one of them out"
            )
        return self

    @property
    def _cannot_rain(self) -> bool:
        clear = self.cloud_fraction is not None and self.cloud_fraction < RAIN_CLOUD
        return clear or (self.humidity_percent is not None and self.humidity_percent < RAIN_HUMIDITY_PERCENT)

    @property
    def rain(self) -> float | None:
        """The rain [mm/h] as prescribed, or none where the rest of what is prescribed leaves no room for it."""
        return 0.0 if self.rain_mm_h is None and self._cannot_rain else self.rain_mm_h


class WeatherSeries(NamedTuple):
    """The weather at several instants; every field has the shape of the instants."""

    temperature_c: Floats
    humidity_percent: Floats
    pressure_hpa: Floats
    wind_speed_m_s: Floats
    wind_from_deg: Floats
    rain_mm_h: Floats
    cloud_fraction: Floats
    solar_elevation_deg: Floats
    mixing_height_m: Floats
    visibility_m: Floats
    stability: NDArray[np.int64]


class Weather:
    """One realisation of the weather of a site from `start_s` on; with a `present` it goes on from that."""

    def __init__(
        self,
        site: Site,
        *,
        start_s: float,
        rng: np.random.Generator,
        overrides: WeatherOverrides | None = None,
        present: Present | None = None,
    ) -> None:
        self._site = site
        self._present = present
        if present is not None:
            air = (present.temperature_c, present.humidity_percent, present.pressure_hpa)
            known = {column: value for column, value in enumerate(air) if value is not None}
            self._air_goes_on = GoesOn(present.at_s, known, WEATHER_LASTS_S)
            self._wind_goes_on = GoesOn(present.at_s, dict(enumerate(present.wind_m_s or ())), WEATHER_LASTS_S)
        self._zone = ZoneInfo(site.timezone)
        self._overrides = overrides or WeatherOverrides()
        self._tables = tables_of(site)
        # What shifts the normal distribution of the cloud's process to its mean.
        self._cloud_shift = np.sqrt(2) * np.array([_NORMAL.inv_cdf(mean) for mean in self._tables.cloud])
        self._processes = OrnsteinUhlenbeck(list(_RELAXATION_S.values()), rng)
        self._more = OrnsteinUhlenbeck([_VISIBILITY_RELAXATION_S, _SHOWER_RELAXATION_S], rng.spawn(1)[0])
        self._series = SampledSeries(start_s)

    def sample(self, times_s: Floats) -> WeatherSeries:
        """Return the weather at ascending instants; instants more than three hours before earlier ones are no longer kept."""
        while self._series.end_s <= times_s[-1] + 60.0:
            self._series.append(self._generate(self._series.next_times()))
        temperature, humidity, pressure, east, north, rain, cloud, sun, mixing, sight = self._series.at(times_s).T
        speed = np.maximum(np.hypot(east, north), LEAST_WIND_M_S if self._overrides.wind_speed_m_s is None else 0.0)
        from_deg = np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)
        if self._overrides.stability is None:
            stability = pasquill_stability(speed, sun, cloud)
        else:
            stability = np.full(len(times_s), int(Stability[self._overrides.stability]))
        return WeatherSeries(
            temperature, humidity, pressure, speed, from_deg, rain, cloud, sun, mixing, sight, stability
        )

    def at(self, time_s: float) -> Meteorology:
        """Return the air of one instant, as dispersion needs it."""
        return meteorology(self.sample(np.array([time_s])), 0, self._site.roughness_m)

    def _generate(self, times_s: Floats) -> Floats:
        wanted, tables, process = (
            self._overrides,
            self._tables,
            dict(zip(_RELAXATION_S, self._processes.chunk().T, strict=True)),
        )
        local = datetime.fromtimestamp(times_s[0], self._zone)
        hour = local.hour + local.minute / 60 + (times_s - times_s[0]) / HOUR_S
        sun = solar_elevation_deg(times_s, *self._site.origin)

        def now(table: tuple[float, ...]) -> float:
            return of_season(table, local)

        sight_process, showers = self._more.chunk().T
        rain_process = np.sqrt(1 - SHOWERS) * process["rain"] + np.sqrt(SHOWERS) * showers
        wetness, short_of_rain = _wetness(rain_process, now(tables.wet_share))
        rain = _rain(wetness, now(tables.rain_mm) / (30.4 * 24 * now(tables.wet_share)))
        if wanted.rain is not None:
            rain, short_of_rain = np.full_like(rain, wanted.rain), np.full_like(rain, np.inf)
            wetness = np.full_like(rain, 0.5 if wanted.rain > 0 else 0.0)
        cloud = np.where(rain > 0, 1.0, share_below(process["cloud"] + of_four_seasons(self._cloud_shift, local)))
        cloud = _or(wanted.cloud_fraction, cloud)
        swing_c = (
            0.5
            * (now(tables.maximum_c) - now(tables.minimum_c))
            * (1.25 - 0.7 * cloud)
            * np.cos((hour - 15) * np.pi / 12)
        )
        temperature = now(tables.mean_c) + swing_c + 0.85 * now(tables.temperature_std_c) * process["temperature"]
        humidity = humidity_percent(_mixed(process), local, hour, tables.humidity_percent, tables.humidity_spread)
        humidity = np.maximum(humidity, least_humidity_percent(wetness, short_of_rain))
        if wanted.visibility_m is not None and wanted.visibility_m < FOG_M:
            humidity = np.maximum(humidity, SATURATED_PERCENT)
        humidity = _or(wanted.humidity_percent, humidity)
        sea_level_hpa = (
            1016
            + tables.pressure_swing_hpa * np.cos((local.timetuple().tm_yday - 15) * 2 * np.pi / 365)
            + 4.5 * process["pressure"]
        )
        pressure = sea_level_hpa * np.exp(-self._site.elevation_m / 8430)
        speed, from_deg = self._wind(process, local, hour)
        if self._present is not None:
            speed, from_deg = self._wind_of_present(self._present, times_s, process, speed, from_deg)
        mixing = _or(wanted.mixing_height_m, _mixing_height(sun, cloud, speed, hour))
        sight = _or(wanted.visibility_m, visibility_m(sight_process, local, humidity, speed, tables.visibility_km))
        temperature, angle = _or(wanted.temperature_c, temperature), np.radians(from_deg)
        east, north = -speed * np.sin(angle), -speed * np.cos(angle)
        columns = np.column_stack([temperature, humidity, pressure, east, north, rain, cloud, sun, mixing, sight])
        if self._present is not None:
            self._air_goes_on.apply(times_s, columns)
            columns[:, 1] = np.clip(columns[:, 1], 1.0, 100.0)
        return columns

    def _wind(self, process: dict[str, Floats], local: datetime, hour: Floats) -> tuple[Floats, Floats]:
        """Return speed [m/s] and direction [degrees] of the season or as prescribed, with or without the minutes' swing."""
        wanted = self._overrides
        steady = wanted.meander == "none"
        gust, meander = (np.zeros_like(hour) if steady else process[name] for name in ("speed_gust", "turn_meander"))
        if wanted.wind_speed_m_s is None:
            strength = (process["speed_synoptic"] + 0.8 * process["speed_meso"] + 0.45 * gust) / np.sqrt(
                1 + 0.64 + 0.2025
            )
            speed = wind_speed_m_s(share_below(strength), local, hour, self._tables.wind)
        else:
            # Never quite zero, so that still air keeps its direction.
            speed = np.maximum(wanted.wind_speed_m_s * np.exp(0.18 * gust), 1e-6)
        turn = (process["turn_synoptic"] + _TURN_MESO * process["turn_meso"]) / np.sqrt(1 + _TURN_MESO**2)
        from_deg = _or(wanted.wind_from_deg, wind_from_deg(share_below(turn), local, hour, self._tables.wind))
        return speed, from_deg + _swing_deg(speed) * meander

    def _wind_of_present(
        self, present: Present, times_s: Floats, process: dict[str, Floats], speed: Floats, from_deg: Floats
    ) -> tuple[Floats, Floats]:
        """Return the wind that goes on from the present one, and from some instant on another one, with its gusts."""
        angle = np.radians(from_deg)
        blows = np.column_stack([-speed * np.sin(angle), -speed * np.cos(angle)])
        self._wind_goes_on.apply(times_s, blows)
        east, north = blows.T
        speed, from_deg = np.hypot(east, north), np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)
        for wind in present.winds:
            given = np.maximum(wind.speed_m_s * np.exp(0.18 * process["speed_gust"]), 1e-6)
            swung = wind.from_deg + _swing_deg(given) * process["turn_meander"]
            begun = times_s >= wind.at_s
            speed, from_deg = np.where(begun, given, speed), np.where(begun, swung, from_deg)
        return speed, from_deg


def meteorology(series: WeatherSeries, index: int, roughness_m: float) -> Meteorology:
    """Return the air at one of the instants of a series, as dispersion needs it."""
    return Meteorology(
        wind_speed_m_s=float(series.wind_speed_m_s[index]),
        wind_from_deg=float(series.wind_from_deg[index]),
        stability=Stability(int(series.stability[index])),
        mixing_height_m=float(series.mixing_height_m[index]),
        temperature_k=float(series.temperature_c[index]) + 273.15,
        rain_mm_h=float(series.rain_mm_h[index]),
        roughness_m=roughness_m,
    )


def _swing_deg(speed: Floats) -> Floats:
    """Return how far the wind meanders: the weaker, the more, about 8° in a fresh wind, 40° near calm."""
    return np.asarray(8 + 32 / (1 + speed**2))


def _or(prescribed: float | None, natural: Floats) -> Floats:
    return natural if prescribed is None else np.full_like(natural, prescribed)


def _mixed(process: dict[str, Floats]) -> Floats:
    """Return the process of the humidity, which is damper with cloud and around rain (mean 0, variance 1)."""
    own = np.sqrt(1 - _HUMIDITY_OF_RAIN**2 - _HUMIDITY_OF_CLOUD**2)
    return own * process["humidity"] + _HUMIDITY_OF_RAIN * process["rain"] + _HUMIDITY_OF_CLOUD * process["cloud"]


def _wetness(process: Floats, wet_share: float) -> tuple[Floats, Floats]:
    """Return how strong the rain is (0: none, to 1: the strongest), which falls in `wet_share` of the time, and how far the process is below it."""
    dry = 1 - wet_share
    return np.clip((share_below(process) - dry) / wet_share, 0, 0.9999), _NORMAL.inv_cdf(dry) - process


def _rain(wetness: Floats, mean_mm_h: float) -> Floats:
    """Return the rain [mm/h], Weibull-distributed while it falls, with the mean of the monthly sum."""
    return mean_mm_h / _RAIN_MEAN_OF_UNIT_SCALE * (-np.log1p(-wetness)) ** (1 / RAIN_SHAPE)


def _mixing_height(sun_deg: Floats, cloud: Floats, speed: Floats, hour: Floats) -> Floats:
    """Return the mixing height [m]: 150 to 350 m at night, growing with wind; up to about 1500 m on a clear afternoon, two hours behind the sun."""
    mechanical_m = 140 + 70 * np.minimum(speed, 6)
    lagged = np.clip(np.sin(np.radians(sun_deg)) * np.clip((hour - 6) / 8, 0, 1) ** 0.7, 0, 1)
    return np.maximum(mechanical_m, 1700 * lagged * (1 - 0.5 * cloud))
