"""`jeonju export`: from a store and from a service the same rows, and nothing of a file that is not whole."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from jeonju.contract.columns import READINGS, readings_table
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit, Series
from tests.api.test_export import NOW, Endless
from tests.clients import served
from tests.jeonju.cli.command import jeonju as command
from tests.waiting import wait_until

SPAN = ("--start", (NOW - timedelta(days=400)).isoformat(), "--end", (NOW + timedelta(days=1)).isoformat())


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[DuckDBStore]:
    (tmp_path / "data").mkdir()
    store = DuckDBStore(tmp_path / "data/air.duckdb")
    store.write(
        Commit(
            readings=readings_table(
                {
                    "site": "jeonju",
                    "device": device,
                    "time": NOW - timedelta(seconds=10 * step),
                    "received_at": NOW,
                    "pm25": 20.0 + step / 8,
                    "lat": 35.85,
                    "lon": 127.1,
                }
                for step in range(300)
                for device in ("palbok-01", "robot-1")
            )
        )
    )
    yield store
    store.close()


def test_a_store_and_the_service_that_has_it_give_the_same_file(
    jeonju: Site, filled: DuckDBStore, tmp_path: Path
) -> None:
    given, data = tmp_path / "service.parquet", tmp_path / "data"
    with served(api_app(jeonju, filled, "mqtt://127.0.0.1:1")) as wire:
        url = f"http://127.0.0.1:{wire.port}"
        done = command("export", given, "--from", url, *SPAN, "--json")
        assert done.returncode == 0, done.stderr
        assert {"rows": 600, "file": str(given)}.items() <= json.loads(done.stdout).items()
        done = command("export", tmp_path / "air.nc", "--from", url, *SPAN)
        assert (done.returncode, "choose with kind=station or kind=robot" in done.stderr) == (2, True)
        done = command("export", tmp_path / "air.nc", "--from", url, *SPAN, "--kind", "station")
        assert done.returncode == 0, done.stderr
        with xr.open_dataset(tmp_path / "air.nc", engine="h5netcdf") as air:
            assert air.sizes == {"obs": 300, "station": 1}
        done = command("export", tmp_path / "none.csv", "--from", url, "--device", "nobody")
        assert (done.returncode, "device: nobody is not known" in done.stderr) == (2, True)
    filled.close()
    assert command("export", tmp_path / "store.parquet", "--data", data, *SPAN).returncode == 0
    assert pq.read_table(tmp_path / "store.parquet").to_pydict() == pq.read_table(given).to_pydict()
    again = command("export", given, "--data", data)
    assert (again.returncode, "is there already" in again.stderr) == (2, True)
    assert command("export", given, "--data", data, *SPAN, "--every", 3600, "--force").returncode == 0
    assert pq.read_table(given).num_rows < 10
    away = command("export", tmp_path / "none.csv", "--store", tmp_path / "nothing.duckdb")
    assert (away.returncode, "there is no store" in away.stderr) == (2, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_is_interrupted_leaves_nothing(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, number: signal.Signals
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    app = api_app(jeonju, Endless(store), "mqtt://127.0.0.1:1", now=lambda: NOW)
    with served(app) as wire:
        arguments = ["export", str(folder / "air.csv"), "--from", f"http://127.0.0.1:{wire.port}", "--start", "9000d"]
        environment = os.environ | {"TMPDIR": str(folder)}
        child = subprocess.Popen([sys.executable, "-m", "jeonju", *arguments], env=environment, stderr=subprocess.PIPE)
        try:
            wait_until(lambda: (folder / ".air.csv.part").exists(), what="the beginning of the file")
            child.send_signal(number)
            _, said = child.communicate(timeout=60)
        finally:
            child.kill()
            child.wait()
    assert child.returncode in (128 + number, -number), said
    assert b"Traceback" not in said
    assert list(folder.iterdir()) == []


class Gated:
    """A store with a hundred readings of each second, which answers for what comes after the gate only once that is opened."""

    def __init__(self, store: DuckDBStore, gate_at: datetime) -> None:
        self.store, self.gate_at, self.is_open = store, gate_at, threading.Event()
        self.begins: list[datetime] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def readings(self, series: Series) -> pa.Table:
        self.begins.append(series.start)
        if series.start >= self.gate_at:
            assert self.is_open.wait(120)
        first, after = (int(at.timestamp() * 1e6) for at in (series.start, series.end))
        times = np.repeat(np.arange(-(-first // 1_000_000) * 1_000_000, after, 1_000_000), 100)[: series.limit]
        instants = pa.array(times, pa.int64()).cast(READINGS.field("time").type)
        devices = pa.array(np.resize([f"d-{number:02}" for number in range(100)], len(times)))
        known = {"time": instants, "received_at": instants, "device": devices, "pm25": pa.array(times % 97 / 1.0)}
        columns = [
            known[field.name].cast(field.type) if field.name in known else pa.nulls(len(times), field.type)
            for field in READINGS
        ]
        return pa.table(columns, schema=READINGS)


def test_an_export_that_was_killed_is_gone_on_with(jeonju: Site, store: DuckDBStore, tmp_path: Path) -> None:
    begin, end = NOW - timedelta(minutes=14), NOW
    gated = Gated(store, gate_at=begin + timedelta(minutes=10))
    with served(api_app(jeonju, gated, "mqtt://127.0.0.1:1", now=lambda: NOW)) as wire:
        span = ("--start", begin.isoformat(), "--end", end.isoformat(), "--quantity", "pm25")
        asked = ("export", tmp_path / "air.csv", "--from", f"http://127.0.0.1:{wire.port}", *span, "--resume")
        child = subprocess.Popen([sys.executable, "-m", "jeonju", *map(str, asked)])
        try:
            parts = tmp_path / ".air.csv.parts"
            wait_until(lambda: bool(list(parts.glob("*.parquet"))), what="the first part")
        finally:
            child.kill()
            child.wait()
        assert not (tmp_path / "air.csv").exists()
        gated.is_open.set()
        other = command(*asked, "--every", 60)
        assert (other.returncode, "with other options" in other.stderr) == (2, True)
        gated.begins.clear()
        done = command(*asked)
        assert (done.returncode, "going on from" in done.stderr) == (0, True), done.stderr
        assert min(gated.begins) >= gated.gate_at, "what was kept is not asked for again"
        assert [path.name for path in tmp_path.iterdir() if "air.csv" in path.name] == ["air.csv"]
        lines = (tmp_path / "air.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 1 + 14 * 60 * 100
    assert len(set(lines)) == len(lines)
    assert lines[1:] == sorted(lines[1:])
