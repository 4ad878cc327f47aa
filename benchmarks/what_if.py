"""How long a what-if takes: two hours ahead of the 26 devices at 1 Hz, a fire among them; seconds of processor time and wall time.

`cold` is the first question, which starts the process, `warm` the best of those after it. The city before is two hours long, the last ten minutes at
1 Hz as in a living one.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import psutil
import pyarrow as pa
import simpy

from jeonju.contract.site import Site, load_site
from jeonju.contract.what_if import WhatIf
from jeonju.evaluation.finished_run import as_readings
from jeonju.evaluation.what_if.gathered import gather
from jeonju.evaluation.what_if.worker_process import WorkerProcess
from jeonju.rules.rules import shipped_rules
from jeonju.simulator.block import Block
from jeonju.simulator.cadence import LIVE, Cadence
from jeonju.simulator.sinks.parquet import readings_batch
from jeonju.simulator.world import World
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

AT: Final = datetime(2026, 3, 5, 3, tzinfo=UTC)
BEFORE: Final = timedelta(hours=2)
AT_1_HZ: Final = timedelta(minutes=10)
QUESTIONS: Final = 4
ASKED: Final = {
    "hours": 2,
    "changes": [{"kind": "fire", "lat": 35.8552, "lon": 127.0925, "fuel": "mixed-waste", "peak_heat_mw": 5}],
}


class _IntoStore:
    """Writes what is measured into a store."""

    def __init__(self, store: DuckDBStore, site: str) -> None:
        self._store, self._site = store, site

    def send(self, block: Block) -> None:
        said = pa.Table.from_batches([readings_batch(block, self._site)])
        self._store.write(Commit(readings=as_readings(said)))

    def close(self) -> None:
        pass


def run() -> dict[str, Any]:
    """Ask one question again and again."""
    site, process = load_site("jeonju"), WorkerProcess()
    with TemporaryDirectory() as folder:
        store = DuckDBStore(Path(folder) / "air.duckdb")
        _live(site, store)
        begun = time.process_time()
        gathered = gather(site, store, WhatIf.model_validate(ASKED | {"at": AT.isoformat()}), shipped_rules(), AT)
        result: dict[str, Any] = {"read_from_the_store_cpu_s": round(time.process_time() - begun, 2)}
        store.close()
    took = [
        _timed(process, lambda: process.ask(gathered, within_s=600, on_progress=lambda _: None))
        for _ in range(QUESTIONS)
    ]
    pid = process.pid
    result |= {"cold": took[0], "warm": min(took[1:], key=lambda one: one["cpu_s"])}
    result["memory_mb"] = psutil.Process(pid).memory_info().rss // 2**20 if pid else None
    process.stop()
    return result


def _live(site: Site, store: DuckDBStore) -> None:
    begin_s, slow = (AT - BEFORE).timestamp(), Cadence(interval_s=10, tick_s=10, block_s=600)
    fast_s = (AT - AT_1_HZ).timestamp()
    env = simpy.Environment(initial_time=begin_s)
    fast = Cadence(interval_s=LIVE.interval_s, tick_s=10, block_s=60)
    World(site, env, _IntoStore(store, site.name), seed=6, cadence=lambda now_s: slow if now_s < fast_s else fast)
    env.run(until=AT.timestamp() + 1e-6)


def _timed(process: WorkerProcess, work: Callable[[], Any]) -> dict[str, float]:
    before, begun = _cpu_s(process), time.monotonic()
    work()
    return {"cpu_s": round(_cpu_s(process) - before, 2), "wall_s": round(time.monotonic() - begun, 2)}


def _cpu_s(process: WorkerProcess) -> float:
    pid = process.pid
    if pid is None:
        return 0.0
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)
