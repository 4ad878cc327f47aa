"""The truth on its way to a real broker."""

from pathlib import Path

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
import simpy
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.airquality.pollutants import KEYS
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.reading import Reading
from jeonju.contract.site import Site
from jeonju.simulator.sinks.memory import MemorySink
from jeonju.simulator.sinks.truth import TruthSink
from jeonju.simulator.world import World
from tests.waiting import wait_until

BEGIN_S = 1_772_409_600.0


def test_truth_of_every_device_is_sent_once_a_minute_beside_the_readings(jeonju: Site, tmp_path: Path) -> None:
    heard: list[list[Reading]] = []
    with EmbeddedBroker(tmp_path, kind="embedded", port=0) as broker:
        listener = mqtt.Client(CallbackAPIVersion.VERSION2)
        listener.on_message = lambda _client, _data, message: heard.append(
            msgspec.json.decode(message.payload, type=list[Reading])
        )
        subscribed: list[int] = []
        listener.on_subscribe = lambda *_: subscribed.append(1)
        listener.connect("127.0.0.1", broker.port)
        listener.loop_start()
        listener.subscribe("air/v1/jeonju-truth/+/readings", 1)
        wait_until(lambda: subscribed)
        memory = MemorySink()
        sink = TruthSink(memory, broker.url, site="jeonju")
        env = simpy.Environment(initial_time=BEGIN_S)
        World(jeonju, env, sink, seed=3)
        env.run(until=BEGIN_S + 180 + 1e-6)
        wait_until(lambda: len(heard) == 3)
        sink.close()
        listener.disconnect()
        listener.loop_stop()
    assert len(memory.blocks) == 3
    for minute, (block, readings) in enumerate(zip(memory.blocks, heard, strict=True), start=1):
        assert [reading.device for reading in readings] == list(block.devices)
        assert {reading.time.timestamp() for reading in readings if reading.time} == {BEGIN_S + 60 * minute}
        sent = [[reading.values.get(key) for key in KEYS] for reading in readings]
        np.testing.assert_allclose(np.array(sent, dtype=float), block.truth[-1], atol=1e-6)
