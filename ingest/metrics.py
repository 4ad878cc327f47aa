"""Ingest's own figures for Prometheus: `jeonju_ingest_*`, in base units."""

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from jeonju.ingest.stats import Stats


class IngestMetrics(Collector):
    """Reads the counts when it is asked, so that counting costs nothing."""

    def __init__(self, stats: Callable[[], Stats], now: Callable[[], datetime]) -> None:
        self._stats, self._now = stats, now

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        stats = self._stats()
        yield Counter("jeonju_ingest_messages", "Messages received", stats.messages)
        yield Counter("jeonju_ingest_readings", "Readings committed to the store", stats.readings)
        yield Counter("jeonju_ingest_messages_rejected", "Messages kept as dead letters", stats.rejected)
        yield Counter(
            "jeonju_ingest_messages_turned_away",
            "Messages rejected for want of room for new devices",
            stats.turned_away,
        )
        yield Counter(
            "jeonju_ingest_messages_over_budget",
            "Messages rejected because they took too long or held too much",
            stats.over_budget,
        )
        nothing = Counter(
            "jeonju_ingest_messages_without_content",
            "Messages that say nothing that is stored, by what they are",
            labels=("format", "kind"),
        )
        for place, count in stats.nothing.items():
            nothing.add_metric(place, count)
        yield nothing
        yield Counter(
            "jeonju_ingest_messages_left_out",
            "Messages that the broker delivered once more because filters overlap",
            stats.left_out,
        )
        yield Counter(
            "jeonju_ingest_sessions_forgotten",
            "Sessions that the broker had and has no more: what it acknowledged meanwhile is lost",
            stats.sessions_forgotten,
        )
        yield Gauge("jeonju_ingest_devices", "Devices that are known", float(stats.devices))
        yield Counter("jeonju_ingest_commits", "Commits to the store", stats.commits)
        yield Counter(
            "jeonju_ingest_upkeep_failures", "Rounds of the store's maintenance that failed", stats.maintenance_failures
        )
        yield Gauge("jeonju_ingest_messages_waiting", "Messages received and not yet committed", stats.waiting)
        yield Gauge("jeonju_ingest_broker_connected", "1 while the broker is connected", float(stats.connected))
        yield Gauge(
            "jeonju_ingest_subscriptions_refused", "Subscriptions that the broker refuses", float(stats.refused)
        )
        yield Gauge("jeonju_ingest_store_available", "1 while the store takes commits", float(stats.store_available))
        if stats.last_commit_at is not None:
            age_s = (self._now() - stats.last_commit_at).total_seconds()
            yield Gauge("jeonju_ingest_last_commit_age_seconds", "Time since the last commit", age_s)
