"""What the stores keep besides readings: devices, the loss ledger, dead letters, alerts, incidents, the journal, statistics."""

import re
from datetime import datetime
from typing import Final, NamedTuple

# What ingest keeps of a dead letter (`jeonju.ingest.pipeline`); all of a message that took too long.
LONGEST_LETTER_BYTES: Final = 64 * 1024
LARGEST_LETTER_BYTES: Final = 4 * 1024 * 1024
LONGEST_LETTER_TEXT: Final = 1000
_CUT: Final = re.compile(r"\(first \d+ of \d+ bytes kept\)$")


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
    """Return whether nothing is known of a device but its name: no site file names it, nobody adopted it, and it sent no status.

    Versions before schema 5 wrote such names down for messages that they then rejected.
    """
    return (record.zone, record.kind, record.origin, record.state) == ("", "", "real", "online")


class DeadLetter(NamedTuple):
    """A message that could not be taken, kept with the reason.

    The store gives it its `id`; ids are in the order of arrival. `asked_at` is set while a replay is asked for, `replayed_at` since ingest took it.
    """

    received_at: datetime
    topic: str
    payload: bytes
    reason: str
    id: str = ""
    asked_at: datetime | None = None
    replayed_at: datetime | None = None

    @property
    def may_be_cut(self) -> bool:
        """Whether the reason says that the payload was cut, or is so long that it may have lost the words."""
        return bool(_CUT.search(self.reason)) or len(self.reason) >= LONGEST_LETTER_TEXT

    @property
    def is_whole(self) -> bool:
        """Whether all of the message was kept, so that it can be replayed."""
        is_cut = self.may_be_cut and len(self.payload) >= LONGEST_LETTER_BYTES
        return len(self.topic) < LONGEST_LETTER_TEXT and not is_cut


class LetterMark(NamedTuple):
    """What has become of the dead letter of an id: it takes the place of what the letter says of all this."""

    id: str
    asked_at: datetime | None
    replayed_at: datetime | None
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
    radius_90_m: float | None = None  # nine tenths lie within this; the last, as earlier versions did not write it


class JournalEntry(NamedTuple):
    """Something that a person or the system did about an alert, an incident or a robot: never changed, never removed.

    `id` is chosen by the writer, so that writing the same entry again is harmless; entries of one instant are in the order of their ids.
    """

    id: str
    site: str
    done_at: datetime
    who: str
    action: str
    subject: str  # id of the alert or incident, name of the device, robot or rule
    details: str  # JSON object


class IndexRecord(NamedTuple):
    """The air-quality index of one device as it was worked out at one instant, and where the device stood."""

    site: str
    device: str
    at: datetime
    lat: float
    lon: float
    cai: float
    grade: str  # key of the class of the index that the site has chosen
    pollutant: str


class ForecastRecord(NamedTuple):
    """What was foreseen last of the mean of the hour that begins at `at`; a later forecast of the same hour takes its place."""

    site: str
    device: str
    quantity: str
    at: datetime
    mean: float
    low: float  # nine of ten hours lie between `low` and `high`
    high: float
    hours_ahead: int
    learnt: int  # 1 where it was learnt from the city's past, 0 for persistence
    made_at: datetime


class ServiceStatistics(NamedTuple):
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


# What is kept over time for the dashboards alone.
Statistics = IndexRecord | ServiceStatistics | ForecastRecord
