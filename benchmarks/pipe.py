"""Broker, ingest and store together: readings per second, from the first publish to the last commit."""

import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from airquality import topics
from airquality.reading import Reading, encode
from airquality.site import load_site
from broker.embedded import EmbeddedBroker
from ingest.service import Ingest
from storage.duckdb import DuckDBStore

T0 = datetime(2026, 1, 1, tzinfo=UTC)
VALUES: dict[str, float | None] = {
    "pm25": 23.4,
    "pm10": 41.2,
    "no2": 0.021,
    "o3": 0.03,
    "co": 0.41,
    "temperature": 4.2,
    "humidity": 71.0,
}


def _messages(readings: int, in_a_message: int) -> list[tuple[str, bytes]]:
    out = []
    for first in range(0, readings, in_a_message):
        device = f"device-{(first // in_a_message) % 26}"
        parts = [
            Reading(device=device, seq=n, boot="1", time=T0 + timedelta(seconds=n), values=VALUES)
            for n in range(first, first + in_a_message)
        ]
        out.append((topics.readings("jeonju", device), encode(parts if in_a_message > 1 else parts[0])))
    return out


def _rate(readings: int, in_a_message: int) -> float:
    messages = _messages(readings, in_a_message)
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDBStore(Path(folder) / "air.duckdb")
        with EmbeddedBroker(Path(folder), port=0) as broker, Ingest(load_site("jeonju"), store, broker.url) as ingest:
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="bench")
            client.max_inflight_messages_set(1000)
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            begun = time.perf_counter()
            for topic, payload in messages:
                client.publish(topic, payload, qos=1)
            waiting = threading.Event()
            while ingest.stats().readings < readings:
                waiting.wait(0.01)
            seconds = time.perf_counter() - begun
            client.disconnect()
            client.loop_stop()
        store.close()
    return readings / seconds


def run() -> dict[str, Any]:
    """Sender, broker, ingest and store share this machine; sender and ingest share this process."""
    return {
        "readings_per_s_single": round(_rate(20_000, 1)),
        "readings_per_s_in_batches_of_26": round(_rate(104_000, 26)),
    }
