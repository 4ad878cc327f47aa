"""Means over minutes and hours in InfluxDB: one way for all servers, by questions and writes only (docs/decisions/0018).

After the readings of a commit, the minutes that they touch are marked with a number of their own. A step of maintenance makes the marked minutes
of one hour anew from the readings, that hour from its minutes, and then notes the numbers it saw as done: what was marked again meanwhile stays due.
A commit is repeated until it is taken, and its marks are the last of it that concerns readings, so a kill leaves marks or readings that come again.
"""

import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa

from jeonju.contract.columns import INSTANT, READINGS, TOO_LARGE
from jeonju.storage.influx.folding import ROWS, Folding
from jeonju.storage.influx.influxql import (
    READING_COLUMNS,
    READINGS_FROM,
    Span,
    quoted,
    source,
    span_between,
    table_of,
    tagged,
    within,
)
from jeonju.storage.influx.line_protocol import record_line, table_lines
from jeonju.storage.influx.names import (
    AIR_1H,
    AIR_1M,
    DEVICE_TAG,
    DONE,
    DUE,
    FLOATS,
    HOURS,
    MINUTES,
    POLICIES,
    ROLLUP_DUE,
    SITE,
)
from jeonju.storage.influx.server import Server
from jeonju.storage.port import Series
from jeonju.storage.rollup import (
    ANGLES,
    COLUMNS,
    HOUR_S,
    MINUTE_S,
    SECOND_US,
    SECONDS,
    sources,
)

_MINUTE_US: Final = MINUTE_S * SECOND_US
# A question costs the server as much as the readings of so many minutes, whatever it is about.
_GAP_MINUTES: Final = 10
_HOUR_US: Final = HOUR_S * SECOND_US
# Intervals begin at the same instants as in DuckDB: whole intervals since Monday, 2000-01-03.
_FIRST_INTERVAL_S: Final = 946_857_600
_RADIANS: Final = repr(float(np.pi / 180))
_STORED: Final = {"readings_1m": AIR_1M, "readings_1h": AIR_1H}
_INFLUX: Final = {pa.float64(): "float", pa.int64(): "integer", pa.string(): "string", INSTANT: "integer"}
_DESCRIBED: Final = [
    "max(received_at) AS received_at",
    "max(seq) AS seq",
    "last(boot) AS boot",
    "last(quality) AS quality",
]
_ALL_COLUMNS: Final = (SITE, DEVICE_TAG, *(column.name for column in COLUMNS))
_READ_COLUMNS: Final = tuple(column.name for column in COLUMNS if column.is_read)


def field_types() -> dict[str, str]:
    """Return the types that the fields of roll-ups have in InfluxDB."""
    types = {field.name: _INFLUX[field.type] for field in ROWS if field.name not in (SITE, DEVICE_TAG, "time")}
    return types | dict.fromkeys(ANGLES, "float")


# The number of the mark of a minute in each policy that holds readings of it.
Marks = Mapping[str, int]


def mark_lines(minutes: Iterable[int]) -> list[str]:
    """Return the lines that mark minutes [min since 1970] as due."""
    # Of no other commit, so that what one marks another does not clear.
    number = 1 + secrets.randbits(62)
    return [record_line(ROLLUP_DUE, {}, {DUE: number, DONE: 0}, minute * _MINUTE_US) for minute in minutes]


