"""Means over minutes and hours in InfluxDB: one way for all servers, by questions and writes only (docs/decisions/0018).

After the readings of a commit, the minutes that they touch are marked with a number of their own. A step of maintenance makes the marked minutes
of one hour anew from the readings, that hour from its minutes, and then notes the numbers it saw as done: what was marked again meanwhile stays due.
A commit is repeated until it is taken, and its marks are the last of it that concerns readings, so a kill leaves marks or readings that come again.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.columns import INSTANT, READINGS
from jeonju.storage.influx.folding import ROWS, Folding
from jeonju.storage.influx.influxql import (
    READINGS_FROM,
    Span,
    quoted,
    reading_columns,
    runs,
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
_STORED: Final = {"readings_1m": AIR_1M, "readings_1h": AIR_1H}
_INFLUX: Final = {pa.float64(): "float", pa.int64(): "integer", pa.string(): "string", INSTANT: "integer"}
_ALL_COLUMNS: Final = (SITE, DEVICE_TAG, *(column.name for column in COLUMNS))


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
    spans = runs(minutes, _MINUTE_US, _GAP_MINUTES)
    questions = [f"SELECT {reading_columns()} FROM {READINGS_FROM} WHERE {within(span)}" for span in spans]
    parts = [folding.of_readings(table_of([part], READINGS), MINUTE_S) for part in server.query(*questions)]
    return pa.concat_tables(parts) if parts else ROWS.empty_table()


def means(server: Server, folding: Folding, series: Series, every_s: int) -> pa.Table:
    """Return the means over intervals, from the coarsest roll-ups that have them and are not due."""
    span = span_between(series.start, series.end)
    stale: Mapping[int, Marks] = {}
    if every_s % MINUTE_S == 0:
        stale = marked(server, (span[0] // _HOUR_US * _HOUR_US, -(-span[1] // _HOUR_US) * _HOUR_US))
    where = [tagged(SITE, series.site), *([tagged(DEVICE_TAG, *series.devices)] if series.devices else [])]
    parts = [ROWS.empty_table()]
    for table, spans in sources(span, every_s, stale).items():
        if table == "readings":
            conditions = [" AND ".join([*where, within(part)]) for part in spans]
            parts += _intervals_of_readings(server, folding, series, every_s, conditions)
            continue
        # So many of each device are enough, as there is at most one row of a device to an interval.
        end = f" GROUP BY {SITE}, {DEVICE_TAG} LIMIT {series.limit * max(1, every_s // SECONDS[table])}"
        names = [column.name for column in COLUMNS if column.is_read and _is_wanted(column.quantity, series)]
        questions = [_select_stored(table, part, *where, end=end, names=names) for part in spans]
        parts.append(table_of(server.query(*questions), ROWS))
    return folding.means(pa.concat_tables(parts), every_s, series.limit)


def _is_wanted(quantity: str | None, series: Series) -> bool:
    return quantity not in KEYS or not series.quantities or quantity in series.quantities


def _intervals_of_readings(
    server: Server, folding: Folding, series: Series, every_s: int, conditions: Iterable[str]
) -> Iterator[pa.Table]:
    """Return the intervals of readings under conditions, in parts: some thousands of readings are in memory at a time.

    To aggregate so many columns takes the server longer than to send the readings, and us less than that to fold them.
    """
    for condition in conditions:
        question = f"SELECT {reading_columns(series.quantities)} FROM {READINGS_FROM} WHERE {condition}"
        over, going_on = 0, set[tuple[Any, Any]]()
        for part in server.query(question):
            if not part.rows:
                continue
            made = folding.of_readings(table_of([part], READINGS), every_s)
            yield made
            # They come in the order of time, so all intervals before the last one are whole.
            times = made["time"].cast(pa.int64()).to_pylist()
            last = max(times)
            seen = going_on.union(zip(times, made[DEVICE_TAG].to_pylist(), strict=True))
            going_on = {interval for interval in seen if interval[0] == last}
            over += len(seen) - len(going_on)
            if over >= series.limit:
                break


def _stored(server: Server, table: str, span: Span) -> pa.Table:
    return table_of(server.query(_select_stored(table, span, names=_ALL_COLUMNS)), ROWS)


def _select_stored(table: str, span: Span, *where: str, end: str = "", names: Iterable[str]) -> str:
    columns = ", ".join(_column(ROWS.field(name)) for name in names)
    return f"SELECT {columns} FROM {source(_STORED[table])} WHERE {' AND '.join([*where, within(span)])}{end}"


def _column(field: Any) -> str:
    return f"{quoted(field.name)}::{'tag' if field.name in (SITE, DEVICE_TAG) else _INFLUX[field.type]}"
