"""Means over minutes and hours in DuckDB: how they are filled, combined and forgotten.

A write marks the minutes that it touches in `rollup_due`, within its own transaction. A step of the upkeep makes the marked minutes of one hour anew
from the readings, that hour from its minutes, and takes the marks away, in one transaction: whenever the process is killed, marks and roll-ups agree.
Late readings mark their minute again. A roll-up never gives way to one that counts fewer readings: that one was made after the readings were gone.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from airquality.pollutants import KEYS
from storage.schema import READINGS

# Angles are averaged as directions, not as numbers: the mean of 350° and 10° is 0°.
ANGLES: Final = ("wind_direction", "heading")
_NUMBERS: Final = tuple(key for key in KEYS if key not in ANGLES)
MINUTE_S: Final = 60
HOUR_S: Final = 3600
_SECOND_US: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Span = tuple[int, int]  # from, until [µs since 1970]


class _Column(NamedTuple):
    """A column of the roll-ups, and how it is made from readings and from finer roll-ups; `is_read` where a series needs it."""

    name: str
    type: str
    from_readings: str
    from_parts: str
    is_read: bool = True


def _mean(name: str, quantity: str, of_reading: str) -> Iterator[_Column]:
    weight = f'part."{quantity}_count"'
    yield _Column(name, "DOUBLE", f"avg({of_reading})", f'sum(part."{name}" * {weight}) / sum({weight})')


def _columns() -> Iterator[_Column]:
    for name, kind in (("received_at", "TIMESTAMPTZ"), ("boot", "VARCHAR"), ("seq", "BIGINT"), ("quality", "VARCHAR")):
        yield _Column(name, kind, f"max(part.{name})", f"max(part.{name})")
    yield _Column("reading_count", "INTEGER", "count(*)", "sum(part.reading_count)::INTEGER", is_read=False)
    for name in ("lat", "lon", *KEYS):
        # A quantity can be missing in some readings: means of means are right only with the count of each.
        count = f"{name}_count"
        yield _Column(count, "INTEGER", f'count(part."{name}")', f'sum(part."{count}")::INTEGER')
        if name in ANGLES:
            for function in ("sin", "cos"):
                yield from _mean(f"{name}_{function}", name, f'{function}(radians(part."{name}"))')
        else:
            yield from _mean(name, name, f'part."{name}"')
        if name in _NUMBERS:
            for function in ("min", "max"):
                extreme = f"{name}_{function}"
                yield _Column(
                    extreme, "FLOAT", f'{function}(part."{name}")', f'{function}(part."{extreme}")', is_read=False
                )


_COLUMNS: Final = tuple(_columns())
COLUMN_TYPES: Final = {column.name: column.type for column in _COLUMNS}
_LAYOUT: Final = ", ".join(f'"{name}" {kind}' for name, kind in COLUMN_TYPES.items())
_SECONDS: Final = {"readings_1h": HOUR_S, "readings_1m": MINUTE_S}
ROLL_UPS: Final = tuple(_SECONDS)
TABLES: Final = "CREATE TABLE IF NOT EXISTS rollup_due (minute TIMESTAMPTZ NOT NULL);" + "".join(
    f"CREATE TABLE IF NOT EXISTS {table} (site VARCHAR NOT NULL, device VARCHAR NOT NULL, time TIMESTAMPTZ NOT NULL, {_LAYOUT});"
    for table in ROLL_UPS
)
MARK_ALL: Final = "INSERT INTO rollup_due SELECT DISTINCT time_bucket(INTERVAL 60 SECONDS, time) FROM readings"


def _fold(table: str, every_s: int, where: str, *, all_columns: bool) -> str:
    """Return the query that makes rows over `every_s` seconds out of readings or finer rows."""
    made = ", ".join(
        f'{column.from_readings if table == "readings" else column.from_parts} AS "{column.name}"'
        for column in _COLUMNS
        if all_columns or column.is_read
    )
    bucket = f"time_bucket(INTERVAL {int(every_s)} SECONDS, part.time)"
    return (
        f"SELECT part.site, part.device, {bucket} AS time, {made} FROM {table} AS part WHERE {where} GROUP BY 1, 2, 3"
    )


def _merge(finer: str, table: str, every_s: int, where: str) -> str:
    # The bounds on old.time let DuckDB look at the newest rows only.
    return f"""
