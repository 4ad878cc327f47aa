"""Reads the store in windows of time, forwards or backwards, no further than is asked for and never more than a bound."""

from collections import OrderedDict
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.api.devices import EPOCH, Device, micros
from jeonju.contract.columns import READINGS
from jeonju.storage.port import Series, Store

# Of one request: rows that are read, and questions to the store.
MOST_ROWS: Final = 300_000
MOST_READS: Final = 400
# So many devices are named to the store; of more all are read.
MOST_NAMED: Final = 200
_ROWS_AT_ONCE: Final = 10_000
_FIRST_WINDOW_US: Final = 60 * 1_000_000
# Nothing was measured before 1971, nor is anything counted with after 2199 (`api.http.instants`).
FIRST_US: Final = 365 * 86_400 * 1_000_000
LAST_US: Final = 229 * 365 * 86_400 * 1_000_000
_KEPT_TABLES: Final = 8
# So many devices are asked for one by one before the last minute is read of all at once.
_ONE_BY_ONE: Final = 2
LESS: Final = "bound phenomenonTime, or name fewer Datastreams"


class TooMuchError(Exception):
    """The bound of a request is reached; what was yielded until then is right, and more may follow."""


class Reader:
    """Reads for one request."""

    def __init__(self, store: Store, site: str) -> None:
        self._store, self._site = store, site
        self._rows_left, self._reads_left = MOST_ROWS, MOST_READS
        self._kept = OrderedDict[Any, pa.Table]()
        self._walked = set[str]()
        # The last minute of all devices, and its span: read once where several devices are looked at one after the other.
        self._last_minute: tuple[int, int, pa.Table] | None = None

    def newest_first(
        self, devices: Sequence[Device], keys: Collection[str], start_us: int, end_us: int
    ) -> Iterator[pa.Table]:
        """Yield rows of `start_us` <= time < `end_us`, the newest first, by windows that grow where little is found. Raises TooMuchError."""
        newest_us = newest_of(devices)
        if newest_us is None:
            return
        if len(devices) == 1 and start_us <= newest_us < end_us:
            # It is known without asking.
            yield pa.Table.from_pylist([devices[0].newest], schema=READINGS)
            end_us = newest_us
            if (recent := self._recent(devices[0], start_us, end_us)) is not None:
                end_us, table = recent
                if table.num_rows:
                    yield _reversed(table)
        end_us, span_us = min(end_us, newest_us + 1), _FIRST_WINDOW_US
        most, has_start = _ROWS_AT_ONCE, False
        while end_us > start_us:
            begin_us = max(start_us, end_us - span_us)
            table = self._read(devices, keys, begin_us, end_us, most + 1)
            if table.num_rows > most and end_us - begin_us > 1:
                span_us = max((end_us - begin_us) // 2, 1)
                continue
            if table.num_rows > most:
                most *= 2
                continue
            if table.num_rows:
                yield _reversed(table)
            if not table.num_rows and not has_start:
                # Rather than to grope on in the dark.
                start_us, has_start = self._first_us(devices, keys, start_us, begin_us), True
            span_us *= 2 if table.num_rows < most // 4 else 1
            end_us, most = begin_us, _ROWS_AT_ONCE

    def oldest_first(
        self, devices: Sequence[Device], keys: Collection[str], start_us: int, end_us: int
    ) -> Iterator[pa.Table]:
        """Yield rows of `start_us` <= time < `end_us`, the oldest first, by windows that grow where little is found. Raises TooMuchError."""
        newest_us = newest_of(devices)
        if newest_us is None:
            return
        end_us, span_us = min(end_us, newest_us + 1), _FIRST_WINDOW_US
        begin_us, most = self._first_us(devices, keys, start_us, end_us), _ROWS_AT_ONCE
        while begin_us < end_us:
            until_us = min(begin_us + span_us, end_us)
            table = self._read(devices, keys, begin_us, until_us, most + 1)
            if table.num_rows <= most:
                if table.num_rows:
                    yield table
                span_us *= 2 if table.num_rows < most // 4 else 1
                begin_us, most = until_us, _ROWS_AT_ONCE
                continue
            # Rows of the last instant may be missing; it is where the next window begins.
            last = _times(table)[-1]
            whole = table.filter(pc.less(_times(table), last))
            if whole.num_rows:
                yield whole
                begin_us, most = last.as_py(), _ROWS_AT_ONCE
            else:
                most *= 2

    def at(self, device: Device, at_us: int) -> dict[str, Any] | None:
        """Return the reading of a device at an instant, None where there is none. Raises TooMuchError."""
        if not FIRST_US <= at_us < LAST_US:
            return None
        if device.newest is not None and micros(device.newest) == at_us:
            return device.newest
        rows = self._read([device], (), at_us, at_us + 1, 1).to_pylist()
        return rows[0] if rows else None

    def _recent(self, device: Device, start_us: int, end_us: int) -> tuple[int, pa.Table] | None:
        """Return the rows of a device just before an instant, and where they begin, as far as one answer for all devices has them."""
        self._walked.add(device.name)
        if len(self._walked) <= _ONE_BY_ONE:
            return None
        if self._last_minute is None:
            span_us = (end_us - _FIRST_WINDOW_US, end_us + _FIRST_WINDOW_US)
            table = self._read((), (), *span_us, _ROWS_AT_ONCE + 1)
            # Of too many devices it would not be all.
            self._last_minute = (*span_us, table) if table.num_rows <= _ROWS_AT_ONCE else (0, 0, table)
        begin_us, until_us, table = self._last_minute
        if not begin_us < end_us <= until_us:
            return None
        times = _times(table)
        is_wanted = pc.and_(pc.greater_equal(times, max(start_us, begin_us)), pc.less(times, end_us))
        return begin_us, table.filter(pc.and_(is_wanted, pc.equal(table["device"].cast(pa.string()), device.name)))

    def _first_us(self, devices: Sequence[Device], keys: Collection[str], start_us: int, end_us: int) -> int:
        """Return when the first reading of a span was, its end where there is none."""
        first = self._read(devices, keys, start_us, end_us, 1) if end_us > start_us else READINGS.empty_table()
        return int(_times(first)[0].as_py()) if first.num_rows else end_us

    def _read(
        self, devices: Sequence[Device], keys: Collection[str], start_us: int, end_us: int, limit: int
    ) -> pa.Table:
        names = tuple(device.name for device in devices) if len(devices) <= MOST_NAMED else ()  # none are all
        asked = (names, tuple(keys), start_us, end_us, limit)
        if (kept := self._kept.get(asked)) is not None:
            self._kept.move_to_end(asked)
            return kept
        if self._rows_left <= 0 or self._reads_left <= 0:
            raise TooMuchError
        table = self._store.readings(
            Series(
                site=self._site,
                start=EPOCH + timedelta(microseconds=start_us),
                end=EPOCH + timedelta(microseconds=end_us),
                devices=names,
                quantities=tuple(keys),
                limit=limit,
            )
        )
        self._reads_left -= 1
        self._rows_left -= table.num_rows
        self._kept[asked] = table
        if len(self._kept) > _KEPT_TABLES:
            self._kept.popitem(last=False)
        return table


def newest_of(devices: Collection[Device]) -> int | None:
    """Return the time of the newest reading of all [µs since 1970], None where none has any."""
    return max((micros(device.newest) for device in devices if device.newest is not None), default=None)


def _reversed(table: pa.Table) -> pa.Table:
    return table.take(pa.array(range(table.num_rows - 1, -1, -1)))


def _times(table: pa.Table) -> pa.ChunkedArray:
    return table["time"].cast(pa.int64())
