"""A span of any length, read in pieces of about as many rows each: neither a full decade nor an empty one takes more memory or longer at once."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.storage.port import Series, Store

# How much is read at once: rows of one question to a store, and the time that they may cover.
MOST_ROWS: Final = 20_000
_FIRST: Final = timedelta(minutes=10)
_LONGEST: Final = timedelta(days=400)
# Where stores begin to count intervals, a Monday: no window divides one.
_FIRST_INTERVAL: Final = datetime(2000, 1, 3, tzinfo=UTC)


class Piece(NamedTuple):
    """Rows in the order of time, or None, and how far the span has been read with them."""

    rows: pa.Table | None
    reached: datetime


def pieces_of(store: Store, wanted: Series) -> Iterator[Piece]:
    """Yield the rows of a series (READINGS) by time; also where there are none it is told how far it has come.

    `wanted.limit` is not looked at.
    """
    return in_windows(wanted, lambda part: within(store, part), MOST_ROWS)


def in_windows(wanted: Series, read: Callable[[Series], Iterator[pa.Table]], rows_aimed: int) -> Iterator[Piece]:
    """Yield what `read` yields for one window of time after the other, each as long as may have about `rows_aimed` rows."""
    start, length = wanted.start, _FIRST
    while start < wanted.end:
        end = _whole(start + length, wanted)
        rows = 0
        for table in read(replace(wanted, start=start, end=end)):
            rows += table.num_rows
            if table.num_rows:
                yield Piece(table, table["time"][-1].as_py())
        yield Piece(None, end)
        length = min(length * min(max(rows_aimed / max(rows, 1), 0.25), 4.0), _LONGEST)
        start = end


def within(store: Store, wanted: Series) -> Iterator[pa.Table]:
    """Yield the rows of a series by time, some thousands at once, at least one table."""
    start, most = wanted.start, MOST_ROWS
    while True:
        rows = store.readings(replace(wanted, start=start, limit=most + 1))
        if rows.num_rows <= most:
            yield rows
            return
        # Rows of the last instant may be missing; it is where the next piece begins.
        last = rows["time"][-1]
        if (whole := rows.filter(pc.less(rows["time"], last))).num_rows:
            yield whole
            start = last.as_py()
        else:
            most *= 2


def _whole(end: datetime, wanted: Series) -> datetime:
    """Return the end of a window where no interval is divided."""
    if wanted.every_s is not None:
        every = timedelta(seconds=wanted.every_s)
        end = _FIRST_INTERVAL - (_FIRST_INTERVAL - end) // every * every
    return min(end, wanted.end)
