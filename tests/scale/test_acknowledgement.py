"""What PUBACK of a cluster is worth: which messages are still there after the node that leads a stream was killed."""

import threading

import paho.mqtt.client as mqtt
from nats.js import JetStreamContext
from paho.mqtt.enums import CallbackAPIVersion

from chaos.nodes import MQTT_STREAM, NODES, Nodes
from jeonju.broker.client import Client
from tests.waiting import wait_until

PLAIN = "plain"
BEFORE, AFTER = 200, 1000


class Sender:
    """A device at one node that remembers which of its messages were acknowledged."""

    def __init__(self, port: int, topic: str) -> None:
        self._topic, self._ids = topic, {}  # type: ignore[var-annotated]
        self.acknowledged: set[int] = set()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"sender-{port}", clean_session=False)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = lambda _c, _d, mid, _reason, _properties: self.acknowledged.add(self._ids[mid])
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, numbers: range) -> None:
        """Send, and wait until all are acknowledged."""
        for number in numbers:
            # Paho counts packets from 1; none is repeated within a test.
            self._ids[self._client._last_mid + 1] = number
            self._client.publish(self._topic, str(number), qos=1)
        wait_until(lambda: self.acknowledged >= set(numbers), what="the acknowledgements")

    def leave(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def leader(nodes: Nodes, stream: str) -> int:
    """Return which node leads a stream, once one is chosen."""

    async def ask(jetstream: JetStreamContext) -> str | None:
        info = await jetstream.stream_info(stream)
        return info.cluster.leader if info.cluster else None

    chosen: list[str] = []

    def is_chosen() -> bool:
        chosen[:] = [name for name in (nodes.ask(ask),) if name]
        return bool(chosen)

    wait_until(is_chosen, what=f"a leader of {stream}")
    return int(chosen[0].rpartition("-")[2]) - 1


def step_down(nodes: Nodes, stream: str) -> None:
    async def ask(jetstream: JetStreamContext) -> None:
        await jetstream._api_request(f"{jetstream._prefix}.STREAM.LEADER.STEPDOWN.{stream}", timeout=2)

    nodes.ask(ask)


def session_of(nodes: Nodes, topic: str, name: str) -> Client:
    """Return a client with a session that the cluster keeps."""
    subscribed = threading.Event()
    client = Client(nodes.mqtt_url, name, filters=[(topic, 1)], on_subscribed=subscribed.set, clean_session=False)
    client.begin(patiently=True)
    assert subscribed.wait(60)
    return client


def test_session_keeps_what_was_acknowledged_over_the_death_of_the_leader(nodes: Nodes) -> None:
    topic = "air/v1/kept/+/readings"
    session_of(nodes, topic, "kept").end()
    killed = leader(nodes, MQTT_STREAM)
    sender = Sender(nodes.nodes[(killed + 1) % NODES].mqtt_port, "air/v1/kept/d/readings")
    try:
        sender.send(range(BEFORE))
        nodes.kill(killed)
        sender.send(range(BEFORE, BEFORE + AFTER))
    finally:
        sender.leave()
        nodes.start(killed)
    received: set[int] = set()
    reader = Client(nodes.mqtt_url, "kept", filters=[(topic, 1)], clean_session=False)
    reader.on_message = lambda _client, _data, message: received.add(int(message.payload))
    reader.begin(patiently=True)
    try:
        wait_until(lambda: received >= sender.acknowledged, what="everything that was acknowledged")
    finally:
        reader.end()
    assert len(received) == BEFORE + AFTER
    nodes.wait_until_current()


def test_stream_on_the_plain_subject_does_not(nodes: Nodes) -> None:
    """PUBACK does not wait for it: the trap that the design avoids."""

    async def make(jetstream: JetStreamContext) -> None:
        await jetstream.add_stream(name=PLAIN, subjects=["air.v1.lost.*.readings"], num_replicas=NODES)

    async def held(jetstream: JetStreamContext) -> int:
        return (await jetstream.stream_info(PLAIN)).state.messages

    nodes.ask(make)
    # The stream that PUBACK waits for goes on undisturbed.
    while (killed := leader(nodes, PLAIN)) == leader(nodes, MQTT_STREAM):
        step_down(nodes, PLAIN)
    session = session_of(nodes, "air/v1/lost/+/readings", "lost")
    sender = Sender(nodes.nodes[(killed + 1) % NODES].mqtt_port, "air/v1/lost/d/readings")
    try:
        sender.send(range(BEFORE))
        wait_until(lambda: nodes.ask(held) == BEFORE, what="the messages before")
        nodes.kill(killed)
        sender.send(range(BEFORE, BEFORE + AFTER))
        assert nodes.ask(held) < len(sender.acknowledged)
    finally:
        sender.leave()
        session.end()
        nodes.start(killed)
    nodes.wait_until_current()
