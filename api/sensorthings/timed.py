"""Entities that are made of readings: Observations, and where robots were. Only as many are made as an answer shows or a condition looks at."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jeonju.api.devices import EPOCH, Device, micros
from jeonju.api.sensorthings.city import Datastream, moving_id
from jeonju.api.sensorthings.kinds import HISTORICAL, OBSERVATION, SEPARATOR, Entity, Kind
from jeonju.api.windows import FIRST_US, LAST_US, Reader
from jeonju.contract.quality import POSITION, TIME
from jeonju.messages.quality import quality_in_words

# So many rows become Python objects at once: few at first, as many clients want the newest alone.
_FIRST_CHUNK: Final = 4
_LARGEST_CHUNK: Final = 500
_ABOUT: Final = ("time", "received_at", "device", "lat", "lon", "quality")
_COMPARED: Final = {
    "eq": pc.equal,
    "ne": pc.not_equal,
    "gt": pc.greater,
    "ge": pc.greater_equal,
    "lt": pc.less,
    "le": pc.less_equal,
}
_GOOD: Final = {"flag": "ok"}


@dataclass(frozen=True, kw_only=True)
class TimedSet:
    """The Observations of Datastreams, or the HistoricalLocations of devices, of `start_us` <= time < `end_us`.

    `bounds` are conditions on the result: a comparison and a number, which must all hold.
    """

    kind: Kind
    streams: tuple[Datastream, ...] = ()
    devices: tuple[Device, ...] = ()
    start_us: int = FIRST_US
    end_us: int = LAST_US
    bounds: tuple[tuple[str, float], ...] = ()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """The quantities that must be read."""
        return tuple(dict.fromkeys(stream.key for stream in self.streams))

    @cached_property
    def all_devices(self) -> tuple[Device, ...]:
        """The devices whose readings must be read."""
        if self.kind is HISTORICAL:
            return self.devices
        return tuple({stream.device.name: stream.device for stream in self.streams}.values())

    @cached_property
    def _names(self) -> dict[str, pa.Array]:
        """For each quantity the devices of which it is wanted."""
        names: dict[str, list[str]] = {}
        for stream in self.streams:
            names.setdefault(stream.key, []).append(stream.device.name)
        return {key: pa.array(devices, pa.string()) for key, devices in names.items()}

    def entities(self, reader: Reader, *, newest_first: bool) -> Iterator[Entity]:
        """Yield its entities in the order of time. Raises TooMuchError."""
        streams = {(stream.device.name, stream.key): stream for stream in self.streams}
        devices = {device.name: device for device in self.all_devices}
        for table in self._tables(reader, newest_first=newest_first):
            rows, keys = self._items(table)
            columns = table.select([*_ABOUT, *self.keys])
            for part in _chunks(len(rows)):
                made = columns.take(pa.array(rows[part])).to_pylist()
                for row, key in zip(made, keys[part], strict=True):
                    if self.kind is HISTORICAL:
                        yield historical(devices[row["device"]], row)
                    else:
                        yield observation(streams[row["device"], self.keys[key]], row)

    def count(self, reader: Reader) -> int:
        """Return how many there are. Raises TooMuchError."""
        return sum(len(self._items(table)[0]) for table in self._tables(reader, newest_first=True))

    def _tables(self, reader: Reader, *, newest_first: bool) -> Iterator[pa.Table]:
        walk = reader.newest_first if newest_first else reader.oldest_first
        devices = self.all_devices
        # With one device the same rows serve all its Datastreams.
        keys = devices[0].keys if len(devices) == 1 else self.keys
        return walk(devices, keys if self.kind is OBSERVATION else (), self.start_us, self.end_us)

    def _items(self, table: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the number of the row and of the quantity of every entity in a table, in its order."""
        if self.kind is HISTORICAL:
            has_place = pc.and_(pc.is_valid(table["lat"]), pc.is_valid(table["lon"]))
            names = pa.array([device.name for device in self.devices], pa.string())
            places = _true(pc.and_(has_place, _is_one_of(table, names)))
            return places, np.zeros(len(places), dtype=np.int64)
        rows, keys = list[NDArray[np.int64]](), list[NDArray[np.int64]]()
        for number, key in enumerate(self.keys):
            found = _true(pc.and_(_is_one_of(table, self._names[key]), self._is_wanted(table[key])))
            rows.append(found)
            keys.append(np.full(len(found), number))
        if not rows:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        all_rows, all_keys = np.concatenate(rows), np.concatenate(keys)
        order = np.lexsort((all_keys, all_rows))
        return all_rows[order], all_keys[order]

    def _is_wanted(self, column: pa.ChunkedArray) -> pa.ChunkedArray:
        wanted = pc.is_valid(column)
        for name, number in self.bounds:
            wanted = pc.and_(wanted, pc.fill_null(_COMPARED[name](column, number), fill_value=False))
        return wanted


def _chunks(count: int) -> Iterator[slice]:
    begin, size = 0, _FIRST_CHUNK
    while begin < count:
        yield slice(begin, begin + size)
        begin, size = begin + size, min(size * 8, _LARGEST_CHUNK)


def observation(stream: Datastream, row: dict[str, Any]) -> Entity:
    """Return one value of a reading as an Observation."""
    return Entity(
        OBSERVATION,
        f"{stream.id}:{micros(row)}",
        {
            "phenomenonTime": row["time"],
            "result": row[stream.key],
            "resultTime": row["time"],
            "resultQuality": _quality(stream.key, row["quality"]),
            "parameters": {"received_at": row["received_at"]},
        },
        (stream, row),
    )


def historical(device: Device, row: dict[str, Any]) -> Entity:
    """Return that a robot was somewhere at a reading."""
    return Entity(HISTORICAL, moving_id(device.name, row), {"time": row["time"]}, (device, row))


def read_moving_id(text: str) -> tuple[str, int] | None:
    """Return device and instant [µs since 1970] of the id of a place at which a robot was, None where it is none."""
    name, mark, at = text.partition(SEPARATOR)
    return (name, int(at)) if mark and _is_instant(at) else None


def read_observation_id(text: str) -> tuple[str, int] | None:
    """Return Datastream and instant [µs since 1970] of the id of an Observation, None where it is none."""
    stream, _, at = text.rpartition(":")
    return (stream, int(at)) if stream and _is_instant(at) else None


def instant_of(entity: Entity) -> int:
    """Return when an entity that was made of a reading was [µs since 1970]."""
    return micros(entity.about[1])


def time_of(at_us: int) -> Any:
    """Return an instant of microseconds since 1970."""
    return EPOCH + timedelta(microseconds=at_us)


def _is_instant(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 17


def _quality(key: str, stored: str | None) -> dict[str, Any]:
    """Return the flag of a value with its reasons in words, and what is doubtful about its time and place."""
    if stored is None:
        return _GOOD
    english, korean = quality_in_words(stored, "en"), quality_in_words(stored, "ko")
    found: dict[str, Any] = dict(_GOOD)
    if key in english:
        found = {"flag": english[key][0], "reason_en": english[key][1], "reason_ko": korean[key][1]}
    for name in (TIME, POSITION):
        if name in english:
            found[name] = {"flag": english[name][0], "reason_en": english[name][1], "reason_ko": korean[name][1]}
    return found


def _is_one_of(table: pa.Table, names: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(table["device"].cast(pa.string()), value_set=names)


def _true(mask: pa.ChunkedArray) -> NDArray[np.int64]:
    return np.flatnonzero(mask.to_numpy()).astype(np.int64)
