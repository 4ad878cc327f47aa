"""A fork of the living city: the simulator goes on from the present at full speed, with what is changed, and the detection listens."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import simpy

from jeonju.airquality.fuels import FUELS
from jeonju.contract.columns import READINGS
from jeonju.contract.events import Dispatch, Dust, Fire, Leak
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.contract.what_if import NewStation, RobotElsewhere, Wind
from jeonju.detection.engine import AlertEngine
from jeonju.detection.health.bad_values import without_bad_values
from jeonju.detection.restore import HISTORY_EVERY_S, RELEARNT
from jeonju.evaluation.what_if.gathered import Gathered, SourceNow
from jeonju.evaluation.what_if.listener import Listener
from jeonju.evaluation.what_if.present import Estimated, estimate
from jeonju.response.fleet.fleet import SPEED_M_S
from jeonju.response.incidents.incident import Incident
from jeonju.response.incidents.tracker import IncidentTracker
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.exposure import Happening
from jeonju.simulator.present import SPIN_UP_S, RobotNow
from jeonju.simulator.weather import WeatherOverrides
from jeonju.simulator.world import World

BLOCK_S: Final = 60.0
TICK_S: Final = 10.0
# Levels are told in so many steps at most, of whole ten minutes.
MOST_LEVEL_STEPS: Final = 24
LEVEL_STEP_S: Final = 600.0
# What no station measures: dry, half clouded, as source maps take it.
UNKNOWN_WEATHER: Final = WeatherOverrides(rain_mm_h=0.0, cloud_fraction=0.5)
# A robot stays at the last stop of its mission for about so long.
STAY_S: Final = 90.0
PROGRESS_EVERY_S: Final = 600.0


@dataclass
class Fork:
    """One fork; `run` it once. Afterwards it has the world, what was heard, and `changed`: what became of each change that releases something."""

    gathered: Gathered
    on_progress: Callable[[float], None] = lambda _share: None
    estimated: Estimated = field(init=False)
    world: World = field(init=False)
    heard: Listener = field(init=False)
    incidents: dict[str, Incident] = field(default_factory=dict)
    changed: dict[int, Happening] = field(default_factory=dict)
    cpu_s: float = 0.0

    def run(self) -> None:
        """Go on from the present for as long as is asked. Raises UserError where no wind is known."""
        begun_s = time.process_time()
        wanted, at_s = self.gathered.wanted, self.gathered.at.timestamp()
        self.estimated = estimate(self.gathered)
        length_s = wanted.hours * 3600.0
        self.heard = Listener(
            self.estimated,
            frozenset(name for source in self.gathered.sources for name in source.devices),
            self._engine,
            level_step_s=level_step_s(length_s),
            steps=-int(-length_s // level_step_s(length_s)),
        )
        tracker = IncidentTracker(self.estimated.site)
        self.heard.on_alerts = lambda alerts, places: self.incidents.update(
            {incident.id: incident for incident in tracker.add(alerts, places)}
        )
        env = simpy.Environment(initial_time=at_s - SPIN_UP_S)
        self.world = World(
            self.estimated.site,
            env,
            self.heard,
            seed=wanted.seed,
            weather=UNKNOWN_WEATHER,
            cadence=lambda now_s: self._cadence(now_s < at_s),
            present=self.estimated.present,
        )
        self._add_events()
        # Blocks end on whole minutes; the last one must be in.
        end_s = at_s + length_s + 1e-6
        while env.now < end_s:
            env.run(until=min(env.now + PROGRESS_EVERY_S, end_s))
            self.on_progress((env.now - at_s + SPIN_UP_S) / (length_s + SPIN_UP_S))
        self.heard.close()
        self.cpu_s = time.process_time() - begun_s

    def _cadence(self, is_spin_up: bool) -> Cadence:  # noqa: FBT001
        interval_s = TICK_S if is_spin_up else float(self.gathered.step_s)
        return Cadence(interval_s=interval_s, tick_s=TICK_S, block_s=BLOCK_S)

    def _add_events(self) -> None:
        """Let sources go on that were found, robots that are on their way, and let happen what is asked."""
        now, wanted = self.gathered.at, self.gathered.wanted
        for source in self.gathered.sources:
            self.world.add(as_event(source, now, wanted.hours))
        for mission in self.gathered.missions:
            self.world.add(
                Dispatch(
                    kind="dispatch",
                    device=mission.robot,
                    lat=mission.lat,
                    lon=mission.lon,
                    stay=STAY_S,
                    after=SPIN_UP_S,
                )
            )
        for number, change in enumerate(wanted.changes):
            if isinstance(change, Wind | NewStation | RobotElsewhere):
                continue
            self.world.add(change.model_copy(update={"after": change.after + SPIN_UP_S}))
            if isinstance(change, Fire | Leak | Dust):
                self.changed[number] = self.world.happenings[-1]

    def _engine(self, spun_up: pa.Table) -> AlertEngine:
        """Return the engine as it is in the living city now, which has listened to the new stations for as long as the spin-up."""
        gathered = self.gathered
        engine = AlertEngine(
            self.estimated.site, gathered.known, gathered.rules, gathered.known_sources, is_behind=False
        )
        engine.restore(gathered.active, gathered.history, HISTORY_EVERY_S, gathered.latest)
        split = datetime.fromtimestamp((gathered.at - RELEARNT).timestamp() // HISTORY_EVERY_S * HISTORY_EVERY_S, UTC)
        known = without_bad_values(gathered.recent)
        known = known.filter(pc.greater_equal(known["time"], pa.scalar(split, known["time"].type)))
        columns = [name for name in READINGS.names if name in spun_up.column_names]
        tables = [known.select(columns), spun_up.select(columns).cast(known.select(columns).schema)]
        engine.learn(pa.concat_tables(tables).sort_by("time"))
        return engine


def level_step_s(length_s: float) -> float:
    """Return over how long the levels of stations are averaged [s]."""
    return LEVEL_STEP_S * max(-int(-length_s // (LEVEL_STEP_S * MOST_LEVEL_STEPS)), 1)


def as_event(source: SourceNow, now: datetime, hours: float) -> Fire | Leak:
    """Return the source of an incident as an event that goes on as it does now, from the beginning of the spin-up on.

    How a fire's smoke rises is not known: it is taken not to, as for the zones downwind.
    """
    begun = max(timedelta(0), source.since - (now - timedelta(seconds=SPIN_UP_S)))
    length_s = SPIN_UP_S + hours * 3600.0
    place: dict[str, Any] = {
        "lat": source.lat,
        "lon": source.lon,
        "after": begun.total_seconds(),
        "title": source.incident[:200],
    }
    if source.kind == "fire" and source.quantity in FUELS["mixed-waste"].smouldering_g_kg:
        burns = source.rate_g_s / FUELS["mixed-waste"].smouldering_g_kg[source.quantity]
        return Fire(
            kind="fire",
            fuel="mixed-waste",
            peak_heat_mw=0.0,
            smoulder=length_s,
            smoulder_kg_s=min(burns, 10.0),
            tail=0.0,
            **place,
        )
    rates = {source.quantity: max(source.rate_g_s, 1e-6)}
    return Leak(kind="leak", rates_g_s=rates, duration=length_s, **place)


def roles_of_robots(fork: Fork) -> list[dict[str, Any]]:
    """Return of each robot where it is, what it notices, and how long it would need to each change that releases something [minutes, straight on].

    Sources are not traced in a fork, which takes too long, so no robot is sent to what is noticed there.
    """
    site, changes = fork.estimated.site, fork.gathered.wanted.changes
    first: dict[str | None, AlertRecord] = {}
    for alert in sorted(fork.heard.alerts.values(), key=lambda one: one.started_at):
        first.setdefault(alert.device, alert)
    sent = {mission.robot: mission.incident for mission in fork.gathered.missions}
    out = []
    for robot in site.robots:
        now, noticed = fork.estimated.present.robots.get(robot.name), first.get(robot.name)
        away = {} if now is None else {number: _minutes_away(site, now, changes[number]) for number in fork.changed}
        out.append(
            {
                "robot": robot.name,
                "position": None if now is None else [round(now.lat, 6), round(now.lon, 6)],
                "on_mission_to": sent.get(robot.name),
                "noticed_at": None if noticed is None else noticed.started_at,
                "alert": None if noticed is None else noticed.kind,
                "minutes_away": {str(number): minutes for number, minutes in away.items()},
            }
        )
    return out


def _minutes_away(site: Site, now: RobotNow, change: Any) -> float:
    x, y = (
        np.subtract(*axis)
        for axis in zip(site.map.to_xy(now.lat, now.lon), site.map.to_xy(change.lat, change.lon), strict=True)
    )
    return round(float(np.hypot(x, y)) / SPEED_M_S / 60, 1)
