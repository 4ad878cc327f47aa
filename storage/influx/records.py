"""Devices, the ledger, alerts, incidents, the journal and dead letters as points of InfluxDB."""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from types import NoneType
from typing import Any, Final, get_args, get_type_hints

from jeonju.contract.records import (
    LARGEST_LETTER_BYTES,
    LONGEST_LETTER_BYTES,
    AlertRecord,
    DeadLetter,
    DeviceRecord,
    ForecastRecord,
    IncidentRecord,
    IndexRecord,
    JournalEntry,
    LedgerEntry,
    LetterMark,
    ServiceStatistics,
)
from jeonju.storage.influx.influxql import pattern, quoted, source, tagged
from jeonju.storage.influx.line_protocol import from_tag, has_form, instant, microseconds, record_line
from jeonju.storage.influx.names import (
    ALERT,
    ASKED_AT,
    DEAD_LETTER,
    DEVICE,
    DEVICE_TAG,
    FORECAST,
    ID,
    INCIDENT,
    INDEX,
    JOURNAL,
    LEDGER,
    PAYLOAD,
    QUANTITY_TAG,
    REASON,
    REPLAYED_AT,
    SERVICE,
    SERVICE_TAG,
    SHELF,
    SITE,
    TOPIC,
    UNSET,
)
from jeonju.storage.influx.server import Server
from jeonju.storage.letters import digest, numbered, topic_pattern
from jeonju.storage.port import LetterChoice

# States (of devices, the ledger) are points at this one instant, so that a newer state takes the place of the older. It lies in the future
# (2200-01-01) because a database that forgets after some time refuses the past.
STATE_TIME: Final = 7_258_118_400_000_000
SHELVES: Final = 256
_LETTER_ID: Final = re.compile(r"([0-9]{19})-([0-9]{3})")
_TYPES: Final = {str: "string", int: "integer", float: "float", datetime: "integer"}
_NOTHING: Final = {str: "", int: 0, float: 0.0, datetime: 0}
# The measurement of each record, its tags, and the instant of its point.
_KEPT: Final[dict[type, tuple[str, tuple[str, ...], str | None]]] = {
    DeviceRecord: (DEVICE, (SITE, DEVICE_TAG), None),
    LedgerEntry: (LEDGER, (SITE, DEVICE_TAG), None),
    AlertRecord: (ALERT, (SITE, ID), "started_at"),
    IncidentRecord: (INCIDENT, (SITE, ID), "opened_at"),
    JournalEntry: (JOURNAL, (SITE, ID), "done_at"),
    IndexRecord: (INDEX, (SITE, DEVICE_TAG), "at"),
    ServiceStatistics: (SERVICE, (SITE, SERVICE_TAG), "at"),
    ForecastRecord: (FORECAST, (SITE, DEVICE_TAG, QUANTITY_TAG), "at"),
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
    letter = dict.fromkeys((TOPIC, PAYLOAD, REASON), "string") | dict.fromkeys((ASKED_AT, REPLAYED_AT), "integer")
    return types | {DEAD_LETTER: letter}


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


def letter_lines(letters: Iterable[DeadLetter]) -> dict[str, str]:
    """Return a line for each letter, at its microsecond, by the letter's id.

    Nanoseconds and shelf keep those of one microsecond apart, the same in every repetition.
    """
    lines = {}
    for letter, number in numbered(letters):
        time = microseconds(letter.received_at) * 1000 + number % 1000
        shelf = int.from_bytes(digest(letter, 2), "big") % SHELVES
        fields = {TOPIC: letter.topic, PAYLOAD: b64encode(letter.payload).decode(), REASON: letter.reason}
        lines[_letter_id(time, shelf)] = record_line(DEAD_LETTER, {SHELF: str(shelf)}, fields, time)
    return lines


def mark_lines(marks: Iterable[LetterMark]) -> Iterator[str]:
    """Return a line for each mark: some fields of the letter's own point."""
    for mark in marks:
        if (point := _point(mark.id)) is not None:
            fields = {
                ASKED_AT: mark.asked_at or instant(0),
                REPLAYED_AT: mark.replayed_at or instant(0),
                REASON: mark.reason,
            }
            yield record_line(DEAD_LETTER, {SHELF: str(point[1])}, fields, point[0])


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
                    # Points of earlier versions lack the numbers that came later; an empty text is answered as none.
                    None
                    if name in absent or (value is None and types[name] is not str)
                    else _value(types[name], value, name in tags)
                    for name, value in zip(record._fields, values, strict=True)
                )
            )


