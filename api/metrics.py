"""The api's own figures for Prometheus: `jeonju_api_*`, in base units."""

import time
from collections import Counter as Tally
from collections.abc import Awaitable, Callable, Iterator

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from jeonju.api.live import Live
from jeonju.api.stream import Stream


class ApiMetrics(Collector):
    """Reads the live side when it is asked, so that counting costs nothing."""

    def __init__(self, live: Live, stream: Stream) -> None:
        self._live, self._stream = live, stream

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        feed, state = self._live.feed, self._live.state()
        yield Counter("jeonju_api_readings", "Readings that the alert engine was given", feed.readings)
        yield Counter(
            "jeonju_api_readings_too_late",
            "Readings that came too late to be judged",
            state["readings_too_late_to_judge"],
        )
        yield Counter("jeonju_api_batches_dropped", "Committed batches that the engine could not follow", feed.dropped)
        yield Gauge("jeonju_api_broker_connected", "1 while the broker is connected", float(feed.connected))
        yield Gauge("jeonju_api_subscriptions_refused", "Subscriptions that the broker refuses", float(feed.refused))
        yield Gauge("jeonju_api_store_available", "1 while the store answers", float(feed.store_available))
        yield Gauge("jeonju_api_stream_listeners", "Open server-sent event streams", self._stream.listeners)
        yield Counter(
            "jeonju_api_stream_listeners_dropped", "Streams ended because they could not follow", self._stream.dropped
        )
        if state["lag_s"] is not None:
            yield Gauge("jeonju_api_lag_seconds", "Age of the newest reading", state["lag_s"])
        alerts = Gauge("jeonju_api_alerts_active", "Alerts that last", labels=["kind", "severity"])
        for (kind, severity), count in Tally((one.kind, one.severity) for one in self._live.engine.active).items():
            alerts.add_metric([kind, severity], count)
        yield alerts


def measure_requests(app: FastAPI, registry: CollectorRegistry) -> None:
    """Let the registry know how long requests take, by method and status."""
    seconds = Histogram(
        "jeonju_api_request_duration_seconds", "Time until the answer begins", ["method", "status"], registry=registry
    )

    @app.middleware("http")
    async def measure(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        began = time.perf_counter()
        response = await call_next(request)
        seconds.labels(request.method, str(response.status_code)).observe(time.perf_counter() - began)
        return response
