"""The nature of particles as the world uses it: what all sources of a site add at its devices, and the wind that each device has."""

from typing import Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.simulator.emissions import Emissions, Source
from jeonju.simulator.nature.boundary_layer import ROOFS_M, Layer, layer_of
from jeonju.simulator.nature.fires import Unsteadiness
from jeonju.simulator.nature.particles import BATCH, Air, Particles
from jeonju.simulator.nature.plume_rise import DRAWN_IN, drawn_down, of_fire, of_stack, rises
from jeonju.simulator.nature.wind import (
    DRAINAGE_DEPTH_M,
    SAID_AT_M,
    CityWind,
    downhill,
    drainage_m_s,
    drainage_share,
    eddy_strength_m_s,
)
from jeonju.simulator.weather import WeatherSeries, meteorology

# Particles a second of an event, and of a source that is always there.
EVENT_RATE: Final = 48.0
CITY_RATE: Final = 1.6
# First widths of a kernel: this share of the source's own σ, within these bounds [m].
FIRST_SHARE: Final = 0.3
FIRST_WIDTH_M: Final = (1.0, 60.0)
ROAD_WIDTH_M: Final = 15.0
FIRST_HEIGHT_M: Final = (0.5, 5.0)


class ParticleNature:
    """The particles of one run. `stability` is the class that a scenario prescribes, if it does."""

    def __init__(
        self,
        site: Site,
        *,
        box_m: tuple[float, float, float, float],
        seed: int,
        start_s: float,
        stability: str | None = None,
    ) -> None:
        self._site, self._seed, self._stability = site, seed, stability
        self.wind = CityWind(box_m, seed=seed, start_s=start_s)
        self.particles = Particles(box_m=box_m, seed=(seed, 93))
        x, y = np.meshgrid(self.wind.x_m, self.wind.y_m, indexing="ij")
        self._share = drainage_share(np.stack([x, y], axis=-1))
        self._rng = np.random.default_rng([seed, 94])
        # What is owed by each source: amount, and particles.
        self._owed: dict[int, tuple[float, float]] = {}
        self._unsteady: dict[int, Unsteadiness] = {}

    def march(
        self, emissions: Emissions, ticks_s: Floats, tick_s: float, weather: WeatherSeries, receptors_m: Floats
    ) -> Floats:
        """Return what each source adds at each device at the end of each tick, in amount per m³: (ticks, devices, sources, 2)."""
        airs, grids = [], np.empty((len(ticks_s), 3, *self._share.shape))
        grids[:, 2] = self._share
        slope_m_s = _drainage(weather)
        for k, time_s in enumerate(ticks_s):
            layer = self._layer(weather, k)
            drainage = tuple(float(slope_m_s[k]) * part for part in downhill())
            rain = float(weather.rain_mm_h[k])
            airs.append(Air(layer, _towards(weather, k), drainage_m_s=drainage, rain_mm_h=rain))
            grids[k, :2] = self.wind.eddies(float(time_s)) * eddy_strength_m_s(weather.wind_speed_m_s[k])
            self._release(emissions, weather, k, float(time_s) - tick_s, tick_s, layer)
        return self.particles.march(
            tick_s, airs, receptors_m, len(emissions.sources), grids=grids, place=self.wind.place
        )

    def local_wind(self, times_s: Floats, xy_m: Floats, weather: WeatherSeries) -> tuple[Floats, Floats]:
        """Return the speed [m/s] and the direction [degrees] that the wind comes from at places (times, places, 2), as 10 m wind."""
        angle = np.radians(weather.wind_from_deg)
        mean = -weather.wind_speed_m_s[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
        eddies = self.wind.eddies_at(times_s, xy_m) * eddy_strength_m_s(weather.wind_speed_m_s)[:, None, None]
        slope_m_s = _drainage(weather) * np.exp(-SAID_AT_M / DRAINAGE_DEPTH_M)
        slope = (slope_m_s[:, None] * drainage_share(xy_m))[..., None] * np.array(downhill())
        wind = mean[:, None] + eddies + slope
        return np.hypot(wind[..., 0], wind[..., 1]), np.mod(np.degrees(np.arctan2(-wind[..., 0], -wind[..., 1])), 360.0)

    def _layer(self, weather: WeatherSeries, k: int) -> Layer:
        return layer_of(
            wind_speed_m_s=float(weather.wind_speed_m_s[k]),
            sun_deg=float(weather.solar_elevation_deg[k]),
            cloud_fraction=float(weather.cloud_fraction[k]),
            temperature_k=float(weather.temperature_c[k]) + 273.15,
            height_m=float(weather.mixing_height_m[k]),
            roughness_m=self._site.roughness_m,
            is_city=self._site.surroundings == "urban",
            stability=self._stability,
        )

    def _release(
        self, emissions: Emissions, weather: WeatherSeries, k: int, time_s: float, dt_s: float, layer: Layer
    ) -> None:
        air = meteorology(weather, k, self._site.roughness_m)
        for source in emissions.sources:
            if source.ends_s <= time_s or source.starts_s >= time_s + dt_s:
                continue
            unsteady = self._of_fire(source)
            factor = 1.0 if unsteady is None else unsteady.factor(dt_s)
            amount, due = self._owed.get(source.number, (0.0, 0.0))
            amount += factor * source.amount_per_s(time_s, air) * dt_s
            due += (CITY_RATE if np.isinf(source.ends_s) else EVENT_RATE) * dt_s
            count = int(due / BATCH) * BATCH
            self._owed[source.number] = (amount, due) if count == 0 else (0.0, due - count)
            if count and amount > 0:
                self._send(source, count, amount, k, time_s, dt_s, factor, unsteady, layer, air.temperature_k)

    def _of_fire(self, source: Source) -> Unsteadiness | None:
        if source.heat_kw is None:
            return None
        return self._unsteady.setdefault(source.number, Unsteadiness(self._seed, source.number))

    def _send(
        self,
        source: Source,
        count: int,
        amount: float,
        tick: int,
        time_s: float,
        dt_s: float,
        factor: float,
        unsteady: Unsteadiness | None,
        layer: Layer,
        temperature_k: float,
    ) -> None:
        late_s = (np.arange(count) + self._rng.random(count)) * dt_s / count
        radius_m = max(2 * source.sigma_y_m, 0.3)
        lift = None
        if unsteady is not None and source.heat_kw is not None and (heat_kw := factor * source.heat_kw(time_s)) > 0:
            late_s = unsteady.puffed(late_s, time_s, 2 * radius_m)
            fluxes = of_fire(heat_kw, radius_m)
            share = 1 - drawn_down(fluxes[0], float(layer.speed_m_s(ROOFS_M)), layer.roofs_m)
            if not source.flames:
                share *= DRAWN_IN
            lift = rises(fluxes, (self._rng.random(count) < share).astype(float), self._rng)
        elif source.stack is not None:
            stack = source.stack
            fluxes = of_stack(
                stack.exit_speed_m_s, stack.diameter_m, stack.exit_temperature_c + 273.15, temperature_k
            )
            lift = rises(fluxes, np.ones(count), self._rng)
        width_m = float(np.clip(FIRST_SHARE * source.sigma_y_m, *FIRST_WIDTH_M))
        self.particles.release(
            source.number,
            self._places(source, count),
            mass=amount,
            tick=tick,
            late_s=late_s,
            width_m=min(width_m, ROAD_WIDTH_M) if len(source.x_m) > 1 else width_m,
            height_m=float(np.clip(FIRST_SHARE * source.sigma_z_m, *FIRST_HEIGHT_M)),
            rises=lift,
        )

    def _places(self, source: Source, count: int) -> Floats:
        """Return places all over a source: on its disc, or along its segments."""
        z = np.abs(source.z_m + source.sigma_z_m * self._rng.standard_normal(count))
        if len(source.x_m) > 1:
            # Middles of segments of one length: half way to the next on either side.
            which = self._rng.integers(len(source.x_m), size=count)
            along = self._rng.uniform(-0.5, 0.5, count)
            x = source.x_m[which] + along * np.gradient(source.x_m)[which]
            return np.column_stack([x, source.y_m[which] + along * np.gradient(source.y_m)[which], z])
        distance_m = 2 * source.sigma_y_m * np.sqrt(self._rng.random(count))
        angle = self._rng.uniform(0, 2 * np.pi, count)
        return np.column_stack(
            [source.x_m[0] + distance_m * np.cos(angle), source.y_m[0] + distance_m * np.sin(angle), z]
        )


def _towards(weather: WeatherSeries, k: int) -> tuple[float, float]:
    angle = np.radians(weather.wind_from_deg[k])
    speed = weather.wind_speed_m_s[k]
    return -float(speed * np.sin(angle)), -float(speed * np.cos(angle))


def _drainage(weather: WeatherSeries) -> Floats:
    return drainage_m_s(weather.wind_speed_m_s, weather.solar_elevation_deg, weather.cloud_fraction)
