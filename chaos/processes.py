"""The processes that are broken: ingest under a supervisor as systemd would be, and an InfluxDB of our own."""

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import urllib3

from chaos.clock import set_clock
from chaos.waiting import Skipped, wait_until
from jeonju.broker.embedded import Kind, free_port

RESTART_AFTER_S: Final = 1.0
LOOK_EVERY_S: Final = 0.1
STOP_WITHIN_S: Final = 60.0
_INFLUXD: Final = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[retention]
check-interval = "{check}"
[monitor]
store-enabled = false
[http]
bind-address = "127.0.0.1:{port}"
log-enabled = false
auth-enabled = {auth}
"""


def influxd_config(folder: Path, port: int, *, auth: bool = False, forgets_at_once: bool = False) -> str:
    """Return the configuration of an InfluxDB 1.x on loopback that keeps everything in a folder."""
    check = "100ms" if forgets_at_once else "30m"
    return _INFLUXD.format(rpc=free_port(), folder=folder, port=port, auth=str(auth).lower(), check=check)


class Service:
    """A command of `jeonju` as a process that is started again whenever it ends, until it is stopped."""

    def __init__(self, arguments: list[str], log: Path, clock: Path | None = None) -> None:
        program = ["jeonju"] if clock is None else ["chaos.clock", str(clock)]
        self._command = [sys.executable, "-m", *program, *arguments]
        self._log = log
        self._stopping = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._supervisor: threading.Thread | None = None
        self.starts = 0
        self.killed = 0
        self.peak_mb = 0.0

    def start(self) -> None:
        """Start it, and keep it running."""
        self._stopping.clear()
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        self._supervisor.start()

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self.killed += 1

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Ask it to end and wait until it has."""
        self._stopping.set()
        if self._supervisor is not None:
            self._supervisor.join()

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def ended_by_itself(self) -> int:
        """How often it ended without being asked to."""
        return max(self.starts - self.killed - 1, 0)

    def said(self) -> str:
        """Return all that it has written to its log, without the line breaks that its width makes."""
        return " ".join(self._log.read_text(errors="replace").split()) if self._log.exists() else ""

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            self.starts += 1
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
            while self._process.poll() is None and not self._stopping.wait(LOOK_EVERY_S):
                self.peak_mb = max(self.peak_mb, _peak_mb(self._process.pid))
            if not self._stopping.is_set():
                self._stopping.wait(RESTART_AFTER_S)
        if self._process is not None:
            self._end(self._process)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ingest(broker_url: str, store_url: str, log: Path) -> Service:
    """Return `jeonju ingest`, not yet started."""
    return Service(["ingest", "--broker", broker_url, "--store", store_url], log)


def up(broker: Kind, port: int, data: Path, log: Path, clock: Path) -> Service:
    """Return `jeonju up` without simulated devices, not yet started: broker, store, ingest and api in one process, with a clock that can be set."""
    kind = "nats" if broker == "embedded" else broker
    settings = {"broker": kind, "mqtt-port": port, "data": data, "port": 0}
    set_clock(clock, timedelta(0))
    arguments = ["up", "--no-simulate", "--json", *(f"--{name}={value}" for name, value in settings.items())]
    return Service(arguments, log, clock)


class Influxd:
    """An InfluxDB 1.x on loopback."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("influxd") is None:
            raise Skipped("influxd is not installed (apt-get install influxdb)")
        self._port = free_port()
        self._folder = folder
        folder.mkdir(parents=True)
        config = influxd_config(folder, self._port)
        (folder / "influxd.conf").write_text(config, encoding="utf-8")

    @property
    def url(self) -> str:
        """Where the store is."""
        return f"influxdb://127.0.0.1:{self._port}/air"

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._folder / "log").open("ab") as log:
            command = ["influxd", "run", "-config", str(self._folder / "influxd.conf")]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(self._answers, within_s=60, what="influxd")

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; after SIGKILL it is gone when this returns."""
        self._process.send_signal(number)
        if number is signal.SIGKILL:
            self._process.wait()

    def stop(self) -> None:
        """End it."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        self._process.wait(STOP_WITHIN_S)

    def _answers(self) -> bool:
        try:
            answer = urllib3.request("GET", f"http://127.0.0.1:{self._port}/ping", retries=False, timeout=1.0)
        except urllib3.exceptions.HTTPError:
            return False
        return answer.status < 300


class SmallDisk:
    """A disk in memory that can be filled to the last byte and freed again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no byte free."""
        with self._ballast.open("ab", buffering=0) as ballast, suppress(OSError):
            while ballast.write(bytes(4096)):
                pass

    def free(self) -> None:
        """Give back what `fill` took."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[SmallDisk]:
    """Mount a disk of that size; only root can."""
    if os.geteuid() != 0:
        raise Skipped("only root can make a small disk")
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        raise Skipped("this system does not let root mount a small disk")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def _peak_mb(pid: int) -> float:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
