"""Values of one message, gathered by device and instant until they are readings."""

from collections.abc import Callable
from collections.abc import Mapping as Members
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from math import isfinite
from typing import Any, Final

import msgspec
import numpy as np

from jeonju.airquality.geo import is_position
from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract.extras import DROPPED, LONGEST_NAME, MOST_NAMES, dropped_flag
from jeonju.contract.gateways import PLACE_KEYS, Gateway, Mapping, conversion
from jeonju.contract.quality import IMPOSSIBLE_POSITION, NO_FIX, NO_NUMBER, POSITION, Flag
from jeonju.contract.reading import Reading
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding, RejectedParts
from jeonju.decoders.fields import key_of
from jeonju.decoders.numbers import is_absent, read_amount
from jeonju.decoders.times import UnreadTime, When

# How receivers say that they know no position, by names in lower case: the number of satellites, or whether there is a fix.
_SATELLITES: Final = frozenset(
    ("satellites", "sats", "numsat", "num_sats", "nsat", "satellite", "sat", "gps_satellites")
)
_FIXES: Final = frozenset(("fix", "gps_fix", "has_fix", "gpsfix", "fixed", "gps_valid", "fix_quality", "fix_type"))
_NO_FIX: Final = (0, False, "0", "false", "no", "none", "nofix", "no fix", "invalid", "v")
_At = tuple[str, When]
# Up to here a double holds every integer.
_EXACT: Final = 2**53


def says_nothing(members: Members[str, Any], gateway: Gateway, look_up: Callable[[str], Any]) -> bool:
    """Tell whether neither a name nor the mapping leads to a quantity: such a message is no reject, even if it names no device."""
    return all(is_absent(value) for name, value in members.items() if key_of(name)) and all(
        is_absent(look_up(entry.pointer)) for entry in gateway.mapping
    )


def says_no_fix(members: Members[str, Any]) -> bool:
    """Tell whether the members beside a position say that it is none: no satellites, or no fix."""
    for name, value in members.items():
        lower = name.lower()
        if lower in _SATELLITES or lower in _FIXES:
            said = value.strip().lower() if isinstance(value, str) else value
            if isinstance(said, bool | int | float | str) and said in _NO_FIX:
                return True
    return False


def _to_stored(key: str, unit: str) -> tuple[float, float] | None:
    # What senders make up must not fill the memory of the cache.
    return _known_scale(key, unit) if len(unit) <= LONGEST_NAME else None


@lru_cache(maxsize=2000)
def _known_scale(key: str, unit: str) -> tuple[float, float] | None:
    try:
        return conversion(key, unit)
    except ValueError:
        return None


def _keepable(raw: Any) -> Any:
    """Return what a member holds where JSON can say it, else what it is: integers beyond 64 bits and what only CBOR knows cannot be said."""
    try:
        msgspec.json.encode(raw)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return f"({type(raw).__name__})"
    return raw


