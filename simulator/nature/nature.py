"""The nature of particles as the world uses it: what sources add at the devices, and the wind that each device has."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology
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
LEAST_RADIUS_M: Final = 0.3


@dataclass(frozen=True)
class _Step:
    """One tick of a march: its number, beginning and length, and the boundary layer."""

    tick: int
    time_s: float
    dt_s: float
    layer: Layer


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
        """Return what each source adds at each device at the end of each tick: amount per m³, (ticks, devices, sources, 2)."""
        airs, grids = [], np.empty((len(ticks_s), 3, *self._share.shape))
        grids[:, 2] = self._share
        slope_m_s = _drainage(weather)
        for k, time_s in enumerate(ticks_s):
            layer = self._layer(weather, k)
            rain, (east, north) = float(weather.rain_mm_h[k]), downhill() * slope_m_s[k]
            airs.append(Air(layer, _towards(weather, k), drainage_m_s=(east, north), rain_mm_h=rain))
            grids[k, :2] = self.wind.eddies(float(time_s)) * eddy_strength_m_s(weather.wind_speed_m_s[k])
            air = meteorology(weather, k, self._site.roughness_m)
            self._release(emissions, air, _Step(k, float(time_s) - tick_s, tick_s, layer))
        return self.particles.march(
            tick_s, airs, receptors_m, len(emissions.sources), grids=grids, place=self.wind.place
        )

    def local_wind(self, times_s: Floats, xy_m: Floats, weather: WeatherSeries) -> tuple[Floats, Floats]:
        """Return the speed [m/s] and the direction [degrees] that the wind comes from at places (times, places, 2), as 10 m wind."""
        angle = np.radians(weather.wind_from_deg)
        mean = -weather.wind_speed_m_s[:, None] * np.column_stack([np.sin(angle), np.cos(angle)])
        eddies = self.wind.eddies_at(times_s, xy_m) * eddy_strength_m_s(weather.wind_speed_m_s)[:, None, None]
        slope_m_s = _drainage(weather) * np.exp(-SAID_AT_M / DRAINAGE_DEPTH_M)
        slope = (slope_m_s[:, None] * drainage_share(xy_m))[..., None] * downhill()
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

    def _release(self, emissions: Emissions, air: Meteorology, step: _Step) -> None:
        for source in emissions.sources:
            if source.ends_s <= step.time_s or source.starts_s >= step.time_s + step.dt_s:
                continue
            factor = 1.0 if (unsteady := self._of_fire(source)) is None else unsteady.factor(step.dt_s)
            amount, due = self._owed.get(source.number, (0.0, 0.0))
            amount += factor * source.amount_per_s(step.time_s, air) * step.dt_s
            due += (CITY_RATE if np.isinf(source.ends_s) else EVENT_RATE) * step.dt_s
            count = int(due / BATCH) * BATCH
            self._owed[source.number] = (amount, due) if count == 0 else (0.0, due - count)
            if count and amount > 0:
                self._send(source, count, amount, step, factor)

    def _of_fire(self, source: Source) -> Unsteadiness | None:
        if source.heat_kw is None:
            return None
        return self._unsteady.setdefault(source.number, Unsteadiness(self._seed, source.number))

    def _send(self, source: Source, count: int, amount: float, step: _Step, factor: float) -> None:
        """Release the particles of a source that are due in a tick; a fire burns by `factor` beside its mean."""
        late_s = (np.arange(count) + self._rng.random(count)) * step.dt_s / count
        if source.heat_kw is not None and source.heat_kw(step.time_s) > 0:
            diameter_m = 2 * _radius_m(source)
            late_s = self._unsteady[source.number].puffed(late_s, step.time_s, diameter_m)
        width_m = float(np.clip(FIRST_SHARE * source.sigma_y_m, *FIRST_WIDTH_M))
        self.particles.release(
            source.number,
            self._places(source, count),
            mass=amount,
            tick=step.tick,
            late_s=late_s,
            width_m=min(width_m, ROAD_WIDTH_M) if len(source.x_m) > 1 else width_m,
            height_m=float(np.clip(FIRST_SHARE * source.sigma_z_m, *FIRST_HEIGHT_M)),
            rises=self._lift(source, count, step, factor),
        )

    def _lift(self, source: Source, count: int, step: _Step, factor: float) -> Floats | None:
        """Return what lifts the particles of a fire or a stack."""
        if source.stack is not None:
            hot_k = source.stack.exit_temperature_c + 273.15
            fluxes = of_stack(source.stack.exit_speed_m_s, source.stack.diameter_m, hot_k, step.layer.temperature_k)
            return rises(fluxes, np.ones(count), self._rng)
        heat_kw = factor * source.heat_kw(step.time_s) if source.heat_kw is not None else 0.0
        if heat_kw <= 0:
            return None
        fluxes = of_fire(heat_kw, _radius_m(source))
        share = 1 - drawn_down(fluxes[0], float(step.layer.speed_m_s(ROOFS_M)), step.layer.roofs_m)
        share *= 1.0 if source.flames else DRAWN_IN
        return rises(fluxes, (self._rng.random(count) < share).astype(float), self._rng)

    def _places(self, source: Source, count: int) -> Floats:
        """Return places all over a source: on its disc, or along its segments."""
        z = np.abs(source.z_m + source.sigma_z_m * self._rng.standard_normal(count))
        if len(source.x_m) > 1:
            # Middles of segments of one length: half way to the next on either side.
            which = self._rng.integers(len(source.x_m), size=count)
            along = self._rng.uniform(-0.5, 0.5, count)
            x = source.x_m[which] + along * np.gradient(source.x_m)[which]
            return np.column_stack([x, source.y_m[which] + along * np.gradient(source.y_m)[which], z])
        distance_m = _radius_m(source) * np.sqrt(self._rng.random(count))
        angle = self._rng.uniform(0, 2 * np.pi, count)
        return np.column_stack(
            [source.x_m[0] + distance_m * np.cos(angle), source.y_m[0] + distance_m * np.sin(angle), z]
        )


def _radius_m(source: Source) -> float:
    """Return the radius of a disc whose variance is that of the source."""
    return max(2 * source.sigma_y_m, LEAST_RADIUS_M)


def _towards(weather: WeatherSeries, k: int) -> tuple[float, float]:
    angle = np.radians(weather.wind_from_deg[k])
    speed = weather.wind_speed_m_s[k]
    return -float(speed * np.sin(angle)), -float(speed * np.cos(angle))


def _drainage(weather: WeatherSeries) -> Floats:
    return drainage_m_s(weather.wind_speed_m_s, weather.solar_elevation_deg, weather.cloud_fraction)
