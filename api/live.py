"""The api's live side: follows what ingest has committed, runs the alert engine, publishes and stores its alerts.

The committed feed is a hint, the store is the truth: on every start and reconnect the engine is rebuilt from the store first.
"""

import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import paho.mqtt.client as mqtt
import pyarrow as pa

from jeonju.api.stream import Stream
from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract import topics
from jeonju.contract.as_json import reading_json
from jeonju.contract.reading import Adoption, DeviceStatus
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.detectors.detector import LinkState, Observations
from jeonju.detection.engine import AlertEngine
from jeonju.detection.index_statistics import IndexStatistics
from jeonju.detection.restore import engine_from_store
from jeonju.response.service import ResponseService
from jeonju.rules.rules import Rules, shipped_rules
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

NAME: Final = "jeonju-api"
MOST_WAITING: Final = 5000
IDLE_S: Final = 5.0
# The store is asked this often for the ledger, and whether it is there.
LEDGER_EVERY: Final = timedelta(seconds=15)


@dataclass
class Feed:
    """How the live side is doing."""

    connected: bool = False
    batches: int = 0
    readings: int = 0
    last_reading_at: datetime | None = None
    arrived_at: datetime | None = None
    dropped: int = 0
    store_available: bool = True
    refusal: str | None = None
    refused: int = 0


