"""Robot-1 as it is on the broker."""

import threading
from typing import Any

import msgspec

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.site import Site
from tests.response.fleet.maps import NOW, state_of
from tests.waiting import wait_until


class Robot:
    """Publishes its state, and records the messages it receives."""

    def __init__(self, broker: EmbeddedBroker, site: Site) -> None:
        self.received: list[tuple[str, dict[str, Any]]] = []
        self._site = site
        ready = threading.Event()
        topic = "vda5050/v3/jeonju-air/robot-1/+"
        self._client = Client(broker.url, "robot-1", on_ready=lambda: self._client.subscribe(topic, 0))
        self._client.on_subscribe = lambda *_: ready.set()
        self._client.on_message = lambda _c, _d, message: self.received.append(
            (message.topic.rpartition("/")[2], msgspec.json.decode(message.payload))
        )
        self._client.begin()
        wait_until(ready.is_set, what="the subscription")

    def publish_state(self, **changes: Any) -> None:
        topic, payload = state_of(self._site, "robot-1", (1000.0, 1000.0), NOW, **changes)
        self._client.publish(topic, payload, qos=0)

    def orders(self, kind: str) -> list[dict[str, Any]]:
        return [message for name, message in self.received if name == kind]

    def close(self) -> None:
        self._client.end()
