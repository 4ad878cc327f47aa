"""The embedded store: one DuckDB file, written by one process."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.columns import READINGS
from jeonju.contract.records import (
    AlertRecord,
    DeviceRecord,
    IncidentRecord,
    JournalEntry,
    LedgerEntry,
    LetterMark,
    Statistics,
)
from jeonju.storage.archive import Archive, Day
from jeonju.storage.duckdb import archived as archived
from jeonju.storage.duckdb import rollup as rollup
from jeonju.storage.duckdb.file import (
    CHECKPOINT_BYTES,
    TIDY_EVERY_S,
    checkpoint,
    closed,
    connect,
    copy_to,
    damaged,
    first_line,
)
from jeonju.storage.duckdb.readings import NewestReadings, select_readings, write_readings
from jeonju.storage.duckdb.records import REMOVE_OLD_ENTRIES, StoredRecords, insert, insert_letters, mark_letters
from jeonju.storage.duckdb.schema import migrate
from jeonju.storage.port import DEFAULT_RETENTION, Commit, Retention, Series
from jeonju.storage.rollup import HOUR_S, MINUTE_S, by_hour

log = logging.getLogger(__name__)

# What is removed at once: so much that a write waits for milliseconds only.
_STEPS: Final = {
    "readings": timedelta(hours=1),
    "readings_1m": timedelta(days=1),
    "readings_10m": timedelta(days=1),
    "readings_1h": timedelta(days=30),
}
# Of few devices several hours are rolled up at once: most of it is planning three statements of 250 columns, however few the rows are.
_DEVICE_HOURS_AT_ONCE, _HOURS_AT_ONCE = 160, 24
# Time goes on for so long without readings; what is old is forgotten by their time.
FORGETS_AFTER_SILENCE: Final = timedelta(days=1)
# So many days of readings are moved to the archive in a round: roll-ups wait meanwhile.
_DAYS_MOVED: Final = 4
# What others put into the archive, or took from it, is seen so often.
_LOOKS_EVERY_S: Final = 3600.0
_DAY_MINUTES: Final = 1440


class DuckDBStore(StoredRecords):
    """A store in one file; `path` may be `:memory:` for tests. Safe to use from several threads of one process."""

    def __init__(
        self, path: Path | str, retention: Retention = DEFAULT_RETENTION, archive: Archive | None = None
    ) -> None:
        self._path = path
        self._retention = retention
        self._archive = archive
        self._looked_s = -math.inf
        self._trouble: str | None = None
        self._lock = threading.Lock()
        self._connection = connect(path)
        try:
            migrate(self._connection, path)
            # Minutes whose roll-ups are still to be made, as in the file; replaced as a whole, so readers need no lock.
            self._marked = rollup.marked_minutes(self._connection)
            self._newest = NewestReadings(self._connection)
            # Days in the archive, as in the file; replaced as a whole.
            self._archived = archived.archived_days(self._connection)
        except duckdb.Error as error:
            self._connection.close()
            raise damaged(path, error) from error
        except UserError:
            self._connection.close()
            raise
        # Minutes written to since the present step of maintenance began.
        self._touched: frozenset[int] = frozenset()
        # The same since a day began to be moved.
        self._touched_in_move: frozenset[int] = frozenset()
        self._checkpointing: threading.Thread | None = None
        self._tidied_s = time.monotonic()
        if self._archived and archive is None:
            log.warning(
                "readings of %d days were moved from %s to an archive; name it with --archive to read them",
                len(self._archived),
                path,
            )

    def write(self, commit: Commit) -> Mapping[tuple[str, str], int]:
        """Make all of `commit` durable in one transaction; no reading is too old, for age counts from arrival too."""
        with self._transaction() as connection:
            if commit.readings.num_rows:
                write_readings(connection, commit.readings, self._newest)
                minutes = rollup.mark(connection, commit.readings, self._marked)
                self._marked, self._touched = self._marked | minutes, self._touched | minutes
                self._touched_in_move |= minutes
            insert(connection, "devices", DeviceRecord, commit.devices)
            insert(connection, "ledger_entries", LedgerEntry, commit.ledger, "INSERT")
            insert_letters(connection, commit.dead_letters)
            mark_letters(connection, commit.letter_marks)
        self._newest.add(commit.readings)
        is_checkpointing = self._checkpointing is not None and self._checkpointing.is_alive()
        if not is_checkpointing and self._log_bytes() > CHECKPOINT_BYTES:
            self._checkpointing = threading.Thread(target=self._checkpoint, name="checkpoint")
            self._checkpointing.start()
        return {}

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""
        with self._transaction() as connection:
            insert(connection, "alerts", AlertRecord, alerts)

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""
        while True:
            days = self._archived_days(series)
            tables, left = [READINGS.empty_table()], series.limit
            for part, archived_ in archived.parts(series, days):
                tables.append(self._read(replace(part, limit=left), archived_))
                left -= tables[-1].num_rows
                if left <= 0:
                    break
            # A day that was moved meanwhile may have been looked for in one place while it was in the other.
            if days == self._archived_days(series):
                return pa.concat_tables(tables)

    def maintenance(self, now: datetime) -> Iterator[None]:
        """Roll up what is marked, then forget what is old and entries of the ledger that newer ones followed, all beside the writes.

        What cannot be rolled up does not hold up the rest; nothing from then on is forgotten, and the failure is raised at the end.
        """
        present = int(now.timestamp()) // MINUTE_S  # it goes on, and would be made anew the next time
        failures: list[Exception] = []
        held_from = math.inf
        hours = min(max(_DEVICE_HOURS_AT_ONCE // max(len(self._newest), 1), 1), _HOURS_AT_ONCE)
        steps = deque(by_hour(self._marked - {present}, hours))
        while steps:
            minutes = steps.popleft()
            try:
                self._roll_up(minutes)
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  (raised at the end)
                if len(each := list(by_hour(minutes))) > 1:
                    steps.extendleft(reversed(each))
                    continue
                failures.append(error)
                held_from = min(held_from, minutes[0] // 60 * HOUR_S)
            yield
        kept = self._retention
        for table, kept_s in zip(_STEPS, (kept.readings_s, kept.minutes_s, kept.minutes_s, kept.hours_s), strict=True):
            before = None if kept_s is None else min(self._present_s(now) - kept_s, held_from)
            if table == "readings" and self._archive is not None:
                yield from self._archive_before(self._archive, before, failures)
                continue
            while before is not None and before > 0 and self._forget(table, datetime.fromtimestamp(before, UTC)):
                yield
        with self._beside_writes() as connection:
            connection.execute(REMOVE_OLD_ENTRIES)
            with self._lock:
                connection.execute("COMMIT")
        if failures:
            raise failures[0]

    def _present_s(self, now: datetime) -> float:
        """Return the present [s], not long after the newest reading: a clock that is years ahead must not make all of them old."""
        newest = self._newest.at()
        return now.timestamp() if newest is None else min(now, newest + FORGETS_AFTER_SILENCE).timestamp()

    def latest(self, site: str) -> pa.Table:
        """Return the newest row of every device, from memory."""
        return self._newest.of_site(site)

    def write_incidents(self, incidents: Sequence[IncidentRecord]) -> None:
        """Insert or update incidents by `id`."""
        with self._transaction() as connection:
            insert(connection, "incidents", IncidentRecord, incidents)

    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; one that is there already, by `id`, stays as it is."""
        with self._transaction() as connection:
            insert(connection, "journal", JournalEntry, entries, "INSERT OR IGNORE")

    def mark_letters(self, marks: Sequence[LetterMark]) -> None:
        """Note what has become of dead letters."""
        with self._transaction() as connection:
            mark_letters(connection, marks)

    def write_statistics(self, statistics: Sequence[Statistics]) -> None:
        """Keep nothing: no dashboard reads a file that one process holds open, and the api answers with the present statistics."""

    def notices(self) -> list[str]:
        """Return why readings are not moved to the archive, if they are not."""
        return [] if self._trouble is None else [self._trouble]

    def memory_bytes(self) -> dict[str, int]:
        """Return what the store takes of memory by what it is for: `base_table` are pages of the file, which give way to anything else."""
        try:
            with self._connection.cursor() as cursor:
                rows = cursor.execute("SELECT lower(tag), memory_usage_bytes FROM duckdb_memory()").fetchall()
        except duckdb.Error as error:
            raise self._not_answered(error) from error
        return {use: taken for use, taken in rows if taken}

    def back_up(self, folder: Path) -> Path:
        """Write a copy as of now; commits go on meanwhile."""
        return copy_to(self._connection, folder / "store.duckdb")

    def close(self) -> None:
        """Write the log into the file and let go of it."""
        if self._checkpointing is not None:
            self._checkpointing.join()
        with self._lock:
            # After many short runs each would have left a part, and the file would be many times as large.
            with suppress(duckdb.Error):
                checkpoint(self._connection, tidy=True)
            self._connection.close()
            # Caches of a web framework may know the store until Python ends, when DuckDB lists on standard error what is left of its connections.
            self._connection = closed()

    def _log_bytes(self) -> int:
        log = Path(f"{self._path}.wal")
        return log.stat().st_size if log.exists() else 0

    def _checkpoint(self) -> None:
        """Move the log into the file while writes go on; within a commit, as DuckDB does by itself, they would wait for it."""
        is_due = time.monotonic() - self._tidied_s >= TIDY_EVERY_S
        if is_due:
            # Before it is tried: what cannot be put together must not keep the log from the file until the next time.
            self._tidied_s = time.monotonic()
        # What went wrong here goes wrong at the next write again, and is said there.
        with suppress(duckdb.Error):
            checkpoint(self._connection.cursor(), tidy=is_due)

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

    def _archive_before(self, archive: Archive, before: float | None, failures: list[Exception]) -> Iterator[None]:
        """Move whole days from before an instant to the archive; what cannot be moved is not forgotten, and the failure is told."""
        try:
            self._look_into(archive)
            if before is not None and before > 0:
                at = datetime.fromtimestamp(before, UTC)
                for day in archived.old_days(self._connection.cursor(), at, _DAYS_MOVED):
                    yield from self._move(archive, day, at)
            self._trouble = None
        except UnavailableError as error:
            self._trouble = f"{error}; readings stay in the store until it takes them"
            failures.append(error)

    def _move(self, archive: Archive, day: Day, before: datetime) -> Iterator[None]:
        with self._lock:
            self._touched_in_move = frozenset()
        with self._beside_writes() as connection:
            hours = archived.copy(connection, archive, day, before)
        # From here on it is read from both, and what is in the file counts more: so it may go hour by hour, and a kill leaves nothing double.
        self._note([day])
        yield
        for hour in hours:
            start, end = (int(at.timestamp()) // MINUTE_S for at in hour)
            with self._beside_writes() as connection:
                archived.forget(connection, day, hour, before)
                with self._lock:
                    # What arrived since the copy is not in it: the hour stays until the next round.
                    if self._touched_in_move.isdisjoint(range(start, end)):
                        connection.execute("COMMIT")
            yield

    def _look_into(self, archive: Archive) -> None:
        """See which days the archive has: others may have put some there, or taken some away."""
        if time.monotonic() - self._looked_s < _LOOKS_EVERY_S:
            return
        there = archive.days().keys()
        if self._archived and not there:
            raise UnavailableError(
                f"the archive {archive.url} is empty, and readings of {len(self._archived)} days were moved to it: "
                "is its disk mounted? Otherwise copy them there, or put back the --archive of before"
            )
        if gone := self._archived - there:
            log.warning("%d days are no longer in the archive %s, the first is %s", len(gone), archive.url, min(gone))
        if gone or there - self._archived:
            self._note(there - self._archived, gone=gone)
        self._looked_s = time.monotonic()

    def _note(self, days: Collection[Day], gone: Collection[Day] = ()) -> None:
        with self._transaction() as connection:
            archived.note(connection, days, gone=gone)
        self._archived = (self._archived - {*gone}) | {*days}

    @contextmanager
    def _beside_writes(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A transaction that holds up no write: on a connection of its own it sees the store as of now, and only its commit waits for its turn."""
        with self._lock:
            self._touched = frozenset()
            connection = self._connection.cursor()
        with connection, self._translated_errors():
            connection.execute("BEGIN")
            yield connection

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

    def _archived_days(self, series: Series) -> list[Day]:
        """Return, in order, the days of a series that are read with the archive: readings, and means of minutes that are forgotten."""
        every_s, newest = series.every_s, self._newest.at()
        if self._archive is None or (every_s is not None and every_s % HOUR_S == 0):
            return []
        days = [
            day
            for day in self._archived
            if day.site == series.site and day.start < series.end and day.end > series.start
        ]
        if every_s is not None and every_s % MINUTE_S == 0:
            kept_s = self._retention.minutes_s
            if kept_s is None or newest is None:
                return []
            oldest = newest + FORGETS_AFTER_SILENCE - timedelta(seconds=kept_s)
            days = [day for day in days if day.start < oldest]
        return sorted(days)

    def _read(self, series: Series, days: Sequence[Day]) -> pa.Table:
        beginning, marked = "", self._marked
        with self._connection.cursor() as cursor:

            def count(query: str, values: list[Any]) -> tuple[Any, ...]:
                return cursor.execute(query, values).fetchall()[0]

            try:
                if days and self._archive is not None:
                    beginning = archived.read_with(cursor, self._archive, days, series)
                    # Means of minutes are asked for where these are forgotten, so they are made anew.
                    starts = [int(day.start.timestamp()) // MINUTE_S for day in days]
                    marked = marked.union(*(range(start, start + _DAY_MINUTES) for start in starts))
                # To look into the archive for what is to be left out takes longer than to leave it out.
                query, values = select_readings(series, marked, None if days else count)
                return cursor.sql(f"{beginning} {query}", params=values).to_arrow_table().cast(READINGS)
            except duckdb.Error as error:
                if days and self._archive is not None:
                    raise self._archive.unavailable(error, "answer") from error
                raise self._not_answered(error) from error

    def _fetch(self, query: str, values: list[Any]) -> pa.Table:
        try:
            return self._connection.cursor().sql(query, params=values).to_arrow_table()
        except duckdb.Error as error:
            raise self._not_answered(error) from error

    def _not_answered(self, error: duckdb.Error) -> UnavailableError:
        return UnavailableError(f"the store {self._path} did not answer: {first_line(error)}")
