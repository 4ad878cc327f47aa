"""Instants that people give: with a time zone, and within the years that can be counted with."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator

# Further out, adding a day or changing the zone leaves the calendar; nothing was measured then either.
YEARS: Final = (1971, 2199)


def _check(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("needs a time zone, for example 2026-03-02T08:00:00Z")
    if not YEARS[0] <= instant.year <= YEARS[1]:
        raise ValueError(f"must lie within the years {YEARS[0]} to {YEARS[1]}")
    return instant


Instant = Annotated[datetime, AfterValidator(_check)]
