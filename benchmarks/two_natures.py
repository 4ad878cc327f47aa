"""The same drawn fires in both natures: found or not, how soon, and where the source map sees them.

Half flaming, half smouldering, upwind of a station as in `detection`, over all example scenarios in turn. What finds
fires and sources contains the physics of the puffs; what it loses in the other nature is how much it leans on them.
Nothing was set on FIRST_SEED and those after it.
"""

import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import simpy

from benchmarks._drawn import drawn
from benchmarks.fresh_fires import RIGHT_WITHIN_M, Kept
from jeonju.contract.site import load_site
from jeonju.detection.engine import AlertEngine
from jeonju.detection.windows import ALLOWED_LATENESS_S
from jeonju.evaluation.located import AFTER_S, MOMENTS_MIN, compare
from jeonju.evaluation.score import fitting
from jeonju.simulator.nature.names import NATURES, NatureName
from jeonju.simulator.scenario import Scenario, examples_of, load_scenario
from jeonju.simulator.world import World

FIRES: Final = 20
FIRST_SEED: Final = 40_000
KINDS: Final = ("flaming", "smouldering")
STEP_S: Final = 60.0


def play(scenario: Scenario, nature: NatureName) -> dict[str, Any]:
    """Play a drawn fire until half an hour after its first alert, or its end; return what was found and the maps."""
    site = load_site(scenario.site)
    env = simpy.Environment(initial_time=scenario.start_s)
    kept = Kept(AlertEngine(site), site.name)
    world = World(site, env, kept, seed=scenario.seed, weather=scenario.weather, nature=nature)
    for event in scenario.events:
        world.add(event)
    fire = world.exposure.events[-1]
    until_s = scenario.start_s + scenario.duration
    while env.now < until_s:
        env.run(until=env.now + STEP_S + 1e-6)
        if raised := fitting(fire, list(kept.alerts.values())):
            until_s = min(alert.started_at.timestamp() for alert in raised) + AFTER_S + STEP_S
    raised = fitting(fire, list(kept.alerts.values()))
    first_s = min(fire.reached_s.values(), default=None)
    row = {
        "affected": first_s is not None,
        "detected": bool(raised),
        "peak_pm25": round(max((peak.get("pm25", 0.0) for peak in fire.peak.values()), default=0.0), 1),
        "delay_s": None,
        "maps": None,
    }
    if raised:
        opened = min(alert.started_at for alert in raised)
        if first_s is not None:
            row["delay_s"] = (opened + timedelta(seconds=ALLOWED_LATENESS_S)).timestamp() - first_s
        if not any(alert.quantity == "thermal_max" for alert in raised if alert.started_at == opened):
            row["maps"] = compare(site, fire, raised, pa.concat_tables(kept.batches), world.emissions)[1]["maps"]
    return row


def table(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Summarise what was found of the fires in one nature."""
    affected = [row for row in rows if row["affected"]]
    delays = [row["delay_s"] for row in affected if row["delay_s"] is not None]
    out: dict[str, Any] = {
        "drawn": len(rows),
        "affected": len(affected),
        "detected": sum(row["detected"] for row in affected),
        "detected_unaffected": sum(row["detected"] for row in rows if not row["affected"]),
        "median_delay_s": round(float(np.median(delays))) if delays else None,
        "p90_delay_s": round(float(np.quantile(delays, 0.9))) if delays else None,
        "median_peak_pm25": round(float(np.median([row["peak_pm25"] for row in rows])), 1),
    }
    located = [row["maps"] for row in rows if row["maps"] is not None]
    out["maps"] = len(located)
    for number, minutes in enumerate(MOMENTS_MIN):
        maps = [one[number] for one in located]
        if maps:
            out[f"{minutes} min"] = {
                "location_error_m": round(float(np.median([one["location_error_m"] for one in maps]))),
                "naive_error_m": round(float(np.median([one["naive_error_m"] for one in maps]))),
                "area_share": round(float(np.median([one["area_share"] for one in maps])), 5),
                "in_50": round(float(np.mean([one["in_50"] for one in maps])), 3),
                "in_90": round(float(np.mean([one["in_90"] for one in maps])), 3),
                "area_90_km2": round(float(np.median([one["area_90_km2"] for one in maps])), 3),
                "sure": sum(not one["unsure"] for one in maps),
                "sure_and_right": sum(not one["unsure"] and one["location_error_m"] <= RIGHT_WITHIN_M for one in maps),
            }
    return out


def run(fires: int = FIRES, first_seed: int = FIRST_SEED) -> dict[str, Any]:
    """Return a table for each nature, and one for the fires that were located in both."""
    names = examples_of("jeonju")
    rows: dict[str, list[dict[str, Any]]] = {nature: [] for nature in NATURES}
    for number in range(fires):
        scenario = load_scenario(names[number % len(names)])
        kind = KINDS[number % len(KINDS)]
        one = drawn(scenario, load_site(scenario.site), kind, first_seed + number)
        for nature in NATURES:
            rows[nature].append(play(one, nature))
            print(f"seed {first_seed + number}, {kind}, {nature}: {rows[nature][-1]}", file=sys.stderr, flush=True)
    both = [k for k in range(fires) if all(rows[nature][k]["maps"] is not None for nature in NATURES)]
    return {
        **{nature: table(rows[nature]) for nature in NATURES},
        "located_in_both": {nature: table([rows[nature][k] for k in both]) for nature in NATURES},
    }
