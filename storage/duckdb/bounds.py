"""Make a file good again into which an earlier version wrote readings with extra content of any size.

DuckDB reads texts by the vector of rows: a few readings with megabytes of made-up names took more memory than the store may have, at every start and
in every backup. Such readings, and the rows that stand in one vector with them, are written anew with as much as is kept today.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

import duckdb
import msgspec
import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.contract.extras import DROPPED, GROUPS, bounded, dropped_flag
from jeonju.contract.quality import POSITION, TIME, Flag, encode_flags
from jeonju.contract.reading import LONGEST_WORD
from jeonju.storage.duckdb.incoming import execute_with

log = logging.getLogger(__name__)

# More than ingest writes today: 4 KiB of extra content, and a flag for each name in it.
LONGEST_TEXT: Final = 32 * 1024
VECTOR_ROWS: Final = 2048
# For this once, since DuckDB unpacks all texts of a vector that stand before a row. What even then cannot be read is dropped.
MEMORY_LIMIT: Final = "512MB"
_MOST_AT_ONCE: Final = 512
_MOST_BYTES_AT_ONCE: Final = 32 * 1024 * 1024
# What cannot be read is looked for no closer than this: it takes a moment each time.
_FEWEST_AT_ONCE: Final = 128
_UNREADABLE: Final = encode_flags({DROPPED: Flag.of("suspect", "unreadable")})
_WITHIN: Final = "rowid BETWEEN $first AND $last"
_TOO_LONG: Final = " OR ".join(f"strlen({name}) > {LONGEST_TEXT}" for name in ("extra", "quality", "boot"))
# Rows of a transaction that is not committed have numbers from here on.
_FIRST_NEW: Final = 2**60
_Range = tuple[int, int]


def bound_texts(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the readings anew whose texts are too long, with those around them; what is as it should be is left alone."""
    limit = connection.execute("SELECT current_setting('memory_limit')").fetchall()[0][0]
    long = _find(connection)
    if not long:
        return
    log.warning("readings with more unknown members than are kept today are written anew; what is dropped is flagged")
    connection.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    try:
        with connection.cursor() as reader:
            connection.execute("BEGIN")
            for first, last in _windows(long):
                _write_anew(connection, reader, first, last)
            connection.execute("COMMIT")
            # Not before, or the old texts would take the memory at the next look.
            connection.execute("CHECKPOINT")
    finally:
        connection.execute(f"SET memory_limit = '{limit}'")


def _find(connection: duckdb.DuckDBPyConnection) -> list[_Range]:
    """Return the rows with texts that are too long, in order: of a range that takes too much memory, what is found in its halves."""
    row = connection.execute("SELECT max(rowid) FROM readings").fetchone()
    ranges: list[_Range] = [(0, row[0])] if row and row[0] is not None else []
    found: list[_Range] = []
    while ranges:
        first, last = ranges.pop()
        try:
            query = f"SELECT rowid FROM readings WHERE {_WITHIN} AND ({_TOO_LONG})"
            found += [
                (rowid, rowid) for (rowid,) in connection.execute(query, {"first": first, "last": last}).fetchall()
            ]
        except duckdb.OutOfMemoryException:
            middle = (first + last) // 2
            if last - first < VECTOR_ROWS:
                found.append((first, last))
            else:
                ranges += [(first, middle), (middle + 1, last)]
    return sorted(found)


def _windows(ranges: Sequence[_Range]) -> list[_Range]:
    """Return, in order and without overlap, where all rows stand that may be in one vector with any of these."""
    windows: list[_Range] = []
    for first, last in ranges:
        if windows and first - VECTOR_ROWS <= windows[-1][1]:
            first = windows.pop()[0] + VECTOR_ROWS
        windows.append((first - VECTOR_ROWS, last + VECTOR_ROWS))
    return windows


def _write_anew(
    connection: duckdb.DuckDBPyConnection, reader: duckdb.DuckDBPyConnection, first: int, last: int
) -> None:
    for start in range(first, last + 1, _MOST_AT_ONCE):
        for table in _read(reader, start, min(start + _MOST_AT_ONCE - 1, last)):
            execute_with(connection, _bounded_table(table), "INSERT INTO readings BY NAME SELECT * FROM incoming")
    connection.execute(f"DELETE FROM readings WHERE {_WITHIN} AND rowid < {_FIRST_NEW}", {"first": first, "last": last})


def _read(reader: duckdb.DuckDBPyConnection, first: int, last: int) -> Iterator[pa.Table]:
    """Yield the rows of a range, in halves where it holds too much; what cannot be read comes without texts."""
    within = {"first": first, "last": last}
    size = _text_bytes(reader, first, last)
    if size is not None and (size <= _MOST_BYTES_AT_ONCE or first == last):
        yield reader.sql(f"SELECT * FROM readings WHERE {_WITHIN}", params=within).to_arrow_table()
    elif size is None and last - first < _FEWEST_AT_ONCE:
        texts = "NULL::VARCHAR AS extra, $flags AS quality, NULL::VARCHAR AS boot"
        query = f"SELECT * REPLACE ({texts}) FROM readings WHERE {_WITHIN}"
        yield reader.sql(query, params=within | {"flags": _UNREADABLE}).to_arrow_table()
    else:
        middle = (first + last) // 2
        yield from _read(reader, first, middle)
        yield from _read(reader, middle + 1, last)


def _text_bytes(reader: duckdb.DuckDBPyConnection, first: int, last: int) -> int | None:
    """Return the length of all texts in a range, None where they take more memory than there is."""
    with suppress(duckdb.OutOfMemoryException):
        query = f"SELECT sum(coalesce(strlen(extra), 0) + coalesce(strlen(quality), 0)) FROM readings WHERE {_WITHIN}"
        return int(reader.execute(query, {"first": first, "last": last}).fetchall()[0][0] or 0)
    return None


def _bounded_table(table: pa.Table) -> pa.Table:
    texts = list(zip(table["quality"].to_pylist(), table["extra"].to_pylist(), strict=True))
    bound = [pair if _is_short(pair) else _bounded_texts(*pair) for pair in texts]
    boots = [boot and boot[:LONGEST_WORD] for boot in table["boot"].to_pylist()]
    columns = {"quality": [flags for flags, _ in bound], "extra": [kept for _, kept in bound], "boot": boots}
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))
    return table


def _is_short(texts: tuple[str | None, str | None]) -> bool:
    return all(text is None or len(text.encode()) <= LONGEST_TEXT for text in texts)


def _bounded_texts(quality: str | None, extra: str | None) -> tuple[str | None, str | None]:
    """Return what is kept of the flags and the extra content of a reading today."""
    content, flags = _object(extra), _object(quality)
    kept, dropped = bounded(content)
    names = {*QUANTITY, TIME, POSITION}.union(*(kept.get(group, {}) for group in GROUPS))
    flags = {name: flag for name, flag in flags.items() if name in names}
    if dropped or (extra and not content):
        flags[DROPPED] = dropped_flag(max(dropped, 1)).to_json()
    return _text(flags), _text(kept)


def _object(text: str | None) -> dict[str, Any]:
    try:
        content = msgspec.json.decode(text) if text else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _text(content: dict[str, Any]) -> str | None:
    return msgspec.json.encode(content).decode() if content else None