MERGE INTO {table} AS old USING ({_fold(finer, every_s, where, all_columns=True)}) AS new
ON old.site = new.site AND old.device = new.device AND old.time = new.time AND old.time >= $start AND old.time < $until
WHEN MATCHED AND new.reading_count >= old.reading_count
THEN UPDATE SET {", ".join(f'"{name}" = new."{name}"' for name in COLUMN_TYPES)}
WHEN NOT MATCHED THEN INSERT BY NAME"""


_WITHIN: Final = "part.time >= $start AND part.time < $until"
_MERGE_MINUTES: Final = _merge(
    "readings",
    "readings_1m",
    MINUTE_S,
    f"{_WITHIN} AND time_bucket(INTERVAL 60 SECONDS, part.time) IN (SELECT unnest($minutes))",
)
_MERGE_HOUR: Final = _merge("readings_1m", "readings_1h", HOUR_S, _WITHIN)


def marked_minutes(connection: duckdb.DuckDBPyConnection) -> frozenset[int]:
    """Return the minutes [min since 1970] whose roll-ups are still to be made."""
    rows = connection.execute("SELECT DISTINCT epoch_us(minute) // 60_000_000 FROM rollup_due").fetchall()
    return frozenset(row[0] for row in rows)


def mark(connection: duckdb.DuckDBPyConnection, readings: pa.Table, marked: frozenset[int]) -> frozenset[int]:
    """Mark the minutes of new readings that are not marked yet, and return these."""
    minutes = np.unique(readings["time"].cast(pa.int64()).to_numpy() // (MINUTE_S * _SECOND_US))
    fresh = frozenset(minutes.tolist()) - marked
    if fresh:
        instants = [_instant(minute * MINUTE_S) for minute in fresh]
        connection.execute("INSERT INTO rollup_due SELECT unnest($minutes)", {"minutes": instants})
    return fresh


def by_hour(minutes: Iterable[int]) -> Iterator[list[int]]:
    """Return the minutes of each hour, the earliest first."""
    return (list(group) for _, group in groupby(sorted(minutes), lambda minute: minute // 60))


def roll_up(connection: duckdb.DuckDBPyConnection, minutes: list[int]) -> None:
    """Make some minutes of one hour anew, and the hour, and take their marks away."""
    instants = [_instant(minute * MINUTE_S) for minute in minutes]
    spans = {"start": instants[0], "until": instants[-1] + timedelta(minutes=1), "minutes": instants}
    connection.execute(_MERGE_MINUTES, spans)
    hour = _instant(minutes[0] // 60 * HOUR_S)
    connection.execute(_MERGE_HOUR, {"start": hour, "until": hour + timedelta(hours=1)})
    connection.execute("DELETE FROM rollup_due WHERE minute IN (SELECT unnest($minutes))", {"minutes": instants})


def forget(connection: duckdb.DuckDBPyConnection, table: str, before: datetime, step: timedelta) -> bool:
    """Remove the earliest rows that were measured and arrived before an instant, at most those of a step; tell whether there were any."""
    old = "time < $before AND received_at < $before"
    row = connection.execute(f"SELECT epoch_us(min(time)) FROM {table} WHERE {old}", {"before": before}).fetchone()
    if row is None or row[0] is None:
        return False
    first = _EPOCH + timedelta(microseconds=row[0])
    until = {"before": before, "first": first, "until": first + step}
    connection.execute(f"DELETE FROM {table} WHERE {old} AND time >= $first AND time < $until", until)
    return True


def means(
    start: datetime, end: datetime, every_s: int, marked: frozenset[int], where: str, values: list[Any]
) -> tuple[str, list[Any]]:
    """Return the query, and its values, for means over intervals of the rows that fit `where` (on `part`)."""
    whole, parts, bound = "", [], []
    for table, spans in sources((_microseconds(start), _microseconds(end)), every_s, marked).items():
        if not spans:
            continue
        within = " OR ".join(["(part.time >= ? AND part.time < ?)"] * len(spans))
        bound += [*values, *(_EPOCH + timedelta(microseconds=at) for span in spans for at in span)]
        if _SECONDS.get(table) == every_s:
            # Each row is a whole interval, and the first table, so its values come first.
            whole = f"SELECT {_ANSWERED} FROM {table} AS part WHERE {where} AND ({within})"
        elif table == "readings":
            parts.append(_fold(table, every_s, f"{where} AND ({within})", all_columns=False))
        else:
            bucket = f"time_bucket(INTERVAL {int(every_s)} SECONDS, part.time)"
            parts.append(
                f"SELECT site, device, {bucket} AS time, {_READ} FROM {table} AS part WHERE {where} AND ({within})"
            )
    answers = [whole] if whole else []
    if parts:
        answers.append(_COMBINED.format(parts=" UNION ALL ".join(parts)))
    return " UNION ALL ".join(answers or [f"SELECT {_ANSWERED} FROM readings_1m AS part WHERE false"]), bound


def sources(span: Span, every_s: int, marked: frozenset[int]) -> dict[str, list[Span]]:
    """Divide a span among the tables: the coarsest that has the intervals, none of whose readings are still to be rolled up."""
    found: dict[str, list[Span]] = {table: [] for table in _SECONDS}
    left = [span] if span[0] < span[1] else []
    for table, seconds in _SECONDS.items():
        if every_s % seconds == 0:
            stale = sorted({minute * MINUTE_S // seconds for minute in marked})
            divided = [_divide(part, seconds * _SECOND_US, stale) for part in left]
            found[table] = [one for whole, _ in divided for one in whole]
            left = [one for _, rest in divided for one in rest]
    found["readings"] = left
    return found


def _divide(span: Span, unit: int, stale: list[int]) -> tuple[list[Span], list[Span]]:
    """Divide a span into runs of whole units that are not stale, and the rest."""
    whole: list[Span] = []
    rest: list[Span] = []
    at = span[0]
    edge = -(-span[0] // unit)
    last = span[1] // unit
    for number in [*(one for one in stale if edge <= one < last), last]:
        if edge < number:
            if at < edge * unit:
                rest.append((at, edge * unit))
            whole.append((edge * unit, number * unit))
            at = number * unit
        edge = number + 1
    if at < span[1]:
        rest.append((at, span[1]))
    return whole, rest


def _answered(name: str) -> str:
    if name in ("site", "device", "time"):
        return name
    if name == "extra":
        return "NULL::VARCHAR AS extra"
    if name in ANGLES:
        return f"(degrees(atan2({name}_sin, {name}_cos)) + 360) % 360 AS {name}"
    return f'"{name}"'


_READ_COLUMNS: Final = tuple(column for column in _COLUMNS if column.is_read)
_READ: Final = ", ".join(f'part."{column.name}"' for column in _READ_COLUMNS)
_ANSWERED: Final = ", ".join(map(_answered, READINGS.names))
_SUMMED: Final = ", ".join(f'{column.from_parts} AS "{column.name}"' for column in _READ_COLUMNS)
_COMBINED: Final = f"SELECT {_ANSWERED} FROM (SELECT part.site, part.device, part.time, {_SUMMED} FROM ({{parts}}) AS part GROUP BY 1, 2, 3)"


def _instant(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