def marked(server: Server, span: Span | None = None) -> dict[int, dict[str, int]]:
    """Return the minutes [min since 1970] that are still to be rolled up, each with its marks."""
    when = f" AND {within(span)}" if span else ""
    found: dict[int, dict[str, int]] = {}
    for policy in POLICIES:
        question = f"SELECT {DUE} FROM {source(ROLLUP_DUE, policy)} WHERE {DUE} != {DONE}{when}"
        for part in server.query(question):
            for time, due in part.rows:
                found.setdefault(time // _MINUTE_US, {})[policy] = due
    return found


def roll_up(server: Server, folding: Folding, marks: Mapping[int, Marks]) -> None:
    """Make some minutes of one hour anew, and the hour, and note their marks as done."""
    hour = (min(marks) // 60 * _HOUR_US, (min(marks) // 60 + 1) * _HOUR_US)
    # Minutes so old are not kept, so that the hour must be made of all its readings at once.
    minutes_of_hour = range(hour[0] // _MINUTE_US, hour[1] // _MINUTE_US)
    wanted = minutes_of_hour if any(HOURS in policies for policies in marks.values()) else marks
    made = folding.fold(_minutes_of_readings(server, folding, wanted), MINUTE_S)
    stored = _stored(server, "readings_1m", hour)
    minutes = folding.not_fewer(made, stored)
    server.write(table_lines(AIR_1M, folding.with_directions(minutes)), "us", MINUTES)
    made = folding.fold(folding.together(minutes, stored), HOUR_S)
    hours = folding.not_fewer(made, _stored(server, "readings_1h", hour))
    server.write(table_lines(AIR_1H, folding.with_directions(hours)), "us", HOURS)
    for policy in POLICIES:
        done = [
            record_line(ROLLUP_DUE, {}, {DONE: policies[policy]}, minute * _MINUTE_US)
            for minute, policies in marks.items()
            if policy in policies
        ]
        if done:
            server.write(done, "us", policy)


def _minutes_of_readings(server: Server, folding: Folding, minutes: Iterable[int]) -> pa.Table:
    """Return the roll-ups over minutes of the readings themselves, in parts.

    The server sends readings with a tenth of the work that it takes to aggregate so many columns.
    """
    questions = [f"SELECT {READING_COLUMNS} FROM {READINGS_FROM} WHERE {within(span)}" for span in _runs(minutes)]
    parts = [folding.of_readings(table_of([part], READINGS), MINUTE_S) for part in server.query(*questions)]
    return pa.concat_tables(parts) if parts else ROWS.empty_table()


def _runs(minutes: Iterable[int]) -> Iterator[Span]:
    """Return spans that hold the minutes; those that are near to each other are in one."""
    ordered = sorted(minutes)
    breaks = [place for place, (a, b) in enumerate(pairwise(ordered), start=1) if b - a > _GAP_MINUTES]
    for begin, end in pairwise((0, *breaks, len(ordered))):
        yield ordered[begin] * _MINUTE_US, (ordered[end - 1] + 1) * _MINUTE_US


def means(server: Server, folding: Folding, series: Series, every_s: int) -> pa.Table:
    """Return the means over intervals, from the coarsest roll-ups that have them and are not due."""
    span = span_between(series.start, series.end)
    stale: Mapping[int, Marks] = {}
    if every_s % MINUTE_S == 0:
        stale = marked(server, (span[0] // _HOUR_US * _HOUR_US, -(-span[1] // _HOUR_US) * _HOUR_US))
    where = [tagged(SITE, series.site), *([tagged(DEVICE_TAG, *series.devices)] if series.devices else [])]
    questions: list[str] = []
    for table, spans in sources(span, every_s, stale).items():
        # So many of each device are enough, as there is at most one row of a device to an interval.
        most = f" LIMIT {series.limit * max(1, every_s // SECONDS.get(table, every_s))}"
        for part in spans:
            if table == "readings":
                beyond = _beyond_means(server, part, *where)
                questions += _from_readings(part, every_s, *where, beyond=beyond, end=most)
            else:
                questions.append(
                    _select_stored(table, part, *where, end=f" GROUP BY {SITE}, {DEVICE_TAG}{most}", all_columns=False)
                )
    return folding.means(table_of(server.query(*questions), ROWS), every_s, series.limit)


def _beyond_means(server: Server, span: Span, *where: str) -> set[str]:
    """Return the quantities with values that cannot be part of a mean.

    The server has no form for a sum that exceeds 64 bits, and then answers nothing.
    """
    extremes = ", ".join(
        f"{way}({quoted(name)}) AS {quoted(f'{way}_{name}')}" for name in FLOATS for way in ("min", "max")
    )
    question = f"SELECT {extremes} FROM {READINGS_FROM} WHERE {' AND '.join([*where, within(span)])}"
    return {
        column[4:]
        for part in server.query(question)
        for row in part.rows
        for column, value in zip(part.columns, row, strict=True)
        if column != "time" and value is not None and abs(value) >= TOO_LARGE
    }


def _from_readings(span: Span, every_s: int, *where: str, beyond: Collection[str], end: str) -> list[str]:
    """Return the questions for means of readings: for numbers, for angles by way of sine and cosine.

    Quantities with values `beyond` what can be part of a mean take questions of their own.
    """
    table = READINGS_FROM
    conditions = " AND ".join([*where, within(span)])
    group = f"GROUP BY time({int(every_s)}s, {_FIRST_INTERVAL_S % int(every_s)}s), {SITE}, {DEVICE_TAG} fill(none){end}"
    # A condition picks whole readings, so each such quantity takes a question of its own.
    apart = [([name], f"{conditions} AND {_usable(name)}") for name in beyond]
    together = ([name for name in FLOATS if name not in beyond], conditions)
    asked = []
    for names, which in (together, *apart):
        described = _DESCRIBED if names is together[0] else []
        numbers = [
            f"mean({quoted(name)}) AS {quoted(name)}, count({quoted(name)}) AS {quoted(f'{name}_count')}"
            for name in names
            if name not in ANGLES
        ]
        if columns := [*described, *numbers]:
            asked.append(f"SELECT {', '.join(columns)} FROM {table} WHERE {which} {group}")
        if angles := [name for name in names if name in ANGLES]:
            inner = ", ".join(
                f"{way}({name} * {_RADIANS}) AS {name}_{way}" for name in angles for way in ("sin", "cos")
            )
            outer = ", ".join(
                f"mean({name}_sin) AS {name}_sin, mean({name}_cos) AS {name}_cos, count({name}_sin) AS {name}_count"
                for name in angles
            )
            asked.append(
                f"SELECT {outer} FROM (SELECT {inner} FROM {table} WHERE {which}) WHERE {within(span)} {group}"
            )
    return asked


def _usable(name: str) -> str:
    # InfluxQL knows no exponents.
    return f"{quoted(name)} > -{TOO_LARGE:.1f} AND {quoted(name)} < {TOO_LARGE:.1f}"


def _stored(server: Server, table: str, span: Span) -> pa.Table:
    return table_of(server.query(_select_stored(table, span, all_columns=True)), ROWS)


def _select_stored(table: str, span: Span, *where: str, end: str = "", all_columns: bool) -> str:
    columns = ", ".join(_column(ROWS.field(name)) for name in (_ALL_COLUMNS if all_columns else _READ_COLUMNS))
    return f"SELECT {columns} FROM {source(_STORED[table])} WHERE {' AND '.join([*where, within(span)])}{end}"


def _column(field: Any) -> str:
    return f"{quoted(field.name)}::{'tag' if field.name in (SITE, DEVICE_TAG) else _INFLUX[field.type]}"
