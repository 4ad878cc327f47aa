"""Readings in DuckDB: appended where they are new, merged where they are not, and read for a span of time.

The table has no primary key: an index would grow in memory with every row (docs/decisions/0005). Instead the newest row of each device is kept in
memory; rows after it are appended, all others are merged into what is there.
"""

import threading
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.columns import READINGS
from jeonju.storage.duckdb import rollup as rollup
from jeonju.storage.duckdb.incoming import execute_with
from jeonju.storage.port import Series

_KEY: Final = ("site", "device", "time")
_MERGED: Final = tuple(name for name in READINGS.names if name not in _KEY)
_LONG_AGO: Final = -(2**62)
_ROWS_AT_ONCE: Final = 1000
# A row that claims to be so much later than others arrive was timed by a clock that was ahead: it is the newest of its device no more.
AHEAD: Final = timedelta(seconds=60)
_COLUMNS: Final = ", ".join(f'"{name}"' for name in READINGS.names)
# By the number of the row: whatever else is in the rows, such as texts, then takes no memory but for the rows that are read at the moment.
_NEWEST_ROWS: Final = f"""
SELECT {_COLUMNS} FROM readings WHERE rowid IN (SELECT max_by(rowid, time) FROM readings GROUP BY site, device)
"""
_LAST_VALUES: Final = ", ".join(
    f'last("{name}" ORDER BY received_at) FILTER ("{name}" IS NOT NULL) AS "{name}"' for name in _MERGED
)
# What is already there and null now stays; several rows for one instant become one first.
_MERGE: Final = f"""
MERGE INTO readings AS old
USING (SELECT site, device, time, {_LAST_VALUES} FROM incoming GROUP BY site, device, time) AS new
ON old.site = new.site AND old.device = new.device AND old.time = new.time AND old.time BETWEEN ? AND ?
WHEN MATCHED THEN UPDATE SET {", ".join(f'"{name}" = coalesce(new."{name}", old."{name}")' for name in _MERGED)}
WHEN NOT MATCHED THEN INSERT BY NAME
"""


