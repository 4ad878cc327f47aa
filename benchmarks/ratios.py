"""How far each part is from the plainest code that does its work: a ratio to that baseline, measured in turn in one run, median of five.

A ratio hardly depends on the machine, so that it can be compared with the one that is committed (`benchmarks/ratios.json`, `make bench-check`).
"""

import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import paho.mqtt.client as mqtt
import psutil
import simpy
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks import dispersion
from benchmarks.pipe import messages_of
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract import topics
from jeonju.contract.site import load_site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.service import Ingest
from jeonju.simulator.block import Block
from jeonju.simulator.world import World
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

ROUNDS: Final = 5
SIMULATED_S: Final = 3600
READINGS: Final = 40_000
ROWS_IN_A_COMMIT: Final = 2000
PUFF_EVERY_S: Final = 5.0
HOUR_S: Final = 3600
START_S: Final = 1_767_225_600.0


class Pair(NamedTuple):
    """Two measurements of the same work [s of CPU]: ours, and the baseline's."""

    ours: Callable[[], float]
    baseline: Callable[[], float]
    what: str
    against: str


class _Drop:
    def send(self, block: Block) -> None:
        """Forget a block."""

    def close(self) -> None:
        """Do nothing."""


def _simulated() -> float:
    """Simulate an hour of 26 devices at 1 Hz: 93 600 readings."""
    env = simpy.Environment(START_S)
    World(load_site("jeonju"), env, _Drop(), seed=1)
    return _cpu_s(lambda: env.run(until=START_S + SIMULATED_S + 1e-6))


def _bare_simpy() -> float:
    """Let 26 SimPy processes wait for as many timeouts as there are readings."""
    env = simpy.Environment()

    def device() -> Any:
        for _ in repeat(None, SIMULATED_S):
            yield env.timeout(1.0)

    for _ in load_site("jeonju").devices:
        env.process(device())
    return _cpu_s(env.run)


def _ingested() -> float:
    """Drain a broker's queue of single readings into DuckDB, acknowledged after the commit."""
    site = load_site("jeonju")
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedBroker(Path(folder), port=0) as broker,
        closing(DuckDBStore(Path(folder) / "air.duckdb")) as store,
    ):
        with Ingest(site, store, broker.url):
            pass  # leaves a session behind, for which the broker keeps what comes
        _send(broker)
        begun_s, waiting = time.process_time(), threading.Event()
        with Ingest(site, store, broker.url) as ingest:
            while ingest.stats().readings < READINGS:
                waiting.wait(0.005)
            return time.process_time() - begun_s


