"""How well fires are found and distinguished from other events: events drawn at random over all example scenarios, and days on which nothing burns.

Nothing in the alert engine was set on the blind seeds; TUNING_SEEDS are those that thresholds were looked at with. An event has *affected* a device
once it adds more to the true air there than `simulator.exposure.REACHED` (10 µg/m³ PM2.5 or 0.05 ppm CO); delays count from the first such instant
anywhere until the engine can say so, its wait for late readings included.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any, Final

import numpy as np
import pyarrow as pa
import simpy

from benchmarks._drawn import drawn, quiet
from jeonju.contract.kinds import CLASS_OF_KIND
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import load_site
from jeonju.detection.engine import AlertEngine
from jeonju.detection.windows import ALLOWED_LATENESS_S
from jeonju.evaluation.score import CLASS_OF, FOUND_BY, LOCAL_KINDS, belongs
from jeonju.simulator.block import Block
from jeonju.simulator.exposure import EventExposure
from jeonju.simulator.nature.names import NatureName
from jeonju.simulator.scenario import Scenario, examples_of, load_scenario
from jeonju.simulator.sinks.parquet import readings_batch
from jeonju.simulator.weather import WeatherOverrides
from jeonju.simulator.world import World

TUNING_SEEDS: Final = range(1, 6)
BLIND_SEEDS: Final = range(9000, 9050)
# Particles are some 18 times slower than puffs.
SEEDS: Final[dict[NatureName, int]] = {"puffs": len(BLIND_SEEDS), "particles": 5}
WORKERS: Final = 2
# What is drawn: (kind of event, seeds). Flaming and smouldering fires in every scenario; others to see whether they are classified apart.
EVENTS: Final[dict[str, Sequence[int]]] = {
    "flaming": BLIND_SEEDS,
    "smouldering": BLIND_SEEDS,
    "leak": BLIND_SEEDS[:5],
    "dust": BLIND_SEEDS[:5],
}
QUIET_HOURS: Final = 3.0
WEEK_DAYS: Final = 7.0
# Days without fires: those of the examples, a morning from 06:30 on, and humid nights of July in which robots see fog where there is none.
QUIET: Final = (
    "winter-day",
    "rush-hours",
    "asian-dust-day",
    "haze-episode",
    "fog",
    "sensor-fault-day",
    "robot-breakdown",
    "livestock-odour-night",
    "summer-ozone-day",
)


class _Judged:
    """Shows every block to the alert engine and keeps what that says."""

    def __init__(self, engine: AlertEngine, site: str) -> None:
        self.alerts: dict[str, AlertRecord] = {}
        self._engine, self._site = engine, site

    def send(self, block: Block) -> None:
        """Judge one block."""
        table = pa.Table.from_batches([readings_batch(block, self._site)])
        for alert in self._engine.update(table):
            # What is scored is what was said first.
            self.alerts.setdefault(alert.id, alert)

    def close(self) -> None:
        """Nothing to finish."""


def _play(scenario: Scenario, nature: NatureName) -> tuple[list[EventExposure], list[AlertRecord]]:
    site = load_site(scenario.site)
    env = simpy.Environment(initial_time=scenario.start_s)
    judged = _Judged(AlertEngine(site), site.name)
    world = World(site, env, judged, seed=scenario.seed, weather=scenario.weather, nature=nature)
    for event in scenario.events:
        world.add(event)
    # Blocks end on whole minutes; the last one must be in.
    env.run(until=scenario.start_s + scenario.duration + 1e-6)
    found = [alert for alert in judged.alerts.values() if alert.kind in LOCAL_KINDS]
    return world.exposure.events, sorted(found, key=lambda alert: alert.started_at)


def _one_event(job: tuple[str, str, int, NatureName]) -> dict[str, Any]:
    """Play one drawn event; return whether it reached anything, when it was found, and what was said first."""
    kind, name, seed, nature = job
    scenario = load_scenario(name)
    events, alerts = _play(drawn(scenario, load_site(scenario.site), kind, seed), nature)
    event = events[-1]
    mine = [alert for alert in alerts if belongs(alert, event)]
    fitting = [alert for alert in mine if alert.kind in FOUND_BY[event.event.kind]]
    first_s = min(event.reached_s.values(), default=None)
    raised_s = fitting[0].started_at.timestamp() + ALLOWED_LATENESS_S if fitting else None
    return {
        "kind": kind,
        "scenario": name,
        "seed": seed,
        "reached": first_s is not None,
        "detected": bool(fitting),
        "delay_s": None if raised_s is None or first_s is None else raised_s - first_s,
        "said": _class(mine[0]) if mine else "nothing",
        "truth": CLASS_OF[event.event.kind],
        "false_smoke": sum(alert.kind == "smoke" and alert not in mine for alert in alerts),
        "peak_pm25": round(max((peak.get("pm25", 0.0) for peak in event.peak.values()), default=0.0), 1),
    }


def _class(alert: AlertRecord) -> str:
    return CLASS_OF_KIND[alert.kind]


def _one_quiet(job: tuple[str, int, NatureName]) -> dict[str, Any]:
    """Play some hours without fires; return how many local alerts were raised all the same, besides those of odours that are real."""
    name, seed, nature = job
    scenario = _quiet_scenario(name, seed)
    events, alerts = _play(scenario, nature)
    false = [
        alert for alert in alerts if not any(belongs(alert, event) and alert.kind == "release" for event in events)
    ]
    counts = Counter(alert.kind for alert in false)
    return {
        "name": name,
        "seed": seed,
        "days": scenario.duration / 86_400,
        **{kind: counts[kind] for kind in LOCAL_KINDS},
    }


def _quiet_scenario(name: str, seed: int) -> Scenario:
    if name == "rush-hours":
        winter = quiet(load_scenario("winter-day"), seed, QUIET_HOURS)
        return winter.model_copy(update={"start": winter.start.replace(hour=6, minute=30)})
    if name == "fog":
        ozone = load_scenario("summer-ozone-day")
        weather = WeatherOverrides(wind_speed_m_s=0.8, rain_mm_h=0.0)
        night = ozone.start.replace(month=7, day=1 + seed % 28, hour=23)
        return ozone.model_copy(
            update={"start": night, "weather": weather, "seed": seed, "duration": QUIET_HOURS * 3600}
        )
    return quiet(load_scenario(name), seed, QUIET_HOURS)


def _found(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Summarise events of one kind; only those found have a delay."""
    reached = [row for row in rows if row["reached"]]
    delays = [row["delay_s"] for row in reached if row["delay_s"] is not None]
    answered = [row for row in reached if row["said"] != "nothing"]
    return {
        "drawn": len(rows),
        "affected": len(reached),
        "detected": len(delays),
        "share_of_affected": round(len(delays) / len(reached), 3) if reached else None,
        "share_of_drawn": round(len(delays) / len(rows), 3),
        "median_delay_s": round(float(np.median(delays))) if delays else None,
        "p90_delay_s": round(float(np.quantile(delays, 0.9))) if delays else None,
        "class_right": round(float(np.mean([row["said"] == row["truth"] for row in answered])), 3)
        if answered
        else None,
    }


