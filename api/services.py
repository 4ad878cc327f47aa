"""The services behind the api, put together by the composition root (`jeonju.stack.services`) and run by the application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jeonju.api.http.state import State
from jeonju.api.simulated import Simulated
from jeonju.api.stream import Stream
from jeonju.api.what_ifs import WhatIfs
from jeonju.broker.connection import Connection
from jeonju.broker.heartbeat import Heartbeat
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.detection.follower import DetectionFollower
from jeonju.detection.service import DetectionService
from jeonju.forecast.service import ForecastService
from jeonju.ingest.last_messages import LastMessage
from jeonju.response.service import ResponseService
from jeonju.storage.port import Store


@dataclass(frozen=True, kw_only=True)
class Services:
    """One site's detection, or what follows that of another process, the response, the stream of events, and what they share."""

    site: Site
    store: Store
    now: Callable[[], datetime]
    stream: Stream
    connection: Connection
    detection: DetectionService | DetectionFollower
    response: ResponseService
    heartbeat: Heartbeat
    forecast: ForecastService
    notices: Callable[[], list[str]] = list
    # Why nothing is stored now, where ingest runs in this process.
    trouble_of_ingest: Callable[[], str | None] = lambda: None
    # The last messages of a device, where ingest runs in this process.
    last_messages: Callable[[str], list[LastMessage]] | None = None
    # The simulated city, where it runs in this process.
    simulated: Simulated | None = None
    # Answers what-ifs, where this api does.
    what_ifs: WhatIfs | None = None
    # Where commands keep official forecasts and their counts of calls.
    data: Path | None = None

    def start(self) -> None:
        """Begin; a broker that is not there yet is tried again and again."""
        self.detection.start()
        self.response.start()
        self.connection.start()
        self.heartbeat.start()
        self.forecast.start()

    def stop(self) -> None:
        """Finish what has arrived, and leave. Last the connection: what is finished before may still have to send robots something."""
        if self.what_ifs is not None:
            self.what_ifs.stop()
        self.forecast.stop()
        self.heartbeat.stop()
        self.detection.stop()
        self.response.stop()
        self.connection.stop()

    @property
    def failure(self) -> UserError | None:
        """Why the broker will never take the api, when it refuses."""
        return self.connection.failure

    def for_http(self) -> State:
        """Return what routes may use."""
        return State(
            site=self.site,
            store=self.store,
            now=self.now,
            stream=self.stream,
            broker=self.connection,
            detection=self.detection,
            response=self.response,
            alerts=self.response.alerts,
            forecast=self.forecast,
            notices=self.notices,
            simulated=self.simulated,
            last_messages=self.last_messages,
            what_ifs=self.what_ifs,
            data=self.data,
            trouble_of_publishers=lambda: self.heartbeat.trouble or self.trouble_of_ingest(),
        )
