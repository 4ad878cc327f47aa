"""The embedded store: one DuckDB file, written by one process.

The readings have no primary key: an index would grow in memory with every row (see docs/decisions/0005). Instead the newest instant of each device
is kept in memory; rows after it are appended, all others are merged into what is there.
"""

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import (
    READINGS,
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    IndexFigure,
    JournalEntry,
    LedgerEntry,
    ServiceFigures,
)
from jeonju.storage.duckdb import rollup as rollup
from jeonju.storage.duckdb.file import CHECKPOINT_BYTES, TIDY_EVERY_S, checkpoint, connect, copy_to, first_line, migrate
from jeonju.storage.port import DEFAULT_RETENTION, Commit, Retention, Series
from jeonju.storage.rollup import HOUR_S, MINUTE_S, by_hour

_LONG_AGO: Final = -(2**62)
KEY: Final = ("site", "device", "time")
MERGED: Final = tuple(name for name in READINGS.names if name not in KEY)

# What is removed at once: so much that a write waits for milliseconds only.
_STEPS: Final = {"readings": timedelta(hours=1), "readings_1m": timedelta(days=1), "readings_1h": timedelta(days=30)}


class DuckDBStore:
    """A store in one file; `path` may be `:memory:` for tests. Safe to use from several threads of one process."""

    def __init__(self, path: Path | str, retention: Retention = DEFAULT_RETENTION) -> None:
        self._path = path
        self._retention = retention
        self._lock = threading.Lock()
        self._connection = connect(path)
        migrate(self._connection, path)
        # Minutes whose roll-ups are still to be made, as in the file; replaced as a whole, so readers need no lock.
        self._marked = rollup.marked_minutes(self._connection)
        # Minutes written to since the present step of the upkeep began.
        self._touched: frozenset[int] = frozenset()
        self._newest: dict[tuple[str, str], int] = {}
        self._latest: dict[tuple[str, str], dict[str, Any]] = {}
        for rows in self._connection.sql(_LATEST).to_arrow_reader(_ROWS_AT_ONCE):
            self._remember(pa.Table.from_batches([rows]).cast(READINGS))
        self._checkpointing: threading.Thread | None = None
        self._tidied_s = time.monotonic()

    def write(self, commit: Commit) -> Mapping[tuple[str, str], int]:
        """Make all of `commit` durable in one transaction; no reading is too old, for age counts from arrival too."""
        with self._transaction() as connection:
            if commit.readings.num_rows:
                self._write_readings(connection, commit.readings)
                minutes = rollup.mark(connection, commit.readings, self._marked)
                self._marked, self._touched = self._marked | minutes, self._touched | minutes
            _insert(connection, "devices", DeviceRecord._fields, commit.devices)
            _insert(connection, "ledger_entries", LedgerEntry._fields, commit.ledger, "INSERT")
            if commit.dead_letters:
                connection.executemany(
                    "INSERT INTO dead_letters VALUES (?, ?, ?, ?)", [list(letter) for letter in commit.dead_letters]
                )
        self._remember(commit.readings)
        is_checkpointing = self._checkpointing is not None and self._checkpointing.is_alive()
        if not is_checkpointing and self._log_bytes() > CHECKPOINT_BYTES:
            self._checkpointing = threading.Thread(target=self._checkpoint, name="checkpoint")
            self._checkpointing.start()
        return {}

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""
        with self._transaction() as connection:
            _insert(connection, "alerts", AlertRecord._fields, alerts)

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""
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
            query, values = rollup.means(
                series.start, series.end, series.every_s, self._marked, where, values, self._is_any
            )
        result = self._fetch(f"{query} ORDER BY time, device LIMIT {int(series.limit)}", values)
        return result.cast(READINGS)

    def upkeep(self, now: datetime) -> Iterator[None]:
        """Roll up what is marked, then forget what is old and entries of the ledger that newer ones followed, all beside the writes.

        What cannot be rolled up does not hold up the rest; nothing from then on is forgotten, and the failure is raised at the end.
        """
        present = int(now.timestamp()) // MINUTE_S  # it goes on, and would be made anew the next time
        failures: list[Exception] = []
        held_from = math.inf
        for minutes in by_hour(self._marked - {present}):
            try:
                self._roll_up(minutes)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  (raised at the end)
                failures.append(error)
                held_from = min(held_from, minutes[0] // 60 * HOUR_S)
            yield
        for table, kept_s in zip(_STEPS, self._retention, strict=True):
            before = None if kept_s is None else min(now.timestamp() - kept_s, held_from)
            while before is not None and before > 0 and self._forget(table, datetime.fromtimestamp(before, UTC)):
                yield
        with self._beside_writes() as connection:
            connection.execute(f"DELETE FROM ledger_entries WHERE rowid NOT IN ({_NEWEST_ENTRIES})")
            with self._lock:
                connection.execute("COMMIT")
        if failures:
            raise failures[0]

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
        newest = f"site = ? AND rowid IN ({_NEWEST_ENTRIES}) ORDER BY device"
        return self._records(LedgerEntry, "ledger_entries", newest, [site])

    def write_incidents(self, incidents: Sequence[IncidentRecord]) -> None:
        """Insert or update incidents by `id`."""
        with self._transaction() as connection:
            _insert(connection, "incidents", IncidentRecord._fields, incidents)

    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; one that is there already, by `id`, stays as it is."""
        with self._transaction() as connection:
            _insert(connection, "journal", JournalEntry._fields, entries, "INSERT OR IGNORE")

    def write_figures(self, figures: Sequence[IndexFigure | ServiceFigures]) -> None:
        """Keep nothing: no dashboard reads a file that one process holds open, and the api has these figures of now."""

    def alerts(self, site: str, *, since: datetime | None = None, active: bool | None = None) -> list[AlertRecord]:
        """Return alerts that touch the time from `since` on, newest first."""
        where, values = _lasting("ended_at", site, since, active)
        return self._records(AlertRecord, "alerts", f"{where} ORDER BY started_at DESC, id LIMIT 10000", values)

    def alert(self, alert_id: str) -> AlertRecord | None:
        """Return the alert of an id, None where there is none."""
        return next(iter(self._records(AlertRecord, "alerts", "id = ?", [alert_id])), None)

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident of an id, None where there is none."""
        return next(iter(self._records(IncidentRecord, "incidents", "id = ?", [incident_id])), None)

    def incidents(
        self, site: str, *, since: datetime | None = None, active: bool | None = None
    ) -> list[IncidentRecord]:
        """Return incidents that touch the time from `since` on, newest first."""
        where, values = _lasting("closed_at", site, since, active)
        return self._records(IncidentRecord, "incidents", f"{where} ORDER BY opened_at DESC, id LIMIT 10000", values)

    def journal(self, site: str, *, since: datetime | None = None, subject: str | None = None) -> list[JournalEntry]:
        """Return entries from `since` on in the order of time, the newest 10 000."""
        where, values = "site = ?", [site]
        for condition, value in (("done_at >= ?", since), ("subject = ?", subject)):
            if value is not None:
                where += f" AND {condition}"
                values.append(value)  # type: ignore[arg-type]
        return self._records(JournalEntry, "journal", f"{where} ORDER BY done_at DESC, id DESC LIMIT 10000", values)[
            ::-1
        ]

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        return self._records(DeadLetter, "dead_letters", "TRUE ORDER BY received_at DESC LIMIT ?", [limit])

    def back_up(self, folder: Path) -> Path:
        """Write a copy as of now; commits go on meanwhile."""
        return copy_to(self._connection, folder / "store.duckdb")

    def close(self) -> None:
        """Write the log into the file and let go of it."""
        if self._checkpointing is not None:
            self._checkpointing.join()
        with self._lock:
            self._connection.close()

    def _log_bytes(self) -> int:
        log = Path(f"{self._path}.wal")
        return log.stat().st_size if log.exists() else 0

    def _checkpoint(self) -> None:
        """Move the log into the file while writes go on; within a commit, as DuckDB does by itself, they would wait for it."""
        is_due = time.monotonic() - self._tidied_s >= TIDY_EVERY_S
        # What went wrong here goes wrong at the next write again, and is said there.
        with suppress(duckdb.Error):
            checkpoint(self._connection.cursor(), tidy=is_due)
            if is_due:
                self._tidied_s = time.monotonic()

    def _roll_up(self, minutes: list[int]) -> None:
        with self._beside_writes() as connection:
            rollup.roll_up(connection, minutes)
            with self._lock:
                # What was written to meanwhile is rolled up only in part.
                done = frozenset(minutes) - self._touched
                rollup.unmark(connection, done)
                connection.execute("COMMIT")
                # Not before the commit, or a reader would take a roll-up that is not there yet; not after the lock, or a write would not mark again.
                self._marked -= done

    def _forget(self, table: str, before: datetime) -> bool:
        with self._beside_writes() as connection:
            is_any = rollup.forget(connection, table, before, _STEPS[table])
            with self._lock:
                # What arrived once more meanwhile is not old; it would be lost, so all of them are kept until the next round.
                if any(minute * MINUTE_S <= before.timestamp() for minute in self._touched):
                    return False
                connection.execute("COMMIT")
        return is_any

    @contextmanager
    def _beside_writes(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that holds up no write: on a connection of its own it sees the store as of now, and only its commit waits for its turn."""
        with self._lock:
            self._touched = frozenset()
            connection = self._connection.cursor()
        with connection, self._translated_errors():
            connection.execute("BEGIN")
            yield connection

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
        with self._lock, self._translated_errors():
            marked_before = self._marked
            try:
                self._connection.execute("BEGIN")
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                self._marked = marked_before
                self._roll_back()
                raise

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        """Data that DuckDB refuses stays refused; everything else passes when the disk is back."""
        try:
            yield
        except (duckdb.DataError, duckdb.IntegrityError):
            raise
        except duckdb.Error as error:
            advice = "free some space" if "no space left" in str(error).lower() else "see whether its disk is there"
            raise UnavailableError(
                f"the store {self._path} did not take a commit, {advice}: {first_line(error)}"
            ) from error

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except duckdb.Error:
            # After a fatal error, such as a full disk, the connection is dead: open the file again.
            self._connection.close()
            self._connection = connect(self._path)

    def _fetch(self, query: str, values: list[Any]) -> pa.Table:
        try:
            return self._connection.cursor().sql(query, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise UnavailableError(f"the store {self._path} did not answer: {first_line(error)}") from error

    def _is_any(self, where: str, values: list[Any]) -> bool:
        return bool(self._fetch(f"SELECT 1 FROM readings AS part WHERE {where} LIMIT 1", values).num_rows)

    def _records(self, record: Any, table: str, where: str, values: list[Any]) -> list[Any]:
        columns = ", ".join(f'"{name}"' for name in record._fields)
        rows = self._fetch(f"SELECT {columns} FROM {table} WHERE {where}", values).to_pylist()
        return [record(**{name: _as_utc(value) for name, value in row.items()}) for row in rows]


# Each commit appends the entries that changed, and rows stand in the order in which they came. To replace the one before takes a join in each commit,
# for 1 ms and 2.5 kB of memory that DuckDB gives back tens of thousands of commits later.
_NEWEST_ENTRIES: Final = "SELECT max(rowid) FROM ledger_entries GROUP BY site, device"
_COLUMNS: Final = ", ".join(f'"{name}"' for name in READINGS.names)
# By the number of the row: whatever else is in the rows, such as texts, then takes no memory but for the rows that are read at the moment.
_LATEST: Final = f"""
SELECT {_COLUMNS} FROM readings WHERE rowid IN (SELECT max_by(rowid, time) FROM readings GROUP BY site, device)
"""
_ROWS_AT_ONCE: Final = 1000
# What is already there and null now stays; several rows for one instant become one first.
_MERGE: Final = f"""
MERGE INTO readings AS old
USING (SELECT site, device, time, {", ".join(f'last("{name}" ORDER BY received_at) FILTER ("{name}" IS NOT NULL) AS "{name}"' for name in MERGED)}
       FROM incoming GROUP BY site, device, time) AS new
ON old.site = new.site AND old.device = new.device AND old.time = new.time AND old.time BETWEEN ? AND ?
WHEN MATCHED THEN UPDATE SET {", ".join(f'"{name}" = coalesce(new."{name}", old."{name}")' for name in MERGED)}
WHEN NOT MATCHED THEN INSERT BY NAME
"""


def _lasting(end: str, site: str, since: datetime | None, active: bool | None) -> tuple[str, list[Any]]:  # noqa: FBT001
    """Return the condition, and its values, for what touches the time from `since` on and has ended or not."""
    where, values = "site = ?", [site]
    if since is not None:
        where += f" AND ({end} IS NULL OR {end} >= ?)"
        values.append(since)  # type: ignore[arg-type]
    if active is not None:
        where += f" AND {end} IS {'' if active else 'NOT '}NULL"
    return where, values


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    fields: Sequence[str],
    rows: Sequence[Any],
    verb: str = "INSERT OR REPLACE",
) -> None:
    """Insert rows; as a table, because one by one each takes longer than all at once."""
    if rows:
        connection.register("incoming", pa.table(dict(zip(fields, map(list, zip(*rows, strict=True)), strict=True))))
        connection.execute(f"{verb} INTO {table} BY NAME SELECT * FROM incoming")
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
