"""What the api counts, for Prometheus: `jeonju_api_*`, in base units."""

import time
from collections.abc import Awaitable, Callable, Iterator

from fastapi import FastAPI, Request, Response
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from jeonju.api.http.state import State
from jeonju.detection.metrics import DetectionMetrics

PREFIX = "jeonju_api"


class ApiMetrics(Collector):
    """Reads snapshots when it is asked, so that counting costs nothing."""

    def __init__(self, air: State) -> None:
        self._stream = air.stream
        self._detection = DetectionMetrics(PREFIX, lambda: air.detection.snapshot, lambda: air.broker.state, air.now)

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        yield from self._detection.collect()
        yield Gauge(f"{PREFIX}_stream_listeners", "Open server-sent event streams", self._stream.listeners)
        yield Counter(
            f"{PREFIX}_stream_listeners_dropped", "Streams ended because they could not follow", self._stream.dropped
        )


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
