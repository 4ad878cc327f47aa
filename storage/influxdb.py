"""The store in an InfluxDB server, 1.x or 2.x; several processes may use it at once.

InfluxDB has no transactions. "All of it or none" becomes "repeatable until all is in": a commit is put into words completely before anything is sent,
then goes in the order readings, marks of their minutes, devices, dead letters, ledger. Every part overwrites itself when it is written again,
so whoever gets an error writes the same commit again until it is taken; the ledger, by which ingest knows what it has counted, comes last.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from airquality.errors import UserError
from storage import influx_rollup as rollup
from storage.influx_backup import dump
from storage.influx_names import (
    AIR,
    AIR_1H,
    AIR_1M,
    DEVICE_TAG,
    DONE,
    DUE,
    FLOATS,
    INTEGERS,
    RAW,
    ROLLUP_DUE,
    SITE,
    STRINGS,
)
from storage.influx_records import field_types, lasting, letter_lines, letters, record_lines, records
from storage.influx_server import Server, connect
from storage.influxql import quoted, source, span_between, table_of, tagged, text, within
from storage.line_protocol import microseconds, table_lines
from storage.port import Commit, Retention, Series
from storage.rollup import by_hour
from storage.schema import (
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

log = logging.getLogger(__name__)

MOST_RECORDS: Final = 10_000
_READING: Final = dict.fromkeys(FLOATS, "float") | dict.fromkeys(INTEGERS, "integer") | dict.fromkeys(STRINGS, "string")
_COLUMNS: Final = ", ".join(
    [f"{quoted(name)}::tag" for name in (SITE, DEVICE_TAG)]
    + [f"{quoted(name)}::{kind}" for name, kind in _READING.items()]
)
_FIELD_TYPES: Final = {
    AIR: _READING,
    ROLLUP_DUE: dict.fromkeys((DUE, DONE), "integer"),
    AIR_1M: rollup.field_types(),
    AIR_1H: rollup.field_types(),
    **field_types(),
}


class InfluxStore:
    """A store in the database or bucket that a URL names. Safe to use from several threads.

    The server forgets by `retention`, counted from when a reading was measured; without it, as it did before.
    """

    def __init__(self, url: str, retention: Retention | None = None) -> None:
        self._server = connect(url, retention)
        self._folding = rollup.Folding()
        self._dropped = 0
        try:
            _refuse_what_is_not_ours(self._server)
        except BaseException:
            self.close()
            raise

    def write(self, commit: Commit) -> None:
        """Write every part of `commit`; after an error write it again until it returns."""
        readings, marks = table_lines(AIR, commit.readings), rollup.mark_lines(commit.readings)
        devices, ledger = record_lines(commit.devices), record_lines(commit.ledger)
        dead = list(letter_lines(commit.dead_letters))
        self._dropped += self._server.write(readings, "us", RAW)
        self._server.write(marks, "us", RAW)
        self._server.write(devices, "us")
        self._server.write(dead, "ns")
        self._server.write(ledger, "us")

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""
        self._server.write(record_lines(alerts), "us")

    def write_incidents(self, incidents: Sequence[IncidentRecord]) -> None:
        """Insert or update incidents by `id`."""
        self._server.write(record_lines(incidents), "us")

    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; the same entry again, by `id`, is the same point."""
        self._server.write(record_lines(entries), "us")

    def write_figures(self, figures: Sequence[IndexFigure | ServiceFigures]) -> None:
        """Write figures as points of their instant; the same figure again is the same point."""
        self._server.write(record_lines(figures), "us")

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""
        # InfluxDB takes a limit of 0 for none.
        if series.limit <= 0:
            return READINGS.empty_table()
        if series.every_s is not None:
            return rollup.means(self._server, self._folding, series, series.every_s)
        return _in_order(self._rows(series)).slice(0, series.limit)

    def latest(self, site: str) -> pa.Table:
        """Return the newest row of every device."""
        newest = f"GROUP BY {DEVICE_TAG} ORDER BY time DESC LIMIT 1"
        question = f"SELECT {_COLUMNS} FROM {source(AIR)} WHERE {tagged(SITE, site)} {newest}"
        table = table_of(self._server.query(question), READINGS)
        return table.take(pc.sort_indices(table[DEVICE_TAG].cast(pa.string())))

    def devices(self, site: str) -> list[DeviceRecord]:
        """Return every device that has ever spoken, by name."""
        return sorted(records(self._server, DeviceRecord, site))

    def ledger(self, site: str) -> list[LedgerEntry]:
        """Return the loss ledger of every device, by name."""
        return sorted(records(self._server, LedgerEntry, site))

    def alerts(self, site: str, *, since: datetime | None = None, active: bool | None = None) -> list[AlertRecord]:
        """Return alerts that touch the time from `since` on, newest first."""
        found = records(self._server, AlertRecord, site, lasting("ended_at", since, active))
        return sorted(found, key=lambda alert: (-microseconds(alert.started_at), alert.id))[:MOST_RECORDS]

    def incidents(
        self, site: str, *, since: datetime | None = None, active: bool | None = None
    ) -> list[IncidentRecord]:
        """Return incidents that touch the time from `since` on, newest first."""
        found = records(self._server, IncidentRecord, site, lasting("closed_at", since, active))
        return sorted(found, key=lambda incident: (-microseconds(incident.opened_at), incident.id))[:MOST_RECORDS]

    def journal(self, site: str, *, since: datetime | None = None, subject: str | None = None) -> list[JournalEntry]:
        """Return entries from `since` on in the order of time, the newest 10 000."""
        conditions = [] if since is None else [f"time >= {microseconds(since)}u"]
        conditions += [] if subject is None else [f"subject = {text(subject)}"]
        newest = f"ORDER BY time DESC LIMIT {MOST_RECORDS}"
        found = records(self._server, JournalEntry, site, conditions, newest)
        return sorted(found, key=lambda entry: (entry.done_at, entry.id))

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        return letters(self._server, limit) if limit > 0 else []

    def upkeep(self, now: datetime) -> Iterator[None]:  # noqa: ARG002
        """Roll up what is marked, an hour of minutes at each step; the server forgets by itself."""
        self._say_what_was_dropped()
        marks = rollup.marked(self._server)
        for minutes in by_hour(marks):
            rollup.roll_up(self._server, self._folding, {minute: marks[minute] for minute in minutes})
            yield

    def back_up(self, folder: Path) -> Path:
        """Write everything as line protocol; what is written meanwhile may be in it or not."""
        path = folder / "store.influx.gz"
        dump(self._server, path)
        return path

    def close(self) -> None:
        """Let go of the connections; everything written is in the server already."""
        self._say_what_was_dropped()
        self._server.close()
        self._folding.close()

    def _say_what_was_dropped(self) -> None:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            log.warning("the InfluxDB dropped %d readings older than it keeps (--keep-raw)", dropped)

    def _rows(self, series: Series) -> pa.Table:
        where = [tagged(SITE, series.site), within(span_between(series.start, series.end))]
        if series.devices:
            where.append(tagged(DEVICE_TAG, *series.devices))
        question = f"SELECT {_COLUMNS} FROM {source(AIR)} WHERE {' AND '.join(where)}"
        table = table_of(self._server.query(f"{question} LIMIT {int(series.limit)}"), READINGS)
        if table.num_rows < series.limit:
            return table
        # Which devices of the last instant came before the limit is chance: take all of that instant, the order decides.
        last = pc.max(table["time"])
        rest = table_of(self._server.query(f"{question} AND time = {last.cast(pa.int64()).as_py()}u"), READINGS)
        return pa.concat_tables([table.filter(pc.less(table["time"], last)), rest])


def _refuse_what_is_not_ours(server: Server) -> None:
    """Raise UserError where a measurement of ours holds fields of types that we do not write."""
    for part in server.query(*(f"SHOW FIELD KEYS FROM {source(name)}" for name in _FIELD_TYPES)):
        types = _FIELD_TYPES[part.name]
        for field, kind in part.rows:
            if types.get(field, kind) != kind:
                raise UserError(
                    f"this database or bucket is not ours: in {part.name} the field {field} is {kind}, and we write {types[field]}; name another one"
                )


def _in_order(table: pa.Table) -> pa.Table:
    keys = pa.table({"time": table["time"], "device": table[DEVICE_TAG].cast(pa.string())})
    return table.take(pc.sort_indices(keys, sort_keys=[("time", "ascending"), ("device", "ascending")]))
