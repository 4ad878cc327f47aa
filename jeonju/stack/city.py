"""The whole city in one process: broker, store, ingest, api and simulator, started and stopped in order."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow.compute as pc
from prometheus_client.registry import Collector

from jeonju.airquality.index import Cai
from jeonju.airquality.schemes import SCHEMES
from jeonju.api.app import create_app
from jeonju.api.services import Services
from jeonju.api.simulated import Simulated
from jeonju.broker.address import parse_broker_url
from jeonju.broker.crowd import CrowdMetrics
from jeonju.broker.embedded import EmbeddedBroker, Preparation
from jeonju.broker.identity import FILE_NAME
from jeonju.broker.refusals import RefusedSendersMetrics
from jeonju.broker.rights import Login
from jeonju.broker.security import Security
from jeonju.common.errors import UserError
from jeonju.common.folder_lock import only_user_of
from jeonju.common.scaled_clock import ScaledClock
from jeonju.contract.site import Site, load_sites
from jeonju.evaluation.running_score import RunningScore
from jeonju.ingest.metrics import IngestMetrics
from jeonju.ingest.service import Ingest
from jeonju.ingest.subscriptions import remembered_beside
from jeonju.ingest.wanted import Wanted, wanted_of
from jeonju.rules.rules import Rules, shipped_rules
from jeonju.simulator.scenario import Scenario, playable
from jeonju.simulator.service import Simulation
from jeonju.stack.broker_choice import OURS, choose_broker
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_services, closing_streams
from jeonju.stack.shown_run import services_of_run
from jeonju.stack.store_metrics import StoreMetrics
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import open_store
from jeonju.storage.port import DEFAULT_RETENTION, Retention, Store

HEARD_WITHIN_S: Final = 120.0
# Live means that what was measured this long ago has been stored.
LIVE_WITHIN_S: Final = 15.0


@dataclass(frozen=True, kw_only=True)
class UpSettings:
    """What `jeonju up` was asked for; `store` None means a file in `data`. A scenario is played in its own site alone."""

    sites: tuple[str, ...] = ("jeonju",)
    simulate: bool = True
    scenario: Scenario | None = None
    history_s: float = 86_400.0
    speed: float = 1.0
    broker: str = "embedded"
    store: str | None = None
    retention: Retention = DEFAULT_RETENTION
    archive: str | None = None
    rules: Rules = field(default_factory=shipped_rules)
    data: Path = Path("data")
    http: HttpSettings = field(default_factory=HttpSettings)
    sends_robots: bool = True
    mqtt_port: int = 1883
    mqtt_host: str = "127.0.0.1"
    mqtt_login: Login = "password"
    security: Path = Path("data/security")
    seed: int = 6


@dataclass
class City:
    """A running city, for those who watch it."""

    site: Site
    clock: ScaledClock
    store: Store
    ingest: Ingest
    services: Services
    url: str
    broker_url: str
    simulation: Simulation | None
    # Those that are served beside it.
    others: "tuple[City, ...]" = ()
    _rate: tuple[float, int] = field(default=(0.0, 0))

    @property
    def trouble(self) -> str | None:
        """Why something was not stored, in any of the sites."""
        return next((why for city in (self, *self.others) if (why := city.ingest.stats().trouble) is not None), None)

    @property
    def failure(self) -> BaseException | None:
        """What ended the simulation or ingest of a site, if anything did."""
        parts = [part for city in (self, *self.others) for part in (city.simulation, city.ingest)]
        return next((part.failure for part in parts if part is not None and part.failure is not None), None)

    def is_live(self) -> bool:
        """Whether the history has been simulated and what is measured now is stored soon; without a simulator, whether ingest works."""
        # While history is made up for, the store need not be asked.
        is_live = (self.simulation is None or self.simulation.is_live) and self._is_live(self._newest())
        return is_live and all(other.is_live() for other in self.others)

    def state(self) -> dict[str, Any]:
        """Return what the summary shows."""
        stats = self.ingest.stats()
        now, (before, readings) = time.monotonic(), self._rate
        rate = (stats.readings - readings) / (now - before) if before else 0.0
        self._rate = now, stats.readings
        times = self._newest()
        reference = max(times, default=self.clock.now())
        found = self.services.detection.snapshot
        indexes = found.index.cai
        worst = max(indexes, key=lambda name: indexes[name].value, default=None)
        return {
            "now": self.clock.now().isoformat(timespec="seconds"),
            "live": self._is_live(times),
            "devices_heard": sum((reference - seen).total_seconds() <= HEARD_WITHIN_S for seen in times),
            "readings": stats.readings,
            "readings_per_s": round(rate, 1),
            "index": SCHEMES[self.site.index].label_en,
            "worst_cai": None if worst is None else worst_json(worst, indexes[worst]),
            "alerts": len(found.active),
            "rejected": stats.rejected,
            "store_available": stats.store_available,
            "broker_connected": stats.connected,
            "url": self.url,
            "broker": self.broker_url,
            **({"sites": [self.site.name, *(other.site.name for other in self.others)]} if self.others else {}),
        }

    def _is_live(self, times: list[datetime]) -> bool:
        if self.simulation is None:
            return self.ingest.stats().trouble_now is None
        return self.simulation.is_live and self._is_stored(times)

    def _newest(self) -> list[datetime]:
        return self.store.latest(self.site.name)["time"].to_pylist()

    def _is_stored(self, times: list[datetime]) -> bool:
        lag_s = (
            (self.clock.now() - min(times)).total_seconds() if len(times) >= len(self.site.devices) else float("inf")
        )
        return lag_s <= LIVE_WITHIN_S * self.clock.speed


def worst_json(device: str, index: Cai) -> dict[str, Any]:
    """Return where the air is worst, with the class of its index."""
    grade = index.grade
    named = {"grade": grade.key, "label": grade.label_en, "colour": grade.colour}
    return {"device": device, "cai": round(index.value), **named}


@contextmanager
def running_city(settings: UpSettings) -> Iterator[City]:
    """Start everything in order, and stop it in reverse, whatever happens in between.

    Raises UserError for a port in use, a broker that refuses, a store that cannot be opened.
    """
    settings.http.check()
    if settings.scenario and not settings.simulate:
        raise UserError("a scenario is played by simulated devices; give --scenario or --no-simulate")
    sites = load_sites((settings.scenario.site,) if settings.scenario else settings.sites)
    clock = (
        ScaledClock(settings.scenario.start, settings.speed, own=True)
        if settings.scenario
        else ScaledClock(speed=settings.speed)
    )
    # The devices leave first, also where what is started after them cannot be.
    with ExitStack() as stack, ExitStack() as devices:
        stack.enter_context(only_user_of(settings.data, "--data"))
        store_url = settings.store or str(settings.data / "air.duckdb")
        # A server counts ages by its own clock: by that the readings of a scenario, which has its own time, can be too old to be taken.
        retention = None if settings.scenario else settings.retention
        store = stack.enter_context(closing(open_store(store_url, retention, settings.archive)))
        wanted = wanted_of(sites, settings.data / FILE_NAME)
        broker = _start_broker(settings, wanted, stack)
        parts = [_begin(each, settings, store, clock, broker, stack, devices) for each in wanted]
        first, *others = parts
        app = create_app(
            first.services,
            keys=settings.http.keys,
            names=settings.http.names,
            public_page=settings.http.public_page,
            collectors=[*_of_broker(broker), *_of_store(store), *first.collectors],
            tiles=settings.http.tiles,
            opens_run=services_of_run,
            beside=[(other.services, other.collectors) for other in others],
        )
        closes = closing_streams([part.services for part in parts])
        server = stack.enter_context(LiveServer(app, settings.http, before_shutdown=closes))
        for part in parts:
            if part.simulation:
                part.simulation.start(after=part.services.detection.followed)
        cities = [
            City(part.site, clock, store, part.ingest, part.services, server.url, broker.url, part.simulation)
            for part in parts
        ]
        cities[0].others = tuple(cities[1:])
        yield cities[0]


class _Parts(NamedTuple):
    """What serves one site."""

    site: Site
    ingest: Ingest
    simulation: Simulation | None
    services: Services
    collectors: list[Collector]


def _begin(
    wanted: Wanted,
    settings: UpSettings,
    store: Store,
    clock: ScaledClock,
    broker: "_BrokerInUse",
    stack: ExitStack,
    devices: ExitStack,
) -> _Parts:
    """Start ingest of a site, and make its simulation and services."""
    site, url_for = wanted.site, broker.url_for
    ingest = stack.enter_context(
        Ingest(
            site,
            store,
            url_for("ingest"),
            now=clock.now,
            client_id=wanted.client_id,
            remembers=wanted.remembers,
            only_site=wanted.only_site,
            # One of those that share the store keeps it in order.
            maintains=wanted.remembers == remembered_beside(settings.data / FILE_NAME),
        )
    )
    simulation: Simulation | None = None
    collectors: list[Collector] = [IngestMetrics(ingest.stats, clock.now)]
    if settings.simulate:
        begin_s = _begin_s(settings, site, store, clock.start_at)
        simulation = Simulation(
            site, clock, url_for("simulator"), begin_s=begin_s, scenario=settings.scenario, seed=settings.seed
        )
        devices.callback(simulation.close)
        collectors.append(simulation.metrics())
    services = api_services(
        site,
        store,
        url_for("api"),
        now=clock.now,
        clock_offset_s=clock.offset_s,
        rules=settings.rules,
        sends_robots=settings.sends_robots,
        data=settings.data,
        notices=lambda: [*(broker.own.notices() if broker.own else ()), *ingest.notices(), *store.notices()],
        trouble_of_ingest=lambda: ingest.stats().trouble_now,
        last_messages=ingest.last_messages,
        simulated=_simulated(site, store, clock, simulation, settings.scenario) if simulation else None,
        on_unheard=broker.own.revive if broker.own else lambda _times: None,
    )
    return _Parts(site, ingest, simulation, services, collectors)


def _of_broker(broker: "_BrokerInUse") -> list[Collector]:
    """Return what is measured of a broker of ours."""
    if (own := broker.own) is None:
        return []
    crowd: list[Collector] = [CrowdMetrics(lambda: own.connections)]
    refused = own.refused_senders
    return crowd if not refused else [RefusedSendersMetrics(lambda: refused.number), *crowd]


def _of_store(store: Store) -> list[Collector]:
    return [StoreMetrics(store)] if isinstance(store, DuckDBStore) else []


def _simulated(
    site: Site, store: Store, clock: ScaledClock, simulation: Simulation, scenario: Scenario | None
) -> Simulated:
    return Simulated(
        kind="live",
        truth=RunningScore(site, store, simulation.happenings, datetime.fromtimestamp(simulation.begun_s, UTC)),
        title_ko=scenario.title_ko if scenario else "",
        title_en=scenario.title_en if scenario else "",
        scenarios=cache(lambda: [example.in_short(name) for name, example in playable(site).items()]),
        speed=lambda: clock.speed,
        set_speed=clock.set_speed,
    )


class _BrokerInUse(NamedTuple):
    """Where the broker is, to be shown, the address at which each of our services logs in, and the process where it is ours."""

    url: str
    url_for: Callable[[str], str]
    own: EmbeddedBroker | None = None


def _start_broker(settings: UpSettings, wanted: Sequence[Wanted], stack: ExitStack) -> _BrokerInUse:
    # One with gateways of others decides.
    sites = sorted((each.site for each in wanted), key=lambda site: all(of.format in OURS for of in site.gateways))
    kind = choose_broker(settings.broker, sites[0], settings.data)
    if kind is not None:
        broker = EmbeddedBroker(
            settings.data,
            kind=kind,
            port=settings.mqtt_port,
            host=settings.mqtt_host,
            security=Security(settings.security),
            login=settings.mqtt_login,
            # A broker acknowledges also what no session waits for: that of ingest is there before devices are let in.
            preparation=_preparation(wanted),
        )
        stack.enter_context(broker)
        return _BrokerInUse(broker.url, broker.url_for, broker)
    address = parse_broker_url(settings.broker)
    shown = address._replace(username=None, ca=None, certificate=None, key=None).text()
    return _BrokerInUse(shown, lambda _service: settings.broker)


def _preparation(wanted: Sequence[Wanted]) -> Preparation:
    sessions = [session for each in wanted for session in each.sessions()]

    def make(broker_url: str) -> None:
        for each in wanted:
            each.make(broker_url)

    return Preparation("ingest", repr(sessions), make)


def _begin_s(settings: UpSettings, site: Site, store: Store, start_at: datetime) -> float:
    """History begins where the data of the last run ends, but not more than `history_s` ago."""
    begin_s = start_at.timestamp() - settings.history_s
    newest = pc.max(store.latest(site.name)["time"]).as_py()
    if newest is not None:
        if newest > start_at and settings.scenario:
            raise UserError(
                f"{settings.data} already holds this scenario up to {newest:%Y-%m-%d %H:%M}Z; choose another --data, or remove it"
            )
        begin_s = max(begin_s, min(newest.timestamp() + 1, start_at.timestamp()))
    # Whole tens of seconds, so that the readings of history and of a live city fall on the same instants.
    return float(begin_s // 10 * 10 + (10 if newest is not None else 0))
