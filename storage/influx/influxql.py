"""InfluxQL in words: names, texts, conditions, and the rows of an answer as Arrow."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from jeonju.airquality.pollutants import KEYS
from jeonju.contract.columns import INSTANT
from jeonju.storage.influx.line_protocol import from_tag, microseconds, to_tag
from jeonju.storage.influx.names import AIR, DEVICE_TAG, FLOATS, INTEGERS, POLICIES, POLICY_OF, SITE, STRINGS

# What InfluxDB can say in a query [µs since 1970].
_EARLIEST: Final = -9_223_372_036_854_774
_LATEST: Final = 9_223_372_036_854_774
_ROWS_AT_ONCE: Final = 10_000
Span = tuple[int, int]  # from, until [µs since 1970]


class Part(NamedTuple):
    """Rows of one series, or some of them: of which measurement, the tags they are grouped by, the columns' names, the rows."""

    name: str
    tags: dict[str, str]
    columns: list[str]
    rows: list[list[Any]]


def quoted(name: str) -> str:
    """Return a name as InfluxQL takes it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def source(measurement: str, policy: str | None = None) -> str:
    """Return what to ask for a measurement of ours: with its policy, if it is not in the default one."""
    policy = policy or POLICY_OF.get(measurement)
    return quoted(measurement) if policy is None else f"{quoted(policy)}.{quoted(measurement)}"


# Readings, those in time and those that came later than the readings' policy keeps; a server takes them for one measurement.
READINGS_FROM: Final = ", ".join(source(AIR, policy) for policy in POLICIES)


# The fields of a reading, with InfluxDB's types.
READING_TYPES: Final = (
    dict.fromkeys(FLOATS, "float") | dict.fromkeys(INTEGERS, "integer") | dict.fromkeys(STRINGS, "string")
)


def text(value: str) -> str:
    """Return a text as InfluxQL takes it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"


def pattern(expression: str) -> str:
    """Return a regular expression as InfluxQL takes it, which ends at a slash or a line."""
    return "/" + expression.replace("/", r"\/").replace("\n", ".") + "/"


def tagged(tag: str, *values: str) -> str:
    """Return the condition that a tag has one of some values."""
    return f"({' OR '.join(f'{quoted(tag)} = {text(to_tag(value))}' for value in values)})"


def span_between(start: datetime, end: datetime) -> Span:
    """Return the span of time between two instants, as far as InfluxDB knows time."""
    first, last = (min(max(microseconds(bound), _EARLIEST), _LATEST) for bound in (start, end))
    return first, last


def within(span: Span) -> str:
    """Return the condition that the time is in a span."""
    return f"time >= {span[0]}u AND time < {span[1]}u"


def runs(numbers: Iterable[int], unit_us: int, most_apart: int) -> Iterator[Span]:
    """Return spans that hold the units of time with these numbers; those that are near to each other are in one."""
    ordered = sorted(set(numbers))
    breaks = [place for place, (a, b) in enumerate(pairwise(ordered), start=1) if b - a > most_apart]
    for begin, end in pairwise((0, *breaks, len(ordered))):
        if begin < end:
            yield ordered[begin] * unit_us, (ordered[end - 1] + 1) * unit_us


def reading_columns(quantities: Collection[str] = ()) -> str:
    """Return how to ask for readings: all of them, or what says which reading it is, with some quantities."""
    unread = set(KEYS).difference(quantities) if quantities else set()
    asked = [f"{quoted(name)}::{kind}" for name, kind in READING_TYPES.items() if name not in unread]
    return ", ".join([f"{quoted(name)}::tag" for name in (SITE, DEVICE_TAG)] + asked)


def table_of(parts: Iterable[Part], schema: pa.Schema) -> pa.Table:
    """Return the rows of an answer in a schema; columns that a part lacks are null."""
    tables = [pa.table([_array(field, columns) for field in schema], schema=schema) for columns in _columns(parts)]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _columns(parts: Iterable[Part]) -> Iterator[dict[str, list[Any]]]:
    """Return the columns of some thousands of rows at a time: arrays of a few rows, as each series has, take as long to make as of many."""
    columns: dict[str, list[Any]] = {}
    for part in parts:
        rows = len(part.rows)
        if not rows:
            continue
        if columns and (len(columns["time"]) >= _ROWS_AT_ONCE or columns.keys() != {*part.columns, *part.tags}):
            yield columns
            columns = {}
        for name, values in zip(part.columns, zip(*part.rows, strict=True), strict=True):
            columns.setdefault(name, []).extend(values)
        for name, value in part.tags.items():
            columns.setdefault(name, []).extend([value] * rows)
    if columns:
        yield columns


def _array(field: pa.Field, columns: dict[str, list[Any]]) -> pa.Array:
    values = columns.get(field.name)
    if values is None:
        return pa.nulls(len(columns["time"]), field.type)
    if field.name in (SITE, DEVICE_TAG):
        names = {value: from_tag(value) for value in set(values)}
        return pa.array([names[value] for value in values], field.type)
    if field.type == INSTANT:
        return pa.array(values, pa.int64()).cast(INSTANT)
    if field.type == pa.float64():
        # JSON shows 1e20 as an integer, which Arrow would find too large.
        return pa.array(np.array(values, dtype=np.float64), from_pandas=True)
    return pa.array(values, field.type)
