"""Turn decoded readings into one table in the store's columns, with quality flags."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from airquality.pollutants import KEYS, QUANTITY
from airquality.reading import Reading
from ingest.decoded import Decoded
from ingest.quality.batch_rows import Floats, Rows
from ingest.quality.checks import Checks
from ingest.quality.flags import (
    NO_NUMBER,
    NO_TIME,
    OUT_OF_RANGE,
    UNKNOWN_KEY,
    Finding,
    Flag,
    is_possible,
    out_of_range,
    worse,
)
from storage.schema import INSTANT, LABEL, READINGS

_FIXED: Final = ("site", "device", "time", "received_at", "boot", "seq", "lat", "lon")
_APART: Final = timedelta(microseconds=1)


@dataclass
class Batch:
    """Readings on their way into one commit."""

    _sites: list[str] = field(default_factory=list)
    _readings: list[Reading] = field(default_factory=list)
    _received: list[datetime] = field(default_factory=list)
    _times: list[datetime] = field(default_factory=list)
    _flags: dict[int, dict[str, Flag]] = field(default_factory=dict)
    _extra: dict[int, dict[str, Any]] = field(default_factory=dict)
    _arrived: dict[tuple[str, str, datetime], dict[int, int]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._readings)

    def add(self, site: str, decoded: Decoded, received_at: datetime) -> None:
        """Add one reading."""
        reading, extra, flags = decoded
        row = len(self._readings)
        self._sites.append(site)
        self._readings.append(reading)
        self._received.append(received_at)
        self._times.append(self._time(row, reading, received_at))
        if extra:
            self._keep(row, extra)
        for key, flag in (flags or {}).items():
            self._flag(row, key, flag)

    def table(self, checks: Checks) -> pa.Table:
        """Return all readings in the READINGS schema, with what the checks say of them."""
        readings = self._readings
        merged = [{**reading.values, **reading.status} if reading.status else reading.values for reading in readings]
        present = set().union(*merged) if merged else set()
        columns: dict[str, pa.Array] = {
            "site": pa.array(self._sites, pa.string()).dictionary_encode(),
            "device": pa.array([reading.device for reading in readings], pa.string()).dictionary_encode(),
            "time": pa.array(self._times, INSTANT),
            "received_at": pa.array(self._received, INSTANT),
            "boot": pa.array([reading.boot for reading in readings], pa.string()),
            "seq": pa.array([reading.seq for reading in readings], pa.int64()),
            "lat": pa.array([reading.position[0] if reading.position else None for reading in readings], pa.float64()),
            "lon": pa.array([reading.position[1] if reading.position else None for reading in readings], pa.float64()),
        }
        numbers = {key: self._numbers(key, merged) for key in present & QUANTITY.keys()}
        for key, column in numbers.items():
            columns[key] = pa.array(column, from_pandas=True)
        for key in present - QUANTITY.keys():
            for row, values in enumerate(merged):
                if key in values:
                    self._extra.setdefault(row, {}).setdefault("values", {})[key] = values[key]
                    self._flag(row, key, UNKNOWN_KEY)
        self._check(checks, columns, numbers)
        nothing = pa.nulls(len(readings), pa.float64())
        return pa.Table.from_arrays(
            [
                *(columns[name] for name in _FIXED),
                *(columns.get(key, nothing) for key in KEYS),
                self._texts(self._flags),
                self._texts(self._extra),
            ],
            schema=READINGS,
        )

    def _time(self, row: int, reading: Reading, received_at: datetime) -> datetime:
        if reading.time is None:
            return self._arrival(row, reading, received_at)
        if is_possible(reading.time, received_at):
            return reading.time
        self._extra.setdefault(row, {})["time"] = reading.time.isoformat()
        self._flag(row, "time", NO_TIME)
        return self._arrival(row, reading, received_at)

    def _arrival(self, row: int, reading: Reading, received_at: datetime) -> datetime:
        """Return the time of arrival; numbered readings of one message come a microsecond apart, or they would become one row."""
        if reading.seq is None:
            return received_at
        arrived = self._arrived.setdefault((self._sites[row], reading.device, received_at), {})
        return received_at + arrived.setdefault(reading.seq, len(arrived)) * _APART

    def _keep(self, row: int, extra: dict[str, Any]) -> None:
        self._extra.setdefault(row, {}).update(extra)
        if "time" in extra:
            self._flag(row, "time", NO_TIME)
        for group in ("values", "status"):
            for key in extra.get(group, {}):
                self._flag(row, key, NO_NUMBER)

    def _numbers(self, key: str, merged: list[dict[str, float | None]]) -> Floats:
        numbers = np.array([values.get(key) for values in merged], dtype=np.float64)
        wrong = out_of_range(key, numbers)
        if wrong.any():
            for row in np.flatnonzero(wrong):
                self._flag(int(row), key, OUT_OF_RANGE)
        return numbers

    def _check(self, checks: Checks, columns: dict[str, pa.Array], numbers: dict[str, Floats]) -> None:
        """Let the checks see what is not already known to be bad."""
        seen = {key: values.copy() for key, values in numbers.items()}
        for row, flags in self._flags.items():
            for key, flag in flags.items():
                if flag[0] == "bad" and key in seen:
                    seen[key][row] = np.nan
        rows = Rows(
            device=checks.numbers(self._sites, [reading.device for reading in self._readings]),
            time_us=columns["time"].cast(pa.int64()).to_numpy(),
            received_us=columns["received_at"].cast(pa.int64()).to_numpy(),
            seq=columns["seq"].fill_null(-1).to_numpy(),
            values=seen,
        )
        for finding in checks.judge(rows):
            self._flag_all(finding)

    def _flag_all(self, finding: Finding) -> None:
        """In humid air this is most of what the checks cost, so the first flag of a row goes in without a further call."""
        known, key = self._flags, finding.key
        for row, flag in zip(finding.rows.tolist(), finding.flags, strict=True):
            if row in known:
                self._flag(row, key, flag)
            else:
                known[row] = {key: flag}

    def _flag(self, row: int, key: str, flag: Flag) -> None:
        flags = self._flags.setdefault(row, {})
        flags[key] = worse(flags[key], flag) if key in flags else flag

    def _texts(self, by_row: dict[int, Any]) -> pa.Array:
        if not by_row:
            return pa.nulls(len(self), pa.string())
        texts = [None] * len(self)
        for row, content in by_row.items():
            texts[row] = msgspec.json.encode(content).decode()  # type: ignore[call-overload]
        return pa.array(texts, pa.string())


assert READINGS.field("site").type == LABEL  # noqa: S101  (dictionary_encode makes exactly this type)
