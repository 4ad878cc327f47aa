"""Three nodes of a cluster of nats-servers on loopback, each of which can be killed and started again."""

import asyncio
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import nats
import nats.errors
import nats.js.errors
from nats.js import JetStreamContext

from chaos.waiting import wait_until
from jeonju.broker.address import parse_broker_url
from jeonju.broker.client import Client
from jeonju.broker.cluster import Node
from jeonju.broker.embedded import free_port
from jeonju.broker.identity import passing_id
from jeonju.broker.security import Security

NODES: Final = 3
# What PUBACK waits for.
MQTT_STREAM: Final = "$MQTT_msgs"
UP_WITHIN_S: Final = 60.0
ANSWER_WITHIN_S: Final = 2.0
Result = TypeVar("Result")


class Nodes:
    """As a context manager they take clients when entered. They are numbered from 0 here."""

    def __init__(self, folder: Path, security: Security | None = None) -> None:
        self._security = security
        routes = tuple(f"127.0.0.1:{free_port()}" for _ in range(NODES))
        self.nodes = [
            Node(
                number=number + 1,
                nodes=routes,
                data=folder,
                mqtt_port=free_port(),
                nats_port=free_port(),
                security=security,
            )
            for number in range(NODES)
        ]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    def urls_for(self, service: str) -> tuple[str, str]:
        """Return where a service finds them, by MQTT and by NATS itself, with its login where there are accounts."""
        if self._security is None:
            return self.mqtt_url, self.nats_url
        one = self._security.url(service, "127.0.0.1", self.nodes[0].mqtt_port, "password")
        address = parse_broker_url(one, {})
        others = tuple(("127.0.0.1", node.mqtt_port) for node in self.nodes[1:])
        mqtt = address._replace(others=others).text()
        first, *more = (("127.0.0.1", node.nats_port) for node in self.nodes)
        inner = address._replace(host=first[0], port=first[1], others=tuple(more)).text()
        return mqtt, inner.replace("mqtts://", "tls://", 1)

    @property
    def mqtt_url(self) -> str:
        """Where services find any of them."""
        return "mqtt://" + ",".join(f"127.0.0.1:{node.mqtt_port}" for node in self.nodes)

    @property
    def nats_url(self) -> str:
        """Where workers find any of them."""
        return "nats://" + ",".join(f"127.0.0.1:{node.nats_port}" for node in self.nodes)

    def start(self, number: int) -> None:
        """Start one that does not run."""
        node = self.nodes[number]
        command = node.command()
        with (node.folder / "broker.log").open("ab") as log:
            self._processes[number] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, number: int) -> None:
        """Kill one as a power cut would; it is gone when this returns."""
        self._processes[number].kill()
        self._processes[number].wait()

    def wait_until_current(self) -> None:
        """Wait until every node has caught up, so that the next one may be killed."""

        async def are_current(jetstream: JetStreamContext) -> bool:
            cluster = (await jetstream.stream_info(MQTT_STREAM)).cluster
            peers = cluster.replicas or [] if cluster is not None else []
            return len(peers) == NODES - 1 and all(peer.current and not peer.offline for peer in peers)

        wait_until(lambda: self.ask(are_current), within_s=UP_WITHIN_S, what="all nodes")

    @property
    def pids(self) -> list[int]:
        """Their processes."""
        return [process.pid for process in self._processes.values()]

    def memory_mb(self) -> float:
        """Return the most memory that one of them has taken since it was started [MB]."""
        peak_kb = 0
        for process in self._processes.values():
            with suppress(OSError):
                lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
                peak_kb = max([peak_kb, *(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))])
        return peak_kb / 1024

    def ask(self, do: Callable[[JetStreamContext], Awaitable[Result]]) -> Result:
        """Return what `do` returns, given a client of the cluster; while the nodes choose a leader they answer nothing, so it is asked again."""
        return asyncio.run(self._ask(do))

    async def _ask(self, do: Callable[[JetStreamContext], Awaitable[Result]]) -> Result:
        deadline = time.monotonic() + UP_WITHIN_S
        servers = self.nats_url.removeprefix("nats://").split(",")
        connection = await nats.connect(servers=[f"nats://{server}" for server in servers])
        try:
            while True:
                try:
                    return await do(connection.jetstream(timeout=ANSWER_WITHIN_S))
                except (nats.errors.Error, nats.js.errors.Error):
                    if time.monotonic() > deadline:
                        raise
        finally:
            await connection.close()

    def __enter__(self) -> Self:
        try:
            for number in range(NODES):
                self.start(number)
            # MQTT's streams are made for the first client, once the nodes have agreed on a leader.
            client = Client(self.urls_for("ingest")[0], passing_id("first"))
            client.reconnect_delay_set(min_delay=1, max_delay=1)
            client.begin(patiently=True)
            try:
                wait_until(client.is_connected, within_s=UP_WITHIN_S, what="the cluster")
            finally:
                client.end()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        for number in self._processes:
            self.kill(number)
