"""The simulated world: weather, sources, robots, instruments and faults of one site in one SimPy environment.

Time is cut into blocks. For each block the air is computed on ticks (all puffs at all devices in one kernel call), interpolated to the sampling
instants, measured, changed by faults and sent to the sink. Nothing here depends on whether the environment runs live or at full speed.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, Final

import numpy as np
import simpy

from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.pollutants import KEYS
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.contract.events import (
    Breakdown,
    ClosedRoad,
    Dispatch,
    Dust,
    Event,
    Fault,
    Fire,
    Leak,
    LostLink,
    Odour,
    RegionalEpisode,
)
from jeonju.contract.site import Site
from jeonju.simulator.background import Background, Episode
from jeonju.simulator.between_ticks import add_between_ticks, remember
from jeonju.simulator.block import Block, RobotMessage, Sink
from jeonju.simulator.cadence import OFFLINE, Cadence
from jeonju.simulator.emissions import IS_PARTICLE, Emissions
from jeonju.simulator.exposure import EventExposure, Exposure, Happening
from jeonju.simulator.instruments import Instruments
from jeonju.simulator.nature.names import NatureName
from jeonju.simulator.nature.nature import ParticleNature
from jeonju.simulator.present import Present
from jeonju.simulator.robots import PatrolRobot, hottest_pixel_c
from jeonju.simulator.surroundings import ambient
from jeonju.simulator.uplink import Uplink
from jeonju.simulator.weather import Weather, WeatherOverrides, WeatherSeries, meteorology
from jeonju.simulator.wind_field import WindField

# The wind given to the puffs meanders by itself down to about three minutes; faster eddies are part of their spread.
PUFF_AVERAGING_S: Final = 180.0
# Puffs are followed this far beyond the outermost device or source.
MARGIN_M: Final = 1500.0
# Within a plume the concentration at a point swings about its mean: intensity (σ/mean) about 0.6 and a memory of about 20 s for
# instruments that are meters to hundreds of metres downwind of a near-ground source (wind-tunnel and field values are 0.3 to 2).
FLUCTUATION_INTENSITY: Final = 0.6
FLUCTUATION_MEMORY_S: Final = 20.0


class World:
    """The world of one site; two worlds with the same seed and events send the same blocks.

    `cadence` returns the time steps of the block that begins at an instant (POSIX time). `boot` is the first boot number of every device.
    `nature` is what carries smoke and gives each device its wind: the puffs, or particles that share nothing with them. With a `present` it goes on
    from what was measured; it begins `SPIN_UP_S` before that.
    """

    def __init__(
        self,
        site: Site,
        env: simpy.Environment,
        sink: Sink,
        *,
        seed: int,
        weather: WeatherOverrides | None = None,
        cadence: Callable[[float], Cadence] = lambda _now_s: OFFLINE,
        boot: int = 0,
        nature: NatureName = "puffs",
        present: Present | None = None,
    ) -> None:
        if not site.devices:
            raise UserError(f"the site {site.name!r} has no stations and no robots, so there is nothing to simulate")
        self.site = site
        self.env = env
        self._cadence = cadence
        self._sink = sink
        devices = site.devices
        self.devices = tuple(device.name for device in devices)
        self.kinds = ("station",) * len(site.stations) + ("robot",) * len(site.robots)
        weather_rng, background_rng, self._air_rng, *own, aerosol_rng = np.random.default_rng(seed).spawn(
            4 + 2 * len(devices)
        )
        self.weather = Weather(site, start_s=env.now, rng=weather_rng, overrides=weather, present=present)
        self.wind_field = WindField(site, self.weather, start_s=env.now, seed=seed, overrides=weather, present=present)
        self.background = Background(site, start_s=env.now, rng=background_rng, weather=self.weather, present=present)
        self.emissions = Emissions(site)
        self._puffs = Puffs(
            n_sources=len(self.emissions.sources),
            box_m=_box(site, self.emissions),
            surroundings=site.surroundings,
            averaging_time_s=PUFF_AVERAGING_S,
        )
        self.particles = (
            ParticleNature(
                site,
                box_m=_box(site, self.emissions),
                seed=seed,
                start_s=env.now,
                stability=weather.stability if weather else None,
            )
            if nature == "particles"
            else None
        )
        fitted = np.array([[key in device.quantities for key in KEYS] for device in devices])
        self._instruments = Instruments(
            list(self.kinds),
            fitted,
            start_s=env.now,
            rngs=own[: len(devices)],
            aerosol=[aerosol_rng],
            # How far off each is now is known of the living ones, how it will wander is not.
            is_steady=present is not None,
        )
        self._robots = [
            PatrolRobot(robot, site, env, rng)
            for robot, rng in zip(site.robots, own[-len(site.robots) :], strict=False)
        ]
        for robot in self._robots:
            if present is not None and (known := present.robots.get(robot.name)) is not None:
                robot.put(site, known, present.at_s)
            robot.start()
        lat, lon = (np.array([getattr(station, name) for station in site.stations]) for name in ("lat", "lon"))
        self._station_xy = np.column_stack(site.map.to_xy(lat, lon)) if len(lat) else np.zeros((0, 2))
        self._heights_m = np.array([device.height_m for device in devices])
        self._uplink = Uplink(self.devices, boot=boot)
        self.exposure = Exposure(self.devices, fitted)
        self.happenings: list[Happening] = []
        self._swing = self._air_rng.standard_normal(len(devices))
        self._plume: Floats | None = None
        self._inbox: deque[Callable[[], None]] = deque()
        self._inbox_lock = threading.Lock()
        env.process(self._run())

    def add(self, event: Event) -> None:
        """Add an event that begins `event.after` seconds after the present instant of the simulation."""
        start_s = self.env.now + event.after
        exposure: EventExposure | None = None
        match event:
            case Fire() | Leak() | Dust():
                exposure = self.exposure.add(event, start_s, self.emissions.add(event, start_s))
            case Odour():
                boosted = self.emissions.boost(event.source, event.factor, start_s, start_s + event.duration)
                exposure = self.exposure.add(event, start_s, boosted)
            case ClosedRoad():
                self.emissions.close_road(event, start_s)
            case RegionalEpisode():
                self.background.episodes.append(
                    Episode(
                        kind=event.type,
                        start_s=start_s,
                        peak_pm10_ug_m3=event.peak_pm10_ug_m3,
                        rise_h=event.rise / 3600,
                        plateau_h=event.plateau / 3600,
                        decay_h=event.decay / 3600,
                        from_deg=event.from_deg,
                    )
                )
            case Fault():
                self._uplink.faults.add(event, start_s)
            case LostLink():
                self._uplink.lose(event.device, start_s, start_s + event.duration)
            case Breakdown() | Dispatch():
                self.env.process(self._command_robot(event))
        self.happenings.append(Happening(event, start_s, exposure))

    def enqueue_event(self, event: Event) -> None:
        """Add an event from any thread; it takes effect with the next block."""
        with self._inbox_lock:
            self._inbox.append(lambda: self.add(event))

    def enqueue_order(self, robot: str, kind: str, payload: bytes) -> None:
        """Send a VDA 5050 order or instant actions to a robot, from any thread; they take effect with the next block."""
        with self._inbox_lock:
            self._inbox.append(lambda: self._robot(robot).receive(kind, payload))

    def _robot(self, name: str) -> PatrolRobot:
        return next(robot for robot in self._robots if robot.name == name)

    def _command_robot(self, event: Breakdown | Dispatch) -> Generator[simpy.Event, Any, None]:
        yield self.env.timeout(event.after)
        robot = self._robot(event.device)
        if isinstance(event, Breakdown):
            robot.break_down(event.duration)
            return
        x_m, y_m = (float(value) for value in self.site.map.to_xy(event.lat, event.lon))
        for kind, payload in robot.messages_to_go(x_m, y_m, event.stay):
            robot.receive(kind, payload)

    def _run(self) -> Generator[simpy.Event, Any, None]:
        while True:
            begun_s, cadence = self.env.now, self._cadence(self.env.now)
            yield self.env.timeout(cadence.block_s)
            self._sink.send(self._block(begun_s, cadence))
            with self._inbox_lock:
                arrived = list(self._inbox)
                self._inbox.clear()
            for apply in arrived:
                apply()

    def _block(self, begun_s: float, cadence: Cadence) -> Block:
        times_s = _steps(begun_s, cadence.interval_s, cadence.block_s)
        ticks_s = _steps(begun_s, cadence.tick_s, cadence.block_s)
        air = self.weather.sample(times_s)
        xy, carried = self._positions(times_s)
        truth = self._true_air(times_s, ticks_s, xy, air, cadence)
        measured = self._instruments.measure(truth, times_s, cadence.interval_s)
        for column, key in enumerate(("battery", "speed", "heading", "robot_activity")):
            decimals = 2 if key == "speed" else 1
            measured[:, len(self.site.stations) :, KEYS.index(key)] = np.round(carried[:, :, column], decimals)
        lat, lon = (np.round(value, 6) for value in self.site.map.to_latlon(xy[..., 0], xy[..., 1]))
        readings, offline = self._uplink.send(times_s, measured, lat, lon)
        messages = tuple(
            RobotMessage(robot.name, *message)
            for robot in self._robots
            if robot.name not in offline
            for message in robot.due_messages()
        )
        return Block(
            devices=self.devices,
            kinds=self.kinds,
            readings=readings,
            offline=offline,
            true_times_s=times_s,
            true_lat=lat,
            true_lon=lon,
            truth=truth,
            messages=messages,
        )

    def _positions(self, times_s: Floats) -> tuple[Floats, Floats]:
        """Return x, y of every device (T, D, 2), and battery, speed, heading, activity of the robots (T, robots, 4)."""
        tracks = (
            np.stack([robot.track(times_s) for robot in self._robots], axis=1)
            if self._robots
            else np.zeros((len(times_s), 0, 6))
        )
        stations = np.broadcast_to(self._station_xy, (len(times_s), *self._station_xy.shape))
        return np.concatenate([stations, tracks[:, :, :2]], axis=1), tracks[:, :, 2:]

    def _true_air(self, times_s: Floats, ticks_s: Floats, xy: Floats, air: WeatherSeries, cadence: Cadence) -> Floats:
        truth = self.background.sample(times_s, xy)
        plume = self._added_by_sources(ticks_s, cadence.tick_s)
        fluctuation = self._fluctuation(len(times_s), cadence.interval_s)
        since_s = cadence.interval_s * np.arange(1, len(times_s) + 1, dtype=np.float64)
        add_between_ticks(truth, plume, since_s, cadence.tick_s, fluctuation)
        ambient(truth, times_s, air, self.site)
        if self.particles is not None:
            speed, from_deg = self.particles.local_wind(times_s, xy, air)
            truth[:, :, KEYS.index("wind_speed")], truth[:, :, KEYS.index("wind_direction")] = speed, from_deg
        else:
            self.wind_field.measure(truth, times_s, xy)
        if self._robots and self.emissions.has_fires:
            first = len(self.site.stations)
            surface_c = truth[:, first:, KEYS.index("thermal_max")]
            for t, time_s in enumerate(times_s):
                if flames := self.emissions.flames(float(time_s)):
                    surface_c[t] = hottest_pixel_c(xy[t, first:], surface_c[t], flames)
        return truth

    def _added_by_sources(self, ticks_s: Floats, tick_s: float) -> Floats:
        """Return what all sources add at all devices, in stored units (ticks + 1, D, len(KEYS)); the first is the last tick of the block before."""
        xy, _ = self._positions(ticks_s)
        weather = self.weather.sample(ticks_s)
        if self._plume is None:
            self._plume = np.zeros((len(self.devices), len(KEYS)))
        receptors = np.concatenate([xy, np.broadcast_to(self._heights_m[:, None], (*xy.shape[:2], 1))], axis=2)
        if self.particles is not None:
            amounts = self.particles.march(self.emissions, ticks_s, tick_s, weather, receptors)
        else:
            amounts = self._by_puffs(ticks_s, tick_s, weather, receptors)
        composition = self.emissions.composition
        for time_s, amount in zip(ticks_s, amounts, strict=True):
            self.exposure.update(float(time_s), amount, composition)
        added = np.where(IS_PARTICLE, amounts[..., 1] @ composition, amounts[..., 0] @ composition)
        fields = np.concatenate([self._plume[None], added])
        self._plume = fields[-1]
        return fields

    def _by_puffs(self, ticks_s: Floats, tick_s: float, weather: WeatherSeries, receptors: Floats) -> Floats:
        airs = [meteorology(weather, k, self.site.roughness_m) for k in range(len(ticks_s))]
        self.emissions.release(self._puffs, ticks_s=ticks_s - tick_s, dt_s=tick_s, airs=airs)
        return self._puffs.march(tick_s, airs, receptors, winds=self.wind_field.grid(ticks_s))

    def _fluctuation(self, steps: int, interval_s: float) -> Floats:
        """Return autocorrelated lognormal factors of mean 1 (T, D), one series for each device."""
        memory = np.exp(-interval_s / FLUCTUATION_MEMORY_S)
        shocks = self._air_rng.standard_normal((steps, len(self.devices))) * np.sqrt(1 - memory**2)
        remember(shocks, memory, self._swing)
        spread = np.sqrt(np.log(1 + FLUCTUATION_INTENSITY**2))
        return np.asarray(np.exp(spread * shocks - 0.5 * spread**2))


def _steps(begun_s: float, step_s: float, length_s: float) -> Floats:
    """Return the instants after `begun_s` up to and including its end."""
    return np.asarray(begun_s + step_s * np.arange(1, round(length_s / step_s) + 1), dtype=np.float64)


def _box(site: Site, emissions: Emissions) -> tuple[float, float, float, float]:
    """Return the rectangle around all devices and sources, with a margin."""
    points = [site.map.to_xy(station.lat, station.lon) for station in site.stations]
    points += [site.map.to_xy(*corner) for robot in site.robots for corner in robot.loop]
    points += [(x, y) for source in emissions.sources for x, y in zip(source.x_m, source.y_m, strict=True)]
    x, y = np.array(points, dtype=float).T if points else np.zeros((2, 1))
    return float(x.min()) - MARGIN_M, float(y.min()) - MARGIN_M, float(x.max()) + MARGIN_M, float(y.max()) + MARGIN_M
