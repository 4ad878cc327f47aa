"""Everything an experiment needs, started and taken down in order: broker, store, ingest, senders, the feed that is watched."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from chaos.feed import Feed
from chaos.processes import Influxd, Service, SmallDisk, ingest, small_disk, up
from chaos.proxy import Proxy
from chaos.waiting import Skipped, holds_within, wait_until
from jeonju.broker.client import wait_for_broker
from jeonju.broker.embedded import EmbeddedBroker, Kind, find_program, free_port
from jeonju.common.errors import UserError

DISK_MB: Final = 48
# Longer than NATS waits before it sends again what was not acknowledged.
QUIET_S: Final = 45.0
SETTLED_WITHIN_S: Final = 300.0
FLOWS_WITHIN_S: Final = 120.0


@dataclass(frozen=True, kw_only=True)
class Options:
    """How an experiment is run: for how long the store stays away, how often `up` is killed, and whether everything else is cut short."""

    seed: int = 1
    minutes: float = 1.0
    rounds: int = 5
    brief: bool = False


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What an experiment is run on."""

    broker: Kind = "embedded"
    influxdb: bool = False
    proxy: bool = False
    small_disk: bool = False
    # Broker, store and ingest are one process, which stands in for ingest.
    up: bool = False


class Acknowledged(NamedTuple):
    """A reading that the broker has acknowledged."""

    plan: str
    sent: float
    at: float


class Sending:
    """A sender that runs."""

    def __init__(self, process: subprocess.Popen[str], plan: str, journal: Path) -> None:
        self._process = process
        self._plan = plan
        self._journal = journal
        self.messages = 0
        self._done = False

    def finish(self, *, stop: bool = True) -> None:
        """Wait until the sender has all its acknowledgements; `stop` keeps it from sending more."""
        if self._done:
            return
        self._done = True
        if stop:
            self._process.terminate()
        out, _ = self._process.communicate()
        self.messages = int(out or 0)

    def acknowledged(self) -> dict[tuple[str, int], Acknowledged]:
        """Return what the broker has acknowledged so far, by device and seq."""
        if not self._journal.exists():
            return {}
        whole_lines = self._journal.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
        rows = [line.split() for line in whole_lines]
        return {(device, int(seq)): Acknowledged(self._plan, float(sent), float(at)) for device, seq, sent, at in rows}


