"""The response as one service: alerts are stored and published, incidents traced, robots sent, people notified.

It opens no connection of its own: the process that runs it hands over changed alerts (`handle`) and messages of the broker (`handle_message`).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from jeonju.common.errors import UnavailableError
from jeonju.contract import topics
from jeonju.contract.as_json import incident_json
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages.alerts import Labels, with_words
from jeonju.response.fleet.control import FleetControl
from jeonju.response.fleet.orders import Message
from jeonju.response.incidents.incident import LatLon
from jeonju.response.incidents.service import IncidentService
from jeonju.response.notify.channels import open_outboxes
from jeonju.response.notify.mqtt import RetainedAlerts
from jeonju.response.publisher import Publisher
from jeonju.response.triage import AlertService
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

ROBOT_SUBSCRIPTIONS: Final = ((topics.vda5050("+/+", "state"), 0), (topics.vda5050("+/+", "connection"), 1))


class Broker(Protocol):
    """What the response needs of a connection to the broker (`broker.client.Client`)."""

    def is_connected(self) -> bool:
        """Whether messages go out now."""

    def publish(self, topic: str, payload: bytes, *, qos: int, retain: bool) -> object:
        """Send a message, now or when the broker is there again."""


class ResponseService:
    """`broadcast` takes the name of an event (`alert`, `incident`) and its JSON, for whoever listens. Raises UserError for a missing secret.

    `alerts`, `incidents` and `fleet` are its rooms; each is safe to use from several threads.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        rules: Rules,
        now: Callable[[], datetime],
        broker: Broker,
        broadcast: Callable[[str, Any], None],
        *,
        sends_robots: bool = True,
    ) -> None:
        self._site, self._store, self._broker = site, store, broker
        self.alerts = AlertService(site, store, rules, now)
        self.fleet = FleetControl(site, store, now, self._send_to_robots, automatic=sends_robots)
        self.incidents = IncidentService(
            site, store, now, lambda record: broadcast("incident", incident_json(record)), self.fleet
        )
        retained = RetainedAlerts(
            site.name, self.alerts, lambda topic, body: broker.publish(topic, body, qos=1, retain=True)
        )
        outboxes = open_outboxes(site, store, self.alerts, now)
        labels = Labels(site)
        self._publisher = Publisher(
            store, self.alerts, broadcast, retained, outboxes, lambda alert: with_words(alert, labels, rules.title)
        )
        self.alerts.on_change = lambda alert: self._publisher.publish([alert])

    @property
    def subscriptions(self) -> list[tuple[str, int]]:
        """Which topics `handle_message` wants, each with its quality of service."""
        return [(self._publisher.retained.subscription, 1), *ROBOT_SUBSCRIPTIONS]

    @property
    def is_alive(self) -> bool:
        """Whether sources of incidents are traced."""
        return self.incidents.is_alive

    def start(self) -> None:
        """Begin to trace sources and to send notifications."""
        self.incidents.start()
        for outbox in self._publisher.outboxes:
            outbox.start()

    def stop(self) -> None:
        """Finish what is at hand and leave."""
        self.incidents.stop()
        for outbox in self._publisher.outboxes:
            outbox.stop()

    def restore(self) -> None:
        """Read from the store what was before. Raises UnavailableError while it is away."""
        self.alerts.load()
        self.incidents.restore()
        self.fleet.restore()

    def handle(self, alerts: Sequence[AlertRecord], seen_until: datetime | None) -> None:
        """Store and publish alerts that changed, and those held back; `seen_until` is the time of the newest reading.

        Raises UnavailableError, and keeps them for the next call, while the store is away.
        """
        saved = self._publisher.store_and_publish(alerts)
        if seen_until is not None:
            self.incidents.handle(saved, self._places() if saved else {}, seen_until)

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        """Keep alerts while the store is away; what is critical, and that the store is away, is published at once."""
        self._publisher.hold_back(alerts)

    def republish(self, alerts: Iterable[AlertRecord]) -> None:
        """Give the broker alerts to retain again, as after a restart."""
        for alert in alerts:
            self._publisher.retained.publish(alert)

    def handle_message(self, topic: str, payload: bytes) -> None:
        """Handle a message of the broker: a robot's, or an alert that it retains."""
        if topics.robot_and_kind(topic) is not None:
            self.fleet.handle_message(topic, payload)
        else:
            self._publisher.retained.handle_message(topic, payload)

    def state(self) -> dict[str, Any]:
        """Return how each channel of notification is doing."""
        return self._publisher.state()

    def _send_to_robots(self, messages: Sequence[Message]) -> None:
        """Publish as VDA 5050 wants it: once, and never again; what a robot does not confirm is sent anew."""
        if not self._broker.is_connected():
            raise UnavailableError("the broker is away; try again later")
        for topic, payload in messages:
            self._broker.publish(topic, payload, qos=0, retain=False)

    def _places(self) -> dict[str, LatLon]:
        """Return where every device is: stations as the site says, whoever sends its place as it said last."""
        rows = self._store.latest(self._site.name).select(["device", "lat", "lon"]).to_pylist()
        sent = {
            row["device"]: (row["lat"], row["lon"]) for row in rows if row["lat"] is not None and row["lon"] is not None
        }
        return {station.name: (station.lat, station.lon) for station in self._site.stations} | sent
