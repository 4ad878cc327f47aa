"""NGSI-LD and NGSI v2: entities as context brokers notify of them, after the Smart Data Models. See README.md beside this file."""

import re
from functools import partial
from typing import Any, Final

from jeonju.airquality.pollutants import QUANTITY
from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import PLACE_KEYS, Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import in_entry, key_of, named_device
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.message import Message
from jeonju.decoders.ngsi_ld.entities import entities, instances, member, value_of
from jeonju.decoders.numbers import number
from jeonju.decoders.times import When, first_time, instant, site_time

# Attributes of the Smart Data Models and our keys, with the unit that the model gives them.
KEY_OF_ATTRIBUTE: Final = {
    "atmosphericPressure": ("pressure", "hPa"),
    "barometricPressure": ("pressure", "hPa"),
    "batteryLevel": ("battery", "1"),
    "LAeq": ("noise", "dB"),
    "relativeHumidity": ("humidity", "1"),
    "windDirection": ("wind_direction", "°"),
    "windSpeed": ("wind_speed", "m/s"),
}
# UN/CEFACT's common codes of units (recommendation 20), as `unitCode`.
UNIT_OF_CODE: Final = {
    "2N": "dB",
    "59": "ppm",
    "61": "ppb",
    "A97": "hPa",
    "CEL": "°C",
    "DBM": "dBm",
    "DD": "°",
    "FAH": "°F",
    "GP": "mg/m³",
    "GQ": "µg/m³",
    "HPA": "hPa",
    "KEL": "K",
    "KMH": "km/h",
    "KPA": "kPa",
    "KNT": "kn",
    "MBR": "hPa",
    "MTR": "m",
    "MTS": "m/s",
    "P1": "%",
    "PAL": "Pa",
    "VLT": "V",
    "2Z": "mV",
    "C62": "1",
}
# A gas without a unit may be in ppm or µg/m³: nobody knows. Carbon dioxide is in ppm everywhere.
UNIT_NOT_SAID: Final = "not said"
# What an entity is of, in this order, before its own id: of many the id is made anew for each observation.
REFERENCES: Final = ("refDevice", "refPointOfInterest", "refWeatherStation")
_TIME_AT_END: Final = re.compile(r"[-:_./]?(?:19|20)\d\d-?\d\d-?\d\d[T_]\d[\d:.-]*(?:Z|[-+]\d\d:?\d\d)?")
# Levels of the model Device from 0 to 1; -1 where they cannot be determined. Signals in dBm are far below.
LEVELS: Final = ("batteryLevel", "rssi")
UNKNOWN_LEVEL: Final = -1
# Words of types whose values are not measured, or not of the air.
FORECAST: Final = "Forecast"
OTHER_MEDIA: Final = frozenset(("Water", "Phreatic", "Soil", "Sea", "Sewer", "Impact", "Emission"))
OF_THE_DEVICE: Final = frozenset(("battery", "voltage", "rssi", "snr", *PLACE_KEYS))
_WORD: Final = re.compile("[A-Z][a-z0-9]*")
# Members that say when an entity was observed, an interval's end first; the last are those of IoT agents and of the models of IUDX.
OBSERVED: Final = ("dateObservedTo", "dateObserved", "observedAt", "observationDateTime", "TimeInstant", "timestamp")
# Metadata of a value that say when it was observed; dateModified is of the broker.
TIMES_OF_VALUE: Final = ("TimeInstant", "timestamp", "dateObserved", "time")
_NOT_MEASURED: Final = frozenset(("id", "type", "@context", "@id", "@type", "location", "address", *OBSERVED))
MOST_ENTITIES: Final = 10_000


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the values of all entities of a message; raises RejectedError for values of an entity that nothing names."""
    content, gathered = message.json(), Gathered()
    found = list(entities(content, ""))
    if len(found) > MOST_ENTITIES:
        raise RejectedError(f"more than {MOST_ENTITIES} entities in one message")
    for path, entity in found:
        _add(gathered, path, entity, content, gateway)
    if found and all(FORECAST in _words(entity) for _, entity in found):
        return gathered.decoding(nothing="forecast")
    return gathered.decoding(nothing="no-quantity" if found else "no-entity")


def _add(gathered: Gathered, path: str, entity: dict[str, Any], content: Any, gateway: Gateway) -> None:
    device = _device(entity, content, gateway)
    if device is None:
        if KEY_OF_ATTRIBUTE.keys().isdisjoint(entity) and says_nothing(
            entity, gateway, partial(in_entry, entity, path)
        ):
            return
        raise RejectedError("has an entity without an id, and the site file names no device")
    of_site = first_time(site_time(gateway, entity), site_time(gateway, content))
    observed = _observed(entity, gateway)
    skip, words = _NOT_MEASURED | _mapped(gateway, path), _words(entity)
    medium = next((f"{word}." for word in words if word in OTHER_MEDIA), "")
    for full_name, attribute in entity.items() if FORECAST not in words else ():
        spend()
        name = re.split(r"[/#]", full_name)[-1]
        if name in skip:
            continue
        for item in instances(attribute):
            spend()
            at = first_time(of_site, _said_at(item, gateway), observed)
            _add_attribute(gathered, device, at, name, item, medium)
    look_up = partial(in_entry, entity, path)
    gathered.put_mapped(device, first_time(of_site, observed), gateway, lambda pointer: value_of(look_up(pointer)))
    if FORECAST not in words:
        _put_place(gathered, device, first_time(of_site, observed), entity.get("location"))


def _put_place(gathered: Gathered, device: str, at: When, location: Any) -> None:
    """Add the place of an entity: a point of GeoJSON, longitude first, or the older `geo:point`, a text with the latitude first."""
    place = value_of(location)
    if isinstance(place, dict):
        point = place.get("coordinates") if place.get("type") == "Point" else None
    else:
        point = place.split(",")[::-1] if isinstance(place, str) and member(location, "type") == "geo:point" else None
    if isinstance(point, list) and len(point) > 1:
        gathered.put(device, at, "longitude", number(point[0]))
        gathered.put(device, at, "latitude", number(point[1]))


def _mapped(gateway: Gateway, path: str) -> frozenset[str]:
    """Return the attributes that the mapping takes care of, whether it points at them or into them."""
    pointers = (entry.pointer.removeprefix(path) for entry in gateway.mapping)
    return frozenset(pointer.split("/")[1] for pointer in pointers if pointer.startswith("/"))


def _words(entity: dict[str, Any]) -> list[str]:
    """Return the words of an entity's type: Water, Quality and Observed of WaterQualityObserved."""
    said = entity.get("type", entity.get("@type"))
    kinds = said if isinstance(said, list) else [said]
    return [word for kind in kinds if isinstance(kind, str) for word in _WORD.findall(re.split(r"[/#]", kind)[-1])]


