"""The VDA 5050 connection of a simulated robot, separate from that of its air sensors, as on a real robot's controller."""

from collections.abc import Callable, Sequence
from datetime import datetime

import paho.mqtt.client as mqtt

from jeonju.broker.client import Client
from jeonju.contract import topics
from jeonju.contract.vda5050 import RETAINED, Connection, ConnectionState, Headers, Kind, encode, qos
from jeonju.simulator.block import RobotMessage
from jeonju.simulator.sinks.connection import cut


class RobotConnection:
    """Publishes a robot's messages and receives its orders: `on_message` is called with kind and payload, from the network's thread."""

    def __init__(self, url: str, identity: str, client_id: str, on_message: Callable[[str, bytes], None]) -> None:
        self._identity = identity
        self._headers = Headers(identity)
        self._at: datetime | None = None
        self._connected = False
        self._latest: dict[Kind, bytes] = {}
        filters = [(self._topic("order"), 0), (self._topic("instantActions"), 0)]
        self._client = Client(url, client_id, on_ready=self._publish_online, filters=filters)
        self._client.on_message = lambda _client, _data, message: self._handle(message, on_message)

    @property
    def refusal(self) -> str | None:
        """One line where the broker does not let the robot hear its orders."""
        return self._client.refusal

    def send(self, at: datetime, messages: Sequence[RobotMessage], *, offline: bool) -> None:
        """Publish the robot's messages of an instant, connecting first if need be; with `offline`, cut the connection instead."""
        self._at = at
        if offline:
            if self._connected:
                cut(self._client)
                self._connected = False
            return
        if not self._connected:
            # The last will of a connection is made before it; its time is that of the beginning (6.5).
            self._client.will_set(self._topic("connection"), self._connection("CONNECTION_BROKEN"), qos=1, retain=True)
            self._client.begin(patiently=True)
            self._connected = True
        for message in messages:
            self._latest[message.kind] = message.payload
            self._publish(message.kind, message.payload)

    def publish_offline(self) -> mqtt.MQTTMessageInfo | None:
        """Publish the connection state OFFLINE; where the link is lost, the last will has done so."""
        return self._publish("connection", self._connection("OFFLINE")) if self._connected else None

    def disconnect(self) -> None:
        """Disconnect."""
        if self._connected:
            self._client.end()

    def _publish_online(self) -> None:
        self._publish("connection", self._connection("ONLINE"))
        # Messages published before the connection existed reached no subscriber.
        for kind in ("factsheet", "state"):
            if kind in self._latest:
                self._publish(kind, self._latest[kind])

    def _publish(self, kind: Kind, payload: bytes) -> mqtt.MQTTMessageInfo:
        return self._client.publish(self._topic(kind), payload, qos=qos(kind), retain=kind in RETAINED)

    def _handle(self, message: mqtt.MQTTMessage, on_message: Callable[[str, bytes], None]) -> None:
        _, kind = topics.robot_and_kind(message.topic) or ("", "")
        on_message(kind, bytes(message.payload))

    def _connection(self, state: ConnectionState) -> bytes:
        assert self._at is not None  # noqa: S101  (nothing is published before the first block)
        return encode(Connection(**self._headers.next(Connection, self._at), connection_state=state))

    def _topic(self, kind: str) -> str:
        return topics.vda5050(self._identity, kind)
