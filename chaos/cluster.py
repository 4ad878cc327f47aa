"""Nodes and workers of a cluster, killed and stopped at random moments under load, and what came through.

Two sites are served by two workers of ingest and two of detection, at three nodes and one InfluxDB. In each site one device measures too much in
every second episode of 10 s: each of those must become one alert, and no more than one.
"""

import json
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from chaos.feed import PROBE
from chaos.nodes import NODES, Nodes
from chaos.plans import EPISODE_S
from chaos.processes import Influxd, Service
from chaos.testbed import FLOWS_WITHIN_S, QUIET_S, SETTLED_WITHIN_S, Options, Sending
from chaos.verify import MOST_MEMORY_MB, Finding
from chaos.waiting import holds_within, wait_until
from jeonju.broker.client import Client
from jeonju.broker.leases import LASTS_S, LeaseStore
from jeonju.common.errors import UnavailableError
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import BUILT_IN_SITES
from jeonju.detection.windows import ALLOWED_LATENESS_S
from jeonju.storage.open import open_store
from jeonju.storage.port import DEFAULT_RETENTION, Series, Store

SITES: Final = ("north", "south")
ROLES: Final = ("ingest", "detect")
WORKERS: Final = 2
STATIONS: Final = 5
PER_S: Final = 200.0
KIND: Final = "high-pm25"
# One who is stopped for longer than a lease lasts goes on as if he still had it.
STOPPED_S: Final = LASTS_S + 3
TAKEN_OVER_WITHIN_S: Final = 90.0
# An episode is judged once every device has sent what was measured so long after it; the last may be a round of all devices behind.
JUDGED_AFTER_S: Final = ALLOWED_LATENESS_S + 1
_RULES: Final = f"""
[rules.{KIND}]
title_ko = "높은 값"
title_en = "high"
quantity = "pm25"
mean_over = "10s"
above = "50 µg/m³"
keep_firing_for = "0s"
"""


