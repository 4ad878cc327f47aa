"""The weather over the city: season, hour of day, and random variation around them."""

from datetime import datetime
from statistics import NormalDist
from typing import Annotated, Final, Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, pasquill_stability, solar_elevation_deg
from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.simulator.ornstein_uhlenbeck import OrnsteinUhlenbeck, SampledSeries
from jeonju.simulator.season import of_season

# Monthly normals of Jeonju 1991–2020 [°C]: mean, mean daily maximum, mean daily minimum (Korea Meteorological Administration).
MEAN_C: Final = (0.0, 2.0, 6.8, 12.9, 18.5, 22.8, 26.2, 26.5, 21.9, 15.4, 8.8, 2.2)
MAXIMUM_C: Final = (4.8, 7.5, 13.0, 19.7, 25.0, 28.4, 30.6, 31.3, 27.4, 21.7, 14.4, 7.1)
MINIMUM_C: Final = (-4.3, -2.8, 1.4, 6.9, 12.7, 18.2, 22.7, 22.9, 17.4, 10.1, 3.9, -2.1)
# Korean monthly means 2015–2020 of relative humidity [%] and of its day-to-day standard deviation.
HUMIDITY_PERCENT: Final = (60.4, 57.8, 58.8, 61.2, 63.7, 71.5, 80.7, 78.3, 77.3, 72.1, 68.3, 62.4)
HUMIDITY_STD_PERCENT: Final = (11.4, 12.4, 11.7, 14.1, 12.9, 9.3, 7.0, 6.8, 7.8, 9.0, 12.0, 12.1)
# Day-to-day standard deviation of temperature [°C], same source.
TEMPERATURE_STD_C: Final = (3.5, 3.5, 3.4, 2.9, 2.2, 1.7, 2.5, 2.3, 2.0, 3.1, 3.7, 3.6)
# Monthly rain of Jeonju [mm], about 1300 mm a year; July, August and December from the normals, the others after the national shape.
RAIN_MM: Final = (33, 38, 52, 85, 82, 120, 300, 280, 150, 62, 55, 30)
# Share of hours with rain; heavy summer rain falls in few hours.
WET_SHARE: Final = (0.05, 0.05, 0.06, 0.07, 0.06, 0.08, 0.14, 0.12, 0.08, 0.04, 0.06, 0.05)
# Prevailing direction the wind comes from [degrees]: north-west in winter, south to south-west in summer (national atlas).
PREVAILING_FROM_DEG: Final = (310, 305, 290, 270, 240, 210, 200, 200, 330, 330, 315, 310)
# Strength by month relative to the year: spring is windiest.
WIND_BY_MONTH: Final = (1.0, 1.08, 1.18, 1.18, 1.05, 0.95, 1.0, 0.95, 0.9, 0.85, 0.9, 0.97)
# Annual mean 1.6 m/s (Deokjin-gu 2015–2021: 1.56 to 1.76 m/s) and Weibull shape typical of inland Korean cities.
MEAN_WIND_M_S: Final = 1.62
WEIBULL_SHAPE: Final = 1.6
_WEIBULL_MEAN_OF_UNIT_SCALE: Final = 0.8966  # Γ(1 + 1/1.6)

HOUR_S: Final = 3600.0
# Relaxation times [s] of the processes, in the order of the unpacking in `_generate`.
_RELAXATION_S: Final = [
    70 * HOUR_S,  # temperature: day-to-day autocorrelation 0.71
    30 * HOUR_S,  # humidity
    60 * HOUR_S,  # pressure
    10 * HOUR_S,  # cloud
    5 * HOUR_S,  # rain
    16 * HOUR_S,  # wind speed, synoptic
    1.5 * HOUR_S,  # wind speed, mesoscale
    480.0,  # wind speed, slow gusts
    30 * HOUR_S,  # wind direction, synoptic
    2.5 * HOUR_S,  # wind direction, mesoscale
    420.0,  # wind direction, meander
]
LEAST_WIND_M_S: Final = 0.1
_NORMAL: Final = NormalDist()