@dataclass
class Live:
    """Runs in two threads: the network's and the engine's."""

    site: Site
    store: Store
    broker_url: str
    now: Callable[[], datetime]
    stream: Stream
    sends_robots: bool = True
    rules: Rules = field(default_factory=shipped_rules)
    feed: Feed = field(default_factory=Feed)

    def __post_init__(self) -> None:
        """Prepare the connection; nothing is opened yet. `follows` is set once what is committed from now on is heard, or never can be."""
        self.follows = threading.Event()
        self.engine = AlertEngine(self.site, rules=self.rules)
        self.index_statistics = IndexStatistics(self.site, self.store)
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._ledger_at = self.now()
        self._client = Client(
            self.broker_url,
            passing_id(NAME),
            on_ready=self._connected,
            on_refused=self._give_up,
            on_subscribed=self._subscribed,
            on_lost=self._lost,
        )
        self._client.on_message = self._on_message
        self.response = ResponseService(
            self.site,
            self.store,
            self.rules,
            self.now,
            self._client,
            self.stream.send,
            sends_robots=self.sends_robots,
        )
        self._client.filters = (
            (topics.committed(self.site.name), 0),
            (topics.status(self.site.name, "+"), 1),
            *self.response.subscriptions,
        )

    def start(self) -> None:
        """Begin to follow; a broker that is not there yet is tried again and again."""
        self._thread.start()
        self.response.start()
        self._client.begin(patiently=True)

    def stop(self) -> None:
        """Finish what has arrived and leave."""
        self._work.put(None)
        self._thread.join()
        self.response.stop()
        # Last: what is finished before may still have to tell robots something, and would find the broker away.
        self._client.end()

    @property
    def is_alive(self) -> bool:
        """Whether alerts are judged and incidents traced."""
        return self._thread.is_alive() and self.response.is_alive

    def send_command(self, device: str, payload: bytes) -> None:
        """Publish a command for a device, or for the simulator.

        Raises UnavailableError while the broker is away.
        """
        self._send(topics.command(self.site.name, device), payload)

    def adopt(self, device: str, adoption: Adoption) -> None:
        """Tell ingest where a device belongs. Raises UnavailableError while the broker is away."""
        self._send(topics.adopt(self.site.name, device), msgspec.json.encode(adoption))

    def _send(self, topic: str, payload: bytes) -> None:
        if not self._client.is_connected():
            raise UnavailableError("the broker is away; try again later")
        self._client.publish(topic, payload, qos=1)

    @property
    def failure(self) -> UserError | None:
        """Why the broker will never take the api, when it refuses."""
        return self._client.failure

    def _connected(self) -> None:
        self.feed.connected = True
        # Subscribed first, rebuilt then: what is committed in between comes twice, which does no harm.
        self._put(self._begin_to_follow)

    def _give_up(self, why: UserError) -> None:
        log.error("%s", why)
        self.follows.set()

    def _subscribed(self) -> None:
        self._client.tell_refused()
        self.feed.refusal, self.feed.refused = self._client.refusal, len(self._client.refused)

    def _lost(self) -> None:
        self.feed.connected = False

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        payload = bytes(message.payload)
        if message.topic == topics.committed(self.site.name):
            self._put(lambda: self._take_readings(payload))
        elif (place := topics.site_and_device(message.topic)) is not None:
            self._put(lambda: self._take_status(place[1], payload))
        else:
            self._put(lambda: self.response.handle_message(message.topic, payload))

    def _put(self, work: Callable[[], None]) -> None:
        try:
            self._work.put_nowait(work)
        except queue.Full:
            self.feed.dropped += 1

    def _run(self) -> None:
        """Do one thing after another; what fails is logged and the next is done."""
        while True:
            try:
                work = self._work.get(timeout=IDLE_S)
            except queue.Empty:
                work = _nothing
            if work is None:
                return
            for one in (work, self._look_at_store, self._look_at_links):
                try:
                    one()
                except UnavailableError as error:
                    if self.feed.store_available:
                        log.warning("%s", error)
                    self.feed.store_available = False
                except Exception:
                    # The one supervisor: a fault in judging one batch must not end all alerting.
                    log.exception("a batch could not be judged")

    def _begin_to_follow(self) -> None:
        try:
            self._rebuild()
        finally:
            self.follows.set()

    def _rebuild(self) -> None:
        self.response.handle([], self.feed.last_reading_at)
        self.response.restore()
        marked = self.response.alerts.known_sources.marked.values()
        engine, recent = engine_from_store(self.site, self.store, self.rules, marked, self.now())
        self.response.republish(engine.active)
        self.engine = engine
        self._publish(engine.update(recent))

    def places_marked(self) -> None:
        """Look again which places people have marked, with the next piece of work."""
        self._put(self._mark_places)

    def _mark_places(self) -> None:
        self.engine.mark(self.response.alerts.known_sources.marked.values())

    def _take_readings(self, payload: bytes) -> None:
        with pa.ipc.open_stream(payload) as reader:
            table = reader.read_all()
        self.feed.batches += 1
        self.feed.readings += table.num_rows
        self.feed.arrived_at = self.now()
        self.feed.last_reading_at = pa.compute.max(table["time"]).as_py()
        self._publish(self.engine.update(table))
        newest = {row["device"]: row for row in table.to_pylist()} if self.stream.has_listeners else {}
        if newest:
            self.stream.send("readings", [reading_json(row) for row in newest.values()])
        self.index_statistics.write(self.engine.pollution.cai, self.feed.last_reading_at)

    def _take_status(self, device: str, payload: bytes) -> None:
        try:
            status = msgspec.json.decode(payload, type=DeviceStatus)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # ingest keeps it as a dead letter
        self.engine.observe(Observations(device_states={device: status.state}))

    def _look_at_store(self) -> None:
        """Ask for the ledger now and then; after the store was away everything is rebuilt from it."""
        now = self.now()
        if now - self._ledger_at < LEDGER_EVERY:
            return
        self._ledger_at = now
        ledger = self.store.ledger(self.site.name)
        if not self.feed.store_available:
            self._rebuild()
            self.feed.store_available = True
        self._publish(self.engine.observe(Observations(at=now, ledger=ledger)))

    def _look_at_links(self) -> None:
        now = self.now()
        links = LinkState(self.feed.store_available, self.feed.connected, self.feed.arrived_at)
        if changed := self.engine.observe(Observations(at=now, links=links)):
            self._publish(changed)

    def _publish(self, alerts: list[AlertRecord]) -> None:
        """Hand over alerts that changed; while the store is away they are held back."""
        if self.feed.store_available:
            try:
                self.response.handle(alerts, self.feed.last_reading_at)
            except UnavailableError:
                self.feed.store_available = False
                log.warning("the store is away; alerts are kept until it is back")
            else:
                return
        self.response.hold_back(alerts)

    def state(self) -> dict[str, Any]:
        """Return the live side's state for the health page."""
        return {
            "broker": "connected" if self.feed.connected else "away",
            "subscriptions_refused": self.feed.refused,
            "store": "available" if self.feed.store_available else "away",
            "readings_received": self.feed.readings,
            "last_reading_at": self.feed.last_reading_at,
            "lag_s": None
            if self.feed.last_reading_at is None
            else round((self.now() - self.feed.last_reading_at).total_seconds(), 3),
            "active_alerts": len(self.engine.active),
            "readings_too_late_to_judge": self.engine.late,
            "feed_batches_dropped": self.feed.dropped,
            "notifications": self.response.state(),
        }


def _nothing() -> None:
    """Do nothing; what is looked after besides the work follows."""
