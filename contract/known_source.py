"""Places that people have marked because they smoke, smell or dust again and again without need for an alarm: a grill street every Friday."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Latitude, Longitude

# All entries have one subject, so that old marks are found however long the journal has become. The words of the journal are those of the first
# version, as stored entries never change.
SUBJECT: Final = "nuisances"
MARKED: Final = "nuisance"
REMOVED: Final = "nuisance-removed"


class KnownSource(BaseModel):
    """One marked place. Hours are local and the end is not included; `from_hour` after `to_hour` goes over midnight. Monday is weekday 0."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lat: Latitude
    lon: Longitude
    radius_m: Annotated[float, Field(gt=0, le=5000)] = 100.0
    of_class: Literal["fire", "industrial", "dust"] = "fire"
    weekdays: Annotated[tuple[Annotated[int, Field(ge=0, le=6)], ...], Field(min_length=1)] = tuple(range(7))
    from_hour: Annotated[float, Field(ge=0, le=24)] = 0.0
    to_hour: Annotated[float, Field(ge=0, le=24)] = 24.0
    note: Annotated[str, Field(max_length=2000)] = ""

    @model_validator(mode="after")
    def _lasts(self) -> "KnownSource":
        if self.from_hour == self.to_hour:
            raise ValueError("from_hour and to_hour are the same; leave them out for the whole day")
        return self

    def applies(self, local: datetime) -> bool:
        """Tell whether the place is marked at this local time; the hours after midnight belong to the evening before."""
        hour = local.hour + local.minute / 60
        over_midnight = self.from_hour > self.to_hour
        if over_midnight and hour < self.to_hour:
            return (local.weekday() - 1) % 7 in self.weekdays
        return local.weekday() in self.weekdays and self.from_hour <= hour and (over_midnight or hour < self.to_hour)


def known_sources(entries: Iterable[JournalEntry]) -> dict[str, KnownSource]:
    """Return the places that are marked after all entries, in order, by the id of the entry that marked them.

    What cannot be read marks nothing: an alert too many is better than a fire without one.
    """
    marked: dict[str, KnownSource] = {}
    for entry in entries:
        if entry.action == MARKED:
            try:
                marked[entry.id] = KnownSource.model_validate_json(entry.details)
            except ValidationError:
                continue
        elif entry.action == REMOVED:
            marked.pop(json.loads(entry.details).get("nuisance"), None)
    return marked
