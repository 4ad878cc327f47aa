"""Readings and records as InfluxDB's line protocol.

A tag cannot hold every text: a backslash before a comma or at the end, and a newline, cannot be written in any way. Those characters, and the percent
sign, become percent codes in tags; ordinary names (`jeonju.contract.topics.NAME`) stay as they are. Field strings hold everything.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.contract.columns import LABEL
from jeonju.storage.influx.names import DEVICE_TAG, SITE

# Servers refuse bodies over 25 MB and take a few thousand lines at once best.
MOST_BYTES: Final = 2_000_000
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_UNTAGGABLE: Final = re.compile(r"[%\\\x00-\x1f\x7f]")
_TAG_ESCAPES: Final = str.maketrans({" ": r"\ ", ",": r"\,", "=": r"\="})


def microseconds(instant: datetime) -> int:
    """Return the microseconds since 1970, without the rounding of a float."""
    return (instant - EPOCH) // _MICROSECOND


def instant(microseconds_: int) -> datetime:
    """Return the instant so many microseconds after 1970."""
    return EPOCH + timedelta(microseconds=microseconds_)


def to_tag(text: str) -> str:
    """Return a text as it is kept in a tag."""
    return _UNTAGGABLE.sub(lambda found: quote(found[0], safe=""), text)


def from_tag(kept: str | None) -> str:
    """Return the text that a tag keeps; an empty text is kept by no tag."""
    return unquote(kept or "")


def record_line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Any], time: int) -> str:
    """Return one line; fields may be int, float, str or datetime."""
    values = ",".join(f"{name}={_field(value)}" for name, value in fields.items())
    return f"{measurement}{''.join(_tag(name, text) for name, text in tags.items())} {values} {time}"


def table_lines(measurement: str, table: pa.Table) -> list[str]:
    """Return one line for each row of readings or roll-ups, times in microseconds: `site` and `device` are tags, all else but `time` fields.

    A float that is no number (NaN, infinity) has no form in the line protocol and is left out.
    """
    if not table.num_rows:
        return []
    names = [name for name in table.schema.names if table[name].null_count < table.num_rows]
    fields = [_assigned(name, table[name]) for name in names if name not in (SITE, DEVICE_TAG, "time")]
    values = pc.binary_join_element_wise(*fields, ",", null_handling="skip")
    time = pc.cast(table["time"].cast(pa.int64()), pa.string())
    tags = (_tag_column(name, table[name]) for name in (SITE, DEVICE_TAG))
    lines: list[str] = pc.binary_join_element_wise(
        pc.binary_join_element_wise(measurement, *tags, ""), values, time, " "
    ).to_pylist()
    return lines


def bodies(lines: Iterable[str]) -> Iterator[tuple[bytes, int]]:
    """Join lines to request bodies of a size that servers take; return each with the number of its lines."""
    gathered: list[bytes] = []
    size = 0
    for line in lines:
        encoded = line.encode()
        if gathered and size + len(encoded) > MOST_BYTES:
            yield b"\n".join(gathered), len(gathered)
            gathered, size = [], 0
        gathered.append(encoded)
        size += len(encoded) + 1
    if gathered:
        yield b"\n".join(gathered), len(gathered)


def _tag(name: str, text: str) -> str:
    return f",{name}={to_tag(text).translate(_TAG_ESCAPES)}" if text else ""


def _field(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{microseconds(value)}i"
    if isinstance(value, int):
        return f"{value}i"
    if isinstance(value, float):
        return repr(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def has_form(value: Any) -> bool:
    """Return whether a value has a form in the line protocol at all."""
    return not isinstance(value, float) or math.isfinite(value)


def _tag_column(name: str, column: pa.ChunkedArray) -> pa.Array:
    labels = column.cast(LABEL).unify_dictionaries().combine_chunks()
    return pa.array([_tag(name, text) for text in labels.dictionary.to_pylist()], pa.string()).take(labels.indices)


def _assigned(name: str, column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        escaped = pc.replace_substring(pc.replace_substring(column, "\\", "\\\\"), '"', '\\"')
        return pc.binary_join_element_wise(f'{name}="', escaped, '"', "")
    if pa.types.is_floating(column.type):
        finite = pc.if_else(pc.is_finite(column), column, None)
        return pc.binary_join_element_wise(f"{name}=", pc.cast(finite, pa.string()), "")
    return pc.binary_join_element_wise(f"{name}=", pc.cast(column.cast(pa.int64()), pa.string()), "i", "")
