"""How entities developed: values of a span of time, from readings, or means of intervals (ETSI GS CIM 009, clauses 4.11 and 5.7.3, 5.7.4).

An answer is bounded: where it does not hold all, it is 206 and says in `Content-Range` which span it holds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.devices import EPOCH, place_of
from jeonju.api.http.instants import YEARS
from jeonju.api.http.state import State
from jeonju.api.ngsi.asked import Asked
from jeonju.api.ngsi.entities import Attribute, Entity, geo_attribute, measured_attribute
from jeonju.api.ngsi.models import MAPPED, Mapped
from jeonju.api.ngsi.problems import NgsiError, bad
from jeonju.api.ngsi.rendering import attribute_json, text
from jeonju.api.windows import Reader, TooMuchError
from jeonju.storage.port import Series

# Values in one answer.
MOST_VALUES: Final = 20_000
MOST_LAST: Final = 10_000
MOST_ENTITIES: Final = 200
SHORTEST_S: Final = 60
LONGEST: Final = timedelta(days=400)
_RELATIONS: Final = ("before", "after", "between")
_PERIOD: Final = re.compile(r"P(?:(\d{1,3})D)?(?:T(?:(\d{1,4})H)?(?:(\d{1,5})M)?(?:(\d{1,7})S)?)?")


@dataclass(frozen=True, kw_only=True)
class Span:
    """`start` <= time < `end`; with `last` the newest so many values of every attribute; with `period_s` means of so many seconds."""

    start: datetime
    end: datetime
    last: int | None = None
    period_s: int | None = None


def read_span(query: Mapping[str, str], asked: Asked, now: datetime) -> Span:
    """Return the span of time that a query asks for. Raises NgsiError."""
    if query.get("timeproperty", "observedAt") != "observedAt":
        raise NgsiError("OperationNotSupported", "timeproperty: only observedAt is known")
    relation = query.get("timerel")
    last = query.get("lastN")
    if relation is None and last is None:
        raise bad("name a span: timerel=after&timeAt=2026-03-02T08:00:00Z, between with endTimeAt, before, or lastN=10")
    if relation is not None and relation not in _RELATIONS:
        raise bad(f"timerel: must be one of {', '.join(_RELATIONS)}")
    start, end = EPOCH.replace(year=YEARS[0]), now + timedelta(seconds=1)
    if relation is not None:
        at = _instant(query, "timeAt")
        start, end = (at + timedelta(microseconds=1), end) if relation == "after" else (start, at)
        if relation == "between":
            start, end = at, _instant(query, "endTimeAt")
    if end <= start:
        raise bad("the span ends before it begins")
    if last is not None and not (last.isascii() and last.isdecimal() and 1 <= int(last[:9]) <= MOST_LAST):
        raise bad(f"lastN: must be a number from 1 to {MOST_LAST}")
    period_s = _period(query) if "aggregatedValues" in asked.options else None
    if period_s is not None and end - start > LONGEST * (period_s / SHORTEST_S):
        raise bad(f"means of {period_s} s are given for at most {(LONGEST * (period_s / SHORTEST_S)).days} days")
    return Span(start=start, end=end, last=None if last is None else int(last), period_s=period_s)


class History:
    """The past of some entities; `range` says which span an answer holds, None where it holds all."""

    def __init__(self, air: State, entities: list[Entity], asked: Asked, span: Span) -> None:
        if len(entities) > MOST_ENTITIES:
            raise NgsiError(
                "TooManyResults", f"more than {MOST_ENTITIES} entities; name fewer by id, type, q or georel"
            )
        self._air, self._asked, self._span = air, asked, span
        self._entities = [entity for entity in entities if entity.device is not None]
        self._by_device: dict[str, list[Entity]] = {}
        for entity in self._entities:
            self._by_device.setdefault(entity.device.name if entity.device else "", []).append(entity)
        self._found: dict[str, dict[str, list[Attribute]]] = {entity.id: {} for entity in self._entities}
        self._count = 0
        self.range: str | None = None

    def to_json(self) -> list[dict[str, Any]]:
        """Return those entities that have anything in the span. Raises NgsiError where nothing could be found within bounds."""
        if self._span.period_s is not None:
            self._take_means(self._span.period_s)
        else:
            self._take_values()
        return [made for entity in self._entities if (made := self._entity(entity)) is not None]

    @property
    def _wants_places(self) -> bool:
        return not self._asked.attrs or "location" in self._asked.attrs

    @cached_property
    def _mapped(self) -> dict[str, tuple[Mapped, ...]]:
        names = self._asked.attrs
        return {
            type_: tuple(one for one in every if not names or one.attribute in names) for type_, every in MAPPED.items()
        }

    def _take_values(self) -> None:
        newest_first, latest = self._span.last is not None, None
        try:
            for table in self._tables(newest_first=newest_first):
                for row in table.to_pylist():
                    if self._count >= MOST_VALUES and row["time"] != latest:
                        self._note(latest, newest_first=newest_first)
                        return
                    self._take(row)
                    latest = row["time"]
                if newest_first and self._has_enough():
                    return
        except TooMuchError as error:
            if not self._count:
                raise NgsiError(
                    "TooComplexQuery", "too many readings for one answer; ask for a shorter span, or fewer entities"
                ) from error
            self._note(latest, newest_first=newest_first)

    def _tables(self, *, newest_first: bool) -> Iterator[pa.Table]:
        reader = Reader(self._air.store, self._air.site.name)
        devices = [entities[0].device for entities in self._by_device.values() if entities[0].device is not None]
        keys = {one.key for entity in self._entities for one in self._mapped[entity.type]}
        ordered = [key for key in QUANTITY if key in keys]
        bounds = (_micros(self._span.start), _micros(self._span.end))
        if not devices or not (ordered or self._wants_places):
            return iter(())
        walk = reader.newest_first if newest_first else reader.oldest_first
        return walk(devices, ordered, *bounds)

    def _take(self, row: dict[str, Any]) -> None:
        """Take the values of a reading, of each attribute no more than are wanted."""
        for entity in self._by_device.get(row["device"], ()):
            found = self._found[entity.id]
            for one in self._mapped[entity.type]:
                made = measured_attribute(one, row)
                if made is not None:
                    self._append(found, one.attribute, made)
            if (
                self._wants_places
                and entity.device
                and entity.device.is_moving
                and (place := place_of(row)) is not None
            ):
                self._append(found, "location", geo_attribute(place, row["time"]))

    def _append(self, found: dict[str, list[Attribute]], name: str, made: Attribute) -> None:
        values = found.setdefault(name, [])
        if self._span.last is None or len(values) < self._span.last:
            values.append(made)
            self._count += 1

    def _has_enough(self) -> bool:
        last = self._span.last or 0
        mapped = self._mapped
        return all(
            len(self._found[entity.id].get(one.attribute, ())) >= last
            for entity in self._entities
            for one in mapped[entity.type]
            if one.attribute in entity.attributes
        )

    def _note(self, latest: datetime | None, *, newest_first: bool) -> None:
        if latest is not None:
            ends = (latest, self._span.end) if newest_first else (self._span.start, latest)
            self.range = f"date-time {'-'.join(f'{end.astimezone(UTC):%Y-%m-%dT%H:%M:%S}' for end in ends)}/*"

    def _take_means(self, period_s: int) -> None:
        names = tuple(self._by_device)
        keys = {one.key for entity in self._entities for one in self._mapped[entity.type]}
        if not names or not keys:
            return
        wanted = Series(
            site=self._air.site.name,
            start=self._span.start,
            end=self._span.end,
            devices=names,
            every_s=period_s,
            limit=MOST_VALUES,
            quantities=tuple(keys),
        )
        rows = self._air.store.readings(wanted).to_pylist()
        for row in rows:
            self._take(row)
        if len(rows) >= MOST_VALUES:
            self._note(rows[-1]["time"], newest_first=False)

    def _entity(self, entity: Entity) -> dict[str, Any] | None:
        found = self._found[entity.id]
        if not found:
            return None
        shown = {name: self._values(values) for name, values in found.items()}
        if "location" not in shown and "location" in entity.attributes and not self._asked.attrs:
            shown["location"] = attribute_json(entity.attributes["location"])
        return {"id": entity.id, "type": entity.type, **shown}

    def _values(self, values: list[Attribute]) -> Any:
        if self._span.period_s is not None:
            period = timedelta(seconds=self._span.period_s)
            means = [
                [one.value, text(one.observed_at), text(one.observed_at + period)]
                for one in values
                if one.observed_at is not None
            ]
            return {"type": values[0].kind, "avg": means}
        if "temporalValues" in self._asked.options:
            pairs = [[one.value, text(one.observed_at)] for one in values if one.observed_at is not None]
            return {"type": values[0].kind, "values": pairs}
        return [attribute_json(one) for one in values]


def _instant(query: Mapping[str, str], name: str) -> datetime:
    said = query.get(name, "")
    try:
        at = datetime.fromisoformat(said.replace(" ", "+"))
    except ValueError as error:
        raise bad(f"{name}: needs an instant such as 2026-03-02T08:00:00Z") from error
    if at.tzinfo is None or not YEARS[0] <= at.year <= YEARS[1]:
        raise bad(f"{name}: needs a time zone, and a year from {YEARS[0]} to {YEARS[1]}")
    return at.astimezone(UTC)


def _period(query: Mapping[str, str]) -> int:
    """Return the length of the intervals over which means are taken [s]."""
    if query.get("aggrMethods", "avg") != "avg":
        raise NgsiError("OperationNotSupported", "aggrMethods: only avg is known")
    found = _PERIOD.fullmatch(query.get("aggrPeriodDuration", ""))
    parts = [int(part or 0) for part in found.groups()] if found else []
    period_s = sum(part * unit for part, unit in zip(parts, (86_400, 3600, 60, 1), strict=False))
    if period_s < SHORTEST_S:
        raise bad("aggrPeriodDuration: must be a duration of a minute or more, such as PT1H")
    return period_s


def _micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)
