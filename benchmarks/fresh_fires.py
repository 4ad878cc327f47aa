"""Fresh fires, leaks and dusts anywhere around the stations, in any weather: how good the source map is from its first minutes on.

Each is drawn 60 to 600 m from a station in any direction, at a random hour of the year. Maps are made of what the devices reported until 2, 5, 10 and
30 minutes after the first alert, without the robots' cameras; the naive answer is the device that raised it. Most events reach no device or raise no
alert: as many are drawn as it takes to have FIRES with a map. Nothing was set on FIRST_SEED and those after it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import pyarrow as pa
import simpy

from benchmarks._drawn import EVENTS
from jeonju.contract.events import EVENT
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site, load_site
from jeonju.detection.engine import AlertEngine
from jeonju.evaluation.located import AFTER_S, COLUMNS, MOMENTS_MIN, compare
from jeonju.evaluation.score import fitting
from jeonju.localization.hypotheses import DETECTION_LEVEL
from jeonju.simulator.block import Block
from jeonju.simulator.emissions import Emissions
from jeonju.simulator.exposure import EventExposure
from jeonju.simulator.nature.names import NatureName
from jeonju.simulator.sinks.parquet import readings_batch
from jeonju.simulator.world import World

# Particles are some 18 times slower than puffs.
FIRES: Final[dict[NatureName, int]] = {"puffs": 100, "particles": 30}
FIRST_SEED: Final = 20_000
KINDS: Final = tuple(EVENTS)
DISTANCE_M: Final = (60.0, 600.0)
YEAR: Final = datetime(2026, 1, 1, tzinfo=UTC)
DAYS: Final = 365.0
DAY_S: Final = 86_400.0
LEAD_S: Final = 2700.0
# An event that has reached nothing by then is given up.
PATIENCE_S: Final = 1500.0
STEP_S: Final = 60.0
BLIND: Final = 0.5
RIGHT_WITHIN_M: Final = 300.0


class Kept:
    """Shows every block to the alert engine; keeps the readings and what was said first."""

    def __init__(self, engine: AlertEngine, site: str) -> None:
        self.alerts: dict[str, AlertRecord] = {}
        self.batches: list[pa.Table] = []
        self._engine, self._site = engine, site

    def send(self, block: Block) -> None:
        """Judge and keep one block."""
        table = pa.Table.from_batches([readings_batch(block, self._site)])
        for alert in self._engine.update(table):
            self.alerts.setdefault(alert.id, alert)
        self.batches.append(table.select([*COLUMNS, *DETECTION_LEVEL]))

    def close(self) -> None:
        """Nothing to finish."""


@dataclass(frozen=True)
class Fire:
    """One drawn event whose plume raised alerts, and all that the devices reported of it."""

    seed: int
    kind: str
    event: EventExposure
    alerts: list[AlertRecord]
    readings: pa.Table
    emissions: Emissions


def simulate(seed: int, site: Site, nature: NatureName = "puffs") -> Fire | None:
    """Play one drawn event until half an hour after its first alert; None where no device noticed its plume."""
    rng = np.random.default_rng([seed, 77])
    kind = KINDS[seed % len(KINDS)]
    drawn = _drawn(rng, kind, site)
    start_s = YEAR.timestamp() + rng.uniform(0, DAYS * DAY_S)
    env = simpy.Environment(initial_time=start_s)
    kept = Kept(AlertEngine(site), site.name)
    world = World(site, env, kept, seed=seed, nature=nature)
    world.add(EVENT.validate_python({**drawn, "after": LEAD_S, "title": kind}))
    (event,) = world.exposure.events
    until_s = event.start_s + PATIENCE_S
    raised: list[AlertRecord] = []
    while env.now < until_s:
        env.run(until=env.now + STEP_S + 1e-6)
        raised = _by_plume(fitting(event, list(kept.alerts.values())))
        until_s = _until_s(event, raised)
    return Fire(seed, kind, event, raised, pa.concat_tables(kept.batches), world.emissions) if raised else None


def _drawn(rng: np.random.Generator, kind: str, site: Site) -> dict[str, Any]:
    """Return an event of a kind at a random place around a random station."""
    station = site.stations[int(rng.integers(len(site.stations)))]
    drawn, _ = EVENTS[kind](rng, station)
    distance_m, angle = rng.uniform(*DISTANCE_M), rng.uniform(0, 2 * np.pi)
    x_m, y_m = (float(value) for value in site.map.to_xy(station.lat, station.lon))
    lat, lon = site.map.to_latlon(x_m + distance_m * np.sin(angle), y_m + distance_m * np.cos(angle))
    return {**drawn, "lat": float(lat), "lon": float(lon)}


def _until_s(event: EventExposure, raised: Sequence[AlertRecord]) -> float:
    """Return until when it is worth going on."""
    if raised:
        return min(alert.started_at.timestamp() for alert in raised) + AFTER_S + STEP_S
    return event.end_s if event.reached_s else event.start_s + PATIENCE_S


def scored(fire: Fire, site: Site) -> dict[str, Any]:
    """Return the maps of an event beside the truth."""
    _, answer = compare(site, fire.event, fire.alerts, fire.readings, fire.emissions)
    low, _, high = answer["rate_g_s"]
    inside = low <= answer["true_rate_g_s"] <= high if answer["true_rate_g_s"] > 0 else None
    return {"seed": fire.seed, "kind": fire.kind, **answer, "rate_inside": inside}


def _by_plume(alerts: Sequence[AlertRecord]) -> list[AlertRecord]:
    """Return the alerts that a plume raised: where a camera saw a flame, the map does not rest on the plume."""
    first = min(alerts, key=lambda alert: alert.started_at, default=None)
    return [] if first is None or first.quantity == "thermal_max" else list(alerts)


def table(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Summarise the maps of each moment."""
    out: dict[str, Any] = {"fires": len(rows)}
    for number, minutes in enumerate(MOMENTS_MIN):
        maps = [row["maps"][number] for row in rows]
        sure = [one for one in maps if not one["unsure"]]
        median = {
            key: round(float(np.median([one[key] for one in maps])), 5)
            for key in (
                "location_error_m",
                "area_share",
                "area_50_km2",
                "area_90_km2",
                "naive_error_m",
                "naive_area_share",
            )
        }
        shares = {
            key: round(float(np.mean([one[key] for one in maps])), 3)
            for key in ("in_50", "in_90", "naive_in_50", "naive_in_90")
        }
        out[f"{minutes} min"] = {
            **median,
            **shares,
            "worse_than_blind": sum(one["area_share"] > BLIND for one in maps),
            "sure": len(sure),
            "sure_and_right": sum(one["location_error_m"] <= RIGHT_WITHIN_M for one in sure),
        }
    out["rate_coverage_90"] = _coverage(rows)
    out["rate_coverage_90_of_fires"] = _coverage([row for row in rows if row["kind"] in ("flaming", "smouldering")])
    return out


def _coverage(rows: Sequence[dict[str, Any]]) -> float | None:
    """Return how often the interval holds what was released within the half hour before; what had ended by then has no rate."""
    inside = [row["rate_inside"] for row in rows if row["rate_inside"] is not None]
    return round(float(np.mean(inside)), 3) if inside else None


def run(fires: int | None = None, first_seed: int = FIRST_SEED, nature: NatureName = "puffs") -> dict[str, Any]:
    """Return the table over `fires` events that have a map, and how many were drawn for them."""
    site, rows, seed = load_site("jeonju"), list[dict[str, Any]](), first_seed
    fires = fires or FIRES[nature]
    while len(rows) < fires:
        fire = simulate(seed, site, nature)
        seed += 1
        if fire is not None:
            row = scored(fire, site)
            rows.append(row)
            print(f"{len(rows)} of {fires}, seed {row['seed']}, {row['kind']}: {row['maps'][-1]}", file=sys.stderr)
    return {"drawn": seed - first_seed, **table(rows)}
