"""Publish over MQTT as real devices do: one connection each, QoS 1, a last will, and a queue while the link is down."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from math import isnan
from typing import Any, Final

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from pydantic import ValidationError

from jeonju.airquality.pollutants import KEYS
from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.common.arrays import Floats
from jeonju.contract import topics
from jeonju.contract.events import EVENT, Event
from jeonju.contract.reading import DeviceStatus, Reading, encode, encode_status, from_posix_s
from jeonju.simulator.block import Block, Readings
from jeonju.simulator.sinks.connection import cut
from jeonju.simulator.sinks.vda5050 import RobotConnection

log = logging.getLogger(__name__)

MOST_IN_A_MESSAGE: Final = 60
# With this many unacknowledged messages of all devices the world waits: backpressure from the broker.
MOST_OUTSTANDING: Final = 2000
# The wait for acknowledgements when closing, of all devices together: a broker whose disk is full acknowledges none.
CLOSE_WITHIN_S: Final = 3.0
STATUS_KEYS: Final = frozenset(("battery", "voltage", "speed", "heading", "robot_activity", "rssi", "snr"))
AIR_KEYS: Final = frozenset(KEYS) - STATUS_KEYS


class MqttSink:
    """Connections of all simulated devices of a site to one broker, and the simulator's own, which receives commands.

    `robots` maps the robots that speak VDA 5050 to their names there; `on_order` is called with robot, kind and message from the network's threads.
    """

    def __init__(
        self,
        broker_url: str,
        *,
        site: str,
        on_event: Callable[[Event], None] | None = None,
        robots: Mapping[str, str] | None = None,
        on_order: Callable[[str, str, bytes], None] = lambda _robot, _kind, _payload: None,
    ) -> None:
        self._url = broker_url
        self._robots = {
            name: RobotConnection(self._url, identity, f"{site}-{name}-robot", partial(on_order, name))
            for name, identity in (robots or {}).items()
        }
        self._site = site
        self._devices: dict[str, _Device] = {}
        self._outstanding = threading.Semaphore(MOST_OUTSTANDING)
        self._closing = threading.Event()
        self._sending = threading.Lock()
        self._on_event = on_event
        self._own = self._listen() if on_event else None

    @property
    def refusal(self) -> str | None:
        """One line where the broker refuses the simulator or a robot the subscription to its commands."""
        listening: list[Client | RobotConnection] = [*([self._own] if self._own else []), *self._robots.values()]
        return next((client.refusal for client in listening if client.refusal), None)

    def send(self, block: Block) -> None:
        """Publish a block's readings, each device over its own connection; blocks while the broker is behind."""
        # No device connects any more once every device has been published as offline.
        with self._sending:
            if not self._closing.is_set():
                self._send(block)

    def close(self) -> None:
        """Publish every device as offline, wait up to `CLOSE_WITHIN_S` for all acknowledgements together, and disconnect."""
        self._closing.set()
        with self._sending:
            self._disconnect()

    def _send(self, block: Block) -> None:
        numbers = block.readings.device
        order = np.argsort(numbers, kind="stable")
        ends = np.cumsum(np.bincount(numbers, minlength=len(block.devices)))
        of_devices = np.split(order, ends[:-1])
        for name, kind, own in zip(block.devices, block.kinds, of_devices, strict=True):
            device = self._devices.get(name)
            if device is None:
                device = self._devices[name] = _Device(self._url, self._site, name, kind, self._outstanding)
            rows = block.readings.take(own)
            if self._closing.is_set():
                return
            if len(rows):
                device.connect()
                self._publish(device, rows)
            if name in block.offline:
                device.cut_connection()
            else:
                device.connect()
        at = from_posix_s(float(block.true_times_s[-1]))
        for name, robot in self._robots.items():
            messages = [] if name in block.offline else [message for message in block.messages if message.robot == name]
            robot.send(at, messages, offline=name in block.offline)

    def _disconnect(self) -> None:
        connections: list[_Device | RobotConnection] = [*self._devices.values(), *self._robots.values()]
        offline_messages = [connection.publish_offline() for connection in connections]
        until_s = time.monotonic() + CLOSE_WITHIN_S
        for message in offline_messages:
            if message is not None and message.rc == mqtt.MQTT_ERR_SUCCESS:
                message.wait_for_publish(max(until_s - time.monotonic(), 0.0))
        for connection in connections:
            connection.disconnect()
        if self._own:
            self._own.end()

    def _publish(self, device: "_Device", rows: Readings) -> None:
        readings = _readings(device.name, rows)
        for start in range(0, len(readings), MOST_IN_A_MESSAGE):
            part = readings[start : start + MOST_IN_A_MESSAGE]
            while not self._outstanding.acquire(timeout=0.5):
                device.raise_if_refused()
                if self._closing.is_set():
                    return
            device.publish(encode(part[0] if len(part) == 1 else part))

    def _listen(self) -> Client:
        """Subscribe to commands for the simulator: events that begin now."""
        topic = topics.command(self._site, topics.SIMULATOR)
        client = Client(self._url, passing_id(f"jeonju-simulator-{self._site}"), filters=[(topic, 1)])
        client.on_message = lambda _client, _data, message: self._handle_command(message.payload)
        client.begin()
        return client

    def _handle_command(self, payload: bytes | bytearray) -> None:
        try:
            event = EVENT.validate_python(msgspec.json.decode(payload)["event"])
        except (msgspec.DecodeError, ValidationError, KeyError, TypeError) as error:
            log.warning("a command for the simulator cannot be read: %s", " ".join(str(error).split())[:200])
            return
        if self._on_event:
            self._on_event(event)


