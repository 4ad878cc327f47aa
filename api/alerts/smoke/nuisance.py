"""Places that people have marked because they smoke, smell or dust again and again without need for an alarm: a grill street every Friday."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from airquality.site import Latitude, Longitude, Site
from api.alerts.smoke.classes import CLASSES
from storage.schema import JournalEntry

Floats = NDArray[np.float64]

MARKED: Final = "nuisance.mark"
UNMARKED: Final = "nuisance.unmark"
# At a marked place and time the odds of the marked class are this much smaller, and a rise must be this many times as large.
LOG_ODDS: Final = -3.0
LEAST_RISE_FACTOR: Final = 3.0


class Nuisance(BaseModel):
    """One marked place; `of_class` is the class that weighs less there.

    Hours are local, the end is not included, and `from_hour` after `to_hour` goes over midnight; Monday is weekday 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lat: Latitude
    lon: Longitude
    radius_m: Annotated[float, Field(gt=0, le=5000)] = 100.0
    of_class: Literal["fire", "industrial", "dust"] = "fire"
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = tuple(range(7))
    from_hour: Annotated[float, Field(ge=0, le=24)] = 0.0
    to_hour: Annotated[float, Field(ge=0, le=24)] = 24.0

    def applies(self, local: datetime) -> bool:
        """Tell whether the place is a nuisance at this local time; the hours after midnight belong to the evening before."""
        hour = local.hour + local.minute / 60
        over_midnight = self.from_hour > self.to_hour
        if over_midnight and hour < self.to_hour:
            return (local.weekday() - 1) % 7 in self.weekdays
        until = 24.0 if over_midnight else self.to_hour
        return local.weekday() in self.weekdays and self.from_hour <= hour < until


def from_journal(entries: Iterable[JournalEntry]) -> dict[str, Nuisance]:
    """Return the places that are marked after all entries, by name.

    `nuisance.mark` has a Nuisance as details, `nuisance.unmark` takes it away; their subject is its name. What cannot be read marks nothing: an
    alert too many is better than a fire that is not told.
    """
    marked: dict[str, Nuisance] = {}
    for entry in entries:
        if entry.action == UNMARKED:
            marked.pop(entry.subject, None)
        elif entry.action == MARKED:
            try:
                marked[entry.subject] = Nuisance.model_validate_json(entry.details)
            except ValidationError:
                continue
    return marked


class Nuisances:
    """Looks up which devices stand at a marked place now."""

    def __init__(self, places: Sequence[Nuisance], site: Site) -> None:
        self._places = [(place, np.hstack(site.map.to_xy(place.lat, place.lon))) for place in places]
        self._zone = ZoneInfo(site.timezone)

    def at(self, end_s: float, xy_m: Floats) -> NDArray[np.bool_]:
        """Return for each device and each of CLASSES whether it is to weigh less now, (devices, classes)."""
        marked = np.zeros((len(xy_m), len(CLASSES)), dtype=bool)
        local = datetime.fromtimestamp(end_s, self._zone)
        for place, middle_m in self._places:
            if place.applies(local):
                marked[np.hypot(*(xy_m - middle_m).T) <= place.radius_m, CLASSES.index(place.of_class)] = True
        return marked
