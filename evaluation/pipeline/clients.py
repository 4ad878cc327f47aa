"""The clients of a scenario: senders that come and go, listeners that stay."""

import secrets
import threading
import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import paho.mqtt.client as mqtt

from jeonju.broker.client import Client
from jeonju.common.errors import UnavailableError
from jeonju.evaluation.pipeline.found import Heard

ANSWER_WITHIN_S: Final = 10.0
POLL_S: Final = 0.02


class Outgoing(NamedTuple):
    """A message to be sent."""

    topic: str
    payload: bytes
    retain: bool = False


def send(broker_url: str, messages: Sequence[Outgoing], qos: int) -> None:
    """Connect, publish all over one connection, and leave. With QoS 1 each is acknowledged, with QoS 0 each has left.

    Raises UnavailableError where the broker does not take all of them.
    """
    taken = threading.Event()
    client = Client(broker_url, _name("sender"), on_ready=taken.set, reconnect_on_failure=False)
    client.begin()
    try:
        if not taken.wait(ANSWER_WITHIN_S):
            raise UnavailableError("the broker does not take the sender")
        sent = [client.publish(one.topic, one.payload, qos, retain=one.retain) for one in messages]
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while not all(_is_sent(one) for one in sent):
            if not client.is_connected() or time.monotonic() > deadline:
                lost = next(one.topic for one, info in zip(messages, sent, strict=True) if not _is_sent(info))
                what = "did not acknowledge" if client.is_connected() else "ended the connection before it took"
                raise UnavailableError(f"the broker {what} the message on {lost!r}")
            time.sleep(POLL_S)
    finally:
        client.end()


class Listener:
    """Keeps what comes on a filter from its start on; messages that the broker retained from before are not among it."""

    def __init__(self, broker_url: str, topic_filter: str) -> None:
        self.heard: list[Heard] = []
        self._filter = topic_filter
        self._subscribed = threading.Event()
        self._client = Client(
            broker_url, _name("listener"), filters=[(topic_filter, 0)], on_subscribed=self._subscribed.set
        )
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.on_message = self._received
        self._client.begin(patiently=True)

    def expect_restart(self) -> None:
        """Get ready for an end of the broker."""
        self._subscribed.clear()

    def wait_until_subscribed(self) -> None:
        """Return when the broker has granted the filter. Raises UnavailableError where it does not."""
        if not self._subscribed.wait(ANSWER_WITHIN_S):
            raise UnavailableError(f"the broker does not let anybody listen on {self._filter!r}")
        if (refusal := self._client.refusal) is not None:
            raise UnavailableError(refusal)

    def close(self) -> None:
        """Leave the broker."""
        self._client.end()

    def _received(self, _client: Any, _data: Any, message: mqtt.MQTTMessage) -> None:
        if not message.retain:
            self.heard.append(Heard(message.topic, bytes(message.payload)))


def _is_sent(info: mqtt.MQTTMessageInfo) -> bool:
    try:
        return info.is_published()
    except (RuntimeError, ValueError):
        return False


def _name(what: str) -> str:
    return f"evaluate-{what}-{secrets.token_hex(4)}"
