"""Background air, which comes to the city from elsewhere: level, season, hour of day, and random variation around them."""

from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats, unknown_by_column
from jeonju.contract.site import Site
from jeonju.simulator.background_levels import (
    COMMON,
    DAY_RELAXATION_H,
    DIURNAL,
    HOUR_RELAXATION_S,
    HOUR_SPREAD,
    PM10_OF_PM25_HOUR,
    SPATIAL_LENGTH_M,
    SPATIAL_SPREAD,
    SPECIES,
)
from jeonju.simulator.climate import tables_of
from jeonju.simulator.ornstein_uhlenbeck import GRID_S, OrnsteinUhlenbeck, SampledSeries
from jeonju.simulator.present import LEVELS_LAST_S, GoesOn, Present
from jeonju.simulator.season import of_season
from jeonju.simulator.weather import Weather

PM1_OF_PM25: Final = 0.68
# Coarse particles are what makes PM10 larger than PM2.5; PM10 never falls below this multiple.
LEAST_PM10_OF_PM25: Final = 1.12
RAIN_RELAXATION_S: Final = 6 * 3600.0
WASHOUT_PER_S_AT_1_MM_H: Final = 4e-5


class Episode(BaseModel):
    """Polluted air that moves over the city as a front: `dust` is coarse (PM10), `haze` is fine (PM2.5)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["dust", "haze"]
    start_s: float
    peak_pm10_ug_m3: Annotated[float, Field(gt=0, le=3000)]
    rise_h: Annotated[float, Field(gt=0, le=48)] = 3.0
    plateau_h: Annotated[float, Field(ge=0, le=120)] = 6.0
    decay_h: Annotated[float, Field(gt=0, le=72)] = 8.0
    from_deg: Annotated[float, Field(ge=0, le=360)] = 280.0
    front_speed_m_s: Annotated[float, Field(gt=0, le=40)] = 8.0

    @property
    def pm25_share(self) -> float:
        """PM2.5 in the added PM10: about a fifth in Asian dust, three quarters in haze (Korean episodes)."""
        return 0.18 if self.kind == "dust" else 0.75

    def added_pm10_ug_m3(self, times_s: Floats, xy_m: Floats) -> Floats:
        """Return the added PM10 [µg/m³] for times (T, 1) and places (T or 1, D, 2): a smooth rise, a plateau, an exponential decay."""
        angle = np.radians(self.from_deg)
        downwind_m = -xy_m[..., 0] * np.sin(angle) - xy_m[..., 1] * np.cos(angle)
        hours = (times_s - self.start_s - downwind_m / self.front_speed_m_s) / 3600
        rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(hours / self.rise_h, 0, 1))
        return self.peak_pm10_ug_m3 * rise * np.exp(-np.maximum(hours - self.rise_h - self.plateau_h, 0) / self.decay_h)


class Background:
    """One realisation of the background air of a site from `start_s` on; with a `present` it goes on from its levels, by the hour of the day."""

    def __init__(
        self,
        site: Site,
        *,
        start_s: float,
        rng: np.random.Generator,
        weather: Weather,
        present: Present | None = None,
    ) -> None:
        self._zone = ZoneInfo(site.timezone)
        self._weather, self._tables = weather, tables_of(site)
        self._series = SampledSeries(start_s)
        spatial = [3 * 3600.0] * (2 * len(SPECIES))
        days = [hours * 3600 for hours in (70.0, *DAY_RELAXATION_H.values())]
        self._processes = OrnsteinUhlenbeck([*days, *HOUR_RELAXATION_S.values(), *spatial], rng)
        self._washed = 0.0
        self.episodes: list[Episode] = []
        levels = {} if present is None else {key: level for key, level in present.levels.items() if level > 0}
        constant = self._tables.constant
        self._constant = constant | {key: level for key, level in levels.items() if key in constant}
        measured = {k: float(np.log(levels[key])) for k, key in enumerate(SPECIES) if key in levels}
        self._goes_on = None if present is None else GoesOn(present.at_s, measured, LEVELS_LAST_S)

    def sample(self, times_s: Floats, xy_m: Floats) -> Floats:
        """Return the background (T, D, len(KEYS)) in stored units at places (T, D, 2) [m]; NaN for quantities that are not concentrations."""
        while self._series.end_s <= times_s[-1] + GRID_S:
            self._series.append(self._generate(self._series.next_times()))
        columns = self._series.at(times_s)
        n = len(SPECIES)
        place = xy_m / SPATIAL_LENGTH_M
        out = unknown_by_column(*xy_m.shape[:2], len(KEYS))
        for i, name in enumerate(SPECIES):
            tilt = columns[:, None, n + 2 * i] * place[..., 0] + columns[:, None, n + 2 * i + 1] * place[..., 1]
            out[:, :, KEYS.index(name)] = columns[:, None, i] * np.exp(SPATIAL_SPREAD[name] * np.clip(tilt, -3, 3))
        for name, level in self._constant.items():
            out[:, :, KEYS.index(name)] = level
        self._add_episodes(out, times_s, xy_m)
        pm25, pm10 = out[:, :, KEYS.index("pm25")], out[:, :, KEYS.index("pm10")]
        np.maximum(pm10, LEAST_PM10_OF_PM25 * pm25, out=pm10)
        out[:, :, KEYS.index("pm1")] = PM1_OF_PM25 * pm25
        return out

    def _add_episodes(self, out: Floats, times_s: Floats, xy_m: Floats) -> None:
        for episode in self.episodes:
            added = episode.added_pm10_ug_m3(times_s[:, None], xy_m)
            out[:, :, KEYS.index("pm10")] += added
            out[:, :, KEYS.index("pm25")] += episode.pm25_share * added
            if episode.kind == "haze":  # combustion products travel along
                out[:, :, KEYS.index("co")] += 0.004 * added
                out[:, :, KEYS.index("no2")] += 0.0001 * added

    def _generate(self, times_s: Floats) -> Floats:
        chunk = self._processes.chunk()
        if self._goes_on is not None:
            # What is foreseen is the most probable course, not one of many.
            chunk = np.zeros_like(chunk)
        n = len(SPECIES)
        common, day, hour, tilt = chunk[:, 0], chunk[:, 1 : n + 1], chunk[:, n + 1 : 2 * n + 1], chunk[:, 2 * n + 1 :]
        pm25, pm10 = SPECIES.index("pm25"), SPECIES.index("pm10")
        hour[:, pm10] = PM10_OF_PM25_HOUR * hour[:, pm25] + np.sqrt(1 - PM10_OF_PM25_HOUR**2) * hour[:, pm10]
        local = datetime.fromtimestamp(times_s[0], self._zone)
        hours = local.hour + local.minute / 60 + (times_s - times_s[0]) / 3600
        clean, tables = self._washout(times_s), self._tables
        columns = []
        for i, name in enumerate(SPECIES):
            mean, std = of_season(tables.monthly[name], local), of_season(tables.monthly_std[name], local)
            spread_day = np.sqrt(np.log(1 + (std / mean) ** 2))
            shared = COMMON[name]
            variation = (
                spread_day * (shared * common + np.sqrt(1 - shared**2) * day[:, i]) + HOUR_SPREAD[name] * hour[:, i]
            )
            level = tables.levels[name] * mean / np.mean(tables.monthly[name])
            shape = np.interp(hours % 24, np.arange(25), (*DIURNAL[name], DIURNAL[name][0])) / np.mean(DIURNAL[name])
            column = level * shape * np.exp(variation - 0.5 * (spread_day**2 + HOUR_SPREAD[name] ** 2))
            columns.append(column * clean if name.startswith("pm") else column)
        if self._goes_on is not None:
            logarithms = np.log(np.column_stack(columns))
            self._goes_on.apply(times_s, logarithms)
            columns = list(np.exp(logarithms).T)
        return np.column_stack([*columns, tilt])

    def _washout(self, times_s: Floats) -> Floats:
        """Return the share of particles left after washout by rain; it recovers within hours."""
        rain = self._weather.sample(times_s).rain_mm_h
        left = np.empty(len(times_s))
        for step, rate in enumerate(rain):
            self._washed = (
                self._washed * np.exp(-GRID_S / RAIN_RELAXATION_S) + WASHOUT_PER_S_AT_1_MM_H * rate**0.79 * GRID_S
            )
            left[step] = np.exp(-self._washed)
        return left