def newest_letters(server: Server, choice: LetterChoice, limit: int) -> list[DeadLetter]:
    """Return the newest dead letters, newest first, with the beginning of their payloads."""
    found = _letters(server, _chosen(choice), f"ORDER BY time DESC LIMIT {int(limit)}", longest=LONGEST_LETTER_BYTES)
    return sorted(found, key=lambda letter: letter.id, reverse=True)


def letter_of(server: Server, letter_id: str) -> DeadLetter | None:
    """Return the dead letter of an id, None when there is none."""
    point = _point(letter_id)
    if point is None:
        return None
    return next(iter(_letters(server, [f"time = {point[0]}", tagged(SHELF, str(point[1]))])), None)


def letters_after(server: Server, choice: LetterChoice, after: str, limit: int, *, payloads: bool) -> list[DeadLetter]:
    """Return dead letters in the order of arrival, from the one that follows `after`."""
    begin, conditions = _point(after), _chosen(choice)
    # Those of the same nanosecond are told apart by their shelves.
    from_there = [] if begin is None else [f"time >= {begin[0]}"]
    more = limit if begin is None else limit + SHELVES
    found = _letters(server, [*conditions, *from_there], f"LIMIT {int(more)}", payloads=payloads)
    if len(found) == more:
        last = int(found[-1].id.partition("-")[0])
        whole = [letter for letter in found if not letter.id.startswith(f"{last:019d}")]
        found = whole + _letters(server, [*conditions, f"time = {last}"], payloads=payloads)
    return sorted((letter for letter in found if letter.id > after), key=lambda letter: letter.id)[:limit]


def _letters(
    server: Server,
    conditions: Sequence[str],
    end: str = "",
    *,
    payloads: bool = True,
    longest: int = LARGEST_LETTER_BYTES,
) -> list[DeadLetter]:
    fields = (TOPIC, *((PAYLOAD,) if payloads else ()), REASON, ASKED_AT, REPLAYED_AT)
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    question = f"SELECT {', '.join([f'{SHELF}::tag', *fields])} FROM {source(DEAD_LETTER)} {where} {end}"
    found = []
    for part in server.query(question, epoch="ns"):
        for time, shelf, *values in part.rows:
            row = dict(zip(fields, values, strict=True))
            # A mark of a letter that the server has forgotten meanwhile is none.
            if row[TOPIC] is not None:
                found.append(
                    DeadLetter(
                        instant(time // 1000),
                        row[TOPIC],
                        b64decode((row.get(PAYLOAD) or "")[: -(-longest // 3) * 4])[:longest],
                        row[REASON],
                        _letter_id(time, int(shelf)),
                        instant(row[ASKED_AT]) if row[ASKED_AT] else None,
                        instant(row[REPLAYED_AT]) if row[REPLAYED_AT] else None,
                    )
                )
    return found


def _chosen(choice: LetterChoice) -> list[str]:
    """Return the conditions for the dead letters that are wanted."""
    conditions = []
    if choice.since is not None:
        conditions.append(f"time >= {microseconds(choice.since)}u")
    if choice.topic is not None:
        conditions.append(f"{TOPIC} =~ {pattern(f'(?s)^{topic_pattern(choice.topic)}$')}")
    if choice.reason is not None:
        conditions.append(f"{REASON} =~ {pattern(f'(?i){re.escape(choice.reason)}')}")
    if choice.is_asked:
        conditions.append(f"{ASKED_AT} > 0")
    if choice.replayed_since is not None:
        conditions.append(f"{REPLAYED_AT} >= {microseconds(choice.replayed_since)}")
    return conditions


def _letter_id(time: int, shelf: int) -> str:
    return f"{time:019d}-{shelf:03d}"


def _point(letter_id: str) -> tuple[int, int] | None:
    """Return the nanosecond and the shelf of a letter, None for what is no id of ours."""
    found = _LETTER_ID.fullmatch(letter_id)
    return None if found is None else (int(found[1]), int(found[2]))


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
