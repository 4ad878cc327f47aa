"""The store in an InfluxDB server, 1.x or 2.x; several processes may use it at once.

InfluxDB has no transactions. "All of it or none" becomes "repeatable until all is in": a commit is put into words completely before it
is sent, then goes in the order readings and marks of their minutes (policy by policy), devices, dead letters, their marks, ledger. Every
part overwrites itself when it is written again, so whoever gets an error writes the same commit again until it is taken; the ledger, by
which ingest knows what it has counted, comes last.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.columns import READINGS
from jeonju.contract.records import (
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    JournalEntry,
    LedgerEntry,
    LetterMark,
    Statistics,
)
from jeonju.storage.influx import rollup as rollup
from jeonju.storage.influx.backup import dump
from jeonju.storage.influx.folding import Folding
from jeonju.storage.influx.influxql import (
    READING_TYPES,
    READINGS_FROM,
    reading_columns,
    runs,
    source,
    span_between,
    table_of,
    tagged,
    text,
    within,
)
from jeonju.storage.influx.line_protocol import from_tag, microseconds, table_lines
from jeonju.storage.influx.names import (
    AIR,
    AIR_1H,
    AIR_1M,
    DEVICE_TAG,
    DONE,
    DUE,
    ID,
    POLICIES,
    RAW,
    RECEIVED_AT,
    ROLLUP_DUE,
    SITE,
)
from jeonju.storage.influx.records import (
    field_types,
    lasting,
    letter_lines,
    letter_of,
    letters_after,
    mark_lines,
    newest_letters,
    record_lines,
    records,
)
from jeonju.storage.influx.server import Server, connect
from jeonju.storage.influx.too_old import letter_of_reading
from jeonju.storage.port import ANY_LETTER, Commit, LetterChoice, Retention, Series
from jeonju.storage.rollup import MINUTE_S, SECOND_US, by_hour

log = logging.getLogger(__name__)

MOST_RECORDS: Final = 10_000
# Newest readings of devices that are no further apart are asked for together, with what lies between.
_NEAR_US: Final = 5_000_000
_FIELD_TYPES: Final = {
    AIR: READING_TYPES,
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
        self._folding = Folding()
        self._late = 0
        try:
            _refuse_what_is_not_ours(self._server)
        except BaseException:
            self.close()
            raise

    def write(self, commit: Commit) -> Mapping[tuple[str, str], int]:
        """Write every part of `commit`; after an error write it again until it returns."""
        readings = commit.readings.take(pc.sort_indices(commit.readings["time"]))
        lines = table_lines(AIR, readings)
        devices, ledger = record_lines(commit.devices), record_lines(commit.ledger)
        too_old = readings.take(pa.array(self._write_readings(readings["time"], lines), pa.int64()))
        dead = letter_lines([*commit.dead_letters, *map(letter_of_reading, too_old.to_pylist())])
        # What was replayed and is still too old is the same dead letter as before.
        marks = [mark._replace(replayed_at=None) if mark.id in dead else mark for mark in commit.letter_marks]
        self._server.write(devices, "us")
        self._server.write(dead.values(), "ns")
        self._server.write(mark_lines(marks), "ns")
        self._server.write(ledger, "us")
        return Counter(zip(too_old[SITE].to_pylist(), too_old[DEVICE_TAG].to_pylist(), strict=True))

    def _write_readings(self, times: pa.ChunkedArray, lines: list[str]) -> list[int]:
        """Write readings, in the order of time, and marks of their minutes to the first policy that still keeps them; return which none does.

        What is older than `raw` keeps is a reading in `minutes` or `hours`, so that it lives as long as its roll-ups and can be part of them.
        """
        minutes = (times.cast(pa.int64()).to_numpy() // (MINUTE_S * SECOND_US)).tolist()
        left = list(range(len(lines)))
        for policy in POLICIES:
            dropped = {left[at] for at in self._server.write([lines[at] for at in left], "us", policy)}
            touched = sorted({minutes[at] for at in left if at not in dropped})
            # A minute that began before what is kept would not be rolled up for the seconds of it that are.
            unmarked = {touched[at] for at in self._server.write(rollup.mark_lines(touched), "us", policy)}
            left = [at for at in left if at in dropped or minutes[at] in unmarked]
            if policy == RAW:
                self._late += len(left)
            if not left:
                break
        return left

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""
        self._record(alerts)

    def write_incidents(self, incidents: Sequence[IncidentRecord]) -> None:
        """Insert or update incidents by `id`."""
        self._record(incidents)

    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; the same entry again, by `id`, is the same point."""
        self._record(entries)

    def write_statistics(self, statistics: Sequence[Statistics]) -> None:
        """Write statistics as points of their instant; the same record again is the same point."""
        self._record(statistics)

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""
        # InfluxDB takes a limit of 0 for none.
        if series.limit <= 0:
            return READINGS.empty_table()
        if series.every_s is not None:
            return rollup.means(self._server, self._folding, series, series.every_s)
        return _in_order(self._rows(series)).slice(0, series.limit)

    def latest(self, site: str) -> pa.Table:
        """Return the newest row of every device.

        When that was is asked by one field, then for all fields of these instants: all fields of all time take the server several times as long.
        """
        newest = f"GROUP BY {DEVICE_TAG} ORDER BY time DESC LIMIT 1"
        question = f"SELECT {RECEIVED_AT} FROM {READINGS_FROM} WHERE {tagged(SITE, site)} {newest}"
        at = {from_tag(part.tags[DEVICE_TAG]): part.rows[0][0] for part in self._server.query(question)}
        spans = runs(at.values(), 1, _NEAR_US)
        where = [f"{tagged(SITE, site)} AND {within(span)}" for span in spans]
        rows = [f"SELECT {reading_columns()} FROM {READINGS_FROM} WHERE {condition}" for condition in where]
        table = _in_order(table_of(self._server.query(*rows), READINGS))
        devices, times = table[DEVICE_TAG].to_pylist(), table["time"].cast(pa.int64()).to_pylist()
        is_newest = [at.get(device) == time for device, time in zip(devices, times, strict=True)]
        table = table.filter(pa.array(is_newest, pa.bool_()))
        return table.take(pc.sort_indices(table[DEVICE_TAG].cast(pa.string())))

    def devices(self, site: str) -> list[DeviceRecord]:
        """Return every device that has ever sent something, by name."""
        return sorted(records(self._server, DeviceRecord, site))

    def ledger(self, site: str) -> list[LedgerEntry]:
        """Return the loss ledger of every device, by name."""
        return sorted(records(self._server, LedgerEntry, site))

    def alert(self, alert_id: str) -> AlertRecord | None:
        """Return the alert of an id, None when there is none."""
        return next(iter([*records(self._server, AlertRecord, None, [tagged(ID, alert_id)])]), None)

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident of an id, None when there is none."""
        return next(iter([*records(self._server, IncidentRecord, None, [tagged(ID, incident_id)])]), None)

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

    def dead_letters(self, *, limit: int = 100, choice: LetterChoice = ANY_LETTER) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        return newest_letters(self._server, choice, limit) if limit > 0 else []

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """Return the dead letter of an id, None when there is none."""
        return letter_of(self._server, letter_id)

    def letters_in_order(
        self, choice: LetterChoice = ANY_LETTER, *, after: str = "", limit: int, payloads: bool = True
    ) -> list[DeadLetter]:
        """Return dead letters in the order of arrival, from the one that follows `after`."""
        return letters_after(self._server, choice, after, limit, payloads=payloads) if limit > 0 else []

    def mark_letters(self, marks: Sequence[LetterMark]) -> None:
        """Note what has become of dead letters."""
        self._server.write(mark_lines(marks), "ns")

    def maintenance(self, now: datetime) -> Iterator[None]:  # noqa: ARG002
        """Roll up what is marked, an hour of minutes at each step; the server forgets by itself."""
        self._say_what_was_late()
        marks = rollup.marked(self._server)
        failures: list[Exception] = []
        for minutes in by_hour(marks):
            try:
                rollup.roll_up(self._server, self._folding, {minute: marks[minute] for minute in minutes})
            except UnavailableError:
                raise
            except Exception as error:  # noqa: BLE001  (raised at the end: one hour does not hold up the others)
                failures.append(error)
            yield
        if failures:
            raise failures[0]

    def notices(self) -> list[str]:
        """Return nothing: there is no archive, and failures of maintenance are counted by who calls it."""
        return []

    def back_up(self, folder: Path) -> Path:
        """Write everything as line protocol; what is written meanwhile may be in it or not."""
        path = folder / "store.influx.gz"
        dump(self._server, path)
        return path

    def close(self) -> None:
        """Let go of the connections; everything written is in the server already."""
        self._say_what_was_late()
        self._server.close()
        self._folding.close()

    def _say_what_was_late(self) -> None:
        if self._late:
            late, self._late = self._late, 0
            log.warning(
                "%d readings are older than the InfluxDB keeps readings (--keep-raw); they are kept with means of their time",
                late,
            )

    def _record(self, records: Sequence[Any]) -> None:
        if dropped := self._server.write(record_lines(records), "us"):
            log.warning(
                "the InfluxDB dropped %d of %d records older than its default policy keeps", len(dropped), len(records)
            )

    def _rows(self, series: Series) -> pa.Table:
        where = [tagged(SITE, series.site), within(span_between(series.start, series.end))]
        if series.devices:
            where.append(tagged(DEVICE_TAG, *series.devices))
        question = f"SELECT {reading_columns(series.quantities)} FROM {READINGS_FROM} WHERE {' AND '.join(where)}"
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
    if not table.num_rows:
        return table
    keys = pa.table({"time": table["time"], "device": table[DEVICE_TAG].cast(pa.string())})
    order = pc.sort_indices(keys, sort_keys=[("time", "ascending"), ("device", "ascending")])
    table, keys = table.take(order), keys.take(order)
    # What came again after its age had passed what is kept is there twice, until the server removes the first.
    new = [pc.not_equal(keys[name].slice(1), keys[name].slice(0, keys.num_rows - 1)) for name in keys.column_names]
    first = pa.array([True, *pc.or_(*new).to_pylist()])
    return table.filter(first)
