"""Alerts on their way out: put into words and stored first, then published, so that a published alert can always be looked up."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from jeonju.contract.records import AlertRecord
from jeonju.detection.detectors.links import LINK_KINDS
from jeonju.response.notify.mqtt import RetainedAlerts
from jeonju.response.triage import AlertService
from jeonju.storage.port import Store

log = logging.getLogger(__name__)


class Publisher:
    """Stores alerts and publishes them: as retained messages, to listeners (`broadcast`), through channels.

    `with_words` makes the sentences of an alert from its facts; nothing else in the room does.
    """

    def __init__(
        self,
        store: Store,
        alerts: AlertService,
        broadcast: Callable[[str, Any], None],
        retained: RetainedAlerts,
        wake_channels: Callable[[], None],
        with_words: Callable[[AlertRecord], AlertRecord],
    ) -> None:
        self._store, self._alerts, self._broadcast, self._with_words = store, alerts, broadcast, with_words
        self._retained, self._wake_channels = retained, wake_channels
        self._unsaved: dict[str, AlertRecord] = {}

    def hold_back(self, alerts: Sequence[AlertRecord]) -> None:
        """Keep alerts until the store is there again.

        Published at once are the one that says so, and what is critical: a fire does not wait.
        """
        alerts = self._keep(alerts)
        urgent = [alert for alert in alerts if alert.kind in LINK_KINDS or alert.severity == "critical"]
        self._alerts.handle(urgent)
        self.publish(urgent)

    def store_and_publish(self, alerts: Sequence[AlertRecord]) -> list[AlertRecord]:
        """Store and publish alerts, and all that were held back; return what was stored.

        Raises UnavailableError, and keeps them, while the store is away.
        """
        self._keep(alerts)
        saved = list(self._unsaved.values())
        if saved:
            self._store.write_alerts(saved)
            self._unsaved = {}
            self._alerts.handle(saved)
            self.publish(saved)
        return saved

    def publish(self, alerts: Sequence[AlertRecord]) -> None:
        """Publish alerts as they are now."""
        for alert in alerts:
            self._retained.publish(alert)
            self._broadcast("alert", self._alerts.to_json(alert))
        self._wake_channels()

    def _keep(self, alerts: Sequence[AlertRecord]) -> list[AlertRecord]:
        worded = [self._with_words(alert) for alert in alerts]
        self._unsaved |= {alert.id: alert for alert in worded}
        return worded
