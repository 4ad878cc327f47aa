"""Three nodes and InfluxDB: how fast 1, 2 and 4 workers of ingest store what one sender publishes for four sites, and what each part costs."""

import math
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa

from benchmarks.pipe import T0, values
from chaos.feed import PROBE
from chaos.nodes import Nodes
from chaos.processes import Influxd, Service
from chaos.waiting import wait_until
from jeonju.broker.client import Client
from jeonju.broker.identity import passing_id
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from jeonju.contract.site import BUILT_IN_SITES, Site, load_site
from jeonju.storage.open import open_store
from jeonju.storage.port import DEFAULT_RETENTION

SITES = ("one", "two", "three", "four")
WORKERS = (1, 2, 4)
DEVICES = 26
# Readings in a message, and messages of each site.
LOADS = {"single": (1, 5_000), "in_batches_of_26": (26, 1_000)}
WITHIN_S = 600.0


class Committed:
    """Counts what is committed, and knows when."""

    def __init__(self, url: str) -> None:
        self.readings, self.first_s, self.last_s = 0, 0.0, 0.0
        self.sites: set[str] = set()
        self._client = Client(url, passing_id("bench"), filters=[(topics.committed("+"), 0)])
        self._client.on_message = self._count
        self._client.begin(patiently=True)

    def begin(self) -> None:
        """Count from now on."""
        self.readings, self.first_s = 0, 0.0

    def _count(self, _client: Any, _data: Any, message: Any) -> None:
        self.sites.add(message.topic.split("/")[2])
        self.last_s = time.perf_counter()
        self.first_s = self.first_s or self.last_s
        with pa.ipc.open_stream(message.payload) as reader:
            self.readings += reader.read_all().num_rows

    def close(self) -> None:
        """Leave the cluster."""
        self._client.end()


def _site_files(folder: Path) -> list[Path]:
    text = (BUILT_IN_SITES / "jeonju.toml").read_text(encoding="utf-8")
    files = []
    for site in SITES:
        files.append(folder / f"{site}.toml")
        files[-1].write_text(re.sub(r'(?m)^name = ".*"', f'name = "{site}"', text, count=1), encoding="utf-8")
    return files


class Sender:
    """Publishes as fast as the cluster acknowledges."""

    def __init__(self, url: str) -> None:
        self._client = Client(url, passing_id("sender"))
        self._client.max_inflight_messages_set(5000)
        self._client.begin()

    def probe(self, sites: list[Site]) -> None:
        """Send something to every site."""
        for site in sites:
            self._client.publish(topics.readings(site.name, PROBE), encode(Reading(device=PROBE, seq=0)), qos=1)

    def send(self, sites: list[Site], in_a_message: int, messages: int, begun: int) -> None:
        """Send so many messages of each site; every run has times of its own."""
        devices = [device.name for device in sites[0].devices][:DEVICES]
        sent = []
        for number in range(messages):
            first = begun + number // DEVICES * in_a_message
            device = devices[number % DEVICES]
            parts = [
                Reading(device=device, seq=seq, boot="1", time=T0 + timedelta(seconds=seq), values=values(number + seq))
                for seq in range(first, first + in_a_message)
            ]
            payload = encode(parts if in_a_message > 1 else parts[0])
            sent += [self._client.publish(topics.readings(site.name, device), payload, qos=1) for site in sites]
        for info in sent:
            info.wait_for_publish(WITHIN_S)

    def close(self) -> None:
        """Leave the cluster."""
        self._client.end()


@contextmanager
def _workers(number: int, nodes: Nodes, store_url: str, files: list[Path], folder: Path) -> Iterator[list[Service]]:
    options = {
        "site": ",".join(map(str, files)),
        "broker": nodes.mqtt_url,
        "leases": nodes.nats_url,
        "store": store_url,
        "client-id-file": folder / "client-id",
        "most-sites": math.ceil(len(files) / number),
        "keep-raw": "36500d",
    }
    arguments = ["worker", "ingest", *(f"--{name}={value}" for name, value in options.items())]
    with ExitStack() as stack:
        services = [Service(arguments, folder / f"worker-{number}-{one}.log") for one in range(number)]
        for service in services:
            stack.callback(service.stop)
            service.start()
        yield services


def _cpu_s(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


def _drained(
    workers: int, nodes: Nodes, influxd: Influxd, files: list[Path], folder: Path, load: str, begun: int
) -> dict[str, float]:
    in_a_message, messages = LOADS[load]
    sites = [load_site(str(file)) for file in files]
    total = len(sites) * messages * in_a_message
    committed, sender = Committed(nodes.mqtt_url), Sender(nodes.mqtt_url)

    def all_are_served() -> bool:
        sender.probe(sites)
        return {site.name for site in sites} <= committed.sites

    with _workers(workers, nodes, influxd.url, files, folder) as services:
        wait_until(all_are_served, within_s=WITHIN_S, what="the first commits")
        pids = {"workers": [one.pid for one in services if one.pid], "nats": nodes.pids, "influxdb": [influxd.pid]}
        committed.begin()
        before = {part: _cpu_s(of) for part, of in pids.items()}
        sender.send(sites, in_a_message, messages, begun)
        wait_until(lambda: committed.readings >= total, within_s=WITHIN_S, what="the last commit")
        after = {part: _cpu_s(of) for part, of in pids.items()}
    sender.close()
    committed.close()
    return {
        "readings_per_s": round(total / (committed.last_s - committed.first_s)),
        **{
            f"{part}_cpu_us_per_message": round((after[part] - before[part]) / total * in_a_message * 1e6, 1)
            for part in pids
        },
    }


def run() -> dict[str, Any]:
    """Return readings a second, and CPU time for each message, by load and number of workers."""
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = _site_files(folder)
        (folder / "client-id").write_text("a secret that all workers share\n", encoding="utf-8")
        influxd = Influxd(folder / "influxdb")
        influxd.start()
        # Of two that make its database at the same time one is refused.
        open_store(influxd.url, DEFAULT_RETENTION).close()
        try:
            with Nodes(folder) as nodes:
                begun = 0
                for load, (in_a_message, messages) in LOADS.items():
                    results[load] = {}
                    for workers in WORKERS:
                        results[load][f"{workers}_workers"] = _drained(
                            workers, nodes, influxd, files, folder, load, begun
                        )
                        begun += messages * in_a_message
        finally:
            influxd.stop()
    return results
