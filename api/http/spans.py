"""Which readings a request wants: a span of time, devices, quantities."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Query

from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.http.instants import Instant
from jeonju.api.http.state import Air
from jeonju.export.rows import measured
from jeonju.storage.port import Series

MOST_NAMED: Final = 1000


@dataclass(frozen=True)
class SpanQuery:
    """What is said of the readings that are wanted."""

    air: Air
    start: Annotated[Instant | None, Query(description="First instant; a day before `end` by default.")] = None
    end: Annotated[Instant | None, Query(description="End, not included; now by default.")] = None
    device: Annotated[list[str] | None, Query(description="One or several devices; all by default.")] = None
    quantity: Annotated[list[str] | None, Query(description="One or several quantities; all by default.")] = None
    site: str | None = None

    def wanted(self, *, longest: timedelta | None = None) -> Series:
        """Return it for the store. Raises HTTPException 422 for what cannot be, or is too long."""
        until = self.end or self.air.now() + timedelta(seconds=1)
        since = self.start or until - timedelta(days=1)
        if since >= until:
            raise HTTPException(422, "start must be before end")
        if longest is not None and until - since > longest:
            raise HTTPException(
                422, f"start must be at most {longest.days} days before end; /api/v1/export sends any span"
            )
        if unknown := sorted(set(self.quantity or ()) - QUANTITY.keys()):
            raise HTTPException(422, f"quantity: {', '.join(unknown)[:200]} is not known; see /api/v1/quantities")
        if len(self.device or ()) > MOST_NAMED:
            raise HTTPException(422, f"device: at most {MOST_NAMED} can be named; without any, all are answered")
        return Series(
            site=self.site or self.air.site.name,
            start=since,
            end=until,
            devices=tuple(self.device or ()),
            quantities=tuple(self.quantity or ()),
        )

    def keys(self) -> Sequence[str]:
        """Return which quantities have a column."""
        return self.quantity or measured(self.air.site, self.device or ())

    def check_devices(self) -> None:
        """Raise HTTPException 422 for a device that neither the site file nor the store knows."""
        if not self.device:
            return
        site = self.site or self.air.site.name
        known = {record.device for record in self.air.store.devices(site)}
        if site == self.air.site.name:
            known |= {device.name for device in self.air.site.devices}
        if unknown := sorted(set(self.device) - known):
            raise HTTPException(422, f"device: {', '.join(unknown)[:200]} is not known; see /api/v1/devices")


Span = Annotated[SpanQuery, Depends()]
