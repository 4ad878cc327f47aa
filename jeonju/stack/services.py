"""Detection, response and api wired to each other: in one process, or in several that meet at the broker and in the store."""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Self

from fastapi import FastAPI
from prometheus_client.registry import Collector

from jeonju.api.access.tiles import Tiles
from jeonju.api.app import NO_KEYS, create_app
from jeonju.api.services import Services
from jeonju.api.simulated import Simulated
from jeonju.api.stream import Stream
from jeonju.broker.connection import Connection
from jeonju.broker.heartbeat import Heartbeat
from jeonju.broker.identity import passing_id
from jeonju.common.clock import utc_now, wall_offset_s
from jeonju.common.errors import UserError
from jeonju.contract import topics
from jeonju.contract.site import Site
from jeonju.contract.weather_ahead import file_of
from jeonju.detection.detectors.forecast import KIND as FORECAST
from jeonju.detection.follower import DetectionFollower
from jeonju.detection.metrics import DetectionMetrics
from jeonju.detection.service import AlertSink, DetectionService
from jeonju.evaluation.what_if.service import WhatIfs
from jeonju.forecast.service import ForecastService
from jeonju.ingest.last_messages import LastMessage
from jeonju.response.service import Duties, ResponseService
from jeonju.rules.rules import Rules, shipped_rules
from jeonju.storage.port import Store

API: Final = "jeonju-api"
DETECT: Final = "jeonju-detect"
DetectionPlace = Literal["here", "elsewhere"]


def api_services(
    site: Site,
    store: Store,
    broker_url: str,
    *,
    now: Callable[[], datetime] = utc_now,
    clock_offset_s: Callable[[], float] = wall_offset_s,
    rules: Rules | None = None,
    sends_robots: bool = True,
    detection: DetectionPlace = "here",
    responds: bool = True,
    ask: Callable[[bytes], bytes] | None = None,
    data: Path | None = None,
    notices: Callable[[], list[str]] = list,
    on_unheard: Callable[[int], object] = lambda _times: None,
    trouble_of_ingest: Callable[[], str | None] = lambda: None,
    last_messages: Callable[[str], list[LastMessage]] | None = None,
    simulated: Simulated | None = None,
) -> Services:
    """Return the services behind one api; nothing is started yet.

    `detection` is `elsewhere` where `jeonju detect` runs; `responds` says whether this api works incidents, robots and notifications
    from the start on, `ask` brings an order to the one that does where that changes (`jeonju.stack.workers.response_worker`).
    `data` is the folder in which commands keep official forecasts. `clock_offset_s` changes when the clock is set.
    `notices` returns lines for people on what goes wrong at the broker. `on_unheard` is called after each attempt to publish that failed, with
    how many failed one after the other. `trouble_of_ingest` returns why nothing is stored now, and `last_messages` what a device sent last, where
    ingest runs in this process; `simulated` is the simulated city, where it does.
    """
    rules, stream, connection = rules or shipped_rules(), Stream(), Connection(broker_url, passing_id(API))
    is_here = detection == "here"
    duties = Duties(stores=is_here, responds=responds, sends_robots=sends_robots, is_alone=is_here, ask=ask)
    response = ResponseService(site, store, rules, connection, now, stream.send, duties)
    wired = (site, store, rules, connection, now, response, stream.send_readings)
    detects = DetectionService(*wired, clock_offset_s=clock_offset_s) if is_here else DetectionFollower(*wired)
    weather_ahead = None if data is None else file_of(data, site.name)
    # Whoever finds alerts has a forecast every hour; elsewhere it is made when somebody asks.
    forecast = (
        ForecastService(
            site,
            store,
            now,
            every_hour=rules.of(FORECAST).enabled,
            weather_ahead=weather_ahead,
            on_forecast=detects.note_forecast,
        )
        if isinstance(detects, DetectionService)
        else ForecastService(site, store, now, weather_ahead=weather_ahead)
    )
    return Services(
        site=site,
        store=store,
        now=now,
        stream=stream,
        connection=connection,
        detection=detects,
        forecast=forecast,
        response=response,
        heartbeat=Heartbeat(broker_url, topics.heartbeat(site.name), on_trouble=on_unheard),
        notices=notices,
        trouble_of_ingest=trouble_of_ingest,
        last_messages=last_messages,
        simulated=simulated,
        what_ifs=WhatIfs(site, store, rules, now),
        data=data,
    )


