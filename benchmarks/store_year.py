"""A year of 26 devices at 10 s in DuckDB: load, size, what the console asks, commits beside maintenance and backup; then with most of it archived.

`DAYS=60 ASKED=30 python -m benchmarks store_year` takes fewer days and asks less, for a quick look; a year takes hours and some 25 GB for a while.
`STORE=influxdb` takes an InfluxDB 1.x instead, which has no archive. `FOLDER=…` keeps the files there, and goes on with days that are loaded already:
rates are then those of the days that were loaded last.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import psutil
from fastapi.testclient import TestClient

from benchmarks._city import readings
from chaos.processes import Influxd
from jeonju.contract.site import Site, load_site
from jeonju.stack.services import api_app
from jeonju.storage.archive import Archive
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit, Retention, Store

DAYS: Final = int(os.environ.get("DAYS", "365"))
KEPT_DAYS: Final = min(30, max(DAYS // 4, 1))  # in the store, once the rest is archived
EVERY_S: Final = 10
STORE: Final = os.environ.get("STORE", "duckdb")
ASKED: Final = int(os.environ.get("ASKED", "100"))  # times each, of other devices and instants
END: Final = datetime(2026, 1, 1, tzinfo=UTC)
START: Final = END - timedelta(days=DAYS)
DAY: Final = timedelta(days=1)
FOR_EVER: Final = Retention(None, None, None)


def run() -> dict[str, Any]:
    """Return rates [rows/s], sizes [MB], and times of answers and commits [ms]; of InfluxDB the memory of the server [MB] too."""
    site = load_site("jeonju")
    of = {"days": DAYS, "devices": len(site.devices), "store": STORE}
    with ExitStack() as stack:
        folder = Path(os.environ.get("FOLDER") or stack.enter_context(tempfile.TemporaryDirectory(prefix="store-year")))
        folder.mkdir(parents=True, exist_ok=True)
        return of | (_in_influxdb(site, folder) if STORE == "influxdb" else _in_duckdb(site, folder))


def _in_influxdb(site: Site, folder: Path) -> dict[str, Any]:
    influxd = Influxd(folder / "influxdb")
    influxd.start()
    try:
        opened = partial(open_store, influxd.url, FOR_EVER)
        files = folder / "influxdb" / "data"
        result = {**_loaded(site, opened, files), "in_the_store": _used(site, opened, files)}
        memory = psutil.Process(influxd.pid).memory_info().rss
    finally:
        influxd.stop()
    return {**result, "server_mb": round(memory / 1e6)}


def _in_duckdb(site: Site, folder: Path) -> dict[str, Any]:
    path, archive = folder / "air.duckdb", Archive(f"{folder}/archive")
    kept = FOR_EVER._replace(readings_s=KEPT_DAYS * DAY.total_seconds())
    return {
        **_loaded(site, lambda: DuckDBStore(path, FOR_EVER), path),
        "in_the_store": _used(site, lambda: DuckDBStore(path, FOR_EVER), path),
        "move": _moved(site, DuckDBStore(path, kept, archive), archive),
        "most_in_the_archive": _used(site, lambda: DuckDBStore(path, FOR_EVER, archive), path, 7),
    }


def _moved(site: Site, opened: DuckDBStore, archive: Archive) -> dict[str, Any]:
    with closing(opened) as store:
        begun, cpu = time.perf_counter(), time.process_time()

        def move() -> None:
            while _all_of(store.maintenance(END)):
                pass

        commits = _commits(site, store, move, 6)
        moved = len(archive.days())
        return {
            "days": moved,
            "s_a_day": round((time.perf_counter() - begun) / max(moved, 1), 2),
            "cpu_s_a_day": round((time.process_time() - cpu) / max(moved, 1), 2),
            "commits_ms": commits,
            "archive_mb": round(sum(archive.days().values()) / 1e6),
        }


def _loaded(site: Site, opened: Callable[[], Store], files: Path) -> dict[str, Any]:
    """Load the readings by commits of an hour, as ingest writes a history, and roll up after each day."""
    loaded = files.with_name("loaded")
    first = int(loaded.read_text()) if loaded.exists() else 0
    rows, wrote, rolled, cpu = 0, 0.0, 0.0, 0.0
    with closing(opened()) as store:
        for number in range(first, DAYS):
            day = START + number * DAY
            table = readings(site, day, day + DAY, EVERY_S, fire_at=END).sort_by("time")
            at_once = -(-table.num_rows // 24)
            begun, cpu_begun = time.perf_counter(), time.process_time()
            for offset in range(0, table.num_rows, at_once):
                store.write(Commit(readings=table.slice(offset, at_once)))
            wrote += time.perf_counter() - begun
            cpu += time.process_time() - cpu_begun
            begun = time.perf_counter()
            _all_of(store.maintenance(END))
            rolled += time.perf_counter() - begun
            rows += table.num_rows
            loaded.write_text(str(number + 1))
    of_all = DAYS * int(DAY.total_seconds()) // EVERY_S * len(site.devices)
    rates = (
        {}
        if not rows
        else {
            "rows_per_s": round(rows / wrote),
            "cpu_us_a_row": round(cpu / rows * 1e6, 2),
            "roll_up_s_a_day": round(rolled / (DAYS - first), 2),
        }
    )
    size = _bytes(files)
    return {"rows": of_all, **rates, "file_mb": round(size / 1e6), "bytes_a_row": round(size / of_all, 1)}


def _used(site: Site, opened: Callable[[], Store], files: Path, first: int = 0) -> dict[str, Any]:
    with closing(opened()) as store:
        answers = _answers(site, store)
        alone = _commits(site, store, lambda: time.sleep(5), first)
        maintained = _commits(site, store, lambda: _all_of(store.maintenance(END + 2 * DAY)), first + 1)
        copy = files.with_name("copies")
        copy.mkdir()
        saved = _commits(site, store, lambda: store.back_up(copy), first + 2)
        size = round(_bytes(copy) / 1e6)
        shutil.rmtree(copy)
    writes = {"alone": alone, "beside_maintenance": maintained, "beside_backup": saved}
    return {"answers_ms": answers, "commits_ms": writes, "file_mb": round(_bytes(files) / 1e6), "backup_mb": size}


def _bytes(files: Path) -> int:
    return sum(file.stat().st_size for file in ([files] if files.is_file() else files.rglob("*")) if file.is_file())


def _answers(site: Site, store: Store) -> dict[str, dict[str, float]]:
    """Ask what the console asks, through the api, each time something else."""
    random = np.random.default_rng(6)
    stations = [station.name for station in site.stations]

    def series(span: timedelta, **more: str) -> Callable[[], tuple[str, dict[str, Any]]]:
        def drawn() -> tuple[str, dict[str, Any]]:
            whole = min(span, END - START)
            start = START + random.random() * (END - START - whole)
            of = {
                "device": str(random.choice(stations)),
                "start": start.isoformat(),
                "end": (start + whole).isoformat(),
            }
            return "/api/v1/series", of | more

        return drawn

    def moment() -> tuple[str, dict[str, Any]]:
        return "/api/v1/state", {"at": (START + random.random() * (END - START)).isoformat()}

    def year() -> tuple[str, dict[str, Any]]:
        return f"/api/v1/standards/{random.choice(stations)}", {"year": 2025}

    asked = {
        "latest": lambda: ("/api/v1/latest", {}),
        "6 h of a device": series(timedelta(hours=6)),
        "a day of a device": series(DAY),
        "a day of a device, raw, one quantity": series(DAY, every="raw", quantity="pm25"),
        "a week of a device": series(7 * DAY),
        "a year of days of a device": series(365 * DAY),
        "a year of hours of a device, one quantity": series(365 * DAY, every="3600", quantity="pm25"),
        "wind of a month (rose)": series(30 * DAY, every="3600", quantity="wind_direction"),
        "a moment of the past": moment,
        "exceedances of a year": year,
    }
    app = api_app(site, store, "mqtt://127.0.0.1:1", now=lambda: END)
    with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
        return {name: _of_times(_timed(client, draw) for _ in range(ASKED)) for name, draw in asked.items()}


def _timed(client: TestClient, draw: Callable[[], tuple[str, dict[str, Any]]]) -> tuple[float, float]:
    path, query = draw()
    begun, cpu = time.perf_counter(), time.process_time()
    client.get(path, params=query).raise_for_status()
    return time.perf_counter() - begun, time.process_time() - cpu


def _commits(site: Site, store: Store, action: Callable[[], Any], number: int) -> dict[str, float]:
    """Return how long commits of all devices, twenty a second, take while something is done."""
    over = threading.Event()
    taken: list[tuple[float, float]] = []
    start = END + timedelta(hours=6 * number)  # each time later, so that nothing is merged
    table = readings(site, start, start + timedelta(hours=6), EVERY_S, fire_at=END + 9 * DAY).sort_by("time")

    def write() -> None:
        at_once = len(site.devices)
        for offset in range(0, table.num_rows, at_once):
            begun, cpu = time.perf_counter(), time.thread_time()
            store.write(Commit(readings=table.slice(offset, at_once)))
            taken.append((time.perf_counter() - begun, time.thread_time() - cpu))
            if over.wait(0.05):
                return

    writer = threading.Thread(target=write)
    writer.start()
    begun = time.perf_counter()
    action()
    lasted = time.perf_counter() - begun
    over.set()
    writer.join()
    return {"lasted_s": round(lasted, 1), **_of_times(taken)}


def _of_times(taken: Any) -> dict[str, float]:
    walls, cpus = (np.array(times) * 1000 for times in zip(*taken, strict=True))
    return {
        "p50": round(float(np.median(walls)), 1),
        "p99": round(float(np.percentile(walls, 99)), 1),
        "most": round(float(walls.max()), 1),
        "p50_cpu": round(float(np.median(cpus)), 1),
        "p99_cpu": round(float(np.percentile(cpus, 99)), 1),
    }


def _all_of(steps: Iterator[None]) -> int:
    return sum(1 for _ in steps)
