"""How late a live city stores readings and raises alerts, seen on its broker."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import paho.mqtt.client as mqtt
import pyarrow as pa
import pyarrow.compute as pc
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.address import parse_broker_url
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode

SITE: Final = "jeonju"
EVERY_S: Final = 1.0
# Raised a minute after the battery was first said to be low (`jeonju.detection.health.causes`).
LOW_PERCENT: Final = 3.0
ALERT_WITHIN_S: Final = 120.0


class Lag:
    """Listens while a device of its own reports once a second that its battery is low."""

    def __init__(self, broker: str, device: str) -> None:
        self._device, self._stored_s = device, list[float]()
        self._begun_at: datetime | None = None
        self._alert_s: float | None = None
        self._alerted, self._ending = threading.Event(), threading.Event()
        address = parse_broker_url(broker)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"lag-{device}")
        self._client.on_message = self._take
        self._client.connect(address.host, address.port)
        self._client.subscribe([(topics.committed(SITE), 1), (topics.alert(SITE, "+"), 1)])

    @contextmanager
    def running(self) -> Iterator["Lag"]:
        """Report and listen as long as the context lasts."""
        self._client.loop_start()
        reporting = threading.Thread(target=self._report, daemon=True)
        reporting.start()
        try:
            yield self
        finally:
            self._ending.set()
            reporting.join()
            self._client.disconnect()
            self._client.loop_stop()

    def result(self) -> dict[str, Any]:
        """Wait for the alert; return how long after its time a reading was stored, and after the first low one the alert was raised."""
        self._alerted.wait(ALERT_WITHIN_S)
        median, p99 = np.percentile(self._stored_s, (50, 99)) * 1000
        return {
            "readings": len(self._stored_s),
            "stored_after_ms": {"median": round(float(median)), "p99": round(float(p99))},
            "alert_after_s": None if self._alert_s is None else round(self._alert_s, 1),
        }

    def _report(self) -> None:
        self._begun_at = datetime.now(UTC)
        number = 0
        while not self._ending.wait(EVERY_S):
            number += 1
            values: dict[str, float | None] = {"pm25": 20.0 + number % 7, "battery": LOW_PERCENT}
            reading = Reading(device=self._device, seq=number, time=datetime.now(UTC), values=values)
            self._client.publish(topics.readings(SITE, self._device), encode(reading), qos=1)

    def _take(self, _client: mqtt.Client, _userdata: object, message: mqtt.MQTTMessage) -> None:
        now_s = time.time()
        if message.topic == topics.committed(SITE):
            rows = pa.ipc.open_stream(message.payload).read_all()
            own = rows.filter(pc.equal(rows["device"], self._device))
            self._stored_s += [now_s - at.timestamp() for at in own["time"].to_pylist()]
        elif message.payload and not message.retain and self._begun_at is not None:
            alert = json.loads(message.payload)
            if alert.get("device") == self._device and not self._alerted.is_set():
                self._alert_s = now_s - self._begun_at.timestamp()
                self._alerted.set()
