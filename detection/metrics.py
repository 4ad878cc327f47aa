"""What detection counts, for Prometheus."""

from collections import Counter as Tally
from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from jeonju.broker.connection import ConnectionState
from jeonju.detection.snapshot import DetectionSnapshot


class DetectionMetrics(Collector):
    """Reads snapshots when it is asked, so that counting costs nothing; names begin with `prefix`, that of the process."""

    def __init__(
        self,
        prefix: str,
        snapshot: Callable[[], DetectionSnapshot],
        broker: Callable[[], ConnectionState],
        now: Callable[[], datetime],
    ) -> None:
        self._prefix, self._snapshot, self._broker, self._now = prefix, snapshot, broker, now

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        prefix, found, broker = self._prefix, self._snapshot(), self._broker()
        yield Counter(f"{prefix}_readings", "Readings that the alert engine was given", found.feed.readings)
        yield Counter(f"{prefix}_readings_too_late", "Readings that came too late to be judged", found.late)
        yield Counter(f"{prefix}_batches_dropped", "Committed batches that the engine could not follow", found.dropped)
        yield Gauge(f"{prefix}_broker_connected", "1 while the broker is connected", float(broker.connected))
        yield Gauge(f"{prefix}_subscriptions_refused", "Subscriptions that the broker refuses", float(broker.refused))
        yield Gauge(f"{prefix}_store_available", "1 while the store answers", float(found.store_available))
        if (lag_s := found.feed.lag_s(self._now())) is not None:
            yield Gauge(f"{prefix}_lag_seconds", "Age of the newest reading", lag_s)
        alerts = Gauge(f"{prefix}_alerts_active", "Alerts that last", labels=["kind", "severity"])
        for (kind, severity), count in Tally((alert.kind, alert.severity) for alert in found.active).items():
            alerts.add_metric([kind, severity], count)
        yield alerts
