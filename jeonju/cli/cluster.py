"""What runs on several machines: one node of a cluster of brokers, one of several workers."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from jeonju.broker.rights import Login
from jeonju.cli.lean import run_lean
from jeonju.cli.logs import log_warnings
from jeonju.cli.options import (
    BrokerAddress,
    Data,
    KeepMinutes,
    KeepRaw,
    Leases,
    Metrics,
    RulesPath,
    Seconds,
    SecurityFolder,
    StoreOf,
    keep_files_private,
    listed,
    until_over,
)
from jeonju.contract.site import load_site


def broker(
    *,
    number: Annotated[int, typer.Option("--number", min=1, help="Which of the nodes this one is, counted from 1.")],
    nodes: Annotated[
        str,
        typer.Option(
            "--nodes",
            metavar="HOST:PORT,…",
            help="Where the nodes find each other; the same on all of them, three at least.",
        ),
    ],
    data: Data = Path("data"),
    host: Annotated[
        str,
        typer.Option("--host", help="Address that devices and workers connect to; others than loopback need accounts."),
    ] = "127.0.0.1",
    mqtt_port: Annotated[int, typer.Option("--mqtt-port", min=1, max=65535, help="Port of devices.")] = 1883,
    nats_port: Annotated[int, typer.Option("--nats-port", min=1, max=65535, help="Port of workers (--leases).")] = 4222,
    security: SecurityFolder = Path("data/security"),
    login: Annotated[Login, typer.Option("--mqtt-login", help="How devices log in.")] = "password",
    write: Annotated[
        bool,
        typer.Option(
            "--write", help="Only write the configuration and print its path; run nats-server by other means."
        ),
    ] = False,
    stop_after: Seconds = None,
) -> None:
    """Run one node of a cluster of brokers, each on a machine of its own (docs/scaling.md).

    What it acknowledges, two nodes of three have on disk. A node that is started again catches up by itself.
    """
    from jeonju.broker.cluster import Node
    from jeonju.broker.security import Security

    accounts = Security(security)
    node = Node(
        number=number,
        nodes=listed(nodes),
        data=data,
        host=host,
        mqtt_port=mqtt_port,
        nats_port=nats_port,
        security=accounts if accounts.node_password.exists() else None,
        login=login,
    )
    if write:
        typer.echo(node.write())
    else:
        log_warnings()
        node.run(until_over(stop_after))


def worker(
    role: Annotated[Literal["ingest", "detect"], typer.Argument(help="What it does for each site that it holds.")],
    *,
    site: Annotated[
        str,
        typer.Option(
            "--site",
            envvar="JEONJU_SITE",
            metavar="SITE,…",
            help="Built-in sites or site files with commas between them; the same for all workers.",
        ),
    ] = "jeonju",
    broker: BrokerAddress = "mqtt://127.0.0.1:1883",
    store: StoreOf = "influxdb://127.0.0.1:8086/air",
    leases: Annotated[str, Leases] = "nats://127.0.0.1:4222",
    most_sites: Annotated[
        int | None,
        typer.Option("--most-sites", min=1, help="How many sites it may hold at a time; all of them by default."),
    ] = None,
    client_id_file: Annotated[
        Path,
        typer.Option(
            "--client-id-file",
            help="Of ingest: file with the secret that names its sessions at the broker; the same for all workers.",
        ),
    ] = Path("data/client-id"),
    rules: RulesPath = None,
    keep_raw: KeepRaw = "30d",  # type: ignore[assignment]
    keep_minutes: KeepMinutes = "400d",  # type: ignore[assignment]
    metrics: Metrics = None,
    stop_after: Seconds = None,
) -> None:
    """Run one of several workers that divide the sites among them by leases, and take over from one that ends (docs/scaling.md).

    The store must be an InfluxDB, as a DuckDB file serves one process at a time.
    """
    from contextlib import closing

    run_lean()
    from jeonju.broker.leases import LeaseStore
    from jeonju.rules.rules import load_rules
    from jeonju.stack.health_server import health_server
    from jeonju.stack.holding import WorkerMetrics
    from jeonju.stack.services import check_is_shared
    from jeonju.stack.workers import detection_worker, ingest_worker
    from jeonju.storage.open import wait_for_store
    from jeonju.storage.port import Retention

    log_warnings()
    keep_files_private()
    check_is_shared(store, "jeonju worker")
    sites, judged_by, held_in = [load_site(name) for name in listed(site)], load_rules(rules), LeaseStore(leases)
    over = until_over(stop_after)
    retention = Retention(keep_raw, keep_minutes) if role == "ingest" else None
    opened = wait_for_store(store, over, retention)
    if opened is None:
        return
    with closing(opened):
        if role == "ingest":
            one = ingest_worker(sites, opened, broker, held_in, client_id_file, most_sites)
        else:
            one = detection_worker(sites, opened, broker, held_in, judged_by, most_sites)
        with one, health_server(metrics, WorkerMetrics(one, role), alive=one.alive, ready=one.trouble):
            while not over(0.5):
                pass
