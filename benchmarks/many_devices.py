"""The simulator with many devices: what a reading costs from 26 to 100 000 stations that measure every 10 s, physics on for each, to Parquet.

The stations stand on an even grid over the built-up area of Jeonju, with its own sources, weather and robots.
"""

import json
import os
import subprocess
import sys
from typing import Any, Final

DEVICES: Final = (26, 1000, 10_000, 100_000)
# Simulated: enough for puffs to be everywhere, then what is measured.
SETTLING_S: Final = 600
MEASURED_S: Final = 600

_CHILD: Final = """
import json, resource, sys, tempfile, time
from pathlib import Path
import numpy as np
import pyarrow, simpy
from jeonju.contract.site import load_site
from jeonju.simulator.scenario import load_scenario
from jeonju.simulator.sinks.parquet import ParquetSink
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.world import World

devices, settling_s, measured_s = map(int, sys.argv[1:])
jeonju, scenario = load_site("jeonju"), load_scenario("winter-day")
side = int(np.ceil(np.sqrt(devices)))
x, y = np.meshgrid(np.linspace(-5000, 5000, side), np.linspace(-5000, 5000, side))
lat, lon = jeonju.map.to_latlon(x.ravel()[:devices], y.ravel()[:devices])
station = jeonju.stations[0]
site = jeonju.model_copy(update={"stations": [
    station.model_copy(update={"name": f"station-{n}", "lat": float(lat[n]), "lon": float(lon[n])}) for n in range(devices)
]})
with tempfile.TemporaryDirectory() as folder:
    env = simpy.Environment(scenario.start_s)
    sink = ParquetSink(Path(folder), site="jeonju")
    World(site, env, sink, seed=1, cadence=lambda now_s: Cadence(interval_s=10.0, tick_s=10.0, block_s=60.0))
    env.run(until=scenario.start_s + settling_s + 1e-6)
    wall, cpu = time.perf_counter(), time.process_time()
    env.run(until=scenario.start_s + settling_s + measured_s + 1e-6)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    sink.close()
readings = len(site.devices) * measured_s // 10
print(json.dumps({
    "devices": len(site.devices), "us_of_cpu_a_reading": round(1e6 * cpu / readings, 2), "times_real_time": round(measured_s / wall, 1),
    "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
}))
"""


def run() -> list[dict[str, Any]]:
    """Measure each number of devices in a process of its own."""
    return [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", _CHILD, *map(str, (devices, SETTLING_S, MEASURED_S))],
                capture_output=True,
                text=True,
                check=True,
                # As in every command: linear algebra that waits on another core would count as well.
                env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            ).stdout
        )
        for devices in DEVICES
    ]
