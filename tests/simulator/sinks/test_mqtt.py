"""Devices of a city at a real broker."""

import os
import signal
import threading
import time

import simpy

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.site import Site
from jeonju.simulator.cadence import Cadence
from jeonju.simulator.sinks.mqtt import CLOSE_WITHIN_S, MqttSink
from jeonju.simulator.world import World

START_S = 1_772_409_600.0


def test_city_leaves_a_broker_that_does_not_answer_without_waiting_for_each_device(
    broker: EmbeddedBroker, jeonju: Site
) -> None:
    sink = MqttSink(broker.url, site=jeonju.name)
    env = simpy.Environment(initial_time=START_S)
    World(jeonju, env, sink, seed=1, cadence=lambda _now: Cadence(tick_s=1.0, block_s=1.0))
    env.run(until=START_S + 2.0)
    assert broker.pid is not None
    os.kill(broker.pid, signal.SIGSTOP)
    begun_s = time.monotonic()
    try:
        sink.close()
        # Far less than the devices would take one after the other.
        assert time.monotonic() - begun_s < CLOSE_WITHIN_S * len(jeonju.devices) / 3
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def test_no_device_connects_after_all_are_published_as_offline(broker: EmbeddedBroker, jeonju: Site) -> None:
    before = set(threading.enumerate())
    sink = MqttSink(broker.url, site=jeonju.name)
    env = simpy.Environment(initial_time=START_S)
    World(jeonju, env, sink, seed=1, cadence=lambda _now: Cadence(tick_s=1.0, block_s=1.0))
    # As where the end comes while the first block is still being made.
    sink.close()
    env.run(until=START_S + 2.0)
    assert not [thread.name for thread in set(threading.enumerate()) - before if f"{jeonju.name}-" in thread.name]
