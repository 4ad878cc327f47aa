"""The channel that is always there: every alert that lasts is a retained message, with its present value and what people did about it.

It needs no log of what was sent: what the broker retains is the log, and whatever should not be there is removed on every connection.
"""

import json
from collections.abc import Callable

from jeonju.contract import topics
from jeonju.contract.records import AlertRecord
from jeonju.response.triage import AlertService


class RetainedAlerts:
    """Keeps the retained messages of a site as the alerts are; `send` takes a topic and a payload that is to be retained."""

    def __init__(self, site: str, alerts: AlertService, send: Callable[[str, bytes], object]) -> None:
        self._site, self._alerts, self._send = site, alerts, send
        self.subscription = topics.alert(site, "+")

    def publish(self, alert: AlertRecord) -> None:
        """Publish an alert as it is now; one that has ended is removed."""
        body = b"" if alert.ended_at else json.dumps(self._alerts.to_json(alert), ensure_ascii=False).encode()
        self._send(topics.alert(self._site, alert.id), body)

    def handle_message(self, topic: str, payload: bytes) -> None:
        """Handle a message that the broker retains: remove an alert that ended while its end could not be published."""
        prefix = topics.alert(self._site, "")
        lasting = {alert.id for alert in self._alerts.recent() if alert.ended_at is None}
        if payload and topic.removeprefix(prefix) not in lasting:
            self._send(topic, b"")