class _Device:
    """One simulated device's connection."""

    def __init__(self, url: str, site: str, name: str, kind: str, outstanding: threading.Semaphore) -> None:
        self.name = name
        self._topic = topics.readings(site, name)
        self._status = topics.status(site, name)
        self._kind = kind
        self._connected = False
        self._outstanding = outstanding
        self._client = Client(url, f"{site}-{name}", on_ready=self._publish_online)
        self._client.max_inflight_messages_set(100)
        self._client.will_set(self._status, self._payload("offline"), qos=1, retain=True)
        self._client.on_publish = self._on_publish
        self._statuses: set[int] = set()

    def connect(self) -> None:
        """Connect unless connected; from then on the client reconnects by itself."""
        self.raise_if_refused()
        if not self._connected:
            self._client.begin(patiently=True)
            self._connected = True

    def raise_if_refused(self) -> None:
        """Raise the UserError with which the broker refused this device for good."""
        if self._client.failure:
            raise self._client.failure

    def publish(self, payload: bytes) -> None:
        """Send a message; it is kept until the broker has acknowledged it."""
        self._client.publish(self._topic, payload, qos=1)

    def cut_connection(self) -> None:
        """Cut the connection without a word, as a lost link does."""
        if self._connected:
            cut(self._client)
            self._connected = False

    def publish_offline(self) -> mqtt.MQTTMessageInfo | None:
        """Publish the status offline; where the link is lost, the last will has done so."""
        if not self._connected:
            return None
        return self._client.publish(self._status, self._payload("offline"), qos=1, retain=True)

    def disconnect(self) -> None:
        """Disconnect."""
        if self._connected:
            self._client.end()

    def _publish_online(self) -> None:
        # Called by the network thread, as _on_publish is: the message id is stored before its acknowledgement is handled.
        self._statuses.add(self._client.publish(self._status, self._payload("online"), qos=1, retain=True).mid)

    def _payload(self, state: str) -> bytes:
        return encode_status(DeviceStatus(state=state, kind=self._kind, origin="simulated"))

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if mid in self._statuses:
            self._statuses.discard(mid)
        else:
            self._outstanding.release()


def _readings(name: str, rows: Readings) -> list[Reading]:
    """Return all rows of a device as its messages say them: without what was not measured, and with its own status apart."""
    of_air, of_device = (_Measured(rows.values, keys) for keys in (AIR_KEYS, STATUS_KEYS))
    return [
        Reading(
            device=name,
            seq=seq,
            boot=str(boot),
            time=from_posix_s(time_s),
            position=(lat, lon),
            values=of_air.row(row),
            status=of_device.row(row),
        )
        for row, (seq, boot, time_s, lat, lon) in enumerate(
            zip(*(column.tolist() for column in (rows.seq, rows.boot, rows.times_s, rows.lat, rows.lon)), strict=True)
        )
    ]


class _Measured:
    """Some columns of one device's values, of which it measures a few."""

    def __init__(self, values: Floats, keys: frozenset[str]) -> None:
        columns = [at for at, key in enumerate(KEYS) if key in keys and not np.isnan(values[:, at]).all()]
        self._keys = [KEYS[at] for at in columns]
        self._rows: list[list[float]] = values[:, columns].tolist()

    def row(self, number: int) -> dict[str, float | None]:
        return {key: value for key, value in zip(self._keys, self._rows[number], strict=True) if not isnan(value)}
