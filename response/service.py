"""What is done about alerts: they are stored and published, people triage them, and one process of a site responds.

Of several processes each follows what the others have stored.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from jeonju.broker.connection import Connection
from jeonju.common.errors import UnavailableError
from jeonju.common.worker import IDLE_S as WORKER_IDLE_S
from jeonju.common.worker import Worker
from jeonju.contract import topics
from jeonju.contract.as_json import incident_json
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.messages.alerts import Labels, with_words
from jeonju.response.fleet.control import FleetControl
from jeonju.response.fleet.orders import Message
from jeonju.response.notify.mqtt import RetainedAlerts
from jeonju.response.notify.outbox import Outbox
from jeonju.response.orders import Orders, PassedOn
from jeonju.response.publisher import Publisher
from jeonju.response.responder import Responder, confirmed
from jeonju.response.snapshot import ResponseSnapshot
from jeonju.response.triage import CLOCKS_DIFFER_BY, AlertService
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

# What people do at another api is read this often, or at once after a hint.
REFRESH_EVERY: Final = timedelta(seconds=15)
REFRESH_AFTER_HINT: Final = timedelta(seconds=1)
# What the process that responds has found out about incidents, by those that only show it.
INCIDENTS_EVERY: Final = timedelta(seconds=3)
IDLE_S: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Duties:
    """What one process does about alerts; all of it where the process is the only one.

    `stores`: detection runs here, so alerts are stored and published here. `responds`: incidents, robots and notifications, from the start on; of
    all processes of a site one does that. `ask` brings an order of people to the one that responds, where that may be another one and change:
    this process then responds between `begin_responding` and `end_responding`. `is_alone`: no other process takes what people do.
    """

    stores: bool = True
    responds: bool = True
    sends_robots: bool = True
    is_alone: bool = True
    ask: Callable[[bytes], bytes] | None = None


class ResponseService:
    """Alerts come in detection's thread, what people do in those of the web server; its own worker handles robots and the broker's retained alerts.

    Incidents and every channel of notification have a thread each. `send` publishes an event to those who listen to the api.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        rules: Rules,
        connection: Connection,
        now: Callable[[], datetime],
        send: Callable[[str, Any], None] = lambda _event, _data: None,
        duties: Duties = Duties(),
    ) -> None:
        """Raises UserError for a secret of a channel that is missing."""
        self._site, self._store, self._connection, self._now, self._send = site, store, connection, now, send
        self._duties = duties
        self.alerts = AlertService(site, store, rules, now)
        self._confirm: Callable[[], None] = _nothing if duties.responds else _refused
        self.fleet: FleetControl | None = None
        self._responder: Responder | None = None
        if duties.responds or duties.ask is not None:
            self.fleet = FleetControl(
                site,
                confirmed(store, lambda: self._confirm()),
                now,
                self._publish_to_robots,
                automatic=duties.sends_robots,
            )
            # Made also where it is not needed yet, as secrets of channels may be missing.
            made = self._made_responder(self.fleet)
            self._responder = made if duties.responds else None
        self._passed_on = PassedOn(duties.ask) if duties.ask is not None else None
        # What changes hands and what is handed on must not cross.
        self._handing_on = threading.RLock()
        self._incidents: dict[str, IncidentRecord] = {}
        self._incidents_at = now()
        self._retained = RetainedAlerts(site.name, self.alerts, connection.retain)
        labels = Labels(site)
        self._publisher = Publisher(
            store,
            self.alerts,
            send,
            self._retained,
            self._wake_channels,
            lambda alert: with_words(alert, labels, rules.title),
        )
        self.alerts.on_change = lambda alert: self._publisher.publish([alert])
        self._hinted = threading.Event()
        self._refreshed_at = now()
        always = () if duties.is_alone else (self._refresh,)
        self._worker = Worker("response", always=always, idle_s=IDLE_S if always else WORKER_IDLE_S)
        self._listen()

    def start(self) -> None:
        """Begin with what was left over."""
        self._worker.start()
        if self._responder is not None:
            self._responder.start()

    def stop(self) -> None:
        """Finish what has arrived, and end; to be called before the connection ends, as robots may still need orders."""
        self._worker.stop()
        if self._responder is not None:
            self._responder.stop()

    def begin_responding(self, confirm: Callable[[], None]) -> Orders:
        """Respond from now on, going on where another process stopped; `confirm` raises UnavailableError where one may have taken over.

        Return who takes orders here. Raises UnavailableError while the store is away; then nothing has begun.
        """
        assert self.fleet is not None  # noqa: S101  (whoever may respond has robots, and be it none)
        with self._handing_on:
            self._confirm = confirm
            self.fleet.leave()
            responder = self._made_responder(self.fleet)
            self.alerts.refresh(self._refreshed_at)
            responder.restore()
            if (seen_until := self._newest_reading()) is not None:
                responder.handle(self.alerts.recent(), self._places(), seen_until)
            self._responder = responder
        responder.start()
        return responder

    def end_responding(self) -> None:
        """Only show it from now on."""
        with self._handing_on:
            responder, self._responder = self._responder, None
        if responder is not None:
            responder.stop()
        self._confirm = _refused
        if self.fleet is not None:
            self.fleet.leave()

    @property
    def outboxes(self) -> Sequence[Outbox]:
        """The channels of notification, none where another process sends."""
        responder = self._responder
        return responder.outboxes if responder is not None else ()

    @property
    def orders(self) -> Orders | None:
        """Who takes what people order about incidents and robots; None where another process does, and cannot be asked."""
        return self._responder or self._passed_on

    @property
    def is_alive(self) -> bool:
        """Whether robots are heard and incidents traced."""
        responder = self._responder
        return self._worker.is_alive and (responder is None or responder.incidents.is_alive)

    @property
    def responds(self) -> bool:
        """Whether incidents, robots and channels are worked here now."""
        return self._responder is not None

    @property
    def snapshot(self) -> ResponseSnapshot:
        """How it is doing now."""
        notifications = {outbox.name: outbox.state() for outbox in self.outboxes}
        if self.fleet is None:
            return ResponseSnapshot(notifications=notifications)
        return ResponseSnapshot(robots=tuple(self.fleet.status()), notifications=notifications)

    # As the sink of detection.

    def restore(self, active: Sequence[AlertRecord]) -> None:
        """Go on with what the store holds and the alerts that last. Raises UnavailableError while the store is away."""
        self.alerts.load()
        with self._handing_on:
            if self._responder is not None:
                self._responder.restore()
        if self._duties.stores:
            for alert in active:
                self._retained.publish(alert)

    def publish(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        """Store and publish alerts, and all that were held back; incidents know of readings up to `seen_until`.

        Raises UnavailableError, and keeps them, while the store is away.
        """
        self._add_to_incidents(self._publisher.store_and_publish(alerts), seen_until)

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        """Keep alerts until the store is back; what is critical is published all the same."""
        self._publisher.hold_back(alerts)

    def handle_stored(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        """Handle alerts that another process has stored and published. Raises UnavailableError while the store is away."""
        with self._handing_on:
            self._add_to_incidents(alerts, seen_until)
            if alerts:
                self.alerts.handle(alerts)
        self._notify_listeners(alerts)

    def _add_to_incidents(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        if self._responder is not None and seen_until is not None:
            self._responder.handle(alerts, self._places() if alerts else {}, seen_until)

    def _made_responder(self, fleet: FleetControl) -> Responder:
        return Responder(self._site, self._store, self.alerts, fleet, self._now, self._send, lambda: self._confirm())

    def _wake_channels(self) -> None:
        for outbox in self.outboxes:
            outbox.wake()

    def _newest_reading(self) -> datetime | None:
        times = self._store.latest(self._site.name)["time"].to_pylist()
        return max(times, default=None)

    def _places(self) -> dict[str, tuple[float, float]]:
        """Return where every device is: stations as in the site file, devices that send their place as in their last message."""
        rows = self._store.latest(self._site.name).select(["device", "lat", "lon"]).to_pylist()
        sent = {
            row["device"]: (row["lat"], row["lon"]) for row in rows if row["lat"] is not None and row["lon"] is not None
        }
        return {station.name: (station.lat, station.lon) for station in self._site.stations} | sent

    def _listen(self) -> None:
        alert_topics = self._retained.subscription
        if self._duties.stores:
            self._connection.listen(alert_topics, 1, self._on_retained)
        if not self._duties.is_alone:
            self._connection.listen(alert_topics, 1, lambda _topic, _payload: self._hinted.set())
        if self.fleet is not None:
            for kind, qos in (("state", 0), ("connection", 1)):
                self._connection.listen(topics.vda5050("+/+", kind), qos, self._on_robot)

    def _on_retained(self, topic: str, payload: bytes) -> None:
        self._worker.put(lambda: self._retained.handle_message(topic, payload))

    def _on_robot(self, topic: str, payload: bytes) -> None:
        if (fleet := self.fleet) is not None:
            self._worker.put(lambda: fleet.handle_message(topic, payload))

    def _publish_to_robots(self, messages: Sequence[Message]) -> None:
        """Publish as VDA 5050 wants it: once, and never again; what a robot does not confirm is sent anew."""
        self._confirm()
        self._connection.check()
        for topic, payload in messages:
            self._connection.send(topic, payload, qos=0)

    def _refresh(self) -> None:
        """Read what people did at other processes, and what the one that responds has found out."""
        now = self._now()
        if self._passed_on is not None and self._responder is None:
            self._follow_incidents(now)
        if timedelta(0) <= now - self._refreshed_at < (REFRESH_AFTER_HINT if self._hinted.is_set() else REFRESH_EVERY):
            return
        self._hinted.clear()
        changed = self.alerts.refresh(self._refreshed_at)
        self._refreshed_at = now
        if self.fleet is not None:
            self.fleet.look()
        self._notify_listeners(changed)

    def _follow_incidents(self, now: datetime) -> None:
        if timedelta(0) <= now - self._incidents_at < INCIDENTS_EVERY:
            return
        since, self._incidents_at = self._incidents_at - CLOCKS_DIFFER_BY, now
        known = self._incidents
        self._incidents = {record.id: record for record in self._store.incidents(self._site.name, since=since)}
        for incident_id, record in self._incidents.items():
            if known.get(incident_id) != record:
                self._send("incident", incident_json(record))

    def _notify_listeners(self, alerts: Sequence[AlertRecord]) -> None:
        """Publish to those who listen here; the broker has it from the process that changed it."""
        for alert in alerts:
            self._send("alert", self.alerts.to_json(alert))
        self._wake_channels()


def _nothing() -> None:
    pass


def _refused() -> None:
    raise UnavailableError("another api responds for this site")
