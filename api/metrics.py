"""What the api counts, for Prometheus: `jeonju_api_*`, in base units."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily as Counter
from prometheus_client.core import GaugeMetricFamily as Gauge
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jeonju.api.http.state import State
from jeonju.detection.metrics import DetectionMetrics
from jeonju.ingest.daily_calls import CallsToday, calls_today

PREFIX = "jeonju_api"
# A client may send any word as method; each would be a series of its own.
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class ApiMetrics(Collector):
    """Reads snapshots when it is asked, so that counting costs nothing."""

    def __init__(self, air: State) -> None:
        self._stream, self._response = air.stream, air.response
        self._calls: Callable[[], list[CallsToday]] = lambda: calls_today(air.data, air.now()) if air.data else []
        self._detection = DetectionMetrics(PREFIX, lambda: air.detection.snapshot, lambda: air.broker.state, air.now)

    def collect(self) -> Iterator[Metric]:
        """Return everything as it is now."""
        yield from self._detection.collect()
        yield Gauge(
            f"{PREFIX}_responds", "1 where this api works incidents, robots and channels", self._response.responds
        )
        yield Gauge(f"{PREFIX}_stream_listeners", "Open server-sent event streams", self._stream.listeners)
        yield Counter(
            f"{PREFIX}_stream_listeners_dropped", "Streams ended because they could not follow", self._stream.dropped
        )
        yield from self._portal()

    def _portal(self) -> Iterator[Metric]:
        used = Gauge(f"{PREFIX}_official_calls", "Calls of the data portal on this Korean day", labels=["service"])
        allowed = Gauge(f"{PREFIX}_official_calls_allowed", "Calls that are allowed in a day", labels=["service"])
        anew = Gauge(
            f"{PREFIX}_official_calls_reset_timestamp_seconds", "When the count begins anew", labels=["service"]
        )
        for calls in self._calls():
            used.add_metric([calls.service], calls.used)
            allowed.add_metric([calls.service], calls.allowed)
            anew.add_metric([calls.service], calls.begins_anew_at.timestamp())
        yield from (used, allowed, anew)


class RequestTimes:
    """Lets a registry know how long requests take, by method and status."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._seconds = Histogram(
            "jeonju_api_request_duration_seconds",
            "Time until the answer begins",
            ["method", "status"],
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()

        async def timing(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in METHODS else "other"
                self._seconds.labels(method, str(message["status"])).observe(time.perf_counter() - began_s)
            await send(message)

        await self._app(scope, receive, timing)
