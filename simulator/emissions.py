"""Emissions: every source releases puffs when they are due, at the rate of its schedule, event or fire.

A puff carries an amount: kilograms burnt for fires, seconds at full rate for everything else. `composition` turns a concentration of that
amount into each species in stored units.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.airquality.dispersion.plume_rise import (
    Rise,
    buoyant_rise,
    fire_buoyancy_flux,
    momentum_rise,
    stack_buoyancy_flux,
)
from jeonju.airquality.dispersion.puffs import NO_RISE, Puffs
from jeonju.airquality.dispersion.surface_layer import wind_speed_at
from jeonju.airquality.fuels import FUELS, stored_units
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.contract.events import ClosedRoad, Dust, Fire, Leak
from jeonju.contract.site import Area, Road, Site, Stack
from jeonju.simulator.fires import HEAT_PER_AREA_KW_M2, Flame, burning, flame, lifetime_s
from jeonju.simulator.schedules import activity

# How far apart puffs may be [m]: within two of their σ they overlap to a smooth plume. What a stack releases reaches the ground hundreds of metres
# on, when it is wide; fires and leaks may be close to a device.
STACK_SPACING_M: Final = 80.0
EVENT_SPACING_M: Final = 10.0
SIGMAS_APART: Final = 2.0
LONGEST_INTERVAL_S: Final = 120.0
# A uniform disc has the variance of a Gaussian with σ = r/2; traffic mixes a road's air over about 3.5 m height (initial σz).
DISC_TO_SIGMA: Final = 0.5
ROAD_SEGMENT_M: Final = 300.0
ROAD_SIGMA_Z_M: Final = 3.5
LEAST_AREA_SIGMA_Z_M: Final = 2.0

IS_PARTICLE: Final = np.array([key.startswith("pm") for key in KEYS])


@dataclass(kw_only=True)
class Source:
    """One emitter: place, puff spacing, amount per second, rise and composition."""

    name: str
    number: int
    x_m: Floats
    y_m: Floats
    z_m: float
    spacing_m: float
    sigma_y_m: float
    sigma_z_m: float
    composition: Floats
    amount_per_s: Callable[[float, Meteorology], float]
    rise: Callable[[float, Meteorology], Rise]
    released_s: float = -np.inf
    ends_s: float = np.inf
    # What another nature makes a plume's rise of: the stack, or the heat of a fire, of whose smoke this is that of flames or not.
    starts_s: float = -np.inf
    stack: Stack | None = None
    heat_kw: Callable[[float], float] | None = None
    flames: bool = False


class Emissions:
    """The sources of a site, and those that events add."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._zone = ZoneInfo(site.timezone)
        self.sources: list[Source] = []
        self._fires: list[tuple[Fire, float]] = []
        self._boosts: list[tuple[str, float, float, float]] = []
        for emitter in site.sources:
            self._add_emitter(emitter)

    @property
    def composition(self) -> Floats:
        """Stored units of each species per released amount in 1 m³, (sources, len(KEYS))."""
        return np.stack([source.composition for source in self.sources]) if self.sources else np.zeros((0, len(KEYS)))

    def release(self, puffs: Puffs, *, ticks_s: Floats, dt_s: float, airs: Sequence[Meteorology]) -> None:
        """Release the puffs of the ticks of the next march, which begin at `ticks_s` and last `dt_s` each, in the air of each."""
        while puffs.n_sources < len(self.sources):
            puffs.add_source()
        winds_m_s = np.maximum([air.wind_speed_m_s for air in airs], 0.1)
        for source in self.sources:
            due, since_s, source.released_s = _due(
                ticks_s + dt_s,
                np.minimum(source.spacing_m / winds_m_s, LONGEST_INTERVAL_S),
                source.released_s,
                source.ends_s,
            )
            for tick, elapsed_s in zip(due.tolist(), since_s.tolist(), strict=True):
                time_s, air = float(ticks_s[tick]), airs[tick]
                amount = source.amount_per_s(time_s, air) * elapsed_s
                if amount > 0:
                    puffs.release(
                        source.number,
                        x_m=source.x_m,
                        y_m=source.y_m,
                        z_m=source.z_m,
                        mass=amount / len(source.x_m),
                        sigma_y_m=source.sigma_y_m,
                        sigma_z_m=source.sigma_z_m,
                        rise=source.rise(time_s, air),
                        tick=tick,
                    )

    def add(self, event: Fire | Leak | Dust, start_s: float) -> list[int]:
        """Add the sources of an event that begins at `start_s`; return their numbers."""
        first = len(self.sources)
        if isinstance(event, Fire):
            self._add_fire(event, start_s)
        elif isinstance(event, Leak):
            self._add_leak(event, start_s)
        else:
            # Resuspended dust is coarse: about a tenth of it is PM2.5 (US EPA AP-42, unpaved surfaces).
            rates = {"pm10": event.pm10_g_s, "pm25": 0.1 * event.pm10_g_s, "pm1": 0.02 * event.pm10_g_s}
            self._append_event(
                event, "dust", start_s, event.duration, rates, lambda _time, _air: 1.0, DISC_TO_SIGMA * event.radius_m
            )
        return list(range(first, len(self.sources)))

    def boost(self, name: str, factor: float, start_s: float, end_s: float) -> list[int]:
        """Multiply the rate of a source of the site by `factor` from `start_s` until `end_s`; return its number."""
        self._boosts.append((name, factor, start_s, end_s))
        return [source.number for source in self.sources if source.name == name]

    def close_road(self, event: ClosedRoad, start_s: float) -> None:
        """Take the traffic from a road and lead it along others: so many more vehicles pass there, each emitting as it would have for each metre."""
        end_s = start_s + event.duration
        self._boosts.append((event.road, 0.0, start_s, end_s))
        roads = {source.name: source for source in self._site.sources if isinstance(source, Road)}
        per_m = {name: sum(road.rates_g_s.values()) / self._length_m(road) for name, road in roads.items()}
        for name in event.diverted_to:
            if name != event.road and per_m[name] > 0:
                more = per_m[event.road] / len(event.diverted_to) / per_m[name]
                self._boosts.append((name, 1.0 + more, start_s, end_s))

    @property
    def has_fires(self) -> bool:
        """Whether anything has been set on fire."""
        return bool(self._fires)

    def flames(self, time_s: float) -> list[Flame]:
        """Return every hot spot that a thermal camera may see at `time_s`."""
        seen = (
            flame(fire, time_s - start_s, *(float(v) for v in self._site.map.to_xy(fire.lat, fire.lon)))
            for fire, start_s in self._fires
        )
        return [spot for spot in seen if spot is not None]

    def _scheduled(self, emitter: Stack | Area | Road) -> Callable[[float, Meteorology], float]:
        def amount(time_s: float, air: Meteorology) -> float:
            local = datetime.fromtimestamp(time_s, self._zone)
            boosts = [
                factor
                for name, factor, start_s, end_s in self._boosts
                if name == emitter.name and start_s <= time_s < end_s
            ]
            return activity(emitter.schedule, local, air) * math.prod(boosts)

        return amount

    def _add_emitter(self, emitter: Stack | Area | Road) -> None:
        if isinstance(emitter, Road):
            x, y, sigma_y, z, sigma_z = *self._segments(emitter), 1.0, ROAD_SIGMA_Z_M
        else:
            x, y = (np.atleast_1d(value) for value in self._site.map.to_xy(emitter.lat, emitter.lon))
            z = emitter.height_m
            sigma_y = DISC_TO_SIGMA * (emitter.radius_m if isinstance(emitter, Area) else emitter.diameter_m)
            sigma_z = max(LEAST_AREA_SIGMA_Z_M, 0.5 * z) if isinstance(emitter, Area) else sigma_y
        is_stack = isinstance(emitter, Stack)
        self._append(
            name=emitter.name,
            x_m=x,
            y_m=y,
            z_m=z,
            spacing_m=STACK_SPACING_M if is_stack else SIGMAS_APART * sigma_y,
            sigma_y_m=sigma_y,
            sigma_z_m=sigma_z,
            composition=stored_units(emitter.rates_g_s),
            amount_per_s=self._scheduled(emitter),
            rise=self._stack_rise(emitter) if isinstance(emitter, Stack) else _no_rise,
            stack=emitter if isinstance(emitter, Stack) else None,
        )

    def _stack_rise(self, stack: Stack) -> Callable[[float, Meteorology], Rise]:
        def rise(_time_s: float, air: Meteorology) -> Rise:
            wind = wind_speed_at(air.surface_layer(), stack.height_m)
            flux = stack_buoyancy_flux(
                exit_speed_m_s=stack.exit_speed_m_s,
                diameter_m=stack.diameter_m,
                exit_temperature_k=stack.exit_temperature_c + 273.15,
                air_temperature_k=air.temperature_k,
            )
            return max(buoyant_rise(flux, wind, air), momentum_rise(stack.exit_speed_m_s, stack.diameter_m, wind))

        return rise

    def _length_m(self, road: Road) -> float:
        x, y = self._site.map.to_xy(*np.array(road.line).T)
        return max(float(np.hypot(np.diff(x), np.diff(y)).sum()), 1.0)

    def _segments(self, road: Road) -> tuple[Floats, Floats, float]:
        """Return the middles of segments of about 300 m, and the σ of one."""
        corners = np.array(road.line)
        x, y = self._site.map.to_xy(corners[:, 0], corners[:, 1])
        along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        count = max(round(along[-1] / ROAD_SEGMENT_M), 1)
        middles = (np.arange(count) + 0.5) * along[-1] / count
        # A uniform line of length L has the variance of a Gaussian with σ = L/√12.
        return np.interp(middles, along, x), np.interp(middles, along, y), along[-1] / count / np.sqrt(12)

    def _add_fire(self, fire: Fire, start_s: float) -> None:
        fuel = FUELS[fire.fuel]
        area_m2 = max(1000 * fire.peak_heat_mw / HEAT_PER_AREA_KW_M2, 0.5)

        def rise(time_s: float, air: Meteorology) -> Rise:
            flux = fire_buoyancy_flux(1000 * burning(fire, time_s - start_s).heat_kw, air.temperature_k)
            return buoyant_rise(flux, wind_speed_at(air.surface_layer(), 10.0), air)

        width_m = float(np.sqrt(area_m2)) / 2
        length_s = lifetime_s(fire)
        flaming = lambda time_s, _air: burning(fire, time_s - start_s).flaming_kg_s  # noqa: E731
        smouldering = lambda time_s, _air: burning(fire, time_s - start_s).smouldering_kg_s  # noqa: E731
        first = len(self.sources)
        self._append_event(fire, "flaming", start_s, length_s, fuel.flaming_g_kg, flaming, width_m, rise)
        # Smoke of glowing material has little lift of its own; beside flames it is drawn into their plume.
        self._append_event(fire, "smouldering", start_s, length_s, fuel.smouldering_g_kg, smouldering, width_m, rise)
        for source in self.sources[first:]:
            source.heat_kw = lambda time_s: burning(fire, time_s - start_s).heat_kw
            source.flames = source.number == first
        self._fires.append((fire, start_s))

    def _add_leak(self, leak: Leak, start_s: float) -> None:
        def relative_rate(time_s: float, _air: Meteorology) -> float:
            # A decaying leak falls to 5 % at its end.
            return 1.0 if leak.course == "constant" else float(np.exp(-3.0 * (time_s - start_s) / leak.duration))

        self._append_event(leak, "leak", start_s, leak.duration, leak.rates_g_s, relative_rate, 1.0)

    def _append_event(
        self,
        event: Fire | Leak | Dust,
        what: str,
        start_s: float,
        length_s: float,
        grams: dict[str, float],
        amount: Callable[[float, Meteorology], float],
        sigma_m: float,
        rise: Callable[[float, Meteorology], Rise] | None = None,
    ) -> None:
        x, y = self._site.map.to_xy(event.lat, event.lon)

        def when_active(time_s: float, air: Meteorology) -> float:
            return amount(time_s, air) if time_s >= start_s else 0.0

        self._append(
            name=f"{event.title or event.kind}: {what}",
            x_m=np.atleast_1d(x),
            y_m=np.atleast_1d(y),
            z_m=event.height_m,
            spacing_m=max(EVENT_SPACING_M, sigma_m),
            sigma_y_m=sigma_m,
            sigma_z_m=max(0.5, 0.3 * sigma_m),
            composition=stored_units(grams),
            amount_per_s=when_active,
            rise=rise or _no_rise,
            released_s=start_s,
            starts_s=start_s,
            ends_s=start_s + length_s,
        )

    def _append(self, **attributes: object) -> None:
        self.sources.append(Source(number=len(self.sources), **attributes))  # type: ignore[arg-type]


@njit(cache=True, nogil=True)
def _due(
    ends_s: Floats, intervals_s: Floats, released_s: float, last_s: float
) -> tuple[NDArray[np.int64], Floats, float]:
    """Return the ticks, by their ends, in which a source releases a puff, of how many seconds, and when it did so last."""
    due, since_s = np.empty(len(ends_s), dtype=np.int64), np.empty(len(ends_s))
    count = 0
    for tick in range(len(ends_s)):
        if released_s >= last_s:
            break
        elapsed_s = min(ends_s[tick] - released_s, LONGEST_INTERVAL_S)
        if elapsed_s >= intervals_s[tick] - 1e-6:
            due[count], since_s[count] = tick, elapsed_s
            count += 1
            released_s = ends_s[tick]
    return due[:count], since_s[:count], released_s


def _no_rise(_time_s: float, _air: Meteorology) -> Rise:
    return NO_RISE
