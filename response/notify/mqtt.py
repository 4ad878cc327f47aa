"""The channel that is always there: every alert that lasts is a retained message, with its present value and what people did about it.

It needs no log of what was told: what the broker retains is the log, and whatever should not be there is taken away on every connection.
"""

import json
from collections.abc import Callable

from jeonju.contract import topics
from jeonju.contract.records import AlertRecord
from jeonju.response.triage import AlertDesk


class RetainedAlerts:
    """Keeps the retained messages of a site as the alerts are; `publish` takes a topic and a payload that is to be retained."""

    def __init__(self, site: str, desk: AlertDesk, publish: Callable[[str, bytes], object]) -> None:
        self._site, self._desk, self._publish = site, desk, publish
        self.subscription = topics.alert(site, "+")

    def tell(self, alert: AlertRecord) -> None:
        """Publish an alert as it is now; one that has ended is taken away."""
        body = b"" if alert.ended_at else json.dumps(self._desk.told(alert), ensure_ascii=False).encode()
        self._publish(topics.alert(self._site, alert.id), body)

    def take(self, topic: str, payload: bytes) -> None:
        """Take what the broker retains, and remove an alert that ended while nobody could say so."""
        prefix = topics.alert(self._site, "")
        lasting = {alert.id for alert in self._desk.recent() if alert.ended_at is None}
        if payload and topic.removeprefix(prefix) not in lasting:
            self._publish(topic, b"")
