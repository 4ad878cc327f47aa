"""Means over minutes, ten minutes and hours in DuckDB: how they are filled, combined and forgotten.

A write marks the minutes that it touches in `rollup_due`, within its own transaction. A step of maintenance makes the marked minutes of one hour
anew (of several where devices are few) from the readings, their tens of minutes and the hour from finer ones, and takes the marks away, in one
transaction: whenever the process is killed, marks and roll-ups agree. Writes go on beside it, and the minutes that they touch keep their marks; late
readings mark their minute again. A roll-up never gives way to one that counts fewer readings: that one was made after the readings were gone.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

import duckdb
import numpy as np
import pyarrow as pa

from jeonju.storage.port import Series
from jeonju.storage.rollup import (
    ANY_TOO_LARGE,
    COLUMNS,
    HOUR_S,
    MINUTE_S,
    QUANTITIES,
    SECOND_US,
    answered,
    combined,
    fold,
    read,
    sources,
)

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
COLUMN_TYPES: Final = {column.name: column.type for column in COLUMNS}
_LAYOUT: Final = ", ".join(f'"{name}" {kind}' for name, kind in COLUMN_TYPES.items())
TEN_MINUTES_S: Final = 600
# The coarsest first. A week, or a month, of a page is made of tens of minutes: minutes, which lie between those of other devices, are ten times
# as many to read.
ROLL_UPS: Final = {"readings_1h": HOUR_S, "readings_10m": TEN_MINUTES_S, "readings_1m": MINUTE_S}
# So many minutes of devices are made into tens at once: their columns must fit into memory.
_ROWS_AT_ONCE: Final = 40_000
TABLES: Final = "CREATE TABLE IF NOT EXISTS rollup_due (minute TIMESTAMPTZ NOT NULL);" + "".join(
    f"CREATE TABLE IF NOT EXISTS {table} (site VARCHAR NOT NULL, device VARCHAR NOT NULL, time TIMESTAMPTZ NOT NULL, {_LAYOUT});"
    for table in ROLL_UPS
)
MARK_ALL: Final = "INSERT INTO rollup_due SELECT DISTINCT time_bucket(INTERVAL 60 SECONDS, time) FROM readings"


_WITHIN: Final = "part.time >= $start AND part.time < $until"
_COUNTED_READINGS: Final = ", ".join(
    [f"coalesce(bool_or({ANY_TOO_LARGE}), false)", *(f'count(part."{name}")' for name in QUANTITIES)]
)
_COUNTED_MEANS: Final = ", ".join(["false", *(f'max(part."{name}_count")' for name in QUANTITIES)])


class Held(NamedTuple):
    """What rows hold: whether there may be numbers that cannot be part of a mean, and the quantities that no row has."""

    any_too_large: bool = True
    absent: frozenset[str] = frozenset()


Count = Callable[[str, list[Any]], Sequence[Any]]


def marked_minutes(connection: duckdb.DuckDBPyConnection) -> frozenset[int]:
    """Return the minutes [min since 1970] whose roll-ups are still to be made."""
    rows = connection.execute("SELECT DISTINCT epoch_us(minute) // 60_000_000 FROM rollup_due").fetchall()
    return frozenset(row[0] for row in rows)


def mark(connection: duckdb.DuckDBPyConnection, readings: pa.Table, marked: frozenset[int]) -> frozenset[int]:
    """Mark the minutes of new readings, but those that are marked already, and return them all."""
    minutes = frozenset(np.unique(readings["time"].cast(pa.int64()).to_numpy() // (MINUTE_S * SECOND_US)).tolist())
    if fresh := minutes - marked:
        instants = [_instant(minute * MINUTE_S) for minute in fresh]
        connection.execute("INSERT INTO rollup_due SELECT unnest($minutes)", {"minutes": instants})
    return minutes


def held(table: str, where: str, values: Any, count: Count) -> Held:
    """Return what the rows of a table that fit `where` (on `part`) hold; `count` asks for one row."""
    # Most quantities are measured by nobody, or not by these devices; to fold them takes as long as the others.
    counted = _COUNTED_READINGS if table == "readings" else _COUNTED_MEANS
    any_too_large, *counts = count(f"SELECT {counted} FROM {table} AS part WHERE {where}", values)
    return Held(any_too_large, frozenset(name for name, number in zip(QUANTITIES, counts, strict=True) if not number))


def roll_up(connection: duckdb.DuckDBPyConnection, minutes: list[int]) -> None:
    """Make some minutes of one hour, or of a few, anew, and the hours."""
    for run in _runs(minutes):
        _make(connection, "readings", "readings_1m", run[0] * MINUTE_S, (run[-1] + 1) * MINUTE_S)
    first_s, last_s = minutes[0] * MINUTE_S, minutes[-1] * MINUTE_S
    for finer, table, every_s in (
        ("readings_1m", "readings_10m", TEN_MINUTES_S),
        ("readings_10m", "readings_1h", HOUR_S),
    ):
        _make(connection, finer, table, first_s // every_s * every_s, (last_s // every_s + 1) * every_s)


def _make(connection: duckdb.DuckDBPyConnection, finer: str, table: str, start_s: int, until_s: int) -> None:
    span = {"start": _instant(start_s), "until": _instant(until_s)}
    has = held(finer, _WITHIN, span, lambda query, values: connection.execute(query, values).fetchall()[0])
    every_s = ROLL_UPS[table]
    folded = fold(finer, every_s, _WITHIN, all_columns=True, absent=has.absent, any_too_large=has.any_too_large)
    # The bounds on old.time let DuckDB look at the newest rows only.
    connection.execute(
        f"""
