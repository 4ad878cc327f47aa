"""One node of a cluster of nats-servers: what it acknowledges, most of the nodes have on disk.

MQTT's own streams are kept by three nodes, so that one of them may be killed at any time. A device may connect to any node.
"""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jeonju.broker import configuration
from jeonju.broker.address import LOOPBACK
from jeonju.broker.crowd import MOST_CONNECTIONS
from jeonju.broker.embedded import LOOK_EVERY_S, QUEUE_ON_DISK_BYTES, die_with_parent, find_program, kept_bytes
from jeonju.broker.rights import Login
from jeonju.broker.security import Security
from jeonju.common.errors import UserError
from jeonju.common.secret_file import read_secret

NAME: Final = "jeonju"
# Fewer cannot agree on anything while one is away; more copies than three cost without saving anything in practice.
REPLICAS: Final = 3
MOST_NODES: Final = 9
# What was under way when a node or a worker died is sent again after this time: soon enough to be judged
# (`ALLOWED_LATENESS_S` in detection/windows.py).
ACK_WAIT: Final = "5s"
# The answer of a leader that has died never comes: the sender is sent away, to send again to the next one.
STORE_WITHIN: Final = "5s"
# The nodes know each other by this name and a password that only they have.
NODE: Final = "node"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One of several nodes: `number` (from 1) says which of `nodes`, the addresses host:port at which they find each other.

    `host` is where devices (`mqtt_port`) and our workers (`nats_port`) connect. Raises UserError for settings that cannot work.
    """

    number: int
    nodes: tuple[str, ...]
    data: Path
    host: str = "127.0.0.1"
    mqtt_port: int = 1883
    nats_port: int = 4222
    security: Security | None = None
    login: Login = "password"

    def __post_init__(self) -> None:
        if not REPLICAS <= len(set(self.nodes)) == len(self.nodes) <= MOST_NODES:
            raise UserError(
                f"--nodes names {len(self.nodes)} nodes; give {REPLICAS} to {MOST_NODES} different ones, as host:port with commas between them"
            )
        for node in self.nodes:
            host, _, port = node.rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) <= 65535:
                raise UserError(f"--nodes: {node!r} is no address; write it as host:port, such as nats-1:6222")
        if not 1 <= self.number <= len(self.nodes):
            raise UserError(f"--number {self.number} is none of the {len(self.nodes)} nodes; they are counted from 1")
        is_local = self.host in LOOPBACK and all(node.rpartition(":")[0] in LOOPBACK for node in self.nodes)
        if self.security is None and not is_local:
            raise UserError(
                "nodes that others can reach need accounts, or anybody could write to them: make them with `jeonju device setup`, "
                "copy its folder `broker` to every node, and name it with --security"
            )

    @property
    def folder(self) -> Path:
        """Where it keeps its share of sessions and queues."""
        return self.data / f"nats-{self.number}"

    def configuration(self) -> str:
        """Return the configuration of its nats-server."""
        template = Path(__file__).with_name("nats.conf").read_text(encoding="utf-8")
        return template.format(
            server_name=f"{NAME}-{self.number}",
            host=self.host,
            port=self.mqtt_port,
            nats_host=self.host,
            nats_port=self.nats_port,
            data_dir=self.folder.resolve(),
            max_file_store=QUEUE_ON_DISK_BYTES + kept_bytes(self.folder),
            max_connections=MOST_CONNECTIONS,
            ack_wait=ACK_WAIT,
            store_within=STORE_WITHIN,
            replicas=f"stream_replicas: {REPLICAS}",
            **self._access(),
        )

    def write(self) -> Path:
        """Write the configuration and return its file."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.folder.chmod(0o700)
            file = self.folder / "broker.conf"
            # The password of the nodes is in it.
            with os.fdopen(
                os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
            ) as config:
                config.write(self.configuration())
        except OSError as error:
            raise UserError(
                f"the node cannot keep its queues in {self.folder}: {error.strerror}; choose another --data"
            ) from error
        return file

    def command(self) -> list[str]:
        """Write the configuration and return the command that runs it; it is to be ended by SIGKILL (docs/decisions/0030)."""
        return [find_program("embedded"), "-c", str(self.write())]

    def run(self, over: Callable[[float], bool]) -> None:
        """Run it until `over`, which waits for so many seconds and returns whether that is enough; changed accounts are taken over.

        Raises UserError where it ends by itself, with its last words.
        """
        log_file = self.folder / "broker.log"
        command, accounts = self.command(), self._accounts_changed_at()
        with os.fdopen(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
            process = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent(signal.SIGKILL)
            )
        try:
            while not over(LOOK_EVERY_S):
                if process.poll() is not None:
                    tail = log_file.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
                    raise UserError(f"the node has ended; its last words in {log_file}: {tail[0]}")
                if (changed := self._accounts_changed_at()) != accounts:
                    accounts = changed
                    process.send_signal(signal.SIGHUP)
        finally:
            # It may not shut down (docs/decisions/0030).
            process.kill()
            process.wait()

    def _accounts_changed_at(self) -> int | None:
        with suppress(OSError):
            if self.security is not None:
                return (self.security.broker / f"nats-{self.login}.conf").stat().st_mtime_ns
        return None

    def _access(self) -> dict[str, str]:
        if self.security is None:
            return {"users": "", "tls": "", "nats_tls": "", "cluster": self._cluster("", "")}
        folder = self.security.broker.resolve()
        login = f"authorization {{ user: {NODE}, password: {json.dumps(self._password())} }}"
        between = configuration.nats_tls(folder, "password", both_ways=True)
        return {
            "users": configuration.nats_include(folder, self.login, beside=self.folder),
            "tls": configuration.nats_tls(folder, self.login),
            "nats_tls": configuration.nats_tls(folder, "password"),
            "cluster": self._cluster(f"{NODE}:{self._password()}@", f"{login}\n  {between}"),
        }

    def _password(self) -> str:
        assert self.security is not None  # noqa: S101  (for the type checker)
        return read_secret(self.security.node_password, "jeonju device setup")

    def _cluster(self, login: str, access: str) -> str:
        own = self.nodes[self.number - 1]
        host, _, port = own.rpartition(":")
        listen = f"{host if host in LOOPBACK else '0.0.0.0'}:{port}"  # noqa: S104  (only who has the password gets in)
        routes = "\n    ".join(json.dumps(f"nats://{login}{node}") for node in self.nodes if node != own)
        return (
            f"# Between the nodes.\ncluster {{\n  name: {NAME}\n  listen: {json.dumps(listen)}\n  {access}\n"
            f"  routes: [\n    {routes}\n  ]\n}}\n"
        )