class WeatherOverrides(BaseModel):
    """The weather that a scenario prescribes; everything else follows the season. `meander = "none"` keeps the wind steady."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    wind_speed_m_s: Annotated[float, Field(ge=0, le=40)] | None = None
    wind_from_deg: Annotated[float, Field(ge=0, le=360)] | None = None
    meander: Literal["natural", "none"] = "natural"
    temperature_c: Annotated[float, Field(ge=-40, le=50)] | None = None
    humidity_percent: Annotated[float, Field(ge=1, le=100)] | None = None
    rain_mm_h: Annotated[float, Field(ge=0, le=150)] | None = None
    cloud_fraction: Annotated[float, Field(ge=0, le=1)] | None = None
    stability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    mixing_height_m: Annotated[float, Field(ge=30, le=4000)] | None = None


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
    stability: NDArray[np.int64]


class Weather:
    """One realisation of the weather of a site from `start_s` on."""

    def __init__(
        self, site: Site, *, start_s: float, rng: np.random.Generator, overrides: WeatherOverrides | None = None
    ) -> None:
        self._site = site
        self._zone = ZoneInfo(site.timezone)
        self._overrides = overrides or WeatherOverrides()
        self._processes = OrnsteinUhlenbeck(_RELAXATION_S, rng)
        self._series = SampledSeries(start_s)

    def sample(self, times_s: Floats) -> WeatherSeries:
        """Return the weather at ascending instants; instants more than three hours before earlier ones are no longer kept."""
        while self._series.end_s <= times_s[-1] + 60.0:
            self._series.append(self._generate(self._series.next_times()))
        temperature, humidity, pressure, east, north, rain, cloud, sun, mixing = self._series.at(times_s).T
        speed = np.maximum(np.hypot(east, north), LEAST_WIND_M_S if self._overrides.wind_speed_m_s is None else 0.0)
        from_deg = np.mod(np.degrees(np.arctan2(-east, -north)), 360.0)
        if self._overrides.stability is None:
            stability = pasquill_stability(speed, sun, cloud)
        else:
            stability = np.full(len(times_s), int(Stability[self._overrides.stability]))
        return WeatherSeries(temperature, humidity, pressure, speed, from_deg, rain, cloud, sun, mixing, stability)

    def at(self, time_s: float) -> Meteorology:
        """Return the air of one instant, as dispersion needs it."""
        return meteorology(self.sample(np.array([time_s])), 0, self._site.roughness_m)

    def _generate(self, times_s: Floats) -> Floats:
        (
            temperature_process,
            humidity_process,
            pressure_process,
            cloud_process,
            rain_process,
            speed_synoptic,
            speed_meso,
            speed_gust,
            turn_synoptic,
            turn_meso,
            turn_meander,
        ) = self._processes.chunk().T
        local = datetime.fromtimestamp(times_s[0], self._zone)
        hour = local.hour + local.minute / 60 + (times_s - times_s[0]) / HOUR_S
        sun = solar_elevation_deg(times_s, *self._site.origin)

        def now(table: tuple[float, ...]) -> float:
            return of_season(table, local)

        rain = _rain(rain_process, now(WET_SHARE), now(RAIN_MM))
        # More cloud in the rainy season; overcast while it rains.
        cloud = np.clip(_share_below(cloud_process + 0.9 * (now(HUMIDITY_PERCENT) - 67) / 12), 0, 1)
        cloud = np.where(rain > 0, 1.0, cloud)
        swing_c = 0.5 * (now(MAXIMUM_C) - now(MINIMUM_C)) * (1.25 - 0.7 * cloud) * np.cos((hour - 15) * np.pi / 12)
        temperature = now(MEAN_C) + swing_c + 0.85 * now(TEMPERATURE_STD_C) * temperature_process
        humidity = now(HUMIDITY_PERCENT) - 2.6 * swing_c + now(HUMIDITY_STD_PERCENT) * humidity_process
        humidity = np.clip(np.where(rain > 0, np.maximum(humidity, 90), humidity), 15, 99)
        sea_level_hpa = 1016 + 8 * np.cos((local.timetuple().tm_yday - 15) * 2 * np.pi / 365) + 4.5 * pressure_process
        pressure = sea_level_hpa * np.exp(-self._site.elevation_m / 8430)
        speed = _wind_speed((speed_synoptic + 0.8 * speed_meso + 0.45 * speed_gust) / np.sqrt(1 + 0.64 + 0.2025), hour)
        speed *= now(WIND_BY_MONTH)
        turn = 50 * turn_synoptic + 22 * turn_meso
        # The weaker the wind, the more it meanders: about 8° in a fresh wind, 40° near calm.
        meander_deg = 8 + 32 / (1 + speed**2)
        prevailing = PREVAILING_FROM_DEG[local.month - 1]
        from_deg = prevailing + turn + meander_deg * turn_meander
        return self._override(
            temperature,
            humidity,
            pressure,
            speed,
            from_deg,
            rain,
            cloud,
            sun,
            hour,
            relative_speed=np.exp(0.18 * speed_gust),
            meander=turn_meander,
        )

    def _override(
        self,
        temperature: Floats,
        humidity: Floats,
        pressure: Floats,
        speed: Floats,
        from_deg: Floats,
        rain: Floats,
        cloud: Floats,
        sun: Floats,
        hour: Floats,
        *,
        relative_speed: Floats,
        meander: Floats,
    ) -> Floats:
        """Apply what the scenario prescribes; return the columns in the order in which `sample` reads them."""
        wanted = self._overrides
        still = wanted.meander == "none"
        if wanted.wind_speed_m_s is not None:
            speed = wanted.wind_speed_m_s * (np.ones_like(speed) if still else relative_speed)
        if wanted.wind_from_deg is not None:
            from_deg = wanted.wind_from_deg + (np.zeros_like(speed) if still else (8 + 32 / (1 + speed**2)) * meander)
        for name, column in (
            ("temperature_c", temperature),
            ("humidity_percent", humidity),
            ("rain_mm_h", rain),
            ("cloud_fraction", cloud),
        ):
            if (value := getattr(wanted, name)) is not None:
                column[:] = value
        mixing = (
            _mixing_height(sun, cloud, speed, hour)
            if wanted.mixing_height_m is None
            else np.full_like(sun, wanted.mixing_height_m)
        )
        angle = np.radians(from_deg)
        return np.column_stack(
            [temperature, humidity, pressure, -speed * np.sin(angle), -speed * np.cos(angle), rain, cloud, sun, mixing]
        )


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


def _share_below(process: Floats) -> Floats:
    """Return the standard normal distribution function."""
    return np.array([_NORMAL.cdf(value) for value in process])


def _rain(process: Floats, wet_share: float, monthly_mm: float) -> Floats:
    """Return the rain [mm/h]: it falls while the process is in its upper `wet_share`, at an exponential rate with the mean of the monthly sum."""
    dry = 1 - wet_share
    wetness = np.maximum(_share_below(process) - dry, 0) / wet_share
    mean_mm_h = monthly_mm / (30.4 * 24 * wet_share)
    return mean_mm_h * -np.log1p(-np.minimum(wetness, 0.9999))


def _wind_speed(process: Floats, hour: Floats) -> Floats:
    """Return a Weibull-distributed speed [m/s], strongest in the afternoon and often nearly calm at night."""
    below = np.clip(_share_below(process), 1e-6, 1 - 1e-6)
    by_hour = 1 + 0.42 * np.cos((hour - 15) * np.pi / 12)
    return MEAN_WIND_M_S / _WEIBULL_MEAN_OF_UNIT_SCALE * by_hour * (-np.log1p(-below)) ** (1 / WEIBULL_SHAPE)


def _mixing_height(sun_deg: Floats, cloud: Floats, speed: Floats, hour: Floats) -> Floats:
    """Return the mixing height [m]: 150 to 350 m at night, growing with wind; up to about 1500 m on a clear afternoon, two hours behind the sun."""
    mechanical_m = 140 + 70 * np.minimum(speed, 6)
    lagged = np.clip(np.sin(np.radians(sun_deg)) * np.clip((hour - 6) / 8, 0, 1) ** 0.7, 0, 1)
    return np.maximum(mechanical_m, 1700 * lagged * (1 - 0.5 * cloud))
