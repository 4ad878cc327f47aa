"""One node of a cluster of brokers."""

from pathlib import Path
from typing import Annotated

import typer

from jeonju.broker.rights import Login
from jeonju.cli.options import Data, SecurityFolder, listed


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
) -> None:
    """Run one node of a cluster of brokers, each on a machine of its own (docs/scaling.md).

    What it acknowledges, two nodes of three have on disk. End it by SIGKILL; a node that is started again catches up by itself.
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
        node.run()
