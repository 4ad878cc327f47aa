"""InfluxQL in words: names, texts, conditions, and the rows of an answer as Arrow."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa

from jeonju.contract.columns import INSTANT
from jeonju.storage.influx.line_protocol import from_tag, microseconds, to_tag
from jeonju.storage.influx.names import AIR, DEVICE_TAG, FLOATS, INTEGERS, POLICIES, POLICY_OF, SITE, STRINGS

# What InfluxDB can say in a query [µs since 1970].
_EARLIEST: Final = -9_223_372_036_854_774
_LATEST: Final = 9_223_372_036_854_774
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


# The fields of a reading, with InfluxDB's types, and how to ask for all of it.
READING_TYPES: Final = (
    dict.fromkeys(FLOATS, "float") | dict.fromkeys(INTEGERS, "integer") | dict.fromkeys(STRINGS, "string")
)
READING_COLUMNS: Final = ", ".join(
    [f"{quoted(name)}::tag" for name in (SITE, DEVICE_TAG)]
    + [f"{quoted(name)}::{kind}" for name, kind in READING_TYPES.items()]
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


def table_of(parts: Iterable[Part], schema: pa.Schema) -> pa.Table:
    """Return the rows of an answer in a schema; columns that a part lacks are null."""
    tables = [_part_table(part, schema) for part in parts if part.rows]
    return pa.concat_tables(tables) if tables else schema.empty_table()


def _part_table(part: Part, schema: pa.Schema) -> pa.Table:
    columns: dict[str, Any] = dict(zip(part.columns, zip(*part.rows, strict=True), strict=True))
    columns |= {name: (value,) * len(part.rows) for name, value in part.tags.items()}
    return pa.table([_array(field, columns) for field in schema], schema=schema)


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