def _bare_paho() -> float:
    """Drain the same queue with paho's own loop, which only counts."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), port=0) as broker:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="counter", clean_session=False)
        _listen(client, broker, lambda: None).disconnect()
        client.loop_stop()
        _send(broker)
        all_here, count = threading.Event(), 0

        def counted() -> None:
            nonlocal count
            count += 1
            if count == READINGS:
                all_here.set()

        begun_s = time.process_time()
        client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="counter", clean_session=False)
        _listen(client, broker, counted)
        all_here.wait()
        took_s = time.process_time() - begun_s
        client.disconnect()
        client.loop_stop()
        return took_s


def _listen(client: mqtt.Client, broker: EmbeddedBroker, on_message: Callable[[], None]) -> mqtt.Client:
    subscribed = threading.Event()
    client.on_message = lambda *_: on_message()
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect("127.0.0.1", broker.port)
    client.subscribe(topics.readings("jeonju", "+"), qos=1)
    client.loop_start()
    subscribed.wait()
    return client


def _send(broker: EmbeddedBroker) -> None:
    sender = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sender")
    sender.max_inflight_messages_set(5000)
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    for info in [sender.publish(topic, payload, qos=1) for topic, payload in messages_of(READINGS, 1)]:
        info.wait_for_publish()
    sender.disconnect()
    sender.loop_stop()


def _commits() -> list[Commit]:
    now = datetime.now(UTC)
    messages = [Message(topic, payload, now) for topic, payload in messages_of(READINGS, 1)]
    pipeline = Pipeline(load_site("jeonju"))
    return [
        pipeline.commit(messages[first : first + ROWS_IN_A_COMMIT])
        for first in range(0, len(messages), ROWS_IN_A_COMMIT)
    ]


def _stored() -> float:
    """Store the same commits with everything that the store guarantees: one row an instant, the newest values, ledger, states."""
    commits = _commits()
    with tempfile.TemporaryDirectory() as folder, closing(DuckDBStore(Path(folder) / "air.duckdb")) as store:
        return _cpu_s(lambda: [store.write(commit) for commit in commits])


def _bare_duckdb() -> float:
    """Append the same tables to a table of DuckDB, each in a transaction of its own."""
    tables = [commit.readings for commit in _commits()]
    with tempfile.TemporaryDirectory() as folder, closing(duckdb.connect(str(Path(folder) / "bare.duckdb"))) as bare:
        bare.register("incoming", tables[0])
        bare.execute("CREATE TABLE readings AS SELECT * FROM incoming LIMIT 0")

        def append() -> None:
            for table in tables:
                bare.register("incoming", table)
                bare.execute("INSERT INTO readings SELECT * FROM incoming")

        return _cpu_s(append)


def _puffs() -> float:
    """Carry and add up an hour of puffs at 26 receptors."""
    return _cpu_s(lambda: dispersion.simulate(PUFF_EVERY_S, exact=False))


def _bare_numpy() -> float:
    """Add up as many Gaussians at as many receptors with numpy, tick by tick."""
    rng, ticks = np.random.default_rng(1), int(HOUR_S / PUFF_EVERY_S)
    receptors, puffs = rng.uniform(-2000, 2000, (26, 1, 2)), rng.uniform(-2000, 2000, (1, ticks, 2))
    sigma, total = rng.uniform(20, 400, ticks), np.zeros(26)

    def add_up() -> None:
        for tick in range(1, ticks):
            square = ((receptors - puffs[:, :tick]) ** 2).sum(axis=2)
            total[:] += (np.exp(-0.5 * square / sigma[:tick] ** 2) / sigma[:tick] ** 3).sum(axis=1)

    return _cpu_s(add_up)


PAIRS: Final = {
    "simulator": Pair(
        _simulated, _bare_simpy, "a reading of the city, with its physics", "a timeout of a bare SimPy loop"
    ),
    "ingest": Pair(
        _ingested, _bare_paho, "a message, checked, stored and acknowledged", "a message counted by paho's loop"
    ),
    "store": Pair(_stored, _bare_duckdb, "a reading written once", "a row appended to a bare DuckDB table"),
    "puffs": Pair(_puffs, _bare_numpy, "an hour of puffs at 26 receptors", "the same sum in numpy"),
}


def run() -> dict[str, Any]:
    """Return for each part how many times as long (CPU) it takes as its baseline: median, and all rounds."""
    results: dict[str, Any] = {"machine": machine()}
    for name, pair in PAIRS.items():
        pair.ours(), pair.baseline()  # compiles, warms caches
        rounds = [(pair.ours(), pair.baseline()) for _ in range(ROUNDS)]
        ratios = [ours_s / bare_s for ours_s, bare_s in rounds]
        results[name] = {
            "ratio": round(statistics.median(ratios), 3),
            "rounds": [round(ratio, 3) for ratio in ratios],
            "ours_s": round(statistics.median(ours_s for ours_s, _ in rounds), 3),
            "baseline_s": round(statistics.median(bare_s for _, bare_s in rounds), 3),
            "of": pair.what,
            "against": pair.against,
        }
    return results


def machine() -> dict[str, Any]:
    """Return what it was measured on."""
    models = [line.split(":", 1)[1].strip() for line in _cpu_lines() if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "python": platform.python_version(),
        "load": round(psutil.getloadavg()[0], 1),
    }


def _cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def _cpu_s(work: Callable[[], object]) -> float:
    begun_s = time.process_time()
    work()
    return time.process_time() - begun_s
