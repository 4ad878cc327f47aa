"""A simulated robot's own connection for VDA 5050, beside that of its air sensors, as a robot's controller has it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import paho.mqtt.client as mqtt

from jeonju.broker.client import Client
from jeonju.contract import topics
from jeonju.contract.vda5050 import RETAINED, Connection, ConnectionState, Headers, Kind, encode, qos
from jeonju.simulator.block import RobotMessage
from jeonju.simulator.sinks.connection import cut


class RobotLink:
    """Publishes what a robot tells and takes what it is told: `on_message` gets kind and payload, from the network's thread."""

    def __init__(self, url: str, identity: str, client_id: str, on_message: Callable[[str, bytes], None]) -> None:
        self._identity = identity
        self._headers = Headers(identity)
        self._at: datetime | None = None
        self._connected = False
        self._latest: dict[Kind, bytes] = {}
        filters = [(self._topic("order"), 0), (self._topic("instantActions"), 0)]
        self._client = Client(url, client_id, on_ready=self._say_online, filters=filters)
        self._client.on_message = lambda _client, _data, message: self._take(message, on_message)

    @property
    def refusal(self) -> str | None:
        """One line where the broker does not let the robot hear its orders."""
        return self._client.refusal

    def send(self, at: datetime, messages: Sequence[RobotMessage], *, offline: bool) -> None:
        """Publish what the robot tells at an instant; connect for it, or lose the link."""
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

    def say_goodbye(self) -> mqtt.MQTTMessageInfo | None:
        """Say that the robot is offline; the last will has said it where the link is lost."""
        return self._publish("connection", self._connection("OFFLINE")) if self._connected else None

    def leave(self) -> None:
        """Disconnect."""
        if self._connected:
            self._client.end()

    def _say_online(self) -> None:
        self._publish("connection", self._connection("ONLINE"))
        # What was told before there was a connection reached nobody.
        for kind in ("factsheet", "state"):
            if kind in self._latest:
                self._publish(kind, self._latest[kind])

    def _publish(self, kind: Kind, payload: bytes) -> mqtt.MQTTMessageInfo:
        return self._client.publish(self._topic(kind), payload, qos=qos(kind), retain=kind in RETAINED)

    def _take(self, message: mqtt.MQTTMessage, on_message: Callable[[str, bytes], None]) -> None:
        _, kind = topics.robot_and_kind(message.topic) or ("", "")
        on_message(kind, bytes(message.payload))

    def _connection(self, state: ConnectionState) -> bytes:
        assert self._at is not None  # noqa: S101  (nothing is said before the first block)
        return encode(Connection(**self._headers.next(Connection, self._at), connection_state=state))

    def _topic(self, kind: str) -> str:
        return topics.vda5050(self._identity, kind)
