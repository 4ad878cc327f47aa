"""Fires of the example scenarios with fresh seeds: how far off the source estimator was before a robot went to look, and after."""

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.incidents import SCENARIOS
from jeonju.evaluation.offline import OfflineRun
from jeonju.simulator.scenario import load_scenario

SEEDS = 10
# Seeds that no number of the dispatcher was chosen on, nor one of alerts or source estimator.
FIRST_SEED = 3000


def _one(job: tuple[str, int]) -> dict[str, Any]:
    name, seed = job
    scenario = load_scenario(name).model_copy(update={"seed": seed})
    with TemporaryDirectory() as folder:
        result = OfflineRun(scenario, Path(folder), dispatch=True).run()
    finished = [
        visit for visit in result["visits"] if visit["event"] is not None and visit["error_after_m"] is not None
    ]
    half_hour = result["events"][0]["location_error_m"]
    return {"scenario": name, "half_hour_m": half_hour, **(finished[-1] if finished else {"error_after_m": None})}


def _table(rows: list[dict[str, Any]]) -> dict[str, Any]:
    visited = [row for row in rows if row["error_after_m"] is not None]
    summary: dict[str, Any] = {"fires": len(rows), "visited": len(visited)}
    if not visited:
        return summary

    def median(key: str) -> int:
        return round(float(np.median([row[key] for row in visited])))

    ratio = median("error_after_m") / max(median("error_without_visit_m"), 1)
    return summary | {
        "median_error_when_sent_m": median("error_before_m"),
        "median_error_without_visit_m": median("error_without_visit_m"),
        "median_error_half_an_hour_after_alert_m": median("half_hour_m"),
        "median_error_after_visit_m": median("error_after_m"),
        "p90_error_after_visit_m": round(float(np.quantile([row["error_after_m"] for row in visited], 0.9))),
        "after_over_without": round(ratio, 2),
        "located": sum(row["outcome"] == "located" for row in visited),
        "median_stops": median("stops"),
        "nearest_stop_m": min(row["nearest_stop_m"] for row in visited),
    }


def run() -> dict[str, Any]:
    """Return the table by scenario and over all."""
    jobs = [(name, FIRST_SEED + seed) for name in SCENARIOS for seed in range(SEEDS)]
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(_one, jobs))
    return {name: _table([row for row in rows if row["scenario"] == name]) for name in SCENARIOS} | {
        "all": _table(rows)
    }
