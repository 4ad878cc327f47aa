"""What detection knows at one instant, for those who only read it: nothing in it changes, a newer one takes its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from jeonju.airquality.index import Cai
from jeonju.airquality.standards import Judged
from jeonju.contract.records import AlertRecord
from jeonju.detection.pollution import HOUR_S, Pollution

_NOTHING: Final = MappingProxyType[str, tuple[str, ...]]({})


@dataclass(frozen=True, kw_only=True)
class FeedState:
    """What came on the committed feed; times as in its last batch."""

    batches: int = 0
    readings: int = 0
    last_reading_at: datetime | None = None
    arrived_at: datetime | None = None

    def after(self, table: pa.Table, now: datetime) -> "FeedState":
        """Return the state after one more batch (READINGS), which has arrived now."""
        return replace(
            self,
            batches=self.batches + 1,
            readings=self.readings + table.num_rows,
            last_reading_at=pa.compute.max(table["time"]).as_py(),
            arrived_at=now,
        )

    def lag_s(self, now: datetime) -> float | None:
        """Return how old the newest reading is [s], None before the first. A clock that runs faster may be behind its devices: then it is 0."""
        if self.last_reading_at is None:
            return None
        return max(round((now - self.last_reading_at).total_seconds(), 3), 0.0)


@dataclass(frozen=True, kw_only=True)
class IndexSnapshot:
    """Indexes of the last full hour, levels in force, and what is above a standard; by station, or zone (0 is no level)."""

    zones: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)  # zone → stations
    hour: datetime | None = None  # the beginning of the hour that goes on
    cai: Mapping[str, Cai] = field(default_factory=dict)
    us_aqi: Mapping[str, Cai] = field(default_factory=dict)
    advisories: Mapping[tuple[str, str], int] = field(default_factory=dict)  # station or zone, quantity → level
    dust_level: int = 0
    standards: Mapping[str, tuple[Judged, ...]] = field(default_factory=dict)  # station → last 1, 8 and 24 hours

    @classmethod
    def of(cls, pollution: Pollution) -> "IndexSnapshot":
        """Return what the state of the stations is now."""
        stations = [station for members in pollution.zones.values() for station in members]
        hour = pollution.hour
        return cls(
            zones=MappingProxyType({zone: tuple(members) for zone, members in pollution.zones.items()}),
            hour=None if hour is None else datetime.fromtimestamp(hour * HOUR_S, UTC),
            cai=MappingProxyType(dict(pollution.cai)),
            us_aqi=MappingProxyType(dict(pollution.us_aqi)),
            advisories=MappingProxyType({key: state.level for key, state in pollution.advisories.items()}),
            dust_level=pollution.dust.level,
            standards=MappingProxyType({station: tuple(pollution.exceeded(station)) for station in stations}),
        )


@dataclass(frozen=True, kw_only=True)
class DetectionSnapshot:
    """Alerts that last, the newest first, indexes, and how readings come in."""

    active: tuple[AlertRecord, ...] = ()
    index: IndexSnapshot = field(default_factory=IndexSnapshot)
    feed: FeedState = field(default_factory=FeedState)
    late: int = 0  # readings that came too late to be judged
    dropped: int = 0  # batches that could not be followed
    store_available: bool = True
