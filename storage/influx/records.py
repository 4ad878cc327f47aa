"""Devices, the ledger, alerts, incidents, the journal and dead letters as points of InfluxDB."""

import hashlib
from base64 import b64decode, b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from jeonju.contract.records import (
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    IncidentRecord,
    IndexRecord,
    JournalEntry,
    LedgerEntry,
    ServiceStatistics,
)
from jeonju.storage.influx.influxql import quoted, source, tagged
from jeonju.storage.influx.line_protocol import from_tag, has_form, instant, microseconds, record_line
from jeonju.storage.influx.names import (
    ALERT,
    DEAD_LETTER,
    DEVICE,
    DEVICE_TAG,
    ID,
    INCIDENT,
    INDEX,
    JOURNAL,
    LEDGER,
    PAYLOAD,
    REASON,
    SERVICE,
    SERVICE_TAG,
    SHELF,
    SITE,
    TOPIC,
    UNSET,
)
from jeonju.storage.influx.server import Server

# States (of devices, the ledger) are points at this one instant, so that a newer state takes the place of the older. It lies in the future
# (2200-01-01) because a database that forgets after some time refuses the past.
STATE_TIME: Final = 7_258_118_400_000_000
SHELVES: Final = 256
_TYPES: Final = {str: "string", int: "integer", float: "float", datetime: "integer"}
_NOTHING: Final = {str: "", int: 0, float: 0.0, datetime: 0}
# The measurement of each record, its tags, and the instant of its point.
_KEPT: Final[dict[type, tuple[str, tuple[str, str], str | None]]] = {
    DeviceRecord: (DEVICE, (SITE, DEVICE_TAG), None),
    LedgerEntry: (LEDGER, (SITE, DEVICE_TAG), None),
    AlertRecord: (ALERT, (SITE, ID), "started_at"),
    IncidentRecord: (INCIDENT, (SITE, ID), "opened_at"),
    JournalEntry: (JOURNAL, (SITE, ID), "done_at"),
    IndexRecord: (INDEX, (SITE, DEVICE_TAG), "at"),
    ServiceStatistics: (SERVICE, (SITE, SERVICE_TAG), "at"),
}
# The type of every field, without the None.
_FIELDS: Final[dict[type, dict[str, Any]]] = {
    record: {
        name: next((kind for kind in get_args(hint) if kind is not NoneType), hint)
        for name, hint in get_type_hints(record).items()
    }
    for record in _KEPT
}


def field_types() -> dict[str, dict[str, str]]:
    """Return the types that the fields of each measurement of records have in InfluxDB."""
    types = {
        measurement: {name: _TYPES[kind] for name, kind in _FIELDS[record].items() if name not in tags}
        for record, (measurement, tags, _) in _KEPT.items()
    }
    return types | {DEAD_LETTER: dict.fromkeys((TOPIC, PAYLOAD, REASON), "string")}


def record_lines(records: Iterable[Any]) -> list[str]:
    """Return one line for each thing that is described; the last description counts."""
    lines: dict[tuple[Any, ...], str] = {}
    for record in records:
        measurement, tags, at = _KEPT[type(record)]
        values, types = record._asdict(), _FIELDS[type(record)]
        time = STATE_TIME if at is None else microseconds(values[at])
        key = {name: values.pop(name) for name in tags}
        absent = [name for name, value in values.items() if value is None or not has_form(value)]
        fields = {
            name: _NOTHING[types[name]] if name in absent else _typed(types[name], value)
            for name, value in values.items()
        }
        lines[(measurement, *key.values(), time)] = record_line(
            measurement, key, fields | {UNSET: ",".join(absent)}, time
        )
    return list(lines.values())


def letter_lines(letters: Iterable[DeadLetter]) -> Iterator[str]:
    """Return a line for each letter, at its microsecond; nanoseconds and shelf keep those of one microsecond apart, the same in every repetition."""
    at: Counter[int] = Counter()
    for letter in letters:
        time = microseconds(letter.received_at)
        number, at[time] = at[time], at[time] + 1
        content = b"\0".join((letter.topic.encode(), letter.payload, letter.reason.encode()))
        shelf = int.from_bytes(hashlib.blake2b(content, digest_size=2).digest(), "big") % SHELVES
        fields = {TOPIC: letter.topic, PAYLOAD: b64encode(letter.payload).decode(), REASON: letter.reason}
        yield record_line(DEAD_LETTER, {SHELF: str(shelf)}, fields, time * 1000 + number % 1000)


def records(
    server: Server, record: Any, site: str | None, conditions: Sequence[str] = (), end: str = ""
) -> Iterator[Any]:
    """Return the records of a site, or of any, that fit all conditions."""
    measurement, tags, _ = _KEPT[record]
    types = _FIELDS[record]
    columns = [f"{quoted(name)}::{'tag' if name in tags else _TYPES[types[name]]}" for name in record._fields]
    where = " AND ".join([*([] if site is None else [tagged(SITE, site)]), *conditions])
    for part in server.query(f"SELECT {', '.join(columns)}, {UNSET} FROM {source(measurement)} WHERE {where} {end}"):
        for _time, *values, unset in part.rows:
            absent = unset.split(",")
            yield record(
                *(
                    None if name in absent else _value(types[name], value, name in tags)
                    for name, value in zip(record._fields, values, strict=True)
                )
            )


def letters(server: Server, limit: int) -> list[DeadLetter]:
    """Return the newest dead letters, newest first."""
    question = f"SELECT {TOPIC}, {PAYLOAD}, {REASON} FROM {source(DEAD_LETTER)} ORDER BY time DESC LIMIT {int(limit)}"
    rows = [row for part in server.query(question, epoch="ns") for row in part.rows]
    return [DeadLetter(instant(ns // 1000), topic, b64decode(payload), reason) for ns, topic, payload, reason in rows]


def lasting(end: str, since: datetime | None, active: bool | None) -> list[str]:  # noqa: FBT001
    """Return the conditions for what touches the time from `since` on and has ended or not; an instant of 0 is none."""
    conditions = []
    if since is not None:
        conditions.append(f"({end} = 0 OR {end} >= {microseconds(since)})")
    if active is not None:
        conditions.append(f"{end} {'=' if active else '!='} 0")
    return conditions


def _typed(kind: Any, value: Any) -> Any:
    # A field has one type for ever: the first whole number given for a float would bar all fractions.
    return value if kind is datetime else kind(value)


def _value(kind: Any, value: Any, is_tag: bool) -> Any:  # noqa: FBT001
    if is_tag:
        return from_tag(value)
    return instant(value) if kind is datetime else kind(value)
