"""Turn decoded readings into one table in the store's columns, with quality flags.

Readings are only gathered one by one; everything else is done to whole columns.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jeonju.airquality.geo import is_position
from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.common.arrays import Floats
from jeonju.contract.columns import INSTANT, LABEL, READINGS
from jeonju.contract.extras import DROPPED, GROUPS, bounded, dropped_flag
from jeonju.contract.quality import IMPOSSIBLE_POSITION, NO_NUMBER, POSITION, TIME, UNFIT, Flag
from jeonju.contract.reading import Reading
from jeonju.ingest.correcting import NO_CORRECTIONS, Corrections, corrected
from jeonju.ingest.ledger import Ledger
from jeonju.ingest.quality import fillers
from jeonju.ingest.quality.batch_rows import NEVER_US, US_PER_S, Bools, Integers, Rows
from jeonju.ingest.quality.checks import Checks
from jeonju.ingest.quality.flag_table import FlagTable
from jeonju.ingest.quality.flags import (
    BEYOND_MEANS,
    EARLIEST,
    FURTHEST_AHEAD,
    NO_TIME,
    OUT_OF_RANGE,
    UNKNOWN_KEY,
    Finding,
    is_beyond_means,
    out_of_range,
)

# Of a reading that says no position.
_NOWHERE: Final = (math.nan, math.nan)
_EARLIEST_US: Final = int(EARLIEST.timestamp()) * US_PER_S
_FURTHEST_AHEAD_US: Final = int(FURTHEST_AHEAD.total_seconds()) * US_PER_S


@dataclass(frozen=True, slots=True)
class _Devices:
    """Who sent what: the devices of the batch, and for every row which of them."""

    names: list[tuple[str, str]]
    of_row: Integers
    site: pa.Array
    device: pa.Array


@dataclass
class Batch:
    """Readings on their way into one commit."""

    _readings: list[Reading] = field(default_factory=list)
    _messages: list[tuple[str, datetime, int]] = field(default_factory=list)  # site, arrival, number of readings
    _extra: dict[int, dict[str, Any]] = field(default_factory=dict)
    _undoubted: list[int] = field(default_factory=list)  # rows of which the sender says that it doubts nothing
    _said: dict[tuple[str, Flag], list[int]] = field(default_factory=dict)  # rows by key and flag

    def __len__(self) -> int:
        return len(self._readings)

    def add(
        self,
        site: str,
        received_at: datetime,
        readings: Sequence[Reading],
        extra: Mapping[int, dict[str, Any]] | None = None,
        flags: Mapping[int, Mapping[str, Flag]] | None = None,
    ) -> None:
        """Add the readings of one message; by their position what else it held, and what the sender itself does not trust.

        Empty flags of a reading say that it trusts all of it, whatever it said of that instant before.
        """
        first = len(self._readings)
        self._readings += readings
        self._messages.append((site, received_at, len(readings)))
        for position, content in (extra or {}).items():
            self._keep(first + position, content, (flags or {}).get(position, {}))
        for position, of_reading in (flags or {}).items():
            if not of_reading:
                self._undoubted.append(first + position)
            for key, flag in of_reading.items():
                self._say(first + position, key, flag)

    def table(self, checks: Checks, ledger: Ledger, corrections: Corrections = NO_CORRECTIONS) -> pa.Table:
        """Return the readings in the READINGS schema, with what the checks say of them, and account for them.

        Only a repeat without a usable time is left out: with the time of its second arrival it would become a second row; with a time of its own it
        is merged.
        """
        if not self._readings:
            return READINGS.empty_table()
        devices, received_us = self._devices(), self._received_us()
        boots = pa.array([reading.boot for reading in self._readings], pa.string())
        seq = pa.array([reading.seq for reading in self._readings], pa.int64())
        repeated = ledger.count_batch(devices.names, devices.of_row, boots, seq)
        time_us, kept = self._times_us(devices, received_us, repeated)
        numbers, positions = self._numbers(), self._positions()
        extra = self._extra_texts()
        flags = self._flags_without_memory(numbers)
        for correction, rows in corrections.of_rows(devices.names, devices.of_row, time_us):
            if (measured := numbers.get(correction.quantity)) is None:
                continue
            numbers[correction.quantity], finding = corrected(
                correction, rows, measured, flags.bad(correction.quantity)
            )
            if finding is not None:
                flags.put(finding)
        judged = Rows(
            device=checks.numbers(devices.names)[devices.of_row][kept],
            time_us=time_us[kept],
            received_us=received_us[kept],
            seq=seq.fill_null(-1).to_numpy()[kept],
            # What is known to be bad already is not compared with.
            values={key: np.where(flags.bad(key), np.nan, values)[kept] for key, values in numbers.items()},
        )
        for finding in checks.judge(judged):
            flags.put(finding._replace(rows=kept[finding.rows]))
        nothing = pa.nulls(len(self), pa.float64())
        columns = [
            devices.site,
            devices.device,
            pa.array(time_us).cast(INSTANT),
            pa.array(received_us).cast(INSTANT),
            boots,
            seq,
            *positions,
            *(pa.array(numbers[key], from_pandas=True) if key in numbers else nothing for key in KEYS),
            self._with_undoubted(flags.texts()),
            extra,
        ]
        table = pa.Table.from_arrays(columns, schema=READINGS)
        return table if len(kept) == len(self) else table.take(pa.array(kept))

    def _sizes(self) -> list[int]:
        return [size for _, _, size in self._messages]

    def _devices(self) -> _Devices:
        of_message = pa.array([site for site, _, _ in self._messages], pa.string()).dictionary_encode()
        site = np.repeat(of_message.indices.to_numpy(), self._sizes())
        device = pa.array([reading.device for reading in self._readings], pa.string()).dictionary_encode()
        sites, names = of_message.dictionary.to_pylist(), device.dictionary.to_pylist()
        pairs, of_row = np.unique(site.astype(np.int64) * len(names) + device.indices.to_numpy(), return_inverse=True)
        return _Devices(
            [(sites[pair // len(names)], names[pair % len(names)]) for pair in pairs.tolist()],
            of_row,
            pa.DictionaryArray.from_arrays(pa.array(site), of_message.dictionary),
            device,
        )

    def _received_us(self) -> Integers:
        received = pa.array([received_at for _, received_at, _ in self._messages], INSTANT)
        return np.repeat(received.cast(pa.int64()).to_numpy(), self._sizes())

    def _positions(self) -> list[pa.Array]:
        """Return latitudes and longitudes; what cannot be a position is kept as extra and flagged, so that the known place stays."""
        positions = [reading.position or _NOWHERE for reading in self._readings]
        lat, lon = (np.array([position[axis] for position in positions], dtype=np.float64) for axis in (0, 1))
        possible = is_position(lat, lon)
        for row in np.flatnonzero(~possible).tolist():
            if (sent := positions[row]) is not _NOWHERE:
                # JSON has no number for what is not finite.
                axes = [axis if math.isfinite(axis) else str(axis) for axis in sent]
                self._extra.setdefault(row, {})[POSITION] = axes
                self._say(row, POSITION, IMPOSSIBLE_POSITION)
        return [pa.array(axis, mask=~possible) for axis in (lat, lon)]

    def _flags_without_memory(self, numbers: dict[str, Floats]) -> FlagTable:
        """Return what senders say of their values, what is out of range, and what stands for no value."""
        flags = FlagTable(len(self))
        for said in _by_key(self._said):
            flags.put(said)
        for key, values in numbers.items():
            if (wrong := out_of_range(key, values)).any():
                flags.put(Finding(np.flatnonzero(wrong), key, [OUT_OF_RANGE]))
                if (beyond := wrong & is_beyond_means(values)).any():
                    flags.put(Finding(np.flatnonzero(beyond), key, [BEYOND_MEANS]))
            if found := fillers.judge(key, values):
                flags.put(found)
        return flags

    def _times_us(self, devices: _Devices, received_us: Integers, repeated: Bools) -> tuple[Integers, Integers]:
        """Return the time of every reading, that of arrival where its own cannot be true, and the rows that are no repeats without a time."""
        given = pa.array([reading.time for reading in self._readings], INSTANT).cast(pa.int64())
        time_us = given.fill_null(NEVER_US).to_numpy().copy()
        possible = (time_us >= _EARLIEST_US) & (time_us <= received_us + _FURTHEST_AHEAD_US)
        kept = possible | ~repeated
        # Numbered readings of a device come a microsecond apart at least, or they would become one row.
        latest_us: dict[int, int] = {}
        chosen_us: dict[tuple[int, int, int], int] = {}
        for row in np.flatnonzero(~possible).tolist():
            reading, arrival_us = self._readings[row], int(received_us[row])
            if reading.time is not None:
                self._extra.setdefault(row, {})[TIME] = reading.time.isoformat()
                self._say(row, TIME, NO_TIME)
            time_us[row] = arrival_us
            if reading.seq is not None and kept[row]:
                device = int(devices.of_row[row])
                at_us = chosen_us.get((device, arrival_us, reading.seq))
                if at_us is None:
                    latest = latest_us.get(device, _NEVER_CHOSEN_US)
                    # Further ahead is the time of a clock that was set back meanwhile.
                    at_us = latest + 1 if arrival_us <= latest < arrival_us + _APART_US else arrival_us
                    latest_us[device] = chosen_us[device, arrival_us, reading.seq] = at_us
                time_us[row] = at_us
        return time_us, np.flatnonzero(kept)

    def _numbers(self) -> dict[str, Floats]:
        """Return every quantity of ours as a column, NaN where it is absent; others are kept as extra."""
        merged = [
            {**reading.values, **reading.status} if reading.status else reading.values for reading in self._readings
        ]
        present = set().union(*merged)
        if unknown := present - QUANTITY.keys():
            for row, values in enumerate(merged):
                if of_row := {key: value for key, value in values.items() if key in unknown}:
                    extra = self._extra.setdefault(row, {})
                    extra["values"] = {**extra.get("values", {}), **of_row}
        known = [key for key in KEYS if key in present]
        columns = pa.array(merged, pa.struct([(key, pa.float64()) for key in known])).flatten()
        return {key: column.to_numpy(zero_copy_only=False) for key, column in zip(known, columns, strict=True)}

    def _keep(self, row: int, extra: dict[str, Any], said: Mapping[str, Flag]) -> None:
        self._extra.setdefault(row, {}).update(extra)
        if TIME in extra:
            self._say(row, TIME, NO_TIME)
        # What a decoder could not read as a position, unless it says why itself.
        if POSITION in extra and POSITION not in said:
            self._say(row, POSITION, IMPOSSIBLE_POSITION)

    def _say(self, row: int, key: str, flag: Flag) -> None:
        self._said.setdefault((key, flag), []).append(row)

    def _with_undoubted(self, texts: pa.Array) -> pa.Array:
        """Return the flags with an empty object, which takes the place of earlier flags in the store, where the sender doubts nothing."""
        if not self._undoubted:
            return texts
        is_undoubted = np.zeros(len(self), dtype=np.bool_)
        is_undoubted[self._undoubted] = True
        return pc.if_else(pa.array(is_undoubted), texts.fill_null("{}"), texts)

    def _extra_texts(self) -> pa.Array:
        """Return what is kept of the extra content of each row as a JSON object, and flag it."""
        if not self._extra:
            return pa.nulls(len(self), pa.string())
        texts: list[str | None] = [None] * len(self)
        # A decoder has said why these are kept: neither unknown nor no number.
        unfit = {
            (row, key) for (key, flag), rows in self._said.items() if flag.reasons[0].code == UNFIT for row in rows
        }
        for row, content in self._extra.items():
            kept, dropped = bounded(content)
            texts[row] = msgspec.json.encode(kept).decode() if kept else None
            for group in GROUPS:
                for key, value in kept.get(group, {}).items():
                    if (row, key) in unfit:
                        continue
                    self._say(row, key, UNKNOWN_KEY if value is None or isinstance(value, float) else NO_NUMBER)
            if dropped:
                self._say(row, DROPPED, dropped_flag(dropped))
        return pa.array(texts, pa.string())


def _by_key(said: Mapping[tuple[str, Flag], list[int]]) -> Iterator[Finding]:
    """Yield what is said of each key, all flags together: a sender can say something else of each reading."""
    of_key: dict[str, list[dict[int, Flag]]] = {}
    for (key, flag), rows in said.items():
        layers = of_key.setdefault(key, [{}])
        for row in rows:
            # A finding has one flag of a row; few rows have a second one.
            if (layer := next((candidate for candidate in layers if row not in candidate), None)) is None:
                layers.append(layer := {})
            layer[row] = flag
    for key, layers in of_key.items():
        for layer in layers:
            numbers: dict[Flag, int] = {}
            which = [numbers.setdefault(flag, len(numbers)) for flag in layer.values()]
            yield Finding(np.array(list(layer)), key, list(numbers), np.array(which))


assert READINGS.field("site").type == LABEL  # noqa: S101  (dictionary_encode makes exactly this type)
_NEVER_CHOSEN_US: Final = -(2**62)
# Readings that are kept a microsecond apart fill no more than this.
_APART_US: Final = 1_000_000
assert EARLIEST.tzinfo is UTC  # noqa: S101  (its microseconds are counted in UTC)
