"""Devices, the ledger, alerts, incidents, the journal and dead letters as rows of DuckDB."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

import duckdb
import pyarrow as pa

from jeonju.contract.columns import INSTANT
from jeonju.contract.records import (
    LONGEST_LETTER_BYTES,
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    JournalEntry,
    LedgerEntry,
    LetterMark,
)
from jeonju.storage.duckdb.incoming import execute_with
from jeonju.storage.letters import digest, numbered, topic_pattern
from jeonju.storage.port import ANY_LETTER, LetterChoice

MOST_RECORDS: Final = 10_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MARKS: Final = pa.schema(
    [("id", pa.string()), ("asked_at", INSTANT), ("replayed_at", INSTANT), ("reason", pa.string())]
)
# Each commit appends the entries that changed, and rows stand in the order in which they came. To replace the one before takes a join in each commit,
# for 1 ms and 2.5 kB of memory that DuckDB gives back tens of thousands of commits later.
_NEWEST_ENTRIES: Final = "SELECT max(rowid) FROM ledger_entries GROUP BY site, device"
REMOVE_OLD_ENTRIES: Final = f"DELETE FROM ledger_entries WHERE rowid NOT IN ({_NEWEST_ENTRIES})"


def insert(
    connection: duckdb.DuckDBPyConnection, table: str, kind: Any, rows: Sequence[Any], verb: str = "INSERT OR REPLACE"
) -> None:
    """Insert records of one kind; as a table, because one by one each takes longer than all at once."""
    if rows:
        columns = dict(zip(kind._fields, map(list, zip(*rows, strict=True)), strict=True))
        execute_with(connection, pa.table(columns), f"{verb} INTO {table} BY NAME SELECT * FROM incoming")


def insert_letters(connection: duckdb.DuckDBPyConnection, letters: Sequence[DeadLetter]) -> None:
    """Append dead letters, each with an id that sorts by arrival."""
    if letters:
        rows = [[_letter_id(letter, number), *letter[:4]] for letter, number in numbered(letters)]
        columns = "(id, received_at, topic, payload, reason)"
        connection.executemany(f"INSERT INTO dead_letters {columns} VALUES (?, ?, ?, ?, ?)", rows)


def mark_letters(connection: duckdb.DuckDBPyConnection, marks: Sequence[LetterMark]) -> None:
    """Put marks in the place of those before."""
    if marks:
        # As a table: one by one each would look through all letters.
        execute_with(
            connection,
            pa.table(dict(zip(LetterMark._fields, zip(*marks, strict=True), strict=True)), _MARKS),
            "UPDATE dead_letters SET asked_at = incoming.asked_at, replayed_at = incoming.replayed_at, reason = incoming.reason "
            "FROM incoming WHERE dead_letters.id = incoming.id",
        )


def _letter_id(letter: DeadLetter, number: int) -> str:
    microseconds = (letter.received_at - _EPOCH) // timedelta(microseconds=1)
    return f"{microseconds:016d}-{number:05d}-{digest(letter, 4).hex()}"


class StoredRecords(ABC):
    """The part of the store that reads records."""

    @abstractmethod
    def _fetch(self, query: str, values: list[Any]) -> pa.Table:
        """Return the answer to a query with its values."""

    def devices(self, site: str) -> list[DeviceRecord]:
        """Return every device that has ever sent something, by name."""
        return self._records(DeviceRecord, "devices", "site = ? ORDER BY device", [site])

    def ledger(self, site: str) -> list[LedgerEntry]:
        """Return the loss ledger of every device, by name."""
        newest = f"site = ? AND rowid IN ({_NEWEST_ENTRIES}) ORDER BY device"
        return self._records(LedgerEntry, "ledger_entries", newest, [site])

    def alert(self, alert_id: str) -> AlertRecord | None:
        """Return the alert of an id, None when there is none."""
        return next(iter(self._records(AlertRecord, "alerts", "id = ?", [alert_id])), None)

    def alerts(self, site: str, *, since: datetime | None = None, active: bool | None = None) -> list[AlertRecord]:
        """Return alerts that touch the time from `since` on, newest first."""
        where, values = _lasting("ended_at", site, since, active)
        newest = f"{where} ORDER BY started_at DESC, id LIMIT {MOST_RECORDS}"
        return self._records(AlertRecord, "alerts", newest, values)

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident of an id, None when there is none."""
        return next(iter(self._records(IncidentRecord, "incidents", "id = ?", [incident_id])), None)

    def incidents(
        self, site: str, *, since: datetime | None = None, active: bool | None = None
    ) -> list[IncidentRecord]:
        """Return incidents that touch the time from `since` on, newest first."""
        where, values = _lasting("closed_at", site, since, active)
        newest = f"{where} ORDER BY opened_at DESC, id LIMIT {MOST_RECORDS}"
        return self._records(IncidentRecord, "incidents", newest, values)

    def journal(self, site: str, *, since: datetime | None = None, subject: str | None = None) -> list[JournalEntry]:
        """Return entries from `since` on in the order of time, the newest 10 000."""
        where, values = "site = ?", [site]
        for condition, value in (("done_at >= ?", since), ("subject = ?", subject)):
            if value is not None:
                where += f" AND {condition}"
                values.append(value)  # type: ignore[arg-type]
        newest = f"{where} ORDER BY done_at DESC, id DESC LIMIT {MOST_RECORDS}"
        return self._records(JournalEntry, "journal", newest, values)[::-1]

    def dead_letters(self, *, limit: int = 100, choice: LetterChoice = ANY_LETTER) -> list[DeadLetter]:
        """Return the newest dead letters, newest first, with the beginning of their payloads."""
        where, values = _chosen(choice)
        newest = f"{where} ORDER BY id DESC LIMIT ?"
        beginning = {"payload": f"payload[1:{LONGEST_LETTER_BYTES}] AS payload"}
        return self._records(DeadLetter, "dead_letters", newest, [*values, limit], beginning)

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """Return the dead letter of an id, None when there is none."""
        return next(iter(self._records(DeadLetter, "dead_letters", "id = ?", [letter_id])), None)

    def letters_in_order(
        self, choice: LetterChoice = ANY_LETTER, *, after: str = "", limit: int, payloads: bool = True
    ) -> list[DeadLetter]:
        """Return dead letters in the order of arrival, from the one that follows `after`."""
        where, values = _chosen(choice)
        following = f"{where} AND id > ? ORDER BY id LIMIT ?"
        instead = {} if payloads else {"payload": "''::BLOB AS payload"}
        return self._records(DeadLetter, "dead_letters", following, [*values, after, limit], instead)

    def _records(
        self, record: Any, table: str, where: str, values: list[Any], instead: Mapping[str, str] = MappingProxyType({})
    ) -> list[Any]:
        columns = ", ".join(instead.get(name, f'"{name}"') for name in record._fields)
        rows = self._fetch(f"SELECT {columns} FROM {table} WHERE {where}", values).to_pylist()
        return [record(**{name: _as_utc(value) for name, value in row.items()}) for row in rows]


def _chosen(choice: LetterChoice) -> tuple[str, list[Any]]:
    """Return the condition, and its values, for the dead letters that are wanted."""
    conditions, values = ["id IS NOT NULL"], []
    for condition, value in (
        ("received_at >= ?", choice.since),
        ("regexp_full_match(topic, ?, 's')", choice.topic and topic_pattern(choice.topic)),
        ("contains(lower(reason), lower(?))", choice.reason),
        ("replayed_at >= ?", choice.replayed_since),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if choice.is_asked:
        conditions.append("asked_at IS NOT NULL")
    return " AND ".join(conditions), values


def _lasting(end: str, site: str, since: datetime | None, active: bool | None) -> tuple[str, list[Any]]:  # noqa: FBT001
    """Return the condition, and its values, for what touches the time from `since` on and has ended or not."""
    where, values = "site = ?", [site]
    if since is not None:
        where += f" AND ({end} IS NULL OR {end} >= ?)"
        values.append(since)  # type: ignore[arg-type]
    if active is not None:
        where += f" AND {end} IS {'' if active else 'NOT '}NULL"
    return where, values


def _as_utc(value: Any) -> Any:
    return value.astimezone(UTC) if isinstance(value, datetime) else value
