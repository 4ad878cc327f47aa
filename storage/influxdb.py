"""The store in an InfluxDB server, 1.x or 2.x; several processes may use it at once.

InfluxDB has no transactions. "All of it or none" becomes "repeatable until all is in": a commit is put into words completely before anything is sent,
then goes in the order readings, devices, dead letters, ledger. Every part overwrites itself when it is written again, so whoever gets an error writes
the same commit again until it is taken; the ledger, by which ingest knows what it has counted, comes last.
"""

import hashlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from storage.influx_names import (
    AIR,
    ALERT,
    DEAD_LETTER,
    DEVICE,
    DEVICE_TAG,
    FLOATS,
    ID,
    INCIDENT,
    INTEGERS,
    JOURNAL,
    LEDGER,
    PAYLOAD,
    REASON,
    SHELF,
    SITE,
    STRINGS,
    TOPIC,
    UNSET,
)
from storage.influx_server import Part, connect, quoted, text
from storage.line_protocol import from_tag, has_form, instant, microseconds, reading_lines, record_line, to_tag
from storage.port import Commit, Series
from storage.schema import (
    INSTANT,
    READINGS,
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    JournalEntry,
    LedgerEntry,
)

# States (of devices, the ledger) are points at this one instant, so that a newer state takes the place of the older. It lies in the future
# (2200-01-01) because a database that forgets after some time refuses the past.
STATE_TIME: Final = 7_258_118_400_000_000
MOST_RECORDS: Final = 10_000
SHELVES: Final = 256
# Angles are averaged as directions, not as numbers: the mean of 350° and 10° is 0°.
ANGLES: Final = ("wind_direction", "heading")
# Intervals begin at the same instants as in DuckDB: whole intervals since Monday, 2000-01-03.
FIRST_INTERVAL_S: Final = 946_857_600
# What InfluxDB can say in a query [µs since 1970].
_EARLIEST: Final = -9_223_372_036_854_774
_LATEST: Final = 9_223_372_036_854_774
_RADIANS: Final = repr(float(np.pi / 180))
_TYPES: Final = {str: "string", int: "integer", float: "float", datetime: "integer"}
_NOTHING: Final = {str: "", int: 0, float: 0.0, datetime: 0}
# The type of every field of a state, without the None.
_FIELDS: Final[dict[type, dict[str, Any]]] = {
    record: {
        name: next((kind for kind in get_args(hint) if kind is not NoneType), hint)
        for name, hint in get_type_hints(record).items()
    }
    for record in (DeviceRecord, LedgerEntry, AlertRecord, IncidentRecord, JournalEntry)
}
_COLUMNS: Final = ", ".join(
    [f"{quoted(name)}::tag" for name in (SITE, DEVICE_TAG)]
    + [f"{quoted(name)}::integer" for name in INTEGERS]
    + [f"{quoted(name)}::float" for name in FLOATS]
    + [f"{quoted(name)}::string" for name in STRINGS]
)
_MEANS: Final = ", ".join(
    [f"max({quoted(name)}) AS {quoted(name)}" for name in INTEGERS]
    + [f"mean({quoted(name)}) AS {quoted(name)}" for name in FLOATS if name not in ANGLES]
    + [f"last({quoted(name)}) AS {quoted(name)}" for name in ("boot", "quality")]
)


