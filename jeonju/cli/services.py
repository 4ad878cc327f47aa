"""The services one by one, for several processes or machines."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from jeonju.cli.lean import run_lean
from jeonju.cli.logs import log_warnings
from jeonju.cli.options import (
    ArchivePlace,
    BrokerAddress,
    Host,
    HostNames,
    KeepMinutes,
    KeepRaw,
    Keys,
    Leases,
    MapAttribution,
    MapTiles,
    Metrics,
    Port,
    PublicPage,
    Robots,
    RulesPath,
    Seconds,
    SiteName,
    SiteNames,
    StoreOf,
    TlsCertificate,
    TlsKey,
    TrustedProxies,
    duration_s,
    keep_files_private,
    listed,
    until_over,
)
from jeonju.common.errors import UserError
from jeonju.contract.site import load_site, load_sites

if TYPE_CHECKING:
    from jeonju.api.services import Services
    from jeonju.contract.site import Site
    from jeonju.stack.responding import Cluster

app = typer.Typer()


@app.command()
def simulate(
    *,
    scenario: Annotated[str | None, typer.Option("--scenario", help="Play a scenario from its start.")] = None,
    site: SiteNames = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    history: Annotated[
        float,
        typer.Option(
            "--history", parser=duration_s, metavar="DURATION", help="How much of the past to simulate first."
        ),
    ] = "0s",  # type: ignore[assignment]
    speed: Annotated[float, typer.Option("--speed", min=0.1, max=3600)] = 1.0,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 1,
    metrics: Metrics = None,
    stop_after: Seconds = None,
) -> None:
    """Run only the simulated devices, against a broker that is there. A scenario is played in its own site alone."""
    from contextlib import ExitStack

    from jeonju.broker.client import wait_for_broker
    from jeonju.common.scaled_clock import ScaledClock
    from jeonju.simulator.scenario import load_scenario
    from jeonju.simulator.service import Simulation
    from jeonju.stack.by_site import MetricsBySite, any_of
    from jeonju.stack.health_server import health_server

    log_warnings()
    loaded = load_scenario(scenario) if scenario else None
    sites = load_sites((loaded.site,) if loaded else listed(site))
    clock = ScaledClock(loaded.start, speed, own=True) if loaded else ScaledClock(speed=speed)
    begin_s = (clock.start_at.timestamp() - history) // 10 * 10
    over = until_over(stop_after)
    if not wait_for_broker(broker, over):
        return
    with ExitStack() as entered:
        simulations = dict[str, Simulation]()
        for each in sites:
            made = Simulation(each, clock, broker, begin_s=begin_s, scenario=loaded, seed=seed)
            entered.callback(made.close)
            simulations[each.name] = made

        def alive(one: Simulation) -> str | None:
            return None if one.failure is None else f"the simulator failed: {one.failure}"

        def ready(one: Simulation) -> str | None:
            return alive(one) or one.refusal or (None if one.is_live else "still simulating the past")

        entered.enter_context(
            health_server(
                metrics,
                MetricsBySite({name: one.metrics() for name, one in simulations.items()}),
                alive=any_of(alive, simulations),
                ready=any_of(ready, simulations),
            )
        )
        for one in simulations.values():
            one.start()
        while not over(0.5):
            for one in simulations.values():
                if one.failure:
                    raise one.failure


@app.command()
def ingest(
    *,
    site: SiteNames = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    store: StoreOf = "data/air.duckdb",
    member: Annotated[
        str | None,
        typer.Option(
            "--member",
            help="Name of this one of several ingest processes that split the load (MQTT 5 shared subscriptions: Mosquitto).",
        ),
    ] = None,
    client_id_file: Annotated[
        Path,
        typer.Option(
            "--client-id-file",
            help="File with the secret part of the client id at the broker; made where there is none.",
        ),
    ] = Path("data/client-id"),
    subscriptions_file: Annotated[
        Path | None,
        typer.Option(
            "--subscriptions-file",
            help="File that remembers what is subscribed; beside the client id's by default, which may be in a folder that cannot be written.",
        ),
    ] = None,
    keep_raw: KeepRaw = "30d",  # type: ignore[assignment]
    keep_minutes: KeepMinutes = "400d",  # type: ignore[assignment]
    archive: ArchivePlace = None,
    metrics: Metrics = None,
    stop_after: Seconds = None,
) -> None:
    """Run only the ingest service: from the broker into the store. A DuckDB store serves one process at a time."""
    from contextlib import ExitStack, closing

    run_lean()
    from jeonju.broker.client import wait_for_broker
    from jeonju.broker.probe import warn_of_a_broker_without_rules
    from jeonju.common.clock import utc_now
    from jeonju.ingest.metrics import IngestMetrics
    from jeonju.ingest.service import Ingest
    from jeonju.ingest.wanted import wanted_of
    from jeonju.stack.by_site import MetricsBySite, any_of
    from jeonju.stack.health_server import health_server
    from jeonju.storage.open import wait_for_store
    from jeonju.storage.port import Retention

    log_warnings()
    keep_files_private()
    sites, over = load_sites(listed(site)), until_over(stop_after)
    if member and len(sites) > 1:
        raise UserError("--member goes with one --site: processes that share the work of ingest serve one")
    every = wanted_of(sites, client_id_file, member=member, remembers=subscriptions_file)
    # Before the broker: a mistake in its address is reported at once.
    opened = wait_for_store(store, over, Retention(keep_raw, keep_minutes), archive)
    if opened is None:
        return
    with closing(opened):
        if not wait_for_broker(broker, over):
            return
        warn_of_a_broker_without_rules(broker)
        with ExitStack() as entered:
            services = dict[str, Ingest]()
            for wanted in every:
                # One of those that share the store keeps it in order.
                made = Ingest(
                    wanted.site,
                    opened,
                    broker,
                    member=member,
                    client_id=wanted.client_id,
                    remembers=wanted.remembers,
                    only_site=wanted.only_site,
                    maintains=wanted is every[0],
                )
                services[wanted.site.name] = entered.enter_context(made)

            def alive(one: Ingest) -> str | None:
                return None if one.failure is None else f"ingest failed: {one.failure}"

            entered.enter_context(
                health_server(
                    metrics,
                    MetricsBySite({name: IngestMetrics(one.stats, utc_now) for name, one in services.items()}),
                    alive=any_of(alive, services),
                    ready=any_of(lambda one: one.stats().trouble_now, services),
                    notices=lambda: [
                        *(notice for one in services.values() for notice in one.notices()),
                        *opened.notices(),
                    ],
                )
            )
            while not over(0.5):
                for one in services.values():
                    if one.failure:
                        raise one.failure


@app.command()
def detect(
    *,
    site: SiteName = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    store: StoreOf = "influxdb://127.0.0.1:8086/air",
    rules: RulesPath = None,
    metrics: Metrics = None,
    stop_after: Seconds = None,
) -> None:
    """Run only detection: judge what ingest stores, store and publish alerts. Each api then runs with --detection elsewhere.

    The store must be an InfluxDB, as a DuckDB file serves one process at a time.
    """
    from contextlib import closing

    run_lean()
    from jeonju.broker.client import wait_for_broker
    from jeonju.rules.rules import load_rules
    from jeonju.stack.health_server import health_server
    from jeonju.stack.services import check_is_shared, detection_process
    from jeonju.storage.open import wait_for_store

    log_warnings()
    keep_files_private()
    check_is_shared(store, "jeonju detect")
    loaded, judged_by, over = load_site(site), load_rules(rules), until_over(stop_after)
    opened = wait_for_store(store, over)
    if opened is None:
        return
    with closing(opened):
        if not wait_for_broker(broker, over):
            return
        process = detection_process(loaded, opened, broker, judged_by)
        with process, health_server(metrics, process.metrics, alive=process.failure, ready=process.trouble):
            while not over(0.5):
                if process.connection.failure:
                    raise process.connection.failure


@app.command()
def api(
    *,
    site: SiteNames = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    store: StoreOf = "data/air.duckdb",
    archive: ArchivePlace = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    keys: Keys = Path("data/keys.json"),
    tls_cert: TlsCertificate = None,
    tls_key: TlsKey = None,
    host_names: HostNames = "",
    trusted_proxy: TrustedProxies = "",
    public_page: PublicPage = False,
    map_tiles: MapTiles = "",
    map_attribution: MapAttribution = "",
    rules: RulesPath = None,
    robots: Robots = "auto",
    detection: Annotated[
        Literal["here", "elsewhere"],
        typer.Option(
            "--detection",
            help="here judges readings in this process; elsewhere follows the alerts of `jeonju detect`, and needs an InfluxDB.",
        ),
    ] = "here",
    responds: Annotated[
        bool,
        typer.Option(
            "--respond/--no-respond",
            help="Open incidents, send robots and notify. Of several APIs of one site (--detection elsewhere) exactly one does: with --leases "
            "the one that has the site, taken over by another when it ends; without, only one may.",
        ),
    ] = True,
    leases: Annotated[str | None, Leases] = None,
    data: Annotated[
        Path,
        typer.Option(
            "--data", envvar="JEONJU_DATA", help="Folder in which official forecasts and counts of calls lie."
        ),
    ] = Path("data"),
    stop_after: Seconds = None,
) -> None:
    """Run only the API with alerts and page. A DuckDB store serves one process at a time."""
    from contextlib import ExitStack, closing

    run_lean()
    from jeonju.api.access.tiles import Tiles
    from jeonju.api.app import create_app
    from jeonju.rules.rules import load_rules
    from jeonju.stack.http_server import HttpSettings, LiveServer
    from jeonju.stack.services import api_services, check_is_shared, closing_streams
    from jeonju.storage.open import wait_for_store

    log_warnings()
    keep_files_private()
    settings = HttpSettings(
        host=host,
        port=port,
        keys=keys,
        certificate=tls_cert,
        private_key=tls_key,
        names=listed(host_names),
        trusted_proxies=listed(trusted_proxy),
        public_page=public_page,
        tiles=Tiles.of(map_tiles, map_attribution),
    )
    settings.check()
    if detection == "elsewhere":
        check_is_shared(store, "jeonju api --detection elsewhere")
    elif not responds:
        raise UserError("--no-respond goes with --detection elsewhere: whoever judges also responds")
    sites, judged_by, over = load_sites(listed(site)), load_rules(rules), until_over(stop_after)
    opened = wait_for_store(store, over, archive=archive)
    if opened is None:
        return
    clusters = _clusters(sites, leases, responds=responds, judges_here=detection == "here")
    with closing(opened), ExitStack() as entered:
        for cluster in clusters.values():
            entered.enter_context(cluster)
        make = partial(
            api_services,
            store=opened,
            broker_url=broker,
            rules=judged_by,
            sends_robots=robots == "auto",
            detection=detection,
            data=data,
        )
        every = [_services_of(each, clusters.get(each.name), make, responds=responds) for each in sites]
        app = create_app(
            every[0],
            keys=keys,
            names=settings.names,
            public_page=public_page,
            tiles=settings.tiles,
            beside=[(services, ()) for services in every[1:]],
        )
        with LiveServer(app, settings, before_shutdown=closing_streams(every)) as server, ExitStack() as responding:
            for services in every:
                if services.site.name in clusters:
                    responding.enter_context(clusters[services.site.name].responding(services.response))
            typer.echo(server.url)
            while not over(0.5):
                for services in every:
                    if services.failure:
                        raise services.failure


def _clusters(
    sites: "Sequence[Site]", leases: str | None, *, responds: bool, judges_here: bool
) -> "dict[str, Cluster]":
    """Return what this api is at a cluster, for each site; nothing without leases."""
    if leases is None:
        return {}
    # Of the extra `scale`, which one machine does not need.
    from jeonju.stack.responding import Cluster

    return {site.name: Cluster(site.name, leases, responds=responds, judges_here=judges_here) for site in sites}


def _services_of(
    site: "Site", cluster: "Cluster | None", make: Callable[..., "Services"], *, responds: bool
) -> "Services":
    """Return the services of one site: where other apis of it may respond, this one waits for the lease and passes orders on."""
    if cluster is None:
        return make(site, responds=responds)
    if not cluster.is_shared:
        return make(site, responds=responds, notices=cluster.notices)
    return make(site, responds=False, ask=cluster.ask, notices=cluster.notices)