def _add_attribute(gathered: Gathered, device: str, at: When, name: str, attribute: Any, medium: str) -> None:
    """Add what an attribute says. Of another medium than the air it is no quantity of ours, and kept under its own name."""
    value = value_of(attribute)
    key, unit = KEY_OF_ATTRIBUTE.get(name) or (key_of(name), None)
    if key is None or (medium and key not in OF_THE_DEVICE):
        if not isinstance(value, str):
            gathered.put(device, at, medium + name if key else name, number(value))
        return
    if (code := _unit_said(attribute)) is not None:
        unit = UNIT_OF_CODE.get(code.upper(), code)
    elif name in LEVELS and (level := number(value)) is not None and UNKNOWN_LEVEL <= level <= 1:
        value, unit = None if level == UNKNOWN_LEVEL else level, "1"
    elif unit is None and key != "co2" and key in QUANTITY and QUANTITY[key].molar_mass_g_mol is not None:
        unit = UNIT_NOT_SAID
    if key == "humidity" and (share := number(value)) is not None and 0 < share <= 1:
        # Models give a share, and examples of them a share beside the unit of percent; air is never so dry.
        unit = "1"
    elif code is None and unit == "1" and (number(value) or 0.0) > 1:
        unit = "%"
    gathered.put_raw(device, at, key, value, unit=unit)


def _unit_said(attribute: Any) -> str | None:
    """Return the unit that an attribute gives, or in NGSI v2 its metadata."""
    for holder in (attribute, member(attribute, "metadata")):
        for name in ("unitCode", "unit", "unitText"):
            if isinstance(said := value_of(member(holder, name)), str) and said.strip():
                return said.strip()
    return None


def _observed(entity: dict[str, Any], gateway: Gateway) -> When:
    """Return when an entity was observed, of an interval its end."""
    times = []
    for name in OBSERVED:
        value = value_of(entity.get(name))
        if isinstance(value, str) and "T" in value:
            value = value.rpartition("/")[2]
        times.append(instant(value, gateway.timezone))
    return first_time(*times)


def _said_at(attribute: Any, gateway: Gateway) -> When:
    """Return the attribute's own time: `observedAt`, or what the metadata of NGSI v2 say."""
    if not isinstance(attribute, dict):
        return None
    of_v2 = (value_of(member(attribute.get("metadata"), name)) for name in TIMES_OF_VALUE)
    return first_time(*(instant(said, gateway.timezone) for said in (attribute.get("observedAt"), *of_v2)))


def _device(entity: dict[str, Any], content: Any, gateway: Gateway) -> str | None:
    """Return what the site file says, else what the entity refers to, else its id; without `urn:ngsi-ld:{type}:`, and without a time at its end."""
    if gateway.device is not None:
        try:
            return named_device(gateway, entity)
        except RejectedError:
            return named_device(gateway, content)
    for name in (*REFERENCES, "id", "@id"):
        said = value_of(entity.get(name))
        said = said[0] if isinstance(said, list) and said else said
        if isinstance(said, str) and said.strip():
            parts = said.split(":", 3)
            own = parts[3] if said.startswith("urn:ngsi-ld:") and len(parts) > 3 else said
            # An interval has two.
            own = _without_time(_without_time(own))
            if own:
                return own
    return None


def _without_time(name: str) -> str:
    end = name[-40:]
    found = list(_TIME_AT_END.finditer(end))
    return name[: len(name) - len(found[-1][0])] if found and found[-1].end() == len(end) else name
