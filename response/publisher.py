"""Alerts on their way out: stored first, then told, so that an alert that was told can always be looked up."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jeonju.contract.records import AlertRecord
from jeonju.detection.health.links import LINK_KINDS
from jeonju.response.notify.mqtt import RetainedAlerts
from jeonju.response.notify.outbox import Outbox
from jeonju.response.triage import AlertDesk
from jeonju.storage.port import Store

log = logging.getLogger(__name__)


@dataclass
class Announcer:
    """Stores alerts and tells them: as retained messages, to listeners, through every channel."""

    store: Store
    desk: AlertDesk
    send: Callable[[str, Any], None]
    retained: RetainedAlerts
    outboxes: Sequence[Outbox]
    _unsaved: dict[str, AlertRecord] = field(default_factory=dict)

    def hold_back(self, alerts: list[AlertRecord]) -> None:
        """Keep alerts until the store is there again.

        Told at once are the one that says so, and what is critical: a fire does not wait.
        """
        self._unsaved |= {alert.id: alert for alert in alerts}
        urgent = [alert for alert in alerts if alert.kind in LINK_KINDS or alert.severity == "critical"]
        self.desk.take(urgent)
        self.tell(urgent)

    def announce(self, alerts: list[AlertRecord]) -> list[AlertRecord]:
        """Store and tell alerts, and all that were held back; return what was stored.

        Raises UnavailableError, and keeps them, while the store is away.
        """
        self._unsaved |= {alert.id: alert for alert in alerts}
        saved = list(self._unsaved.values())
        if saved:
            self.store.write_alerts(saved)
            self._unsaved = {}
            self.desk.take(saved)
            self.tell(saved)
        return saved

    def tell(self, alerts: Sequence[AlertRecord]) -> None:
        """Tell alerts to everybody."""
        for alert in alerts:
            self.retained.tell(alert)
            self.send("alert", self.desk.told(alert))
        for outbox in self.outboxes:
            outbox.wake()

    def state(self) -> dict[str, Any]:
        """Return how each channel is doing."""
        return {outbox.name: outbox.state() for outbox in self.outboxes}
