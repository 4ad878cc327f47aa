"""A year of hours of one device out of a filled roll-up, from the store and from the api."""

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
from fastapi.testclient import TestClient

from jeonju.contract.site import load_site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.rollup import COLUMN_TYPES
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Series

T0 = datetime(2025, 1, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
DEVICES = 26
_VALUES = {
    "TIMESTAMPTZ": "instant",
    "VARCHAR": "NULL",
    "BIGINT": "1",
    "INTEGER": "3600",
    "DOUBLE": "random() * 100",
    "FLOAT": "random()",
}


def _fill(path: Path) -> None:
    DuckDBStore(path).close()
    columns = ", ".join(f'{_VALUES[kind]}::{kind} AS "{name}"' for name, kind in COLUMN_TYPES.items())
    instants = "SELECT TIMESTAMPTZ '2025-01-01 00:00:00Z' + INTERVAL (hour) HOURS AS instant, device"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"INSERT INTO readings_1h BY NAME SELECT 'jeonju' AS site, 'palbok-' || device AS device, instant AS time, {columns} "
            f"FROM ({instants} FROM range(8760) h(hour), range({DEVICES}) d(device) ORDER BY hour, device)"
        )


def _median_ms(action: Callable[[], Any]) -> float:
    taken = []
    for _ in range(9):
        begun = time.perf_counter()
        action()
        taken.append(time.perf_counter() - begun)
    return round(median(taken) * 1000, 1)


def run() -> dict[str, Any]:
    """All 27 quantities, 26 devices in the store, one asked for."""
    with tempfile.TemporaryDirectory() as folder:
        _fill(Path(folder) / "air.duckdb")
        store = DuckDBStore(Path(folder) / "air.duckdb")
        asked = Series(site="jeonju", start=T0, end=T0 + YEAR, every_s=3600, devices=("palbok-3",))
        query = {"device": "palbok-3", "every": "3600", "start": T0.isoformat(), "end": (T0 + YEAR).isoformat()}
        app = api_app(load_site("jeonju"), store, "mqtt://127.0.0.1:1", now=lambda: T0 + YEAR)
        with TestClient(app, base_url="http://127.0.0.1", client=("127.0.0.1", 50_000)) as client:
            result = {
                "year_of_hours_from_store_ms": _median_ms(lambda: store.readings(asked)),
                "year_of_hours_from_api_ms": _median_ms(lambda: client.get("/api/v1/series", params=query)),
            }
        store.close()
    return result
