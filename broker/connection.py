"""The one connection of a process to the broker, shared by its services: each says what it wants to hear, and publishes."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as mqtt

from jeonju.broker.client import Client
from jeonju.common.errors import UnavailableError, UserError

log = logging.getLogger(__name__)

Handler = Callable[[str, bytes], None]  # topic, payload


@dataclass(frozen=True, kw_only=True)
class ConnectionState:
    """How the connection is: `refusal` is one line on the subscriptions that the broker refuses, `refused` how many they are."""

    connected: bool
    refusal: str | None
    refused: int


class Connection:
    """Safe to use from several threads. Handlers and callbacks run in the network's thread, which they must not keep waiting."""

    def __init__(self, broker_url: str, client_id: str) -> None:
        self._handlers: list[tuple[str, Handler]] = []
        self._filters: dict[str, int] = {}
        self._on_connected: list[Callable[[], None]] = []
        self._on_refused: list[Callable[[], None]] = []
        self._connected = False
        self._client = Client(broker_url, client_id, on_ready=self._ready, on_refused=self._give_up, on_lost=self._lost)
        self._client.on_message = self._route

    def listen(self, topic_filter: str, qos: int, handler: Handler) -> None:
        """Let `handler` be called with what comes on these topics. To be said before `start`."""
        self._handlers.append((topic_filter, handler))
        self._filters[topic_filter] = max(qos, self._filters.get(topic_filter, 0))

    def watch(self, *, on_connected: Callable[[], None], on_refused: Callable[[], None]) -> None:
        """Let callbacks know of every connection, once its subscriptions were asked for, and of a broker that will never take it."""
        self._on_connected.append(on_connected)
        self._on_refused.append(on_refused)

    def start(self) -> None:
        """Connect; a broker that is not there yet is tried again and again."""
        self._client.filters = tuple(self._filters.items())
        self._client.begin(patiently=True)

    def stop(self) -> None:
        """Say goodbye."""
        self._client.end()

    @property
    def state(self) -> ConnectionState:
        """Return how the connection is now."""
        return ConnectionState(
            connected=self._connected, refusal=self._client.refusal, refused=len(self._client.refused)
        )

    @property
    def failure(self) -> UserError | None:
        """Why the broker will never take this process, when it refuses."""
        return self._client.failure

    def check(self) -> None:
        """Raise UnavailableError while the broker is away."""
        if not self._client.is_connected():
            raise UnavailableError("the broker is away; try again later")

    def send(self, topic: str, payload: bytes, *, qos: int = 1) -> None:
        """Publish now. Raises UnavailableError while the broker is away."""
        self.check()
        self._client.publish(topic, payload, qos=qos)

    def retain(self, topic: str, payload: bytes) -> None:
        """Publish what is to stay at the broker; while it is away, as soon as it is back."""
        self._client.publish(topic, payload, qos=1, retain=True)

    def _ready(self) -> None:
        self._connected = True
        for callback in self._on_connected:
            callback()

    def _give_up(self, why: UserError) -> None:
        log.error("%s", why)
        for callback in self._on_refused:
            callback()

    def _lost(self) -> None:
        self._connected = False

    def _route(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        for topic_filter, handler in self._handlers:
            if mqtt.topic_matches_sub(topic_filter, message.topic):
                handler(message.topic, payload)
