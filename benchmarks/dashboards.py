"""How long each dashboard of Grafana has to wait for InfluxDB: every query of every panel, over 24 h of 26 devices at 1 Hz, in an InfluxDB 1.x.

`seconds` is what one load takes when its queries are asked one after the other, `cpu_s` how much of a core the server spent on it, and
`share_of_core` that divided by the time between two refreshes. Grafana asks for the panels in sight at once, so that it waits for less.
`JEONJU_BENCH_INFLUXDB` names the port of a server that runs already, with its city.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import urllib3

from benchmarks import _city
from chaos.processes import influxd_config
from jeonju.broker.embedded import free_port
from jeonju.common.durations import parse_duration_s
from jeonju.contract.site import load_site
from jeonju.grafana.__main__ import generated
from jeonju.storage.influx.line_protocol import table_lines
from jeonju.storage.influx.names import AIR, AIR_1H, AIR_1M, HOURS, MINUTES, RAW
from jeonju.storage.influx.server import connect
from jeonju.storage.influx.store import InfluxStore
from jeonju.storage.port import Commit

SPAN: Final = timedelta(hours=24)
POINTS: Final = 1000
_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\$(__\w+)")
# Clock ticks of /proc/PID/stat, in a second.
TICKS: Final = os.sysconf("SC_CLK_TCK")


def run() -> dict[str, Any]:
    """Return for each dashboard how long the answers take and what they cost."""
    with _server() as (port, pid, end):
        return {
            path.rpartition("/")[2].removesuffix(".json"): _load(json.loads(text), port, pid, end)
            for path, text in generated().items()
            if path.startswith("dashboards/en/") and "runbook" not in path
        }


@contextmanager
def _server() -> Iterator[tuple[int, int | None, datetime]]:
    if port := os.environ.get("JEONJU_BENCH_INFLUXDB"):
        yield int(port), _listener(int(port)), _newest(int(port))
        return
    folder = Path(tempfile.mkdtemp())
    own = free_port()
    (folder / "influxd.conf").write_text(influxd_config(folder, own))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["influxd", "run", "-config", str(folder / "influxd.conf")], stdout=log, stderr=log)
    try:
        end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        _fill(own, end)
        yield own, process.pid, end
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _fill(port: int, end: datetime) -> None:
    site, fire = load_site("jeonju"), end - timedelta(minutes=50)
    while True:
        try:
            urllib3.request("GET", f"http://127.0.0.1:{port}/ping", retries=False, timeout=1)
            break
        except urllib3.exceptions.HTTPError:
            time.sleep(0.2)
    url = f"influxdb://127.0.0.1:{port}/air"
    with closing(InfluxStore(url)) as store, closing(connect(url, None)) as server:
        write = server.write
        for hour in range(int(SPAN.total_seconds()) // 3600):
            start = end - SPAN + timedelta(hours=hour)
            rows = _city.readings(site, start, start + timedelta(hours=1), 1, fire_at=fire)
            write(table_lines(AIR, rows), "us", RAW)
            write(table_lines(AIR_1M, _city.rolled_up(rows, 60)), "us", MINUTES)
            write(table_lines(AIR_1H, _city.rolled_up(rows, 3600)), "us", HOURS)
        past = _city.readings(site, end - timedelta(days=30), end - SPAN, 3600, fire_at=fire)
        write(table_lines(AIR_1H, _city.rolled_up(past, 3600)), "us", HOURS)
        store.write(Commit(devices=_city.devices(site, fire), ledger=_city.ledger(site)))
        store.write_alerts(_city.alerts(site, fire))
        store.write_incidents(_city.incidents(site, fire))
        store.write_statistics([*_city.indexes(site, end - SPAN, end, timedelta(minutes=1))])
        store.write_statistics([*_city.services(site, end - SPAN, end, timedelta(seconds=10))])


def _load(board: dict[str, Any], port: int, pid: int | None, end: datetime) -> dict[str, float | str]:
    chosen = _choices(board, port, end)
    before, began, slowest = _cpu_s(pid), time.perf_counter(), (0.0, "")
    for panel in board["panels"]:
        asked = time.perf_counter()
        for target in panel.get("targets", []):
            # The first of the chosen quantities stands for all: the rows of the others are out of sight.
            _ask(port, _expand(target["query"], panel, chosen, end))
        slowest = max(slowest, (time.perf_counter() - asked, panel["title"]))
    cpu_s = _cpu_s(pid) - before
    refresh_s = parse_duration_s(board["refresh"]) if board.get("refresh") else 0
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_s": round(cpu_s, 2),
        "share_of_core": round(cpu_s / refresh_s, 3) if refresh_s else 0.0,
        "slowest_s": round(slowest[0], 2),
        "slowest": slowest[1],
    }


def _choices(board: dict[str, Any], port: int, end: datetime) -> dict[str, list[str]]:
    chosen: dict[str, list[str]] = {}
    for variable in board["templating"].get("list", []):
        value = variable.get("current", {}).get("value", "")
        if variable["type"] != "query":
            chosen[variable["name"]] = [value[0]] if isinstance(value, list) else [value]
            continue
        answer = _ask(port, _expand(variable["query"], {}, chosen, end))
        options = sorted(
            {str(row[1]) for series in answer for row in series["values"] if not str(row[1]).endswith("-truth")}
        )
        chosen[variable["name"]] = options if value == "$__all" else options[:1]
    return chosen


def _expand(query: str, panel: dict[str, Any], chosen: dict[str, list[str]], end: datetime) -> str:
    least_s = max(
        SPAN.total_seconds() / panel.get("maxDataPoints", POINTS), parse_duration_s(panel.get("interval", "1s"))
    )
    step_s = next(step for step in (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600) if step >= least_s)
    macros = {
        "__from": f"{(end - SPAN).timestamp() * 1000:.0f}",
        "__to": f"{end.timestamp() * 1000:.0f}",
        "__interval": f"{step_s}s",
        "__interval_ms": f"{step_s * 1000}",
    }

    def put(found: re.Match[str]) -> str:
        name = found[1] or found[3]
        values = [macros[name]] if name in macros else chosen[name]
        return values[0] if len(values) == 1 else f"({'|'.join(map(re.escape, values))})"

    return _VARIABLE.sub(put, query)


def _ask(port: int, query: str) -> list[dict[str, Any]]:
    asked = urllib.parse.urlencode({"q": query, "db": "air", "epoch": "ms"})
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = urllib3.request("POST", f"http://127.0.0.1:{port}/query", body=asked, headers=form, timeout=600)
    found: list[dict[str, Any]] = answer.json()["results"][0].get("series", [])
    return found


def _newest(port: int) -> datetime:
    answer = _ask(port, 'SELECT last("received_at") FROM "raw"."air"')
    return datetime.fromtimestamp(answer[0]["values"][0][0] / 1000, UTC)


def _listener(port: int) -> int | None:
    """Return the number of the process that listens on a port of this machine."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        command = entry.read_bytes().split(b"\0")
        if command[0].endswith(b"influxd") and any(
            f":{port}" in _read(part) for part in command if part.endswith(b".conf")
        ):
            return int(entry.parent.name)
    return None


def _read(path: bytes) -> str:
    file = Path(path.decode())
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _cpu_s(pid: int | None) -> float:
    if pid is None:
        return float("nan")
    parts = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / TICKS
