"""The columns of a batch of readings: the one shape in which readings move from ingest to a store and on to the api.

One row is one device at one instant. A quantity that was not measured is null. `quality` is null when every value is `ok`;
otherwise it is a JSON object, key → [flag, reason], for the values that are not. `extra` is a JSON object of what the message
held besides, or null.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from jeonju.airquality.pollutants import KEYS

# Raised when a table or column changes; the store migrates older files and refuses newer ones.
SCHEMA_VERSION = 5

# Means and extremes leave out what reaches this, the largest number of 32 bits, in which extremes are kept: no quantity comes near it, and a sum of
# larger ones can exceed 64 bits. Devices send it, and the largest of 64 bits, for "no value".
TOO_LARGE = 3.4028234663852886e38

INSTANT = pa.timestamp("us", tz="UTC")
LABEL = pa.dictionary(pa.int32(), pa.string())

READINGS = pa.schema(
    [
        pa.field("site", LABEL, nullable=False),
        pa.field("device", LABEL, nullable=False),
        pa.field("time", INSTANT, nullable=False),
        pa.field("received_at", INSTANT, nullable=False),
        pa.field("boot", pa.string()),
        pa.field("seq", pa.int64()),
        pa.field("lat", pa.float64()),
        pa.field("lon", pa.float64()),
        *(pa.field(key, pa.float64()) for key in KEYS),
        pa.field("quality", pa.string()),
        pa.field("extra", pa.string()),
    ]
)


def readings_table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Return a table in the READINGS schema from dictionaries; absent columns become null."""
    return pa.Table.from_pylist(list(rows), schema=READINGS)


class DeviceRecord(NamedTuple):
    """What is known of a device besides its readings."""

    site: str
    device: str
    zone: str
    kind: str
    origin: str
    state: str
    state_at: datetime


def is_mere_name(record: DeviceRecord) -> bool:
    """Tell whether nothing is known of a device but its name: no site file names it, nobody adopted it, and it told no status.

    Versions before schema 5 wrote such names down for messages that they then rejected.
    """
    return (record.zone, record.kind, record.origin, record.state) == ("", "", "real", "online")


class DeadLetter(NamedTuple):
    """A message that could not be taken, kept whole with the reason."""

    received_at: datetime
    topic: str
    payload: bytes
    reason: str


class LedgerEntry(NamedTuple):
    """How many messages of a device arrived, and what became of them; totals since the store was made.

    `gaps` are the numbers that are missing in the newest boot, such as `3:7,12`, so that they are known again when they come after a restart.
    """

    site: str
    device: str
    boot: str | None
    last_seq: int | None
    received: int
    repeated: int
    missing: int
    late: int
    rejected: int
    gaps: str = ""


class AlertRecord(NamedTuple):
    """One alert over its whole life; `id` is stable, so writing it again updates it."""

    id: str
    site: str
    kind: str
    severity: str
    device: str | None
    zone: str | None
    started_at: datetime
    updated_at: datetime
    ended_at: datetime | None
    value: float | None
    limit: float | None
    quantity: str | None
    summary_ko: str
    summary_en: str
    details: str  # JSON object: class, reasons, evidence


class IncidentRecord(NamedTuple):
    """Alerts that belong together in space and time, over the incident's whole life; `id` is stable, so writing it again updates it."""

    id: str
    site: str
    state: str  # open, acknowledged, confirmed, false-alarm, closed
    kind: str  # the most probable class
    severity: str
    zone: str | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    lat: float | None  # the most probable place of the source
    lon: float | None
    radius_m: float | None  # half of the probability lies within this of it
    rate_g_s: float | None
    confidence: float | None
    summary_ko: str
    summary_en: str
    details: str  # JSON object: alerts, class probabilities, map, zones downwind, robot


class JournalEntry(NamedTuple):
    """Something that a person or the system did about an alert, an incident or a robot: never changed, never removed.

    `id` is chosen by the writer, so that writing the same entry again is harmless.
    """

    id: str
    site: str
    done_at: datetime
    who: str
    action: str
    subject: str  # id of the alert or incident, name of the device, robot or rule
    details: str  # JSON object


class IndexFigure(NamedTuple):
    """The air-quality index of one device as it was worked out at one instant, and where the device stood."""

    site: str
    device: str
    at: datetime
    lat: float
    lon: float
    cai: float
    grade: str  # key of airquality.index.GRADES
    pollutant: str


class ServiceFigures(NamedTuple):
    """What a service said of itself at one instant; counts since it started."""

    site: str
    service: str
    at: datetime
    messages: int
    readings: int
    rejected: int
    commits: int
    waiting: int  # messages that have arrived and are not committed yet
    lag_s: float | None  # how old the newest reading of the last commit was when it was committed
    broker_connected: int  # 1 or 0
    store_available: int  # 1 or 0