def _false(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    days = sum(row["days"] for row in rows)
    counts = {kind: sum(row[kind] for row in rows) for kind in LOCAL_KINDS}
    return {"days": round(days, 1), **counts, "smoke_per_week": round(counts["smoke"] / days * WEEK_DAYS, 2)}


def _confusion(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Count what was said first, by what it was."""
    return {
        truth: dict(Counter(row["said"] for row in rows if row["truth"] == truth and row["reached"]))
        for truth in sorted({row["truth"] for row in rows})
    }


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _print_table(result: dict[str, Any]) -> None:
    """Print the same figures for people, on standard error."""
    for kind in EVENTS:
        _say(
            f"\n{kind:24} {'drawn':>6} {'affected':>9} {'detected':>9} {'share':>6} {'median s':>9} {'p90 s':>6} {'class':>6}"
        )
        for name, row in result[kind].items():
            _say(
                f"{name:24} {row['drawn']:6} {row['affected']:9} {row['detected']:9} {row['share_of_affected'] or 0:6.2f} "
                f"{row['median_delay_s'] or '':>9} {row['p90_delay_s'] or '':>6} {row['class_right'] or 0:6.2f}"
            )
    _say(f"\n{'without fires':24} {'days':>6} {'smoke':>9} {'dust':>9} {'release':>8} {'smoke a network-week':>21}")
    for name, row in result["quiet"].items():
        _say(
            f"{name:24} {row['days']:6} {row['smoke']:9} {row['dust']:9} {row['release']:8} {row['smoke_per_week']:21}"
        )
    _say(f"\nwhat was said first, by what it was: {result['confusion']}")


def measure(
    seeds: dict[str, Sequence[int]], quiet_seeds: Sequence[int], nature: NatureName = "puffs"
) -> dict[str, Any]:
    """Return the figures over these seeds."""
    names = examples_of("jeonju")
    jobs = [(kind, name, seed, nature) for kind, each in seeds.items() for seed in each for name in names]
    with ProcessPoolExecutor(WORKERS) as pool:
        rows = list(pool.map(_one_event, jobs, chunksize=8))
        days = list(pool.map(_one_quiet, [(name, seed, nature) for seed in quiet_seeds for name in QUIET], chunksize=4))
    return summary(rows, days)


def summary(rows: Sequence[dict[str, Any]], days: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of what was played."""
    names = examples_of("jeonju")
    result: dict[str, Any] = {}
    for kind in EVENTS:
        mine = [row for row in rows if row["kind"] == kind]
        result[kind] = {name: _found([row for row in mine if row["scenario"] == name]) for name in names} | {
            "all": _found(mine)
        }
    result["missed"] = [
        {key: row[key] for key in ("kind", "scenario", "seed", "peak_pm25", "said")}
        for row in rows
        if row["reached"] and not row["detected"]
    ]
    result["quiet"] = {name: _false([row for row in days if row["name"] == name]) for name in QUIET} | {
        "all": _false(days)
    }
    result["false_smoke_beside_events"] = sum(row["false_smoke"] for row in rows)
    result["confusion"] = _confusion(rows)
    return result


def run(nature: NatureName = "puffs") -> dict[str, Any]:
    """Return the figures over the blind seeds, on particles those of the first of them, and print them as a table."""
    blind = BLIND_SEEDS[: SEEDS[nature]]
    result = measure({kind: seeds[: SEEDS[nature]] for kind, seeds in EVENTS.items()}, blind, nature)
    _print_table(result)
    return {
        "nature": nature,
        "blind_seeds": [blind[0], blind[-1]],
        "tuning_seeds": [TUNING_SEEDS[0], TUNING_SEEDS[-1]],
        **result,
    }
