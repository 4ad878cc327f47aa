"""From entity to entity: what has an id, what a link leads to, and which values a path has."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from fastapi import HTTPException

from jeonju.api.devices import Device, micros, place_of
from jeonju.api.sensorthings.city import City, Datastream
from jeonju.api.sensorthings.expression import ExpressionError, Node, paths_of
from jeonju.api.sensorthings.kinds import HISTORICAL, KINDS, OBSERVATION, TIMED, Entity, Kind, leads_to_many, link_of
from jeonju.api.sensorthings.timed import (
    TimedSet,
    historical,
    observation,
    read_moving_id,
    read_observation_id,
)
from jeonju.api.windows import Reader, TooMuchError

Several = list[Entity] | TimedSet
_CONTROL: Final = {"id": "@iot.id", "@iot.id": "@iot.id", "selfLink": "@iot.selfLink", "@iot.selfLink": "@iot.selfLink"}


class Graph:
    """The entities of a city and their links, for one request."""

    def __init__(self, city: City, reader: Reader) -> None:
        self.city, self._reader = city, reader

    def everything(self, kind: Kind) -> Several:
        """Return the set of a kind."""
        if kind is OBSERVATION:
            return TimedSet(kind=kind, streams=tuple(self.city.datastreams.values()))
        if kind is HISTORICAL:
            return TimedSet(kind=kind, devices=tuple(one for one in self.city.devices.values() if one.is_moving))
        return self.city.all_of(kind.name)

    def find(self, kind: Kind, entity_id: str) -> Entity | None:
        """Return the entity of an id, None where there is none."""
        city = self.city
        if kind is OBSERVATION:
            return self._observation(entity_id)
        device = city.devices.get(entity_id)
        if kind is HISTORICAL or (kind.name in ("Location", "FeatureOfInterest") and device is None):
            return self._past_place(kind, entity_id)
        if kind.name == "Datastream":
            stream = city.datastreams.get(entity_id)
            return None if stream is None else city.datastream(stream)
        if kind.name == "ObservedProperty":
            return city.observed_property(entity_id) if entity_id in city.keys else None
        if device is None:
            return None
        if kind.name == "Thing":
            return city.thing(device)
        if kind.name == "Sensor":
            return city.sensor(device) if device.keys else None
        if kind.name == "Location":
            return city.location(device) if device.place is not None else None
        return city.feature(device, None)

    def related(self, entity: Entity, link: str) -> Entity | Several | None:
        """Return what a link of an entity leads to: one, or several."""
        match entity.kind.name:
            case "Thing":
                return self._of_device(entity.about, link)
            case "Sensor":
                return [self.city.datastream(Datastream(entity.about, key)) for key in entity.about.keys]
            case "ObservedProperty":
                streams = self.city.datastreams.values()
                return [self.city.datastream(stream) for stream in streams if stream.key == entity.about]
            case "Datastream":
                return self._of_stream(entity.about, link)
            case "Observation":
                stream, row = entity.about
                return self.city.datastream(stream) if link == "Datastream" else self.city.feature(stream.device, row)
            case "HistoricalLocation":
                device, row = entity.about
                return self.city.thing(device) if link == "Thing" else [self.city.location(device, row)]
            case "Location":
                device, row = entity.about
                return self._of_location(device, row, link)
        return self._of_feature(*entity.about)

    def values(self, entity: Entity, segments: tuple[str, ...]) -> list[Any]:
        """Return every value of a path, as expressions take it. Raises ExpressionError for a path that cannot be followed."""
        first, *rest = segments
        if first in _CONTROL:
            return [entity.id]
        if first in entity.kind.properties:
            return [_plain(_inside(entity.properties.get(first), rest))]
        link = link_of(entity.kind, first)
        if link is None or not rest:
            return [None]
        found = self.related(entity, link)
        if isinstance(found, TimedSet):
            raise ExpressionError(f"looks into all {link} of an entity; filter {found.kind.entity_set} themselves")
        several = found if isinstance(found, list) else [found] if found is not None else []
        return [value for one in several for value in self.values(one, tuple(rest))] or [None]

    def _of_device(self, device: Device, link: str) -> Several:
        if link == "Locations":
            return [self.city.location(device)] if device.place is not None else []
        if link == "HistoricalLocations":
            return TimedSet(kind=HISTORICAL, devices=(device,) if device.is_moving else ())
        return [self.city.datastream(Datastream(device, key)) for key in device.keys]

    def _of_stream(self, stream: Datastream, link: str) -> Entity | Several:
        if link == "Observations":
            return TimedSet(kind=OBSERVATION, streams=(stream,))
        if link == "ObservedProperty":
            return self.city.observed_property(stream.key)
        return self.city.thing(stream.device) if link == "Thing" else self.city.sensor(stream.device)

    def _of_location(self, device: Device, row: dict[str, Any] | None, link: str) -> Several:
        """A past place has no Thing any more, the place where a robot is now belongs to its newest reading."""
        if link == "Things":
            return [self.city.thing(device)] if row is None else []
        at = row if row is not None else device.newest
        if not device.is_moving or at is None or place_of(at) is None:
            return []
        return [historical(device, at)]

    def _of_feature(self, device: Device, row: dict[str, Any] | None) -> TimedSet:
        streams = tuple(Datastream(device, key) for key in device.keys)
        if row is None:
            # What a robot measures belongs to the places where it was.
            return TimedSet(kind=OBSERVATION, streams=() if device.is_moving else streams)
        return TimedSet(kind=OBSERVATION, streams=streams, start_us=micros(row), end_us=micros(row) + 1)

    def _observation(self, entity_id: str) -> Entity | None:
        found = read_observation_id(entity_id)
        stream = self.city.datastreams.get(found[0]) if found else None
        row = self._row(stream.device, found[1]) if found and stream else None
        return observation(stream, row) if stream and row is not None and row[stream.key] is not None else None

    def _past_place(self, kind: Kind, entity_id: str) -> Entity | None:
        found = read_moving_id(entity_id)
        device = self.city.devices.get(found[0]) if found else None
        row = self._row(device, found[1]) if found and device and device.is_moving else None
        if device is None or row is None or place_of(row) is None:
            return None
        if kind is HISTORICAL:
            return historical(device, row)
        return self.city.location(device, row) if kind.name == "Location" else self.city.feature(device, row)

    def _row(self, device: Device, at_us: int) -> dict[str, Any] | None:
        try:
            return self._reader.at(device, at_us)
        except TooMuchError as error:
            raise HTTPException(
                400, "too many single readings are asked for at once; ask in several requests"
            ) from error


def check_paths(kind: Kind, node: Node) -> None:
    """Raise ExpressionError for a path that no entity of a kind has."""
    for path in paths_of(node):
        here, segments = kind, list(path.segments)
        while segments:
            first = segments.pop(0)
            if first in _CONTROL or first in here.properties:
                break
            link = link_of(here, first)
            if link is None:
                known = ", ".join(("id", *here.properties, *here.links))
                raise ExpressionError(f"{here.entity_set} have no {first[:60]!r}; they have {known}")
            here = KINDS[here.links[link]]
            if here.name in TIMED and leads_to_many(link):
                raise ExpressionError(f"looks into all {link} of an entity; filter {here.entity_set} themselves")
            if not segments:
                raise ExpressionError(f"{first} is no value; name one of its properties, such as {first}/id")


def _inside(value: Any, segments: list[str]) -> Any:
    for name in segments:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _plain(value: Any) -> Any:
    """Return a property as expressions take it: numbers are floats."""
    if isinstance(value, (bool, str, datetime, date)) or value is None:
        return value
    return float(value) if isinstance(value, (int, float)) else value
