"""Means over minutes and hours: their columns, how finer ones make coarser ones, and which of them answer a question.

Both stores fold with the same SQL: DuckDB in its file, InfluxDB in memory over what the server sent.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Final, NamedTuple

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.columns import READINGS, TOO_LARGE

# Angles are averaged as directions, not as numbers: the mean of 350° and 10° is 0°.
ANGLES: Final = ("wind_direction", "heading")
NUMBERS: Final = tuple(key for key in KEYS if key not in ANGLES)
QUANTITIES: Final = ("lat", "lon", *KEYS)
MINUTE_S: Final = 60
HOUR_S: Final = 3600
SECOND_US: Final = 1_000_000
SECONDS: Final = {"readings_1h": HOUR_S, "readings_1m": MINUTE_S}
# What a reading holds besides its quantities, as far as roll-ups keep it.
_DESCRIBING: Final = ("site", "device", "time", "received_at", "boot", "seq", "quality")
Span = tuple[int, int]  # from, until [µs since 1970]


class Column(NamedTuple):
    """A column of the roll-ups, and how it is made from readings, from finer roll-ups, and where no reading has its quantity.

    `is_read` where a series needs it.
    """

    name: str
    type: str
    from_readings: str
    from_parts: str
    is_read: bool = True
    quantity: str | None = None
    if_absent: str = "NULL"


def _is_usable(column: str) -> str:
    """Return the condition that a number can be part of a mean; it does not hold for NaN and infinity, and nothing is known of null."""
    return f"abs({column}) < {TOO_LARGE!r}::DOUBLE"


def _mean(name: str, quantity: str, of_reading: str) -> Iterator[Column]:
    weight = f'part."{quantity}_count"'
    from_parts = f'sum(part."{name}" * {weight}) / sum({weight})'
    yield Column(name, "DOUBLE", f"avg({of_reading})", from_parts, quantity=quantity)


def _columns() -> Iterator[Column]:
    for name, kind in (("received_at", "TIMESTAMPTZ"), ("boot", "VARCHAR"), ("seq", "BIGINT"), ("quality", "VARCHAR")):
        yield Column(name, kind, f"max(part.{name})", f"max(part.{name})")
    yield Column("reading_count", "INTEGER", "count(*)", "sum(part.reading_count)::INTEGER", is_read=False)
    for name in QUANTITIES:
        # A quantity can be missing in some readings: means of means are right only with the count of each.
        count = f"{name}_count"
        yield Column(
            count,
            "INTEGER",
            f'count(part."{name}")',
            f'sum(part."{count}")::INTEGER',
            quantity=name,
            if_absent="0",
        )
        if name in ANGLES:
            for function in ("sin", "cos"):
                yield from _mean(f"{name}_{function}", name, f'{function}(radians(part."{name}"))')
        else:
            yield from _mean(name, name, f'part."{name}"')
        if name in NUMBERS:
            for function in ("min", "max"):
                extreme = f"{name}_{function}"
                yield Column(
                    extreme,
                    "FLOAT",
                    f'{function}(part."{name}")',
                    f'{function}(part."{extreme}")',
                    is_read=False,
                    quantity=name,
                )


COLUMNS: Final = tuple(_columns())
_NAMED: Final = ", ".join(f'part."{name}"' for name in QUANTITIES)
# To look for such values takes a quarter of the time of a mean, to leave them out as long as the mean.
ANY_TOO_LARGE: Final = f"greatest({_NAMED}) >= {TOO_LARGE!r}::DOUBLE OR least({_NAMED}) <= -{TOO_LARGE!r}::DOUBLE"


def read(absent: Collection[str] = ()) -> str:
    """Return the columns of a roll-up that a mean over longer intervals is made of, but those of `absent` quantities."""
    return ", ".join(f'part."{column.name}"' for column in _read_columns(absent))


def _read_columns(absent: Collection[str]) -> list[Column]:
    return [column for column in COLUMNS if column.is_read and column.quantity not in absent]


def fold(
    table: str,
    every_s: int,
    where: str,
    *,
    all_columns: bool,
    absent: Collection[str] = (),
    any_too_large: bool = False,
) -> str:
    """Return the query that makes rows over `every_s` seconds out of readings or finer rows.

    `absent` quantities, which no row has, cost nothing: without `all_columns` they have no columns. `any_too_large` says whether there are readings
    for which ANY_TOO_LARGE holds.
    """

    def made_of(column: Column) -> str:
        if column.quantity in absent:
            return f"{column.if_absent}::{column.type}"
        return column.from_readings if table == "readings" else column.from_parts

    columns = COLUMNS if all_columns else _read_columns(absent)
    made = ", ".join(f'{made_of(column)} AS "{column.name}"' for column in columns)
    bucket = f"time_bucket(INTERVAL {int(every_s)} SECONDS, part.time)"
    rows = _usable(where, absent) if any_too_large and table == "readings" else f"{table} AS part WHERE {where}"
    return f"SELECT part.site, part.device, {bucket} AS time, {made} FROM {rows} GROUP BY 1, 2, 3"


def _usable(where: str, absent: Collection[str]) -> str:
    """Return the readings that fit a condition, without the values that cannot be part of a mean."""
    columns = [f"part.{name}" for name in _DESCRIBING]
    for name in QUANTITIES:
        if name not in absent:
            value = f'part."{name}"'
            columns.append(f'CASE WHEN {_is_usable(value)} THEN {value} END AS "{name}"')
    return f"(SELECT {', '.join(columns)} FROM readings AS part WHERE {where}) AS part"


def by_hour(minutes: Iterable[int], hours: int = 1) -> Iterator[list[int]]:
    """Return the minutes [min since 1970] of each hour, or of so many hours, the earliest first."""
    return (list(group) for _, group in groupby(sorted(minutes), lambda minute: minute // (60 * hours)))


def sources(
    span: Span, every_s: int, marked: Collection[int], tables: Mapping[str, int] = SECONDS
) -> dict[str, list[Span]]:
    """Divide a span among the tables [s], the coarsest first: the first that has the intervals, none of whose readings are still to be rolled up."""
    found: dict[str, list[Span]] = {table: [] for table in tables}
    left = [span] if span[0] < span[1] else []
    for table, seconds in tables.items():
        if every_s % seconds == 0:
            stale = sorted({minute * MINUTE_S // seconds for minute in marked})
            divided = [_divide(part, seconds * SECOND_US, stale) for part in left]
            found[table] = [span_ for whole, _ in divided for span_ in whole]
            left = [span_ for _, rest in divided for span_ in rest]
    found["readings"] = left
    return found


def _divide(span: Span, unit: int, stale: list[int]) -> tuple[list[Span], list[Span]]:
    """Divide a span into runs of whole units that are not stale, and the rest."""
    whole: list[Span] = []
    rest: list[Span] = []
    at = span[0]
    edge = -(-span[0] // unit)
    last = span[1] // unit
    for number in [*(unit_ for unit_ in stale if edge <= unit_ < last), last]:
        if edge < number:
            if at < edge * unit:
                rest.append((at, edge * unit))
            whole.append((edge * unit, number * unit))
            at = number * unit
        edge = number + 1
    if at < span[1]:
        rest.append((at, span[1]))
    return whole, rest


def combined(parts: Iterable[str], absent: Collection[str] = ()) -> str:
    """Return the query that makes rows over intervals of those over parts of them; `absent` quantities have no columns in either."""
    summed = ", ".join(f'{column.from_parts} AS "{column.name}"' for column in _read_columns(absent))
    return f"SELECT part.site, part.device, part.time, {summed} FROM ({' UNION ALL '.join(parts)}) AS part GROUP BY 1, 2, 3"


def answered(absent: Collection[str] = ()) -> str:
    """Return the columns of readings, made of those of a roll-up: null for `absent` quantities."""
    return ", ".join(f'NULL::DOUBLE AS "{name}"' if name in absent else _answered(name) for name in READINGS.names)


def _answered(name: str) -> str:
    if name in ("site", "device", "time"):
        return name
    if name == "extra":
        return "NULL::VARCHAR AS extra"
    if name in ANGLES:
        return f"(degrees(atan2({name}_sin, {name}_cos)) + 360) % 360 AS {name}"
    return f'"{name}"'
