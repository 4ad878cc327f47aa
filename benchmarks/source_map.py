"""How long a source map takes: 26 devices, 5 × 5 km in cells of 50 m, with all onsets, courses and heights of rise."""

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from jeonju.contract.site import Site, load_site
from jeonju.evaluation.offline import OfflineRun
from jeonju.localization.source_map import locate_source
from jeonju.simulator.scenario import load_scenario

AFTER_MIN: Final = (1, 10, 30)
REPEATS: Final = 3


def seconds(after_min: Sequence[float]) -> list[float]:
    """Return how long the maps take so many minutes after the first alert of an example fire: seconds of one core, the best of three."""
    site = load_site("jeonju")
    with TemporaryDirectory() as folder:
        OfflineRun(load_scenario("palbok-recycler-fire"), Path(folder)).run()
        readings = pq.read_table(f"{folder}/readings.parquet")
        alerts = pq.read_table(f"{folder}/alerts.parquet").to_pylist()
    noticed_s = min(alert["started_at"] for alert in alerts if alert["kind"] == "smoke").timestamp()
    return [
        min(_map_s(site, readings, noticed_s, noticed_s + 60.0 * minutes) for _ in range(REPEATS))
        for minutes in after_min
    ]


def _map_s(site: Site, readings: pa.Table, noticed_s: float, until_s: float) -> float:
    begun = time.process_time()
    locate_source(site, readings, "pm25", noticed_s=noticed_s, until_s=until_s, noticed_by=["palbok-03"])
    return round(time.process_time() - begun, 2)


def run() -> dict[str, Any]:
    """Return the seconds that maps of several moments take."""
    return {f"after {minutes} min": took for minutes, took in zip(AFTER_MIN, seconds(AFTER_MIN), strict=True)}
