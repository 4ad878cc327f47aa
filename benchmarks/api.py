"""What the api answers: requests a second as `wrk` measures them, beside a live city and of the public page alone, and 500 viewers of the stream.

The live city is one process with everything but `wrk`. The public page and the stream are served by a process on one core, and asked from the
others. It takes five minutes on idle cores, most of it the day that the city makes up for first, and the minutes that the lag of an alert takes:
`lag` has how late readings are stored and an alert is raised without requests, and while `latest` is asked for as fast as it is answered.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import psutil

from benchmarks._lag import ALERT_WITHIN_S, Lag

# Starts the city without a limit of requests: all of them come from one address.
CITY: Final = """
import sys
from jeonju.__main__ import main
from jeonju.api.access import guard
from jeonju.api.access.limiter import Limit

guard.REQUESTS = Limit(10**9)
main()
"""
ASKED: Final = {
    "static file": "/static/page.js",
    "latest": "/api/v1/latest",
    "a day of a series": "/api/v1/series?device=palbok-03&quantity=pm25",
    "a day of a series, raw": "/api/v1/series?device=palbok-03&quantity=pm25&every=raw",
    "healthz": "/healthz",
}
# Requests a second that are to be answered; delays are measured at half of that.
WANTED: Final = {"static file": 3000, "latest": 3000, "a day of a series": 300, "a day of a series, raw": 300}
LOADED: Final = "/api/v1/latest"
SECONDS: Final = 10
CONNECTIONS: Final = 16
VIEWERS: Final = 500
EVENTS_PER_S: Final = 26
_TIME: Final = re.compile(rb'"time":"([^"]+)"')


def run() -> dict[str, Any]:
    """Ask the public page and listen to the stream of an api alone, then ask a live city for one address after the other."""
    if (wrk := shutil.which("wrk")) is None:
        raise SystemExit("this benchmark needs wrk: apt-get install wrk")
    return {"alone": alone(wrk), "beside a live city": beside_a_city(wrk)}


def alone(wrk: str) -> dict[str, Any]:
    """Return what an api on one core does for viewers."""
    with _alone() as (server, hello):
        _say("the public page")
        browser = ("-H", "Accept-Encoding: gzip", "-H", "Accept-Language: ko-KR,ko;q=0.9")
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        public = _measured(wrk, f"{hello['url']}/public", *browser)
        after = process.cpu_times()
        # What it could answer if it had the core for itself, where others are busy on it.
        cpu_s = after.user + after.system - before.user - before.system
        public["per_s_of_the_core"] = round(public["per_s"] * SECONDS / cpu_s)
        _say(f"{VIEWERS} viewers of the stream")
        stream = asyncio.run(_viewers(server, hello))
    return {"public": public, "stream": stream}


def beside_a_city(wrk: str) -> dict[str, Any]:
    """Return what a live city with a day of history answers."""
    with tempfile.TemporaryDirectory() as folder:
        options = ["up", "--data", folder, "--port", "0", "--mqtt-port", "0", "--json"]
        city = subprocess.Popen([sys.executable, "-c", CITY, *options], stdout=subprocess.PIPE, text=True)
        try:
            _say("a city that makes up for a day, then goes on live")
            assert city.stdout is not None
            live = json.loads(city.stdout.readline())
            url = live["url"]
            results = {"lag": _lag(wrk, url, live["broker"])}
            for what, path in ASKED.items():
                _say(what)
                results[what] = _measured(wrk, url + path)
                if what in WANTED:
                    results[what]["at_half_of_wanted"] = asyncio.run(_paced(url, path, WANTED[what] / 2))
            return results
        finally:
            city.terminate()
            city.communicate(timeout=30)


def _lag(wrk: str, url: str, broker: str) -> dict[str, Any]:
    _say("how late readings and alerts are without requests")
    with Lag(broker, "lag-idle").running() as idle:
        alone = idle.result()
    _say(f"how late they are while {LOADED} is asked for")
    command = [wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{ALERT_WITHIN_S:.0f}s"]
    with subprocess.Popen([*command, url + LOADED], stdout=subprocess.DEVNULL) as asking:
        try:
            with Lag(broker, "lag-asked").running() as asked:
                beside = asked.result()
        finally:
            asking.terminate()
    return {"without requests": alone, "beside requests": beside}


async def _paced(url: str, path: str, per_s: float) -> dict[str, float]:
    """Ask so often, whatever the answers take, over CONNECTIONS connections; return how long answers take [ms]."""
    host, port = url.removeprefix("http://").split(":")
    request = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode()
    begin, taken_ms = time.perf_counter() + 0.1, list[float]()

    async def ask(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in range(first, int(per_s * SECONDS), CONNECTIONS):
            due = begin + number / per_s
            await asyncio.sleep(max(due - time.perf_counter(), 0.0))
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head.lower())
            assert length is not None, head
            await reader.readexactly(int(length[1]))
            taken_ms.append(1000 * (time.perf_counter() - due))
        writer.close()

    await asyncio.gather(*(ask(first) for first in range(CONNECTIONS)))
    median, p99 = np.percentile(taken_ms, (50, 99))
    return {"per_s": per_s, "median_ms": round(float(median), 1), "p99_ms": round(float(p99), 1)}


@contextmanager
def _alone() -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    core, *others = sorted(os.sched_getaffinity(0))
    _say(f"an api on core {core}")
    server = subprocess.Popen(
        [sys.executable, "-m", "benchmarks._api_server", str(core)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    before = os.sched_getaffinity(0)
    try:
        assert server.stdout is not None
        hello = json.loads(server.stdout.readline())
        if others:
            os.sched_setaffinity(0, others)
        yield server, hello
    finally:
        os.sched_setaffinity(0, before)
        server.communicate(timeout=60)


async def _viewers(server: subprocess.Popen[str], hello: dict[str, Any]) -> dict[str, Any]:
    """Return how late events come to viewers [ms], and how much of a core the server needs for them."""
    port, keys = int(hello["url"].rpartition(":")[2]), hello["keys"]
    delays_ms, joined = list[float](), asyncio.Semaphore(0)
    viewers = [
        asyncio.create_task(_view(port, keys[number % len(keys)], joined, delays_ms)) for number in range(VIEWERS)
    ]
    for _ in range(VIEWERS):
        await joined.acquire()
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{EVENTS_PER_S} {SECONDS}\n")
    server.stdin.flush()
    said = json.loads(await asyncio.to_thread(server.stdout.readline))
    await asyncio.sleep(1)
    for viewer in viewers:
        viewer.cancel()
    median, p99 = np.percentile(delays_ms, (50, 99))
    missing = said["events"] * VIEWERS - len(delays_ms)
    return said | {"missing": missing, "median_ms": round(float(median), 1), "p99_ms": round(float(p99), 1)}


async def _view(port: int, key: str, joined: asyncio.Semaphore, delays_ms: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
    await reader.readuntil(b"event: reset")
    joined.release()
    while part := await reader.read(65_536):
        now = datetime.now(UTC)
        sent = (datetime.fromisoformat(at.decode()) for at in _TIME.findall(part))
        delays_ms.extend((now - at).total_seconds() * 1000 for at in sent)


def _measured(wrk: str, url: str, *options: str) -> dict[str, Any]:
    command = [wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", "--latency"]
    said = subprocess.run([*command, *options, url], capture_output=True, text=True, check=True).stdout
    rate, slowest = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+\w+)", said)
    assert rate is not None, said
    assert slowest is not None, said
    return {"per_s": round(float(rate[1])), "p99": slowest[1], "errors": "Non-2xx" in said}


def _say(what: str) -> None:
    print(f"api: {what} …", file=sys.stderr, flush=True)
