"""Hours of a simulated city at ×60, and of 5 000 readings/s through processes of their own: does anything grow in the second half?

`SOAK=city` or `SOAK=load` runs one of them, `MINUTES=…` for another time than 72 and 120 minutes. Every ten seconds a sample is written to
`SOAK_FILE` (soak-city.jsonl, soak-load.jsonl), so that nothing is lost by an abort: `SOAK_FILE=… python -m benchmarks soak_report` reads it.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil

from benchmarks import _watched
from benchmarks.soak_report import report
from chaos.processes import Influxd
from chaos.waiting import wait_until
from jeonju.broker.embedded import EmbeddedBroker, free_port

SAMPLED_EVERY_S: Final = 10.0
READY_WITHIN_S: Final = 240.0
SPEED: Final = 60
CITY_MINUTES, LOAD_MINUTES = 72.0, 120.0
# Twelve minutes of the clock, so that the file of the store is full before the second half.
CITY_KEEPS: Final = {"keep-raw": "12h", "keep-minutes": "24h"}
RATE, IN_A_MESSAGE, DEVICES = 5000.0, 10, 500
# The least that InfluxDB 1.x keeps; it forgets whole hours, so that up to two of them are there.
LOAD_KEEPS: Final = {"keep-raw": "1h", "keep-minutes": "1h"}
_COUNTS: Final = {
    "stored": "jeonju_ingest_readings_total",
    "messages": "jeonju_ingest_messages_total",
    "rejected": "jeonju_ingest_messages_rejected_total",
    "waiting": "jeonju_ingest_messages_waiting",
}
# Of the memory of `up`, what the embedded store takes: pages of its file up to a limit, which give way to anything else.
_STORE_MEMORY: Final = re.compile(r"(?m)^jeonju_store_memory_bytes(?:{.*})? (\S+)$")


class Watched:
    """What is sampled: processes by name, folders, the counts of ingest, the readings sent so far, and the api that is looked at meanwhile."""

    def __init__(self, pids: Mapping[str, int], folders: Mapping[str, Path], metrics: str, api: str) -> None:
        self._pids, self._folders, self._metrics, self.api = pids, folders, metrics, api
        self.sent: Callable[[], int | None] = lambda: None

    def sample(self) -> dict[str, Any]:
        """Return all of it, of now."""
        processes = {name: _watched.of_process(pid) for name, pid in self._pids.items()}
        disk = {name: _watched.of_folder(folder) for name, folder in self._folders.items()}
        counts = self._counts()
        sent = self.sent()
        if sent is not None and "stored" in counts:
            counts |= {"sent": sent, "backlog": sent - counts["stored"]}
        return {"processes": processes, "disk_mb": disk, "counts": counts, "alerts": self._alerts()}

    def _counts(self) -> dict[str, float]:
        text = _asked(f"{self._metrics}/metrics").decode()
        found = {name: re.search(rf"(?m)^{metric}(?:{{.*}})? (\S+)$", text) for name, metric in _COUNTS.items()}
        counts = {name: float(match[1]) for name, match in found.items() if match}
        taken = [float(number) for number in _STORE_MEMORY.findall(text)]
        return counts | ({"store_mb": round(sum(taken) / 1e6, 2)} if taken else {})

    def _alerts(self) -> int:
        """Return how many there are (100 at the most), and ask what a console asks for."""
        _asked(f"{self.api}/api/v1/latest")
        return len(json.loads(_asked(f"{self.api}/api/v1/alerts") or "[]"))


def _asked(url: str) -> bytes:
    with suppress(OSError), urllib.request.urlopen(url, timeout=10) as answer:
        return bytes(answer.read())
    return b""


def _listen(api: str) -> None:
    """Keep the live stream open, as a console does."""
    while True:
        with suppress(OSError), urllib.request.urlopen(f"{api}/api/v1/stream", timeout=60) as stream:
            while stream.readline():
                pass
        time.sleep(1)


@contextmanager
def _process(command: list[str], log: Path, **more: Any) -> Iterator[subprocess.Popen[str]]:
    with log.open("w") as written:
        process = subprocess.Popen([sys.executable, "-m", *command], stderr=written, text=True, **more)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


@contextmanager
def _city(folder: Path, _minutes: float) -> Iterator[Watched]:
    data, port = folder / "data", free_port()
    url = f"http://127.0.0.1:{port}"
    options = {"data": data, "port": port, "mqtt-port": 0, "speed": SPEED, "history": "1h"} | CITY_KEEPS
    command = ["jeonju", "up", "--json", *(f"--{name}={value}" for name, value in options.items())]
    with _process(command, folder / "up.log", stdout=subprocess.DEVNULL) as up:
        # Ready is enough: on a busy machine a city this fast may be behind its clock, and is not called live.
        _wait_until_ready(url)
        pids = {"up": up.pid} | {child.name(): child.pid for child in psutil.Process(up.pid).children(recursive=True)}
        yield Watched(pids, {"store": data, "queues": data / "nats"}, url, url)


@contextmanager
def _load(folder: Path, minutes: float) -> Iterator[Watched]:
    ports = {role: free_port() for role in ("ingest", "detect", "api")}
    with ExitStack() as stack:
        influxd = Influxd(folder / "influxdb")
        influxd.start()
        stack.callback(influxd.stop)
        broker = stack.enter_context(EmbeddedBroker(folder / "broker", port=0))
        shared = [f"--broker={broker.url}", f"--store={influxd.url}"]
        keeps = [f"--{name}={value}" for name, value in LOAD_KEEPS.items()]
        more = {
            "ingest": [f"--client-id-file={folder / 'client-id'}", f"--metrics={ports['ingest']}", *keeps],
            "detect": [f"--metrics={ports['detect']}"],
            "api": ["--detection=elsewhere", f"--port={ports['api']}"],
        }
        pids = {"nats": broker.pid or 0, "influxdb": influxd.pid}
        for role, options in more.items():
            service = _process(["jeonju", role, *shared, *options], folder / f"{role}.log", stdout=subprocess.DEVNULL)
            pids[role] = stack.enter_context(service).pid
            # One after another: of two that make the database at the same time one is refused.
            url = f"http://127.0.0.1:{ports[role]}"
            _wait_until_ready(url)
        said = folder / "sender.out"
        command = ["benchmarks._sender", *map(str, (broker.port, RATE, IN_A_MESSAGE, 60 * minutes + 600))]
        out = stack.enter_context(said.open("w"))
        sender = _process([*command, f"--devices={DEVICES}", "--episodes"], folder / "sender.log", stdout=out)
        pids["sender"] = stack.enter_context(sender).pid
        folders = {"influxdb": folder / "influxdb", "queues": folder / "broker"}
        watched = Watched(pids, folders, *(f"http://127.0.0.1:{ports[role]}" for role in ("ingest", "api")))
        watched.sent = lambda: next((int(line) for line in reversed(said.read_text().split())), 0)
        yield watched


def _wait_until_ready(url: str) -> None:
    wait_until(lambda: bool(_asked(f"{url}/readyz")), within_s=READY_WITHIN_S, what=url)


_SOAKS: Final = {"city": (_city, CITY_MINUTES), "load": (_load, LOAD_MINUTES)}


def run() -> dict[str, Any]:
    """Run one after the other, or the one that was asked for; a table of each is printed on standard error."""
    asked = os.environ.get("SOAK")
    return {name: _soaked(name) for name in ([asked] if asked else _SOAKS)}


def _soaked(name: str) -> dict[str, Any]:
    begin, usual_minutes = _SOAKS[name]
    minutes = float(os.environ.get("MINUTES", usual_minutes))
    file = Path(os.environ.get("SOAK_FILE", f"soak-{name}.jsonl"))
    with tempfile.TemporaryDirectory() as folder, begin(Path(folder), minutes) as watched:
        threading.Thread(target=_listen, args=(watched.api,), daemon=True).start()
        begun_s = time.monotonic()
        with file.open("w", encoding="utf-8") as samples:
            for number in range(int(60 * minutes / SAMPLED_EVERY_S) + 1):
                time.sleep(max(begun_s + number * SAMPLED_EVERY_S - time.monotonic(), 0))
                sample = {"s": round(time.monotonic() - begun_s, 1)} | watched.sample()
                samples.write(json.dumps(sample) + "\n")
                samples.flush()
    return report(file)
