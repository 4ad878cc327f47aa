"""Fires of the example scenarios with 50 seeds each: how far from the fire the source map points, and how fast a first map is there."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.source_map import seconds
from jeonju.evaluation.offline import OfflineRun
from jeonju.simulator.scenario import load_scenario

SCENARIOS = ("palbok-recycler-fire", "waste-plant-night-fire", "smouldering-heap")
SEEDS = 50
# Seeds that no number of alerts or source estimator was set on.
FIRST_SEED = 1000
FIRST_MAP_AFTER_MIN = 10.0


def _one(job: tuple[str, int]) -> dict[str, Any]:
    name, seed = job
    scenario = load_scenario(name).model_copy(update={"seed": seed})
    with TemporaryDirectory() as folder:
        (event,) = OfflineRun(scenario, Path(folder)).run()["events"]
    return {"scenario": name, **event}


def _table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Summarise fires; errors and ratios count those that were detected and so had an answer."""
    located = [row for row in rows if row["location_error_m"] is not None]
    errors, ratios = (
        np.array([row[key] for row in located], dtype=float) for key in ("location_error_m", "rate_ratio")
    )
    sure = [row["location_error_m"] for row in located if not row["location_unsure"]]
    summary = {"fires": len(rows), "reached": sum(row["reached"] for row in rows), "located": len(located)}
    if not located:
        return summary
    return summary | {
        "median_error_m": round(float(np.median(errors))),
        "p90_error_m": round(float(np.quantile(errors, 0.9))),
        "within_300_m": round(float(np.mean(errors <= 300)), 2),
        "median_rank_of_true_cell": round(float(np.median([row["rank_of_true_cell"] or np.inf for row in located]))),
        "rate_within_x2": round(float(np.mean((ratios >= 0.5) & (ratios <= 2))), 2),
        "median_rate_ratio": round(float(np.median(ratios)), 2),
        "sure": len(sure),
        "median_error_when_sure_m": round(float(np.median(sure))) if sure else None,
    }


def run() -> dict[str, Any]:
    """Return the table by scenario and over all."""
    jobs = [(name, FIRST_SEED + seed) for name in SCENARIOS for seed in range(SEEDS)]
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(_one, jobs))
    by_scenario = {name: _table([row for row in rows if row["scenario"] == name]) for name in SCENARIOS}
    return {"first_map_s": seconds([FIRST_MAP_AFTER_MIN])[0], **by_scenario, "all": _table(rows)}