def closing_streams(every: Sequence[Services]) -> Callable[[], None]:
    """Return what ends the answers of all services that would last for ever."""

    def close() -> None:
        for services in every:
            services.stream.close()

    return close


def api_app(
    site: Site,
    store: Store,
    broker_url: str,
    *,
    keys: Path = NO_KEYS,
    names: Collection[str] = (),
    public_page: bool = False,
    collectors: Iterable[Collector] = (),
    now: Callable[[], datetime] = utc_now,
    rules: Rules | None = None,
    sends_robots: bool = True,
    detection: DetectionPlace = "here",
    responds: bool = True,
    tiles: Tiles | None = None,
    data: Path | None = None,
) -> FastAPI:
    """Return the web application over its services; options as those of `create_app` and `api_services`."""
    services = api_services(
        site,
        store,
        broker_url,
        now=now,
        rules=rules,
        sends_robots=sends_robots,
        detection=detection,
        responds=responds,
        data=data,
    )
    return create_app(services, keys=keys, names=names, public_page=public_page, collectors=collectors, tiles=tiles)


@dataclass(frozen=True, kw_only=True)
class DetectionProcess:
    """`jeonju detect`: judges, stores and publishes alerts; as a context manager it runs while the context lasts."""

    connection: Connection
    detection: DetectionService
    response: ResponseService
    forecast: ForecastService
    metrics: DetectionMetrics

    def __enter__(self) -> Self:
        self.detection.start()
        self.response.start()
        self.connection.start()
        self.forecast.start()
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as ending:
            for service in (self.connection, self.response, self.detection, self.forecast):
                ending.callback(service.stop)

    def trouble(self) -> str | None:
        """Return in one line why alerts are not judged or stored now."""
        broker = self.connection.state
        if self.connection.failure is not None:
            return str(self.connection.failure)
        if not broker.connected:
            return "the broker is away"
        return broker.refusal or (None if self.detection.snapshot.store_available else "the store is away")

    def failure(self) -> str | None:
        """Return why only a restart helps."""
        return None if self.detection.is_alive and self.response.is_alive else "no alerts are judged any more"


def detection_process(
    site: Site,
    store: Store,
    broker_url: str,
    rules: Rules | None = None,
    now: Callable[[], datetime] = utc_now,
    *,
    fence: Callable[[AlertSink], AlertSink] = lambda sink: sink,
) -> DetectionProcess:
    """Return what `jeonju detect` runs; `fence` is put before the sink of its alerts."""
    rules, connection = rules or shipped_rules(), Connection(broker_url, passing_id(DETECT))
    duties = Duties(stores=True, responds=False, is_alone=False)
    response = ResponseService(site, store, rules, connection, now, duties=duties)
    detection = DetectionService(site, store, rules, connection, now, fence(response))
    forecast = ForecastService(
        site, store, now, every_hour=rules.of(FORECAST).enabled, on_forecast=detection.note_forecast
    )
    metrics = DetectionMetrics("jeonju_detect", lambda: detection.snapshot, lambda: connection.state, now)
    return DetectionProcess(
        connection=connection, detection=detection, response=response, forecast=forecast, metrics=metrics
    )


def check_is_shared(store_url: str, what: str) -> None:
    """Raise UserError for a store that serves one process only, where `what` needs one that serves several."""
    if not store_url.startswith(("influxdb://", "influxdbs://")):
        raise UserError(
            f"{what} shares its store with other processes, and the DuckDB file {store_url} serves one at a time; "
            "give --store influxdb://host:8086/database, or let one process do all: jeonju up"
        )