class Cluster:
    """Everything that runs; as a context manager readings flow when entered."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.random, self.folder = random.Random(options.seed), folder
        self.told: dict[str, float] = {}
        self.committed_s: dict[str, float] = {}
        self.workers: dict[tuple[str, int], Service] = {}
        self.recovered_s = 0.0
        self._open = ExitStack()
        self._patience = threading.Event()

    def __enter__(self) -> Self:
        try:
            self._enter()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _enter(self) -> None:
        self.influxd = Influxd(self.folder / "influxdb")
        self.influxd.start()
        self._open.callback(self.influxd.stop)
        # Of two that make the database of an InfluxDB 1.x at the same time one is refused.
        open_store(self.influxd.url, DEFAULT_RETENTION).close()
        self.nodes = self._open.enter_context(Nodes(self.folder))
        self.leases = LeaseStore(self.nodes.nats_url)
        self.leases.start()
        self._open.callback(self.leases.stop)
        self._write_files()
        self._listen()
        for role in ROLES:
            for number in range(WORKERS):
                worker = Service(self._command(role), self.folder / f"{role}-{number}.log")
                self.workers[role, number] = worker
                self._open.callback(worker.stop)
                worker.start()
        # No broker keeps what is sent before the very first subscription of ingest.
        wait_until(self._probes_are_back, within_s=FLOWS_WITHIN_S, what="the sessions of ingest")
        self.load = self._send()
        self.flows()

    def _write_files(self) -> None:
        blocks = re.split(r"(?m)^(?=\[\[)", (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8"))
        zones = [block for block in blocks if block.startswith("[[zones]]")]
        stations = [block for block in blocks if block.startswith("[[stations]]")][:STATIONS]
        for site in SITES:
            head = re.sub(r'(?m)^name = ".*"', f'name = "{site}"', blocks[0], count=1)
            (self.folder / f"{site}.toml").write_text("".join([head, *zones, *stations]), encoding="utf-8")
        self.devices = re.findall(r'(?m)^name = "(.*)"', "".join(stations))
        (self.folder / "rules.toml").write_text(_RULES, encoding="utf-8")
        (self.folder / "client-id").write_text("a secret that all workers of ingest share\n", encoding="utf-8")

    def _command(self, role: str) -> list[str]:
        options = {
            "site": ",".join(str(self.folder / f"{site}.toml") for site in SITES),
            "broker": self.nodes.mqtt_url,
            "leases": self.nodes.nats_url,
            "store": self.influxd.url,
            "client-id-file": self.folder / "client-id",
            "rules": self.folder / "rules.toml",
        }
        return ["worker", role, *(f"--{name}={value}" for name, value in options.items())]

    def _listen(self) -> None:
        filters = [(topics.alert("+", "+"), 1), (topics.committed("+"), 0)]
        self._listener = Client(self.nodes.mqtt_url, "chaos-listener", filters=filters, clean_session=False)
        self._listener.reconnect_delay_set(min_delay=1, max_delay=1)
        self._listener.on_message = self._on_message
        self._listener.begin(patiently=True)
        self._open.callback(self._listener.end)

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        _, _, site, *rest = message.topic.split("/")
        if rest == ["committed"]:
            self.committed_s[site] = time.monotonic()
        elif f"-{KIND}-" in rest[-1]:
            # One that began and ended while nobody had its site is told by its end.
            self.told.setdefault(rest[-1], time.monotonic())

    def _probes_are_back(self) -> bool:
        for site in SITES:
            self._listener.publish(topics.readings(site, PROBE), encode(Reading(device=PROBE, seq=0)), qos=1)
        self._patience.wait(0.3)
        return self.committed_s.keys() >= {*SITES}

    def _send(self) -> Sending:
        journal = self.folder / "load.journal"
        asked = {
            "broker": self.nodes.mqtt_url,
            "name": "load",
            "plan": "live",
            "devices": 0,
            "named": ",".join(f"{site}/{device}" for site in SITES for device in self.devices),
            "per-second": PER_S,
            "start": datetime.now(UTC).isoformat(),
            "seed": 1,
            "journal": journal,
        }
        command = [sys.executable, "-m", "chaos.sender", *(f"--{name}={value}" for name, value in asked.items())]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._open.callback(process.kill)
        return Sending(process, "live", journal)

    def flows(self) -> None:
        """Wait until readings of every site are committed anew."""
        begun_s = time.monotonic()
        wait_until(
            lambda: all(self.committed_s.get(site, 0.0) > begun_s for site in SITES),
            within_s=TAKEN_OVER_WITHIN_S,
            what="readings of every site",
        )
        self.recovered_s = max(self.recovered_s, time.monotonic() - begun_s)

    def holder(self, role: str) -> Service:
        """Return the worker that holds a site, any of them, as soon as one does."""
        site = self.random.choice(SITES)

        def found() -> Service | None:
            try:
                value = self.leases.holder(f"{role}.{site}") or b"{}"
            except UnavailableError:
                return None
            pid = json.loads(value).get("worker", "--").split("-")[-2]
            return next((worker for worker in self.workers.values() if str(worker.pid) == pid), None)

        wait_until(found, within_s=TAKEN_OVER_WITHIN_S, what=f"a holder of {role}.{site}")
        return found() or self.workers[role, 0]

    def last(self, seconds: float) -> None:
        """Let the load go on."""
        self._patience.wait(seconds)


def break_it(cluster: Cluster, options: Options) -> None:
    """Kill a node and a worker of each role, and stop one of detection for longer than its lease lasts, in each round in another order."""
    for _ in range(1 if options.brief else options.rounds):
        blows = [_kill_node, _kill_ingest, _kill_detect, *(() if options.brief else (_stop_detect,))]
        cluster.random.shuffle(blows)
        for blow in blows:
            cluster.last(cluster.random.uniform(0.5, 2.0 if options.brief else 10.0))
            blow(cluster)
            cluster.flows()


def _kill_node(cluster: Cluster) -> None:
    number = cluster.random.randrange(NODES)
    cluster.nodes.kill(number)
    cluster.flows()
    cluster.nodes.start(number)
    cluster.nodes.wait_until_current()


def _kill_ingest(cluster: Cluster) -> None:
    cluster.holder("ingest").kill()


def _kill_detect(cluster: Cluster) -> None:
    cluster.holder("detect").kill()


def _stop_detect(cluster: Cluster) -> None:
    worker = cluster.holder("detect")
    worker.signal(signal.SIGSTOP)
    cluster.last(STOPPED_S)
    worker.signal(signal.SIGCONT)


def run_cluster(folder: Path, options: Options) -> Finding:
    """Return what came of it."""
    with Cluster(folder, options) as cluster:
        break_it(cluster, options)
        # Whatever was broken last, alerts come after it.
        told = {} if options.brief else dict(cluster.told)
        wait_until(
            lambda: all(any(site in alert for alert in cluster.told.keys() - told.keys()) for site in SITES),
            within_s=TAKEN_OVER_WITHIN_S,
            what="alerts of both sites",
        )
        cluster.load.finish()
        acknowledged = cluster.load.acknowledged()
        with closing(open_store(cluster.influxd.url)) as store:
            begun_s = time.monotonic()
            rows: Counter[tuple[str, int]] = Counter()

            def all_are_there() -> bool:
                rows.clear()
                rows.update(_rows(store))
                return (
                    rows.keys() >= acknowledged.keys() or time.monotonic() - max(cluster.committed_s.values()) > QUIET_S
                )

            holds_within(all_are_there, SETTLED_WITHIN_S)
            caught_up_s = time.monotonic() - begun_s
            first, last = (at(reading.sent for reading in acknowledged.values()) for at in (min, max))
            expected = list(_episodes(first, last - JUDGED_AFTER_S))
            holds_within(
                lambda: not _wrong(_alerts(store), expected, cluster.told),
                SETTLED_WITHIN_S if not options.brief else 30,
            )
            alerts = _alerts(store)
        memory_mb = max(cluster.nodes.memory_mb(), *(worker.peak_mb for worker in cluster.workers.values()))
        ended = sum(worker.ended_by_itself for worker in cluster.workers.values())
        missing = acknowledged.keys() - rows.keys()
        twice = sum(count - 1 for key, count in rows.items() if key in acknowledged)
        faults = [f"{len(missing)} lost"] if missing else []
        faults += [f"{twice} twice"] if twice else []
        faults += _wrong(alerts, expected, cluster.told)
        faults += [f"{memory_mb:.0f} MB of memory"] if memory_mb > MOST_MEMORY_MB else []
        faults += [f"workers ended by themselves {ended} times"] if ended else []
        return Finding(
            experiment="cluster",
            broken=f"node, ingest, detection killed, {1 if options.brief else options.rounds} rounds",
            sent=cluster.load.messages,
            acknowledged=len(acknowledged),
            found=len(acknowledged) - len(missing),
            missing=len(missing),
            duplicates=twice,
            recovered_s=round(cluster.recovered_s, 1),
            caught_up_s=round(caught_up_s, 1),
            peak_mb=round(memory_mb, 1),
            ended_by_itself=ended,
            verdict="; ".join(faults) or f"nothing lost; {len(expected) * len(SITES)} alerts, each told once",
            passed=not faults,
        )


def _rows(store: Store) -> Iterator[tuple[str, int]]:
    now = datetime.now(UTC)
    for site in SITES:
        whole = Series(site=site, start=now - timedelta(days=1), end=now + timedelta(days=1), limit=100_000_000)
        table = store.readings(whole)
        for device, seq in zip(table["device"].to_pylist(), table["seq"].to_pylist(), strict=True):
            yield f"{site}/{device}", seq


def _alerts(store: Store) -> list[AlertRecord]:
    return [alert for site in SITES for alert in store.alerts(site) if alert.kind == KIND]


def _episodes(first_s: float, last_s: float) -> Iterator[datetime]:
    """Yield when each episode that lies between two times, of the monotonic clock, as a whole began."""
    offset_s = time.time() - time.monotonic()
    for number in range(int(first_s + offset_s) // EPISODE_S + 1, int(last_s + offset_s) // EPISODE_S):
        if number % 2:
            yield datetime.fromtimestamp(number * EPISODE_S, UTC)


def _wrong(alerts: list[AlertRecord], expected: list[datetime], told: dict[str, float]) -> list[str]:
    """Return what is wrong with alerts: an episode without any, or with two; one that is stored and was not told, or the other way round."""
    of_episode = Counter(
        (alert.site, int((alert.started_at - timedelta(seconds=1)).timestamp()) // EPISODE_S) for alert in alerts
    )
    lost = [(site, at) for site in SITES for at in expected if not of_episode[site, int(at.timestamp()) // EPISODE_S]]
    twice = [episode for episode, count in of_episode.items() if count > 1]
    ids = {alert.id for alert in alerts}
    faults = [f"{len(lost)} alerts lost"] if lost else []
    faults += [f"{len(twice)} alerts twice"] if twice else []
    faults += [f"{len(ids - told.keys())} alerts not told"] if ids - told.keys() else []
    faults += [f"{len(told.keys() - ids)} alerts told and not stored"] if told.keys() - ids else []
    return faults
