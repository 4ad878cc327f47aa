"""Robot-1 as it is on the broker."""

import threading
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from airquality.site import Site
from broker.embedded import EmbeddedBroker
from tests.api.dispatch.maps import NOW, state_of


class Robot:
    """Tells its state, and keeps what it is told."""

    def __init__(self, broker: EmbeddedBroker, site: Site) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self._site = site
        ready = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="robot-1")
        self._client.on_connect = lambda client, *_: client.subscribe("vda5050/v3/jeonju-air/robot-1/+", 0)
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda _c, _d, message: self.told.append(
            (message.topic.rpartition("/")[2], msgspec.json.decode(message.payload))
        )
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        assert ready.wait(10)

    def tell(self, **changes: Any) -> None:
        topic, payload = state_of(self._site, "robot-1", (1000.0, 1000.0), NOW, **changes)
        self._client.publish(topic, payload, qos=0)

    def orders(self, kind: str) -> list[dict[str, Any]]:
        return [message for name, message in self.told if name == kind]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