@dataclass
class Gathered:
    """Values by device and instant, in the order in which they came; a later value of the same key stands.

    What stands under a name of ours and cannot be read is kept as extra, and flagged where nothing else gave that quantity a value. Of the names
    that are none of ours no more are held than are kept of a reading; the rest is counted and flagged. `rejected` are parts that cannot be read.
    """

    rejected: RejectedParts = field(default_factory=RejectedParts)
    _values: dict[_At, dict[str, float]] = field(default_factory=dict)
    _flags: dict[_At, dict[str, Flag]] = field(default_factory=dict)
    _unfit: dict[_At, dict[str, tuple[Any, Flag]]] = field(default_factory=dict)
    _places: dict[_At, dict[str, list[float]]] = field(default_factory=dict)
    _unknown: dict[_At, int] = field(default_factory=dict)
    _dropped: dict[_At, int] = field(default_factory=dict)

    def put(self, device: str, at: When, key: str, value: float | None, flag: Flag | None = None) -> None:
        """Add one value in the unit in which it is stored; None is none."""
        if value is None:
            return
        values = self._of(device, at)
        if key in PLACE_KEYS:
            self._places.setdefault((device, at), {}).setdefault(key, []).append(value)
            return
        if key not in QUANTITY and key not in values:
            known = self._unknown.get((device, at), 0)
            if len(key) > LONGEST_NAME or known >= MOST_NAMES:
                self._dropped[device, at] = self._dropped.get((device, at), 0) + 1
                return
            self._unknown[device, at] = known + 1
        values[key] = value
        if flag is not None:
            self._flags.setdefault((device, at), {})[key] = flag

    def put_raw(
        self, device: str, at: When, key: str, raw: Any, *, unit: str | None = None, flag: Flag | None = None
    ) -> None:
        """Add what a message holds for a quantity of ours: a number, a text, or an object of value and unit.

        A unit beside the number counts before `unit`, which is that of the format or device; without any it is the unit in which it is stored.
        """
        amount = read_amount(raw)
        if amount is None:
            if not is_absent(raw):
                self._keep(device, at, key, raw, NO_NUMBER)
            return
        written = amount.unit or unit
        if written is None:
            self.put(device, at, key, amount.value, flag)
        elif (scale := _to_stored(key, written)) is None:
            beside = raw if amount.unit else {"value": raw, "unit": written}
            self._keep(device, at, key, beside, Flag.of("bad", "unit-does-not-fit", unit=written[:LONGEST_NAME]))
        else:
            self.put_converted(device, at, key, amount.value * scale[0] + scale[1], raw, flag)

    def put_named(
        self, device: str, at: When, members: Members[str, Any], *, skip: frozenset[str] = frozenset()
    ) -> None:
        """Add members by their names: our keys; other numbers under their own names, to be kept and flagged."""
        has_place = False
        for name, value in members.items():
            if name in skip:
                continue
            key = key_of(name)
            # Most members are plain numbers; the reader of everything else takes several times as long.
            if (type(value) is float and isfinite(value)) or (type(value) is int and -_EXACT <= value <= _EXACT):
                self.put(device, at, key or name, float(value))
                has_place = has_place or key in PLACE_KEYS
            elif key is not None:
                self.put_raw(device, at, key, value)
                has_place = has_place or key in PLACE_KEYS
            elif not isinstance(value, str) and (amount := read_amount(value)) is not None:
                self.put(device, at, name, amount.value)
            else:
                spend()
        if has_place and says_no_fix(members):
            self.put_no_fix(device, at)

    def put_mapped(self, device: str, at: When, gateway: Gateway, look_up: Callable[[str], Any]) -> None:
        """Add what the site file's mapping points at."""
        for entry in gateway.mapping:
            self.put_entry(device, at, entry, look_up(entry.pointer))

    def put_entry(self, device: str, at: When, entry: Mapping, raw: Any, *, unit: str | None = None) -> None:
        """Add what one entry of the mapping has led to. `unit` is that of the format or device, and counts where the entry gives none."""
        if entry.scale == 1.0 and entry.offset == 0.0:
            self.put_raw(device, at, entry.key, raw, unit=entry.unit or unit)
        elif (amount := read_amount(raw)) is not None:
            # Who gives a scale has looked at the numbers: it takes them to our unit, whatever stands beside them.
            self.put_converted(device, at, entry.key, entry.convert(amount.value), raw)
        elif not is_absent(raw):
            self._keep(device, at, entry.key, raw, NO_NUMBER)

    def put_converted(self, device: str, at: When, key: str, value: float, raw: Any, flag: Flag | None = None) -> None:
        """Add a value in our unit, in which it may be larger than any number."""
        if isfinite(value):
            self.put(device, at, key, value, flag)
        else:
            self._keep(device, at, key, raw, NO_NUMBER)

    def put_no_fix(self, device: str, at: When) -> None:
        """Note that the position that was added last is none: an earlier one stays."""
        places = self._places.get((device, at), {})
        last = [places[key].pop() for key in PLACE_KEYS if places.get(key)]
        self._keep(device, at, POSITION, last, NO_FIX)

    def reject(self, reason: str, payload: Callable[[], bytes]) -> None:
        """Add a part of the message that cannot be read; the others are stored."""
        self.rejected.add(reason, payload)

    def __bool__(self) -> bool:
        """Tell whether there is any value."""
        return bool(self._values)

    def decoding(self, **more: Any) -> Decoding:
        """Return all of it as readings. Raises RejectedError where there are parts, and none of them can be read: the message is one dead letter."""
        if self.rejected.count and not self._values and not any(more.values()):
            raise RejectedError(self.rejected.summary("parts"))
        readings: list[Reading] = []
        flags: dict[int, dict[str, Flag]] = {}
        extra: dict[int, dict[str, Any]] = {}
        for (device, at), values in self._values.items():
            spend()
            position = self._position(device, at)
            of_reading, kept = self._remarks((device, at), values)
            if of_reading:
                flags[len(readings)] = of_reading
            if kept:
                extra[len(readings)] = kept
            time = at if isinstance(at, datetime) else None
            readings.append(Reading(device=device, time=time, position=position, values=dict(values)))
        return Decoding(readings, flags, extra, rejected=tuple(self.rejected.all()), **more)

    def _of(self, device: str, at: When) -> dict[str, float]:
        spend()
        values = self._values.get((device, at))
        if values is None:
            if not device.strip():
                raise RejectedError("has a device without a name")
            values = self._values[device, at] = {}
        return values

    def _keep(self, device: str, at: When, key: str, raw: Any, flag: Flag) -> None:
        self._of(device, at)
        self._unfit.setdefault((device, at), {})[key] = (_keepable(raw), flag)

    def _remarks(self, place: _At, values: dict[str, float]) -> tuple[dict[str, Flag], dict[str, Any]]:
        """Return flags by key, and what is kept as extra."""
        flags, extra = dict(self._flags.get(place, {})), dict[str, Any]()
        for key, (raw, flag) in self._unfit.get(place, {}).items():
            extra[key] = raw
            if key not in values:
                flags[POSITION if key in PLACE_KEYS else key] = flag
        if dropped := self._dropped.get(place):
            flags[DROPPED] = dropped_flag(dropped)
        if isinstance(place[1], UnreadTime):
            extra["time"] = place[1].text
        return flags, extra

    def _position(self, device: str, at: When) -> tuple[float, float] | None:
        """Return the last place that can be one. What a device registered or sent before stays where the last is impossible."""
        if (device, at) not in self._places:
            return None
        latitudes, longitudes = (self._places[device, at].get(key, []) for key in PLACE_KEYS)
        places = list(zip(reversed(latitudes), reversed(longitudes), strict=False))
        possible = next((place for place in places if is_position(*np.array(place))), None)
        if places and possible != places[0]:
            self._keep(device, at, POSITION, list(places[0]), IMPOSSIBLE_POSITION)
        return possible
