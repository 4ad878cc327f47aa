"""The kinds of entities: their properties, and how they are linked (OGC 18-088, clause 8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

SEPARATOR: Final = "@"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind: its names, its properties in the order in which they are shown, and for each link the kind it leads to.

    A link whose name is that of an entity set leads to many.
    """

    name: str
    entity_set: str
    properties: tuple[str, ...]
    links: Mapping[str, str]


@dataclass(frozen=True)
class Entity:
    """One entity; `about` is what it was made of."""

    kind: Kind
    id: str
    properties: Mapping[str, Any]
    about: Any = field(default=None, compare=False)


def _kind(name: str, entity_set: str, properties: str, **links: str) -> Kind:
    return Kind(
        name=name, entity_set=entity_set, properties=tuple(properties.split()), links=MappingProxyType(dict(links))
    )


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            _kind(
                "Thing",
                "Things",
                "name description properties",
                Locations="Location",
                HistoricalLocations="HistoricalLocation",
                Datastreams="Datastream",
            ),
            _kind(
                "Location",
                "Locations",
                "name description encodingType location properties",
                Things="Thing",
                HistoricalLocations="HistoricalLocation",
            ),
            _kind("HistoricalLocation", "HistoricalLocations", "time", Thing="Thing", Locations="Location"),
            _kind(
                "Datastream",
                "Datastreams",
                "name description observationType unitOfMeasurement properties",
                Thing="Thing",
                Sensor="Sensor",
                ObservedProperty="ObservedProperty",
                Observations="Observation",
            ),
            _kind("Sensor", "Sensors", "name description encodingType metadata properties", Datastreams="Datastream"),
            _kind(
                "ObservedProperty",
                "ObservedProperties",
                "name definition description properties",
                Datastreams="Datastream",
            ),
            _kind(
                "Observation",
                "Observations",
                "phenomenonTime result resultTime resultQuality parameters",
                Datastream="Datastream",
                FeatureOfInterest="FeatureOfInterest",
            ),
            _kind(
                "FeatureOfInterest",
                "FeaturesOfInterest",
                "name description encodingType feature properties",
                Observations="Observation",
            ),
        )
    }
)
SETS: Final[Mapping[str, Kind]] = MappingProxyType({kind.entity_set: kind for kind in KINDS.values()})
OBSERVATION: Final = KINDS["Observation"]
HISTORICAL: Final = KINDS["HistoricalLocation"]
# Made of readings, of which there is no end.
TIMED: Final = frozenset({OBSERVATION.name, HISTORICAL.name})


def link_of(kind: Kind, name: str) -> str | None:
    """Return the link of a kind that a name means, also by the other number (`Datastreams` for `Datastream`); None for none."""
    if name in kind.links:
        return name
    return next((link for link, target in kind.links.items() if name in (target, KINDS[target].entity_set)), None)


def leads_to_many(link: str) -> bool:
    """Return whether a link leads to a collection."""
    return link in SETS