class InfluxStore:
    """A store in the database or bucket that a URL names. Safe to use from several threads."""

    def __init__(self, url: str) -> None:
        self._server = connect(url)

    def write(self, commit: Commit) -> None:
        """Write every part of `commit`; after an error write it again until it returns."""
        readings = reading_lines(commit.readings)
        devices = _state_lines(DEVICE, (SITE, DEVICE_TAG), commit.devices)
        letters = list(_letter_lines(commit.dead_letters))
        ledger = _state_lines(LEDGER, (SITE, DEVICE_TAG), commit.ledger)
        self._server.write(readings, "us")
        self._server.write(devices, "us")
        self._server.write(letters, "ns")
        self._server.write(ledger, "us")

    def write_alerts(self, alerts: Sequence[AlertRecord]) -> None:
        """Insert or update alerts by `id`."""
        self._server.write(_state_lines(ALERT, (SITE, ID), alerts, at="started_at"), "us")

    def write_incidents(self, incidents: Sequence[IncidentRecord]) -> None:
        """Insert or update incidents by `id`."""
        self._server.write(_state_lines(INCIDENT, (SITE, ID), incidents, at="opened_at"), "us")

    def write_journal(self, entries: Sequence[JournalEntry]) -> None:
        """Append entries; the same entry again, by `id`, is the same point."""
        self._server.write(_state_lines(JOURNAL, (SITE, ID), entries, at="done_at"), "us")

    def readings(self, series: Series) -> pa.Table:
        """Return rows in the READINGS schema, ordered by time then device."""
        # InfluxDB takes a limit of 0 for none.
        if series.limit <= 0:
            return READINGS.empty_table()
        table = self._rows(series) if series.every_s is None else self._means(series, series.every_s)
        return _in_order(table).slice(0, series.limit)

    def latest(self, site: str) -> pa.Table:
        """Return the newest row of every device."""
        question = (
            f"SELECT {_COLUMNS} FROM {AIR} WHERE {_is(SITE, site)} GROUP BY {DEVICE_TAG} ORDER BY time DESC LIMIT 1"
        )
        table = _table(_columns(part) for part in self._server.query(question))
        return table.take(pc.sort_indices(table[DEVICE_TAG].cast(pa.string())))

    def devices(self, site: str) -> list[DeviceRecord]:
        """Return every device that has ever spoken, by name."""
        return sorted(self._states(DeviceRecord, DEVICE, (SITE, DEVICE_TAG), _is(SITE, site)))

    def ledger(self, site: str) -> list[LedgerEntry]:
        """Return the loss ledger of every device, by name."""
        return sorted(self._states(LedgerEntry, LEDGER, (SITE, DEVICE_TAG), _is(SITE, site)))

    def alerts(self, site: str, *, since: datetime | None = None, active: bool | None = None) -> list[AlertRecord]:
        """Return alerts that touch the time from `since` on, newest first."""
        found = self._states(AlertRecord, ALERT, (SITE, ID), _lasting("ended_at", site, since, active))
        return sorted(found, key=lambda alert: (-microseconds(alert.started_at), alert.id))[:MOST_RECORDS]

    def incidents(
        self, site: str, *, since: datetime | None = None, active: bool | None = None
    ) -> list[IncidentRecord]:
        """Return incidents that touch the time from `since` on, newest first."""
        found = self._states(IncidentRecord, INCIDENT, (SITE, ID), _lasting("closed_at", site, since, active))
        return sorted(found, key=lambda incident: (-microseconds(incident.opened_at), incident.id))[:MOST_RECORDS]

    def journal(self, site: str, *, since: datetime | None = None, subject: str | None = None) -> list[JournalEntry]:
        """Return entries from `since` on in the order of time, the newest 10 000."""
        where = _is(SITE, site)
        if since is not None:
            where += f" AND time >= {microseconds(since)}u"
        if subject is not None:
            where += f" AND subject = {text(subject)}"
        found = self._states(JournalEntry, JOURNAL, (SITE, ID), f"{where} ORDER BY time DESC LIMIT {MOST_RECORDS}")
        return sorted(found, key=lambda entry: (entry.done_at, entry.id))

    def dead_letters(self, *, limit: int = 100) -> list[DeadLetter]:
        """Return the newest dead letters, newest first."""
        if limit <= 0:
            return []
        question = f"SELECT {TOPIC}, {PAYLOAD}, {REASON} FROM {DEAD_LETTER} ORDER BY time DESC LIMIT {int(limit)}"
        rows = [row for part in self._server.query(question, epoch="ns") for row in part.rows]
        return [
            DeadLetter(instant(ns // 1000), topic, b64decode(payload), reason) for ns, topic, payload, reason in rows
        ]

    def upkeep(self, now: datetime) -> Iterator[None]:  # noqa: ARG002
        """Do nothing: the server rolls up by its continuous queries and forgets by its retention policies."""
        return iter(())

    def close(self) -> None:
        """Let go of the connections; everything written is in the server already."""
        self._server.close()

    def _rows(self, series: Series) -> pa.Table:
        question = f"SELECT {_COLUMNS} FROM {AIR} WHERE {_where(series)}"
        table = _table(_columns(part) for part in self._server.query(f"{question} LIMIT {int(series.limit)}"))
        if table.num_rows < series.limit:
            return table
        # Which devices of the last instant came before the limit is chance: take all of that instant, the order decides.
        last = pc.max(table["time"])
        at_last = f"{question} AND time = {last.cast(pa.int64()).as_py()}u"
        rest = _table(_columns(part) for part in self._server.query(at_last))
        return pa.concat_tables([table.filter(pc.less(table["time"], last)), rest])

    def _means(self, series: Series, every_s: int) -> pa.Table:
        group = f"GROUP BY time({int(every_s)}s, {FIRST_INTERVAL_S % int(every_s)}s), {DEVICE_TAG} fill(none) LIMIT {int(series.limit)}"
        angles = self._mean_angles(series, group)
        parts = []
        for part in self._server.query(f"SELECT {_MEANS} FROM {AIR} WHERE {_where(series)} {group}"):
            columns = _columns(part)
            keys = [(part.tags[DEVICE_TAG], time) for time in columns["time"]]
            means = [angles.get(key, (None,) * len(ANGLES)) for key in keys]
            columns |= dict(zip(ANGLES, zip(*means, strict=True), strict=True))
            columns[SITE] = (to_tag(series.site),) * len(keys)
            parts.append(columns)
        return _table(parts)

    def _mean_angles(self, series: Series, group: str) -> dict[tuple[str, int], tuple[float | None, ...]]:
        """Return the mean of each of ANGLES by device and interval, by way of sine and cosine."""
        inner = ", ".join(
            f"{function}({name} * {_RADIANS}) AS {name}_{function}" for name in ANGLES for function in ("sin", "cos")
        )
        outer = ", ".join(f"mean({name}_{function})" for name in ANGLES for function in ("sin", "cos"))
        question = (
            f"SELECT {outer} FROM (SELECT {inner} FROM {AIR} WHERE {_where(series)}) WHERE {_when(series)} {group}"
        )
        return {
            (part.tags[DEVICE_TAG], time): tuple(
                _angle(sin, cos) for sin, cos in zip(values[::2], values[1::2], strict=True)
            )
            for part in self._server.query(question)
            for time, *values in part.rows
        }

    def _states(self, record: Any, measurement: str, tags: Sequence[str], where: str) -> Iterator[Any]:
        types = _FIELDS[record]
        columns = [f"{quoted(name)}::{'tag' if name in tags else _TYPES[types[name]]}" for name in record._fields]
        question = f"SELECT {', '.join(columns)}, {UNSET} FROM {measurement} WHERE {where}"
        for part in self._server.query(question):
            for _time, *values, unset in part.rows:
                named = zip(record._fields, values, strict=True)
                absent = unset.split(",")
                yield record(
                    *(None if name in absent else _value(types[name], value, name in tags) for name, value in named)
                )


def _lasting(end: str, site: str, since: datetime | None, active: bool | None) -> str:  # noqa: FBT001
    """Return the condition for what touches the time from `since` on and has ended or not; an instant of 0 is none."""
    where = _is(SITE, site)
    if since is not None:
        where += f" AND ({end} = 0 OR {end} >= {microseconds(since)})"
    if active is not None:
        where += f" AND {end} {'=' if active else '!='} 0"
    return where


def _state_lines(measurement: str, tags: Sequence[str], records: Iterable[Any], *, at: str | None = None) -> list[str]:
    """Return one line for each thing that is described, at the instant `at` of it; the last description counts."""
    lines = {}
    for record in records:
        values, types = record._asdict(), _FIELDS[type(record)]
        time = STATE_TIME if at is None else microseconds(values[at])
        key = {name: values.pop(name) for name in tags}
        absent = [name for name, value in values.items() if value is None or not has_form(value)]
        fields = {
            name: _NOTHING[types[name]] if name in absent else _typed(types[name], value)
            for name, value in values.items()
        }
        line = record_line(measurement, key, fields | {UNSET: ",".join(absent)}, time)
        lines[tuple(key.values())] = line
    return list(lines.values())


def _letter_lines(letters: Iterable[DeadLetter]) -> Iterator[str]:
    """Return a line for each letter, at its microsecond; nanoseconds and shelf keep those of one microsecond apart, the same in every repetition."""
    at: Counter[int] = Counter()
    for letter in letters:
        time = microseconds(letter.received_at)
        number, at[time] = at[time], at[time] + 1
        content = b"\0".join((letter.topic.encode(), letter.payload, letter.reason.encode()))
        shelf = int.from_bytes(hashlib.blake2b(content, digest_size=2).digest(), "big") % SHELVES
        fields = {TOPIC: letter.topic, PAYLOAD: b64encode(letter.payload).decode(), REASON: letter.reason}
        yield record_line(DEAD_LETTER, {SHELF: str(shelf)}, fields, time * 1000 + number % 1000)


def _typed(kind: Any, value: Any) -> Any:
    # A field has one type for ever: the first whole number given for a float would bar all fractions.
    return value if kind is datetime else kind(value)


def _value(kind: Any, value: Any, is_tag: bool) -> Any:  # noqa: FBT001
    if is_tag:
        return from_tag(value)
    return instant(value) if kind is datetime else kind(value)


def _is(tag: str, value: str) -> str:
    return f"{tag} = {text(to_tag(value))}"


def _where(series: Series) -> str:
    where = f"{_is(SITE, series.site)} AND {_when(series)}"
    if series.devices:
        where += f" AND ({' OR '.join(_is(DEVICE_TAG, device) for device in series.devices)})"
    return where


def _when(series: Series) -> str:
    start, end = (min(max(microseconds(bound), _EARLIEST), _LATEST) for bound in (series.start, series.end))
    return f"time >= {start}u AND time < {end}u"


def _columns(part: Part) -> dict[str, tuple[Any, ...]]:
    """Return the columns of a part by name, its tags among them."""
    columns = dict(zip(part.columns, zip(*part.rows, strict=True), strict=True))
    return columns | {name: (value,) * len(part.rows) for name, value in part.tags.items()}


def _table(parts: Iterable[dict[str, tuple[Any, ...]]]) -> pa.Table:
    """Return a table in the READINGS schema; columns that a part lacks are null."""
    tables = [pa.table([_array(field, columns) for field in READINGS], schema=READINGS) for columns in parts if columns]
    return pa.concat_tables(tables) if tables else READINGS.empty_table()


def _array(field: pa.Field, columns: dict[str, tuple[Any, ...]]) -> pa.Array:
    values = columns.get(field.name)
    if values is None:
        return pa.nulls(len(columns["time"]), field.type)
    if field.name in (SITE, DEVICE_TAG):
        return pa.array([from_tag(value) for value in values], field.type)
    if field.type == INSTANT:
        return pa.array(values, pa.int64()).cast(INSTANT)
    if field.type == pa.float64():
        # JSON shows 1e20 as an integer, which Arrow would find too large.
        return pa.array(np.array(values, dtype=np.float64), from_pandas=True)
    return pa.array(values, field.type)


def _in_order(table: pa.Table) -> pa.Table:
    keys = pa.table({"time": table["time"], "device": table[DEVICE_TAG].cast(pa.string())})
    return table.take(pc.sort_indices(keys, sort_keys=[("time", "ascending"), ("device", "ascending")]))


def _angle(sin: float | None, cos: float | None) -> float | None:
    return None if sin is None or cos is None else float(np.degrees(np.arctan2(sin, cos))) % 360
