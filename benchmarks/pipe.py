"""Broker, ingest and store: how many readings a second, how late at half of what is wanted, and whether memory stays flat (MEMORY_MINUTES=10)."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
import psutil
import pyarrow as pa
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.site import load_site
from jeonju.decoders.message import Message
from jeonju.ingest.pipeline import Pipeline
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import DEFAULT_RETENTION, Retention

T0 = datetime(2026, 1, 1, tzinfo=UTC)
DEVICES = 26
VALUES = {
    "pm25": 23.4,
    "pm10": 41.2,
    "no2": 0.021,
    "o3": 0.03,
    "co": 0.41,
    "temperature": 4.2,
    "humidity": 71.0,
}
# Readings to drain, readings in a message, and how many a second are wanted.
LOADS = {"single": (60_000, 1, 25_000), "in_batches_of_26": (520_000, 26, 100_000)}
# As ingest makes them when it has more to do than it can.
ROWS_IN_A_COMMIT = {1: 2000, 26: 20_000}
LOAD_S = 20.0
# A store in use forgets as much as it takes. DuckDB keeps about 2 bytes in memory of each reading in the file, which would look like a leak.
FORGETFUL = Retention(readings_s=60.0)
LATEST_MS = 60_000


@contextmanager
def _pipe(retention: Retention = DEFAULT_RETENTION) -> Iterator[tuple[EmbeddedBroker, DuckDBStore]]:
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedBroker(Path(folder), port=0) as broker,
        closing(DuckDBStore(Path(folder) / "air.duckdb", retention)) as store,
    ):
        yield broker, store


def values(number: int) -> dict[str, float | None]:
    """Return values that move a little, as those of instruments do."""
    return {key: round(value * (1 + 0.01 * ((number * 7919) % 11 - 5) / 5), 4) for key, value in VALUES.items()}


def messages_of(readings: int, in_a_message: int) -> list[tuple[str, bytes]]:
    """Return what 26 devices send that measure once a second: each reading by itself, or so many in one message."""
    out = []
    for number in range(readings // in_a_message):
        begun = number // DEVICES * in_a_message
        parts = [
            Reading(
                device=f"device-{number % DEVICES}",
                seq=seq,
                boot="1",
                time=T0 + timedelta(seconds=seq),
                values=values(number + seq),
            )
            for seq in range(begun, begun + in_a_message)
        ]
        topic = topics.readings("jeonju", parts[0].device)
        out.append((topic, encode(parts if in_a_message > 1 else parts[0])))
    return out


def _drained(readings: int, in_a_message: int) -> dict[str, int]:
    """Queue everything at the broker, then let ingest begin: it receives, commits and acknowledges with no sender beside it."""
    site = load_site("jeonju")
    with _pipe() as (broker, store):
        with Ingest(site, store, broker.url):
            pass  # leaves a session behind, for which the broker keeps what comes
        sender = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench")
        sender.max_inflight_messages_set(5000)
        sender.connect("127.0.0.1", broker.port)
        sender.loop_start()
        for info in [sender.publish(topic, payload, qos=1) for topic, payload in messages_of(readings, in_a_message)]:
            info.wait_for_publish()
        sender.disconnect()
        sender.loop_stop()
        cpu_s, begun_s, waiting = time.process_time(), time.perf_counter(), threading.Event()
        with Ingest(site, store, broker.url) as ingest:
            while ingest.stats().readings < readings:
                waiting.wait(0.005)
            seconds, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    return {"readings_per_s": round(readings / seconds), "readings_per_s_of_one_core": round(readings / cpu_s)}


def _stages(readings: int, in_a_message: int) -> dict[str, float]:
    """Return what decoding with all checks, and the store, cost by themselves [µs of CPU for a reading]."""
    now, size = datetime.now(UTC), max(ROWS_IN_A_COMMIT[in_a_message] // in_a_message, 1)
    messages = [Message(topic, payload, now) for topic, payload in messages_of(readings, in_a_message)]
    pipeline = Pipeline(load_site("jeonju"))
    begun_s = time.process_time()
    commits = [pipeline.commit(messages[first : first + size]) for first in range(0, len(messages), size)]
    decoded_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder, closing(DuckDBStore(Path(folder) / "air.duckdb")) as store:
        for commit in commits:
            store.write(commit)
        stored_s = time.process_time()
    return {
        "decode_and_check_us": round(1e6 * (decoded_s - begun_s) / readings, 1),
        "store_us": round(1e6 * (stored_s - decoded_s) / readings, 1),
    }


class _Lateness:
    """How late readings were reported as stored, counted by the millisecond: a list of them would grow with the benchmark."""

    def __init__(self) -> None:
        self._counts = np.zeros(LATEST_MS, dtype=np.int64)

    def on_feed(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.time()
        times_us = pa.ipc.open_stream(message.payload).read_all()["time"].cast(pa.int64()).to_numpy()
        late_ms = np.clip(1000 * now_s - times_us / 1000, 0, LATEST_MS - 1).astype(np.int64)
        self._counts += np.bincount(late_ms, minlength=LATEST_MS)

    def quantile_ms(self, share: float) -> int:
        return int(np.searchsorted(np.cumsum(self._counts), share * self._counts.sum()))


def _at_load(
    rate: float, in_a_message: int, seconds: float, retention: Retention = DEFAULT_RETENTION
) -> dict[str, Any]:
    """Send at a steady rate from another process; the lateness of a reading is from its publish until the feed reports it as stored."""
    late = _Lateness()
    with _pipe(retention) as (broker, store), Ingest(load_site("jeonju"), store, broker.url) as ingest:
        listener = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="listener")
        listener.on_message = late.on_feed
        listener.connect("127.0.0.1", broker.port)
        listener.subscribe(topics.committed("jeonju"))
        listener.loop_start()
        memory_mb: list[tuple[float, float]] = []
        command = [sys.executable, "-m", "benchmarks._sender", *map(str, (broker.port, rate, in_a_message, seconds))]
        cpu_s = time.process_time()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            while sender.poll() is None:
                memory_mb.append((psutil.Process().memory_info().rss / 1e6, _pages_mb(store)))
                threading.Event().wait(1.0)
            assert sender.stdout is not None
            sent = int(sender.stdout.read())
        while ingest.stats().readings < sent and not ingest.failure:
            threading.Event().wait(0.02)
        cpu_s = time.process_time() - cpu_s
        listener.disconnect()
        listener.loop_stop()
    return {
        "offered_per_s": round(rate),
        "sent_per_s": round(sent / seconds),
        "late_p50_ms": late.quantile_ms(0.5),
        "late_p99_ms": late.quantile_ms(0.99),
        "cpu_us": round(1e6 * cpu_s / sent, 1),
        "memory": _course([all_mb for all_mb, _ in memory_mb]),
        "memory_without_pages": _course([all_mb - pages_mb for all_mb, pages_mb in memory_mb]),
    }


def _pages_mb(store: DuckDBStore) -> float:
    """Return what DuckDB holds of its file, which is no more than its limit and as much as was written last."""
    with store._connection.cursor() as cursor:  # noqa: SLF001 -- nothing else knows
        row = cursor.execute("SELECT sum(memory_usage_bytes) FROM duckdb_memory()").fetchone()
    return float(row[0]) / 1e6 if row else 0.0


def _course(memory_mb: list[float]) -> dict[str, Any]:
    """Return the medians of the four quarters, and how it goes on in the second half, when caches are full; of one value a second.

    Whole minutes are compared, of which there must be four: once in each much is forgotten at once, and a line through such teeth rises by itself.
    """
    minutes = [np.median(memory_mb[first : first + 60]) for first in range(0, len(memory_mb) - 59, 60)]
    second_half = minutes[len(minutes) // 2 :]
    slope = np.polyfit(np.arange(len(second_half)), second_half, 1)[0] if len(minutes) > 3 else None
    return {
        "quarters_mb": [round(np.median(part)) for part in np.array_split(memory_mb, 4) if len(part)],
        "slope_in_second_half_mb_per_min": None if slope is None else round(float(slope), 2),
    }


def run() -> dict[str, Any]:
    """Everything shares this machine; sender and broker are processes of their own."""
    # First, so that it is not memory which the others left.
    _, in_a_message, target = LOADS["in_batches_of_26"]
    minutes = float(os.environ.get("MEMORY_MINUTES", "1"))
    over_minutes = {"minutes": minutes} | _at_load(target / 2, in_a_message, 60 * minutes, FORGETFUL)
    results: dict[str, Any] = {"over_minutes": over_minutes}
    for name, (readings, in_a_message, target) in LOADS.items():
        drained = max(
            (_drained(readings, in_a_message) for _ in range(3)), key=lambda drained: drained["readings_per_s"]
        )
        at_half = min(
            (_at_load(target / 2, in_a_message, LOAD_S) for _ in range(2)), key=lambda late: late["late_p99_ms"]
        )
        results[name] = drained | {"of_which": _stages(readings, in_a_message), "at_half_of_target": at_half}
    return results
