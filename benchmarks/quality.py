"""Quality flags: what the checks add to a batch of single readings with seven quantities, in dry and in humid air."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np

from jeonju.contract.reading import Reading
from jeonju.ingest.batch import Batch
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.quality.batch_rows import Integers, Rows
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.quality.flags import Finding

T0 = datetime(2026, 1, 1, tzinfo=UTC)
ROWS: Final = 2000
BATCHES: Final = 40
MEANS: Final = {"pm25": 23.4, "pm10": 41.2, "no2": 0.021, "o3": 0.03, "co": 0.41, "temperature": 4.2}


class _NoChecks(Checks):
    def numbers(self, devices: Any) -> Integers:
        return np.zeros(len(devices), dtype=np.int64)

    def judge(self, rows: Rows) -> Iterator[Finding]:  # noqa: ARG002
        return iter(())


def _batch(number: int, devices: int, humidity: float) -> Batch:
    rng = np.random.default_rng(number)
    batch = Batch()
    for row in range(ROWS):
        seq = number * ROWS + row
        at = T0 + timedelta(seconds=seq // devices)
        values: dict[str, float | None] = {key: round(mean * rng.normal(1, 0.02), 4) for key, mean in MEANS.items()}
        values["humidity"] = round(humidity + rng.normal(0, 0.3), 1)
        name = f"device-{seq % devices}"
        batch.add("jeonju", at, [Reading(device=name, seq=seq, boot="1", time=at, values=values)])
    return batch


def _us_per_reading(checks: Checks, devices: int, humidity: float) -> float:
    seconds = []
    for number in range(BATCHES):
        batch = _batch(number, devices, humidity)
        begun = time.process_time()
        batch.table(checks, Ledger())
        seconds.append(time.process_time() - begun)
    return float(np.median(seconds)) / ROWS * 1e6


def run() -> dict[str, Any]:
    """Return microseconds per reading with checks less those without."""
    figures = {}
    for name, humidity in (("dry", 55.0), ("humid", 90.0)):
        for devices in (26, ROWS):
            cost = _us_per_reading(Checks(lambda _site, _device: "zone"), devices, humidity)
            figures[f"us_per_reading_{name}_{devices}_devices"] = round(
                cost - _us_per_reading(_NoChecks(), devices, humidity), 2
            )
    return figures
