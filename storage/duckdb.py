"""The embedded store: one DuckDB file, written by one process.

The readings have no primary key: an index would grow in memory with every row (see docs/decisions/0005). Instead the newest instant of each device
is kept in memory; rows after it are appended, all others are merged into what is there.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from airquality.errors import UnavailableError, UserError
from airquality.pollutants import KEYS
from storage.port import Commit, Series
from storage.schema import READINGS, SCHEMA_VERSION, AlertRecord, DeadLetter, DeviceRecord, LedgerEntry

MEMORY_LIMIT: Final = "256MB"
THREADS: Final = 2
# Angles are averaged as directions, not as numbers: the mean of 350° and 10° is 0°.
ANGLES: Final = ("wind_direction", "heading")
_LONG_AGO: Final = -(2**62)
KEY: Final = ("site", "device", "time")
MERGED: Final = tuple(name for name in READINGS.names if name not in KEY)

_TABLES: Final = f"""
CREATE TABLE IF NOT EXISTS meta (schema_version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS readings (
    site VARCHAR NOT NULL, device VARCHAR NOT NULL, time TIMESTAMPTZ NOT NULL, received_at TIMESTAMPTZ NOT NULL,
    boot VARCHAR, seq BIGINT, lat DOUBLE, lon DOUBLE, {", ".join(f'"{key}" DOUBLE' for key in KEYS)}, quality VARCHAR, extra VARCHAR);
CREATE TABLE IF NOT EXISTS devices (
    site VARCHAR, device VARCHAR, zone VARCHAR, kind VARCHAR, origin VARCHAR, state VARCHAR, state_at TIMESTAMPTZ,
    PRIMARY KEY (site, device));
CREATE TABLE IF NOT EXISTS ledger (
    site VARCHAR, device VARCHAR, boot VARCHAR, last_seq BIGINT, received BIGINT, repeated BIGINT, missing BIGINT, late BIGINT,
    rejected BIGINT, gaps VARCHAR DEFAULT '', PRIMARY KEY (site, device));
CREATE TABLE IF NOT EXISTS dead_letters (received_at TIMESTAMPTZ, topic VARCHAR, payload BLOB, reason VARCHAR);
CREATE TABLE IF NOT EXISTS alerts (
    id VARCHAR PRIMARY KEY, site VARCHAR, kind VARCHAR, severity VARCHAR, device VARCHAR, zone VARCHAR, started_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ, ended_at TIMESTAMPTZ, value DOUBLE, "limit" DOUBLE, quantity VARCHAR, summary_ko VARCHAR, summary_en VARCHAR,
    details VARCHAR);
"""


class DuckDBStore:
    """A store in one file; `path` may be `:memory:` for tests. Safe to use from several threads of one process."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection = _connect(path)
        self._migrate()
        self._newest: dict[tuple[str, str], int] = {}
        self._latest: dict[tuple[str, str], dict[str, Any]] = {}
        self._remember(self._connection.sql(_LATEST).to_arrow_table().cast(READINGS))

    def write(self, commit: Commit) -> None:
        """Make all of `commit` durable in one transaction."""
        with self._transaction() as connection:
            if commit.readings.num_rows:
                self._write_readings(connection, commit.readings)
            _upsert(connection, "devices", DeviceRecord._fields, commit.devices)
            _upsert(connection, "ledger", LedgerEntry._fields, commit.ledger)
            if commit.dead_letters:
                connection.executemany(
                    "INSERT INTO dead_letters VALUES (?, ?, ?, ?)", [list(letter) for letter in commit.dead_letters]
                )
        self._remember(commit.readings)

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""
        with self._transaction() as connection:
            _upsert(connection, "alerts", AlertRecord._fields, alerts)

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""
        where = "site = ? AND time >= ? AND time < ?"
        values: list[Any] = [series.site, series.start, series.end]
        if series.devices:
            where += f" AND device IN ({', '.join('?' * len(series.devices))})"
            values += series.devices
        columns = ", ".join(f'"{name}"' for name in READINGS.names)
        query = (
            f"SELECT {columns} FROM readings WHERE {where}"
            if series.every_s is None
            else _averages(where, series.every_s)
        )
        result = self._fetch(f"{query} ORDER BY time, device LIMIT {int(series.limit)}", values)
        return result.cast(READINGS)

    def latest(self, site: str) -> pa.Table:
        """Return the newest row of every device, from memory."""
        with self._lock:
            rows = [row for (of_site, _), row in sorted(self._latest.items()) if of_site == site]
        return pa.Table.from_pylist(rows, schema=READINGS)

    def devices(self, site: str) -> list[DeviceRecord]:
        """Return every device that has ever spoken, by name."""
        return self._records(DeviceRecord, "devices", "site = ? ORDER BY device", [site])

    def ledger(self, site: str) -> list[LedgerEntry]:
        """Return the loss ledger of every device, by name."""
        return self._records(LedgerEntry, "ledger", "site = ? ORDER BY device", [site])

    def alerts(self, site: str, *, since: datetime | None = None, active: bool | None = None) -> list[AlertRecord]:
        """Return alerts that touch the time from `since` on, newest first."""
        where, values = "site = ?", [site]
        if since is not None:
            where += " AND (ended_at IS NULL OR ended_at >= ?)"
            values.append(since)  # type: ignore[arg-type]
        if active is not None:
            where += " AND ended_at IS NULL" if active else " AND ended_at IS NOT NULL"
        return self._records(AlertRecord, "alerts", f"{where} ORDER BY started_at DESC, id LIMIT 10000", values)

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        return self._records(DeadLetter, "dead_letters", "TRUE ORDER BY received_at DESC LIMIT ?", [limit])

    def close(self) -> None:
        """Write the log into the file and let go of it."""
        with self._lock:
            self._connection.close()

    def _write_readings(self, connection: duckdb.DuckDBPyConnection, table: pa.Table) -> None:
        fresh = self._is_after_newest(table)
        appended, merged = table.filter(fresh), table.filter(pc.invert(fresh))
        if appended.num_rows:
            connection.register("incoming", appended)
            connection.execute("INSERT INTO readings BY NAME SELECT * FROM incoming")
            connection.unregister("incoming")
        if merged.num_rows:
            bounds = pc.min_max(merged["time"])
            connection.register("incoming", merged)
            connection.execute(_MERGE, [bounds["min"].as_py(), bounds["max"].as_py()])
            connection.unregister("incoming")

    def _is_after_newest(self, table: pa.Table) -> pa.Array:
        """Tell which rows come after everything stored of their device; of rows for one instant only the first, the rest is merged."""
        times, codes, keys = _by_device(table)
        newest = np.array([self._newest.get(key, _LONG_AGO) for key in keys], dtype=np.int64)
        order = np.argsort(codes, kind="stable")
        same_device = np.diff(codes[order]) == 0
        if np.all(np.diff(times[order])[same_device] > 0):
            return pa.array(times > newest[codes])
        fresh = np.empty(len(times), dtype=bool)
        for i, code in enumerate(codes):
            fresh[i] = times[i] > newest[code]
            newest[code] = max(newest[code], times[i])
        return pa.array(fresh)

    def _remember(self, table: pa.Table) -> None:
        """Keep the newest row of each device."""
        if not table.num_rows:
            return
        times, codes, keys = _by_device(table)
        newest = np.array([self._newest.get(key, _LONG_AGO) for key in keys], dtype=np.int64)
        np.maximum.at(newest, codes, times)
        rows = np.flatnonzero(times == newest[codes])
        with self._lock:
            for number, row in zip(rows, table.take(pa.array(rows)).to_pylist(), strict=True):
                key = keys[codes[number]]
                self._newest[key] = int(times[number])
                before = self._latest.get(key)
                # The same instant in two messages is one row, as in the file.
                if before is not None and before["time"] == row["time"]:
                    row = {name: value if value is not None else before[name] for name, value in row.items()}
                self._latest[key] = row

    @contextmanager
    def _transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                yield self._connection
                self._connection.execute("COMMIT")
            except duckdb.Error as error:
                self._roll_back()
                advice = "free some space" if "no space left" in str(error).lower() else "see whether its disk is there"
                raise UnavailableError(
                    f"the store {self._path} did not take a commit, {advice}: {_first_line(error)}"
                ) from error
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:
            # After a fatal error, such as a full disk, the connection is dead: open the file again.
            self._connection.close()
            self._connection = _connect(self._path)

    def _fetch(self, query: str, values: list[Any]) -> pa.Table:
        try:
            return self._connection.cursor().sql(query, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise UnavailableError(f"the store {self._path} did not answer: {_first_line(error)}") from error

    def _records(self, record: Any, table: str, where: str, values: list[Any]) -> list[Any]:
        columns = ", ".join(f'"{name}"' for name in record._fields)
        rows = self._fetch(f"SELECT {columns} FROM {table} WHERE {where}", values).to_pylist()
        return [record(**{name: _as_utc(value) for name, value in row.items()}) for row in rows]

    def _migrate(self) -> None:
        """Bring an older file up to date; refuse a newer one."""
        version = self._version()
        if version is not None and version > SCHEMA_VERSION:
            self._connection.close()
            raise UserError(
                f"{self._path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION}); "
                "upgrade this program, or choose another --store"
            )
        try:
            self._connection.execute(_TABLES)
            present = {
                row[0] for row in self._connection.execute("SELECT column_name FROM (DESCRIBE readings)").fetchall()
            }
            for key in KEYS:
                if key not in present:
                    self._connection.execute(f'ALTER TABLE readings ADD COLUMN "{key}" DOUBLE')
            self._connection.execute("ALTER TABLE ledger ADD COLUMN IF NOT EXISTS gaps VARCHAR DEFAULT ''")
            self._connection.execute("DELETE FROM meta")
            self._connection.execute("INSERT INTO meta VALUES (?)", [SCHEMA_VERSION])
        except duckdb.Error as error:
            raise UserError(f"{self._path} cannot be prepared: {_first_line(error)}") from error

    def _version(self) -> int | None:
        tables = {row[0] for row in self._connection.execute("SHOW TABLES").fetchall()}
        row = self._connection.execute("SELECT max(schema_version) FROM meta").fetchone() if "meta" in tables else None
        return row[0] if row else None


_LATEST: Final = f"""
SELECT {", ".join(f'"{name}"' for name in READINGS.names)} FROM readings
QUALIFY row_number() OVER (PARTITION BY site, device ORDER BY time DESC) = 1
"""
# What is already there and null now stays; several rows for one instant become one first.
_MERGE: Final = f"""
MERGE INTO readings AS old
USING (SELECT site, device, time, {", ".join(f'last("{name}" ORDER BY received_at) FILTER ("{name}" IS NOT NULL) AS "{name}"' for name in MERGED)}
       FROM incoming GROUP BY site, device, time) AS new
ON old.site = new.site AND old.device = new.device AND old.time = new.time AND old.time BETWEEN ? AND ?
WHEN MATCHED THEN UPDATE SET {", ".join(f'"{name}" = coalesce(new."{name}", old."{name}")' for name in MERGED)}
WHEN NOT MATCHED THEN INSERT BY NAME
"""


def _connect(path: Path | str) -> duckdb.DuckDBPyConnection:
    try:
        if str(path) != ":memory:":
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        connection = duckdb.connect(str(path), config={"memory_limit": MEMORY_LIMIT, "threads": THREADS})
        connection.execute("SET TimeZone = 'UTC'")
    except (duckdb.Error, OSError) as error:
        text = _first_line(error)
        if "lock" in text.lower():
            raise UserError(
                f"{path} is in use by another process; stop it, or choose another --store ({text})"
            ) from error
        raise UserError(f"{path} cannot be opened as a store: {text}") from error
    return connection


def _averages(where: str, every_s: int) -> str:
    """Return the query for means over intervals; labels and texts are those of the last reading in each."""
    bucket = f"time_bucket(INTERVAL {int(every_s)} SECONDS, time)"
    columns = [
        "site",
        "device",
        f"{bucket} AS time",
        "max(received_at) AS received_at",
        "max(boot) AS boot",
        "max(seq) AS seq",
    ]
    columns += [f'avg("{name}") AS "{name}"' for name in ("lat", "lon", *KEYS) if name not in ANGLES]
    columns += [f'{_MEAN_ANGLE.format(name=name)} AS "{name}"' for name in ANGLES]
    columns += ["max(quality) AS quality", "NULL::VARCHAR AS extra"]
    inner = f"SELECT {', '.join(columns)} FROM readings WHERE {where} GROUP BY site, device, {bucket}"
    return f"SELECT {', '.join(READINGS.names)} FROM ({inner})".replace("limit", '"limit"')


_MEAN_ANGLE: Final = "((degrees(atan2(avg(sin(radians({name}))), avg(cos(radians({name}))))) + 360) % 360)"


def _upsert(connection: duckdb.DuckDBPyConnection, table: str, fields: Sequence[str], rows: Sequence[Any]) -> None:
    """Insert or replace rows; as a table, because one by one each takes longer than all at once."""
    if rows:
        connection.register("incoming", pa.table(dict(zip(fields, map(list, zip(*rows, strict=True)), strict=True))))
        connection.execute(f"INSERT OR REPLACE INTO {table} BY NAME SELECT * FROM incoming")
        connection.unregister("incoming")


def _by_device(table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64], list[tuple[str, str]]]:
    """Return the times [µs], for each row the number of its device, and the (site, device) behind each number."""
    times = table["time"].cast(pa.int64()).to_numpy()
    site, device = (table[name].unify_dictionaries().combine_chunks() for name in ("site", "device"))
    sites, devices = site.dictionary.to_pylist(), device.dictionary.to_pylist()
    pairs = site.indices.to_numpy().astype(np.int64) * len(devices) + device.indices.to_numpy()
    present, codes = np.unique(pairs, return_inverse=True)
    return times, codes, [(sites[pair // len(devices)], devices[pair % len(devices)]) for pair in present]


def _as_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
