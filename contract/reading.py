"""The native message: one reading of one device as a JSON object, several as an array of such objects."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec

VERSION: Final = 1
# What JSON numbers hold exactly; sums over many devices and boots still fit the 64 bits of a store.
LARGEST_SEQ = 2**53 - 1
Seq = Annotated[int, msgspec.Meta(ge=-LARGEST_SEQ, le=LARGEST_SEQ)]
# A time without a zone is no time.
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
# Words that are stored with every reading or device.
LONGEST_WORD = 64
Word = Annotated[str, msgspec.Meta(max_length=LONGEST_WORD)]


class Reading(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """What one device measured at one instant, in the units of `jeonju.airquality.pollutants`.

    `seq` counts up per device and `boot`, so that gaps and repeats can be counted. Without `time` the time of arrival counts.
    `position` is (latitude, longitude) in WGS84 degrees. `values` are measurements of the air, `status` of the device itself.
    """

    v: Literal[1] = VERSION
    device: str
    seq: Seq | None = None
    boot: Word | None = None
    time: Instant | None = None
    position: tuple[float, float] | None = None
    values: dict[str, float | None] = {}
    status: dict[str, float | None] = {}


class DeviceStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The retained message on a device's status topic; `offline` is its last will.

    `origin` tells simulated devices from real ones; it is a tag, and no code path depends on it.
    """

    state: Word
    kind: Word = ""
    origin: Word = "real"


class Adoption(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Where a device belongs that no site file names."""

    zone: Word
    kind: Word = "station"


_ENCODER = msgspec.json.Encoder()


def encode(readings: "Reading | list[Reading]") -> bytes:
    """Return the JSON bytes of one reading, or of a batch."""
    return _ENCODER.encode(readings)


def encode_status(status: DeviceStatus) -> bytes:
    """Return the JSON bytes of a device's status."""
    return _ENCODER.encode(status)


def from_posix_s(posix_s: float) -> datetime:
    """Return the aware UTC instant of a POSIX time, to the millisecond."""
    return datetime.fromtimestamp(round(posix_s * 1000) / 1000, UTC)