MERGE INTO {table} AS old USING ({folded}) AS new
ON old.site = new.site AND old.device = new.device AND old.time = new.time AND old.time >= $start AND old.time < $until
WHEN MATCHED AND new.reading_count >= old.reading_count
THEN UPDATE SET {", ".join(f'"{name}" = new."{name}"' for name in COLUMN_TYPES)}
WHEN NOT MATCHED THEN INSERT BY NAME""",
        span,
    )


def make_tens(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the means over ten minutes of all minutes that are stored, some hours at once, as memory is bounded."""
    counted = "SELECT epoch_us(min(time)), epoch_us(max(time)), count(*) FROM readings_1m"
    first, last, count = connection.execute(counted).fetchall()[0]
    if not count:
        return
    hours = 1 + (last - first) // SECOND_US // HOUR_S
    step = timedelta(hours=max(1, min(24, _ROWS_AT_ONCE * hours // count)))
    tens = fold("readings_1m", TEN_MINUTES_S, _WITHIN, all_columns=True)
    start = _instant(first // SECOND_US // TEN_MINUTES_S * TEN_MINUTES_S)
    while start <= _EPOCH + timedelta(microseconds=last):
        query = f"INSERT INTO readings_10m BY NAME {tens}"
        connection.execute(query, {"start": start, "until": start + step})
        start += step


def _runs(minutes: list[int]) -> Iterator[list[int]]:
    """Divide minutes in order into those that follow each other."""
    for _, run in groupby(enumerate(minutes), lambda numbered: numbered[1] - numbered[0]):
        yield [minute for _, minute in run]


def unmark(connection: duckdb.DuckDBPyConnection, minutes: Collection[int]) -> None:
    """Take the marks of minutes away."""
    instants = [_instant(minute * MINUTE_S) for minute in minutes]
    connection.execute("DELETE FROM rollup_due WHERE minute IN (SELECT unnest($minutes))", {"minutes": instants})


def forget(connection: duckdb.DuckDBPyConnection, table: str, before: datetime, step: timedelta) -> bool:
    """Remove the earliest rows that were measured and arrived before an instant, at most those of a step; return whether there were any."""
    old = "time < $before AND received_at < $before"
    row = connection.execute(f"SELECT epoch_us(min(time)) FROM {table} WHERE {old}", {"before": before}).fetchone()
    if row is None or row[0] is None:
        return False
    first = _EPOCH + timedelta(microseconds=row[0])
    until = {"before": before, "first": first, "until": first + step}
    connection.execute(f"DELETE FROM {table} WHERE {old} AND time >= $first AND time < $until", until)
    return True


def means(
    series: Series, marked: Collection[int], where: str, values: list[Any], count: Count | None
) -> tuple[str, list[Any]]:
    """Return the query, and its values, for means over intervals of the rows that fit `where` (on `part`).

    `count` asks for one row; without it, what the rows hold is not asked first.
    """
    every_s = series.every_s or 0
    unwanted = set(QUANTITIES).difference(series.quantities, ("lat", "lon")) if series.quantities else set()
    parts = list(_parts(series, every_s, marked, where, values))
    # Where a table has the intervals, it is the first.
    answers = [
        f"SELECT {answered(unwanted)} FROM {part.table} AS part WHERE {part.where}"
        for part in parts
        if ROLL_UPS.get(part.table) == every_s
    ]
    if finer := parts[len(answers) :]:
        # Where few quantities are wanted, they are folded before it is known whether there are any.
        holds = [Held() if unwanted or count is None else held(*part, count) for part in finer]
        absent = frozenset.intersection(*(each.absent for each in holds)) | unwanted
        answers.append(f"SELECT {answered(absent)} FROM ({_folded(finer, holds, every_s, absent)})")
    query = " UNION ALL ".join(answers or [f"SELECT {answered()} FROM readings_1m AS part WHERE false"])
    return query, [value for part in parts for value in part.values]


class _Part(NamedTuple):
    """Rows of a table."""

    table: str
    where: str
    values: list[Any]


def _parts(series: Series, every_s: int, marked: Collection[int], where: str, values: list[Any]) -> Iterator[_Part]:
    span = (_microseconds(series.start), _microseconds(series.end))
    for table, spans in sources(span, every_s, marked, ROLL_UPS).items():
        if spans:
            within = " OR ".join(["(part.time >= ? AND part.time < ?)"] * len(spans))
            own = [*values, *(_EPOCH + timedelta(microseconds=at) for span in spans for at in span)]
            yield _Part(table, f"{where} AND ({within})", own)


def _folded(parts: Sequence[_Part], holds: Sequence[Held], every_s: int, absent: Collection[str]) -> str:
    folds = [
        fold(part.table, every_s, part.where, all_columns=False, absent=absent, any_too_large=each.any_too_large)
        if part.table == "readings" or len(parts) == 1
        else _bucketed(part, every_s, absent)
        for part, each in zip(parts, holds, strict=True)
    ]
    return folds[0] if len(folds) == 1 else combined(folds, absent)


def _bucketed(part: _Part, every_s: int, absent: Collection[str]) -> str:
    bucket = f"time_bucket(INTERVAL {int(every_s)} SECONDS, part.time)"
    return f"SELECT site, device, {bucket} AS time, {read(absent)} FROM {part.table} AS part WHERE {part.where}"


def _instant(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
