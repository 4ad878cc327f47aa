"""Send readings over MQTT as the devices themselves would: one connection each, QoS 1, a last will, and a memory when the link is down."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

import msgspec
import numpy as np
import paho.mqtt.client as mqtt
from numpy.typing import NDArray
from pydantic import ValidationError

from jeonju.airquality.pollutants import KEYS
from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.contract import topics
from jeonju.contract.events import EVENT, Event
from jeonju.contract.reading import DeviceStatus, Reading, encode, encode_status, from_posix_s
from jeonju.simulator.block import Block, Readings
from jeonju.simulator.sinks.connection import cut
from jeonju.simulator.sinks.vda5050 import RobotLink

log = logging.getLogger(__name__)

MOST_IN_A_MESSAGE: Final = 60
# Beyond this many unacknowledged messages of all devices the world waits: the broker sets the pace.
MOST_OUTSTANDING: Final = 2000
# A broker that cannot acknowledge, because its disk is full for one, is not waited for device by device.
GOODBYE_WITHIN_S: Final = 3.0
STATUS_KEYS: Final = frozenset(("battery", "voltage", "speed", "heading", "robot_activity", "rssi", "snr"))


class MqttOutlet:
    """Connections of all simulated devices of a site to one broker, and the simulator's own, on which it takes commands.

    `robots` gives the names in VDA 5050 of those that are to speak it; `on_order` takes robot, kind and message of what they are told.
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
            name: RobotLink(self._url, identity, f"{site}-{name}-robot", partial(on_order, name))
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
        """One line where the broker does not let the simulator or a robot hear what it is told."""
        listening: list[Client | RobotLink] = [*([self._own] if self._own else []), *self._robots.values()]
        return next((one.refusal for one in listening if one.refusal), None)

    def send(self, block: Block) -> None:
        """Publish a block's readings, each device over its own connection; waits while the broker is behind."""
        # Nobody connects any more once the goodbyes are said.
        with self._sending:
            if not self._closing.is_set():
                self._send(block)

    def close(self) -> None:
        """Say goodbye for every device, wait a moment for all last words together, and leave."""
        self._closing.set()
        with self._sending:
            self._leave()

    def _send(self, block: Block) -> None:
        for number, (name, kind) in enumerate(zip(block.devices, block.kinds, strict=True)):
            device = self._devices.get(name)
            if device is None:
                device = self._devices[name] = _Device(self._url, self._site, name, kind, self._outstanding)
            rows = block.readings.take(np.flatnonzero(block.readings.device == number))
            if self._closing.is_set():
                return
            if len(rows):
                device.connect()
                self._publish(device, rows)
            if name in block.offline:
                device.drop()
            else:
                device.connect()
        at = from_posix_s(float(block.true_times_s[-1]))
        for name, robot in self._robots.items():
            told = [] if name in block.offline else [one for one in block.messages if one.robot == name]
            robot.send(at, told, offline=name in block.offline)

    def _leave(self) -> None:
        everyone: list[_Device | RobotLink] = [*self._devices.values(), *self._robots.values()]
        last_words = [one.say_goodbye() for one in everyone]
        until_s = time.monotonic() + GOODBYE_WITHIN_S
        for words in last_words:
            if words is not None and words.rc == mqtt.MQTT_ERR_SUCCESS:
                words.wait_for_publish(max(until_s - time.monotonic(), 0.0))
        for one in everyone:
            one.leave()
        if self._own:
            self._own.end()

    def _publish(self, device: "_Device", rows: Readings) -> None:
        readings = [_reading(device.name, rows, row) for row in range(len(rows))]
        for start in range(0, len(readings), MOST_IN_A_MESSAGE):
            part = readings[start : start + MOST_IN_A_MESSAGE]
            while not self._outstanding.acquire(timeout=0.5):
                device.refuse_to_wait_in_vain()
                if self._closing.is_set():
                    return
            device.publish(encode(part[0] if len(part) == 1 else part))

    def _listen(self) -> Client:
        """Take commands for the simulator: events that begin now."""
        topic = topics.command(self._site, topics.SIMULATOR)
        client = Client(self._url, passing_id(f"jeonju-simulator-{self._site}"), filters=[(topic, 1)])
        client.on_message = lambda _client, _data, message: self._take_command(message.payload)
        client.begin()
        return client

    def _take_command(self, payload: bytes | bytearray) -> None:
        try:
            event = EVENT.validate_python(msgspec.json.decode(payload)["event"])
        except (msgspec.DecodeError, ValidationError, KeyError, TypeError) as error:
            log.warning("a command for the simulator is not understood: %s", " ".join(str(error).split())[:200])
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
        self._client = Client(url, f"{site}-{name}", on_ready=self._say_online)
        self._client.max_inflight_messages_set(100)
        self._client.will_set(self._status, self._payload("offline"), qos=1, retain=True)
        self._client.on_publish = self._on_publish
        self._statuses: set[int] = set()

    def connect(self) -> None:
        """Connect, unless the connection is there; from then on it comes back by itself."""
        self.refuse_to_wait_in_vain()
        if not self._connected:
            self._client.begin(patiently=True)
            self._connected = True

    def refuse_to_wait_in_vain(self) -> None:
        """Raise the UserError of a broker that will never take this device."""
        if self._client.failure:
            raise self._client.failure

    def publish(self, payload: bytes) -> None:
        """Send a message; it is kept until the broker has acknowledged it."""
        self._client.publish(self._topic, payload, qos=1)

    def drop(self) -> None:
        """Lose the link."""
        if self._connected:
            cut(self._client)
            self._connected = False

    def say_goodbye(self) -> mqtt.MQTTMessageInfo | None:
        """Say that the device is offline; the last will has said it where the link is lost."""
        if not self._connected:
            return None
        return self._client.publish(self._status, self._payload("offline"), qos=1, retain=True)

    def leave(self) -> None:
        """Disconnect."""
        if self._connected:
            self._client.end()

    def _say_online(self) -> None:
        # Called by the network thread, as _on_publish is: the number is known before its acknowledgement is looked at.
        self._statuses.add(self._client.publish(self._status, self._payload("online"), qos=1, retain=True).mid)

    def _payload(self, state: str) -> bytes:
        return encode_status(DeviceStatus(state=state, kind=self._kind, origin="simulated"))

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _properties: Any) -> None:
        if mid in self._statuses:
            self._statuses.discard(mid)
        else:
            self._outstanding.release()


def _reading(name: str, rows: Readings, row: int) -> Reading:
    values: NDArray[np.float64] = rows.values[row]
    present = {KEYS[column]: float(values[column]) for column in np.flatnonzero(~np.isnan(values))}
    return Reading(
        device=name,
        seq=int(rows.seq[row]),
        boot=str(rows.boot[row]),
        time=from_posix_s(float(rows.times_s[row])),
        position=(float(rows.lat[row]), float(rows.lon[row])),
        values={key: value for key, value in present.items() if key not in STATUS_KEYS},
        status={key: value for key, value in present.items() if key in STATUS_KEYS},
    )
