"""The smart data models as tables: which quantity is which attribute, in what range, and what each name means.

Models: AirQualityObserved of dataModel.Environment, WeatherObserved of dataModel.Weather, Alert of dataModel.Alert (smartdatamodels.org).
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from jeonju.airquality.vocabulary import codes_of

AIR: Final = "AirQualityObserved"
WEATHER: Final = "WeatherObserved"
ALERT: Final = "Alert"
CONTEXT_PATH: Final = "/ngsi-ld/v1/context.jsonld"
CORE_CONTEXT: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"


class Mapped(NamedTuple):
    """A quantity as an attribute of a model: the range that its schema allows, and by how much our values are multiplied."""

    key: str
    attribute: str
    minimum: float | None = 0.0
    maximum: float | None = None
    factor: float = 1.0

    @property
    def unit(self) -> tuple[str | None, str]:
        """Codes of the unit in UN/CEFACT Recommendation 20 and in UCUM."""
        codes = codes_of(self.key)
        return ("C62", "1") if self.factor != 1.0 else (codes.cefact, codes.ucum)


MAPPED: Final[Mapping[str, tuple[Mapped, ...]]] = MappingProxyType(
    {
        AIR: (
            Mapped("pm1", "pm1"),
            Mapped("pm25", "pm25"),
            Mapped("pm10", "pm10"),
            Mapped("so2", "so2"),
            Mapped("no2", "no2"),
            Mapped("o3", "o3"),
            Mapped("co", "co"),
            Mapped("co2", "co2"),
            Mapped("h2s", "sh2"),
            # No attributes of the model; it allows others.
            Mapped("nh3", "nh3"),
            Mapped("ch4", "ch4"),
            Mapped("tvoc", "volatileOrganicCompoundsTotal"),
        ),
        WEATHER: (
            Mapped("temperature", "temperature", None),
            # A share from 0 to 1 in the model.
            Mapped("humidity", "relativeHumidity", 0.0, 1.0, 0.01),
            Mapped("pressure", "atmosphericPressure"),
            Mapped("wind_speed", "windSpeed"),
            Mapped("wind_direction", "windDirection", 0.0, 360.0),
        ),
    }
)
TYPES: Final = (*MAPPED, ALERT)

_ENVIRONMENT: Final = "https://smartdatamodels.org/dataModel.Environment/"
_WEATHER: Final = "https://smartdatamodels.org/dataModel.Weather/"
_ALERT: Final = "https://smartdatamodels.org/dataModel.Alert/"
_COMMON: Final = "https://smartdatamodels.org/"
_OWN: Final = "urn:jeonju-air:attribute:"
_OF_ALERT: Final = ("category", "subCategory", "severity", "dateIssued", "validTo", "alertSource")
_INDEX: Final = ("airQualityIndex", "airQualityLevel")
_RELATIONS: Final = ("refDevice", "refWeatherObserved")
_OF_ALL: Final = ("dateObserved", "areaServed", "name", "validFrom")
_OF_OURS: Final = ("nh3", "ch4", "ucum", "quality", "qualityReason", "measuredValue", "descriptionKo")
_TERMS: Final = {
    **{one.attribute: _ENVIRONMENT for one in MAPPED[AIR]},
    **{one.attribute: _WEATHER for one in MAPPED[WEATHER]},
    **dict.fromkeys(_OF_ALERT, _ALERT),
    **dict.fromkeys((*_INDEX, *_RELATIONS), _ENVIRONMENT),
    **dict.fromkeys(_OF_ALL, _COMMON),
    **dict.fromkeys(_OF_OURS, _OWN),
}
TYPE_IRIS: Final[Mapping[str, str]] = MappingProxyType(
    {AIR: f"{_ENVIRONMENT}{AIR}", WEATHER: f"{_WEATHER}{WEATHER}", ALERT: f"{_ALERT}{ALERT}"}
)
TERM_IRIS: Final[Mapping[str, str]] = MappingProxyType(
    {name: f"{base}{name}" for name, base in _TERMS.items()}
    | {"location": "https://uri.etsi.org/ngsi-ld/location", "description": "http://purl.org/dc/terms/description"}
)


def context() -> dict[str, Any]:
    """Return what every name of ours means; the rest is in the core context, which it names."""
    own = {name: iri for name, iri in TERM_IRIS.items() if name not in ("location", "description")}
    relations = {
        name: {"@id": own[name], "@type": "@id"} for name in ("refDevice", "refWeatherObserved", "alertSource")
    }
    return {"@context": [{**TYPE_IRIS, **own, **relations}, CORE_CONTEXT]}


def short_type(name: str) -> str:
    """Return the short name of a type that is given in full or short."""
    return next((short for short, iri in TYPE_IRIS.items() if iri == name), name)


def short_term(name: str) -> str:
    """Return the short name of an attribute that is given in full or short."""
    return next((short for short, iri in TERM_IRIS.items() if iri == name), name)