class Testbed:
    """As a context manager broker and store run when entered; ingest and the senders are started by the experiment."""

    broker: EmbeddedBroker
    ingest: Service
    feed: Feed
    port: int

    def __init__(self, folder: Path, parts: Parts, options: Options) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
        self.influxd: Influxd | None = None
        self.proxy: Proxy | None = None
        self.disk: SmallDisk | None = None
        self.mended_at: list[float] = []
        self.broker_killed_at: list[float] = []
        self.senders: list[Sending] = []
        # By how much the clock of `up` is wrong.
        self.clock = folder / "clock"
        self._folder = folder
        self._parts = parts
        self._open = ExitStack()
        self._patience = threading.Event()

    @property
    def may_lose_unsaved(self) -> bool:
        """Whether the broker saves only now and then what it takes."""
        return self._parts.broker == "mosquitto"

    @property
    def store_url(self) -> str:
        """Where the store is."""
        if self.influxd is not None:
            return self.influxd.url
        return str((self.disk.folder if self.disk else self._folder) / "air.duckdb")

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def _enter(self) -> None:
        try:
            find_program(self._parts.broker)
        except UserError as error:
            raise Skipped(str(error)) from error
        if self._parts.small_disk:
            self.disk = self._open.enter_context(small_disk(self._folder / "disk", DISK_MB))
        if self._parts.influxdb:
            self.influxd = Influxd(self._folder / "influxdb")
            self.influxd.start()
            self._open.callback(self.influxd.stop)
        if self._parts.up:
            self._enter_up()
            return
        self.broker = self._open.enter_context(EmbeddedBroker(self._folder, kind=self._parts.broker, port=0))
        broker_url, self.port = self.broker.url, self.broker.port
        if self._parts.proxy:
            self.proxy = Proxy(self.broker.port)
            self._open.callback(self.proxy.close)
            broker_url = f"mqtt://127.0.0.1:{self.proxy.port}"
        self.feed = Feed(self.broker.port)
        self._open.callback(self.feed.close)
        self.ingest = ingest(broker_url, self.store_url, self._folder / "ingest.log")
        self._open.callback(self.ingest.stop)
        wait_until(self.feed.subscribed.is_set, within_s=FLOWS_WITHIN_S, what="the feed")

    def _enter_up(self) -> None:
        self.port = free_port()
        data = self.disk.folder if self.disk else self._folder
        self.ingest = up(self._parts.broker, self.port, data, self._folder / "up.log", self.clock)
        self._open.callback(self.ingest.stop)
        self.ingest.start()
        wait_for_broker(f"mqtt://127.0.0.1:{self.port}", lambda s: self._patience.wait(s))
        self.feed = Feed(self.port)
        self._open.callback(self.feed.close)
        wait_until(self.feed.subscribed.is_set, within_s=FLOWS_WITHIN_S, what="the feed")

    def send(
        self, name: str, *, per_s: float, plan: str = "steady", devices: int = 20, messages: int | None = None
    ) -> Sending:
        """Start a sender."""
        journal = self._folder / f"{name}.journal"
        asked = {
            "broker": f"mqtt://127.0.0.1:{self.port}",
            "name": name,
            "plan": plan,
            "devices": devices,
            "per-second": per_s,
            "start": self.start.isoformat(),
            "seed": self.options.seed,
            "journal": journal,
        }
        if messages is not None:
            asked["messages"] = messages
        command = [sys.executable, "-m", "chaos.sender", *(f"--{key}={value}" for key, value in asked.items())]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._open.callback(process.kill)
        self.senders.append(Sending(process, plan, journal))
        return self.senders[-1]

    def start_ingest(self) -> None:
        """Start ingest and wait until it has subscribed; no broker keeps what is sent before its very first subscription."""
        if not self._parts.up:
            self.ingest.start()
        wait_until(self.feed.probe_is_back, within_s=FLOWS_WITHIN_S, what="the subscription of ingest")

    def start_under_load(self, *, per_s: float = 200.0) -> None:
        """Start ingest and a sender, and wait until readings arrive in the store."""
        self.start_ingest()
        # Nothing is broken before the sender, a process of its own, is there.
        self.wait_until_acknowledged(self.send("load", per_s=per_s))
        self.wait_until_committed()

    def wait_until_committed(self) -> None:
        """Wait until something new is in the store."""
        before = self.feed.last_at
        wait_until(lambda: self.feed.last_at > before, within_s=FLOWS_WITHIN_S, what="a commit")

    def wait_until_acknowledged(self, sending: Sending) -> None:
        """Wait until the broker acknowledges something that was sent from now on."""
        now = time.monotonic()
        wait_until(
            lambda: any(reading.sent > now for reading in sending.acknowledged().values()),
            within_s=FLOWS_WITHIN_S,
            what="an acknowledgement of the broker",
        )

    def last(self, seconds: float) -> None:
        """Let the load go on, or the trouble last."""
        self._patience.wait(seconds)

    def kill_broker(self) -> None:
        """Kill the broker, which its watcher starts again."""
        if (pid := self.broker.pid) is not None:
            os.kill(pid, signal.SIGKILL)
            self.broker_killed_at.append(time.monotonic())

    def mended(self) -> None:
        """Note that from now on nothing is broken any more."""
        self.mended_at.append(time.monotonic())

    def acknowledged(self) -> dict[tuple[str, int], Acknowledged]:
        """Return everything that the broker has acknowledged."""
        return {key: value for sender in self.senders for key, value in sender.acknowledged().items()}

    def settle(self) -> None:
        """Let the senders finish, wait until everything is committed or nothing more comes, then end ingest."""
        for sender in self.senders:
            sender.finish()
        acknowledged = self.acknowledged().keys()
        self.feed.last_at = time.monotonic()
        holds_within(
            lambda: acknowledged <= self.feed.seen.keys() or time.monotonic() - self.feed.last_at > QUIET_S,
            SETTLED_WITHIN_S,
        )
        self.ingest.stop()
