"""The air-quality index over time, kept in the store for the dashboards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jeonju.airquality.index import Cai
from jeonju.contract.records import IndexRecord
from jeonju.contract.site import Site
from jeonju.storage.port import Store

EVERY: Final = timedelta(minutes=1)


@dataclass
class IndexStatistics:
    """Hands the index of every station to the store, about once a minute of the readings' own time."""

    site: Site
    store: Store
    _written_at: datetime | None = None

    def write(self, indexes: Mapping[str, Cai], at: datetime) -> None:
        """Keep the indexes as they are with the readings up to `at`. Raises UnavailableError when the store is away."""
        if self._written_at is not None and self._written_at <= at < self._written_at + EVERY:
            return
        self.store.write_statistics(
            [
                IndexRecord(
                    self.site.name,
                    station.name,
                    at,
                    station.lat,
                    station.lon,
                    index.value,
                    index.grade.key,
                    index.pollutant,
                )
                for station in self.site.stations
                if (index := indexes.get(station.name)) is not None
            ]
        )
        self._written_at = at
