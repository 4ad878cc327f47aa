"""24 hours of the 26 devices at 1 Hz with all sources, instruments and Parquet output, on one core."""

import json
import subprocess
import sys
from typing import Any

_CHILD = """
import json, os, resource, sys, tempfile, time
from pathlib import Path
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import pyarrow, simpy
pyarrow.set_cpu_count(1)
from jeonju.contract.site import load_site
from jeonju.simulator.cadence import unattended
from jeonju.simulator.sinks.parquet import ParquetSink
from jeonju.simulator.scenario import load_scenario
from jeonju.simulator.world import World

scenario = load_scenario("winter-day")
with tempfile.TemporaryDirectory() as folder:
    warm = World(load_site("jeonju"), simpy.Environment(scenario.start_s), ParquetSink(Path(folder) / "warm", site="jeonju"), seed=1)
    warm.env.run(until=scenario.start_s + 61)
    env = simpy.Environment(scenario.start_s)
    sink = ParquetSink(Path(folder), site="jeonju")
    World(load_site("jeonju"), env, sink, seed=scenario.seed, weather=scenario.weather, cadence=unattended(scenario))
    wall, cpu = time.perf_counter(), time.process_time()
    env.run(until=scenario.start_s + 86_400 + 1e-6)
    sink.close()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps({
    "wall_s": round(wall, 2), "cpu_s": round(cpu, 2), "times_real_time": round(86_400 / wall),
    "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""


def run() -> dict[str, Any]:
    """Measure in a process of its own, so that memory is its own too; compiling is not counted."""
    done = subprocess.run([sys.executable, "-c", _CHILD], capture_output=True, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result