class NewestReadings:
    """The newest row of each device, in memory. Safe to use from several threads."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._lock = threading.Lock()
        self._times: dict[tuple[str, str], int] = {}  # [µs since 1970]
        self._rows: dict[tuple[str, str], dict[str, Any]] = {}
        for rows in connection.sql(_NEWEST_ROWS).to_arrow_reader(_ROWS_AT_ONCE):
            self.add(pa.Table.from_batches([rows]).cast(READINGS))

    def __len__(self) -> int:
        """Return of how many devices there is one."""
        with self._lock:
            return len(self._rows)

    def at(self) -> datetime | None:
        """Return the time of the newest of all, None where there are none."""
        with self._lock:
            return max((row["time"] for row in self._rows.values()), default=None)

    def of_site(self, site: str) -> pa.Table:
        """Return the newest row of every device of a site, by name, in the READINGS schema."""
        with self._lock:
            rows = [row for (of_site, _), row in sorted(self._rows.items()) if of_site == site]
        return pa.Table.from_pylist(rows, schema=READINGS)

    def add(self, table: pa.Table) -> None:
        """Keep the rows of a commit that are the newest of their device."""
        if not table.num_rows:
            return
        times, codes, keys = _by_device(table)
        newest = np.full(len(keys), _LONG_AGO)
        np.maximum.at(newest, codes, times)
        rows = np.flatnonzero(times == newest[codes])
        with self._lock:
            for number, row in zip(rows, table.take(pa.array(rows)).to_pylist(), strict=True):
                key = keys[codes[number]]
                self._times[key] = max(int(times[number]), self._times.get(key, _LONG_AGO))
                before = self._rows.get(key)
                if before is not None and before["time"] > row["time"] and not _is_ahead(before, row):
                    continue
                # The same instant in two messages is one row, as in the file.
                if before is not None and before["time"] == row["time"]:
                    row = {name: value if value is not None else before[name] for name, value in row.items()}
                self._rows[key] = row

    def rows_after(self, table: pa.Table) -> pa.Array:
        """Return a mask of the rows that come after everything stored of their device; of rows for one instant only the first does."""
        times, codes, keys = _by_device(table)
        with self._lock:
            newest = self._times_of(keys)
        order = np.argsort(codes, kind="stable")
        same_device = np.diff(codes[order]) == 0
        if np.all(np.diff(times[order])[same_device] > 0):
            return pa.array(times > newest[codes])
        is_new = np.empty(len(times), dtype=bool)
        for i, code in enumerate(codes):
            is_new[i] = times[i] > newest[code]
            newest[code] = max(newest[code], times[i])
        return pa.array(is_new)

    def _times_of(self, keys: list[tuple[str, str]]) -> NDArray[np.int64]:
        return np.array([self._times.get(key, _LONG_AGO) for key in keys], dtype=np.int64)


def _is_ahead(before: dict[str, Any], row: dict[str, Any]) -> bool:
    """Return whether a row claims a time later than that at which another one arrived: the clock it was timed by was ahead, and is not any more."""
    return bool(before["time"] > row["received_at"] + AHEAD)


def write_readings(connection: duckdb.DuckDBPyConnection, table: pa.Table, newest: NewestReadings) -> None:
    """Append the rows that come after the newest of their device, and merge the others into what is there."""
    is_new = newest.rows_after(table)
    appended, merged = table.filter(is_new), table.filter(pc.invert(is_new))
    if appended.num_rows:
        execute_with(connection, appended, "INSERT INTO readings BY NAME SELECT * FROM incoming")
    if merged.num_rows:
        bounds = pc.min_max(merged["time"])
        execute_with(connection, merged, _MERGE, [bounds["min"].as_py(), bounds["max"].as_py()])


def select_readings(series: Series, marked: Collection[int], count: rollup.Count | None) -> tuple[str, list[Any]]:
    """Return the query for a series, and its values.

    `marked` are the minutes [min since 1970] whose roll-ups are still to be made; `count` asks for one row that says what
    others hold.
    """
    where = "part.site = ?"
    values: list[Any] = [series.site]
    if series.devices:
        where += f" AND part.device IN ({', '.join('?' * len(series.devices))})"
        values += series.devices
    if series.every_s is None:
        within = f"{where} AND time >= ? AND time < ?"
        # The instant of the last row wanted comes first: to sort all rows whole for the earliest of them takes more memory than there is.
        last = f"SELECT time FROM readings AS part WHERE {within} ORDER BY time LIMIT 1 OFFSET {int(series.limit)}"
        query = f"SELECT {_COLUMNS} FROM readings AS part WHERE {within} AND time <= coalesce(({last}), 'infinity')"
        values = 2 * [*values, series.start, series.end]
    else:
        query, values = rollup.means(series, marked, where, values, count)
    # What is left out here is not read from the file either.
    return f"SELECT {_chosen(series)} FROM ({query}) ORDER BY time, device LIMIT {int(series.limit)}", values


def _chosen(series: Series) -> str:
    unread = set(KEYS).difference(series.quantities) if series.quantities else set()
    return ", ".join(f'NULL AS "{name}"' if name in unread else f'"{name}"' for name in READINGS.names)


def _by_device(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64], list[tuple[str, str]]]:
    """Return the times [µs], for each row the number of its device, and the (site, device) behind each number."""
    times = table["time"].cast(pa.int64()).to_numpy()
    site, device = (table[name].unify_dictionaries().combine_chunks() for name in ("site", "device"))
    sites, devices = site.dictionary.to_pylist(), device.dictionary.to_pylist()
    pairs = site.indices.to_numpy().astype(np.int64) * len(devices) + device.indices.to_numpy()
    present, codes = np.unique(pairs, return_inverse=True)
    return times, codes, [(sites[pair // len(devices)], devices[pair % len(devices)]) for pair in present]
