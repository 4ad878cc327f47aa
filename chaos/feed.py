"""Watches the feed of committed batches, to know when which reading was in the store while the store cannot be asked."""

import threading
import time
from typing import Any, Final

import paho.mqtt.client as mqtt
import pyarrow as pa

from chaos.plans import SITE
from jeonju.broker.client import Client
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode

PROBE: Final = "probe"
PROBE_EVERY_S: Final = 0.3


class Feed:
    """Remembers when each (device, seq) was first seen as committed. A hint: while the broker is down, parts of it are lost."""

    def __init__(self, port: int) -> None:
        self.seen: dict[tuple[str, int], float] = {}
        self.last_at = time.monotonic()
        self._probes = 0
        self._next_probe_at = 0.0
        self.subscribed = threading.Event()
        url, topic = f"mqtt://127.0.0.1:{port}", topics.committed(SITE)
        self._client = Client(url, "chaos-feed", filters=[(topic, 0)], on_subscribed=self._subscribed)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_message = self._on_message
        self._client.begin()

    def probe_is_back(self) -> bool:
        """Send a reading now and then, and return whether one has come back as committed."""
        if any(device == PROBE for device, _ in self.seen):
            return True
        if time.monotonic() > self._next_probe_at:
            self._next_probe_at = time.monotonic() + PROBE_EVERY_S
            self._client.publish(topics.readings(SITE, PROBE), encode(Reading(device=PROBE, seq=self._probes)), qos=1)
            self._probes += 1
        return False

    def close(self) -> None:
        """Leave the broker."""
        self._client.end()

    def _subscribed(self) -> None:
        self._client.log_refused()
        if not self._client.refused:
            self.subscribed.set()

    def _on_message(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        now = time.monotonic()
        table = pa.ipc.open_stream(message.payload).read_all()
        for key in zip(table["device"].to_pylist(), table["seq"].to_pylist(), strict=True):
            self.seen.setdefault(key, now)
        self.last_at = now
