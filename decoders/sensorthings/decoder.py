"""OGC SensorThings API over MQTT: Observations, alone or within their Datastream and Thing. See README.md beside this file."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final, NamedTuple

from jeonju.airquality.units import unit_of
from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import in_entry, key_of, named_device
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import is_absent, number
from jeonju.decoders.times import When, first_time, instant, site_time

# How observed properties are called, folded, besides by our own keys; those of the EEA are numbers of its vocabulary of pollutants.
KEY_OF_PROPERTY: Final = {
    "airtemperature": "temperature",
    "ambienttemperature": "temperature",
    "outdoortemperature": "temperature",
    "relativehumidity": "humidity",
    "airhumidity": "humidity",
    "relativeairhumidity": "humidity",
    "airpressure": "pressure",
    "atmosphericpressure": "pressure",
    "barometricpressure": "pressure",
    "surfaceairpressure": "pressure",
    "particulatematter1": "pm1",
    "particulatematter25": "pm25",
    "particulatematter10": "pm10",
    "carbondioxide": "co2",
    "carbonmonoxide": "co",
    "nitrogendioxide": "no2",
    "sulphurdioxide": "so2",
    "sulfurdioxide": "so2",
    "ozone": "o3",
    "ammonia": "nh3",
    "hydrogensulphide": "h2s",
    "hydrogensulfide": "h2s",
    "methane": "ch4",
    "windspeed": "wind_speed",
    "winddirection": "wind_direction",
    "windfromdirection": "wind_direction",
    "soundpressurelevel": "noise",
    "soundlevel": "noise",
    "batterylevel": "battery",
    "batteryvoltage": "voltage",
    "pollutant/1": "so2",
    "pollutant/5": "pm10",
    "pollutant/7": "o3",
    "pollutant/8": "no2",
    "pollutant/10": "co",
    "pollutant/35": "nh3",
    "pollutant/6001": "pm25",
}
_ID: Final = "@iot.id"
_LINK: Final = "@iot.navigationLink"
_FOLDED: Final = re.compile(r"[^a-z0-9]+")
# A pollutant's name may begin with its class, a wind's with its height.
_LAST_STEPS: Final = re.compile(r"(?:.*/)?(pollutant/[0-9]+)/?")
# An instant, or begin and end of what was averaged (ISO 8601, section 4.4); an end may be open.
_INTERVAL: Final = re.compile(r"([^/]*\dT?[^/]*)/([^/]+)")
_OPEN: Final = ".."
MOST_OBSERVATIONS: Final = 10_000


class Observed(NamedTuple):
    """An Observation with what is known around it. `path` leads to it in the message."""

    path: str
    content: dict[str, Any]
    stream: dict[str, Any]
    thing: dict[str, Any]


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the results of all Observations of a message; raises RejectedError for what is no entity of SensorThings."""
    content, gathered = message.json(), Gathered()
    found = list(_observations(content, "", {}, {}))
    if len(found) > MOST_OBSERVATIONS:
        raise RejectedError(f"more than {MOST_OBSERVATIONS} observations in one message")
    for item in found:
        _add(gathered, item, content, message, gateway)
    return gathered.decoding() if gathered or gathered.rejected.count else Decoding(nothing=_kind(content))


def _kind(content: Any) -> str:
    """Return why a message says nothing: it is another entity, or nobody says what its Observations are of."""
    return "unknown-property" if isinstance(content, dict) and "result" in content else "no-observation"


def _observations(
    content: Any, path: str, stream: dict[str, Any], thing: dict[str, Any], depth: int = 0
) -> Iterator[Observed]:
    """Yield all Observations of an entity, or of a list of them, with the Datastream and Thing that they are expanded in or that hold them."""
    spend()
    if isinstance(content, list) and depth < 8:
        for index, entity in enumerate(content):
            yield from _observations(entity, f"{path}/{index}", stream, thing, depth + 1)
    elif isinstance(content, dict) and depth < 8:
        if "result" in content:
            own = _member(content, "Datastream") or _member(content, "MultiDatastream") or stream
            yield Observed(path, content, own, thing | _member(own, "Thing"))
            return
        if isinstance(rows := content.get("dataArray"), list):
            yield from _rows(rows, content, path, thing)
            return
        for name in ("value", "Things", "Datastreams", "MultiDatastreams", "Observations"):
            of_thing = content if name.endswith("Datastreams") else thing | _member(content, "Thing")
            of_stream = content if name == "Observations" else stream
            if isinstance(inner := content.get(name), list):
                yield from _observations(inner, f"{path}/{name}", of_stream, of_thing, depth + 1)


def _rows(rows: list[Any], content: dict[str, Any], path: str, thing: dict[str, Any]) -> Iterator[Observed]:
    """Yield the Observations of a Datastream that come as rows, with their components' names beside them (15-078r6, section 13)."""
    link, names = content.get(f"Datastream{_LINK}"), content.get("components")
    stream = _member(content, "Datastream") or ({_LINK: link} if isinstance(link, str) else {})
    for index, row in enumerate(rows):
        spend()
        if isinstance(row, list) and isinstance(names, list):
            entity = {name: value for name, value in zip(names, row, strict=False) if isinstance(name, str)}
            if "result" in entity:
                yield Observed(f"{path}/dataArray/{index}", entity, stream, thing | _member(stream, "Thing"))


def _add(gathered: Gathered, item: Observed, content: Any, message: Message, gateway: Gateway) -> None:
    at = first_time(site_time(gateway, item.content), site_time(gateway, content), _time(item.content, gateway))
    mapped = [
        (entry, value)
        for entry in gateway.mapping
        if (pointer := _within(entry.pointer, item, message)) is not None
        and not is_absent(value := in_entry(item.content, item.path, pointer))
    ]
    parts = [] if mapped else list(_parts(item))
    if not mapped and not parts:
        return
    device = _device(item, content, gateway)
    for entry, value in mapped:
        gathered.put_entry(device, at, entry, value, unit=_unit(item.stream.get("unitOfMeasurement")))
    for key, value, unit in parts:
        gathered.put_raw(device, at, key, value, unit=unit)
    _put_place(gathered, device, at, item)


def _within(pointer: str, item: Observed, message: Message) -> str | None:
    """Return a pointer that leads into this Observation.

    One may begin with its Datastream as the topic or the Observation itself names it, such as `/Datastreams(7)/result`.
    """
    step, _, rest = pointer[1:].partition("/")
    if step.endswith(")"):
        first = step.replace("~1", "/").replace("~0", "~")
        return f"/{rest}" if first in message.levels or first in _names(item.stream) else None
    if pointer.startswith(f"{item.path}/") or re.fullmatch(r"/(?:result(?:/.*)?|parameters/.*)", pointer):
        return pointer
    return None


def _names(stream: dict[str, Any]) -> tuple[str, ...]:
    """Return how pointers may call a Datastream, by its id or the end of a link to it."""
    known, link = stream.get(_ID), stream.get(_LINK)
    last = link.rpartition("/")[2] if isinstance(link, str) else ""
    return (last, *(f"{kind}Datastreams({name})" for kind in ("", "Multi") for name in (known, f"'{known}'")))


def _parts(item: Observed) -> Iterator[tuple[str, Any, str | None]]:
    """Yield key, value and unit of what an Observation measures, as far as its Datastream says it."""
    properties, units = item.stream.get("ObservedProperties"), item.stream.get("unitOfMeasurements")
    result = item.content["result"]
    if isinstance(properties, list) and isinstance(result, list):
        for index, (observed, value) in enumerate(zip(properties, result, strict=False)):
            unit = units[index] if isinstance(units, list) and index < len(units) else None
            if (key := _key(observed)) is not None:
                yield key, value, _unit(unit)
        return
    key = _key(item.stream.get("ObservedProperty")) or _key({"name": item.stream.get("name")})
    if key is not None:
        yield key, result, _unit(item.stream.get("unitOfMeasurement"))


def _key(observed: Any) -> str | None:
    """Return our key for an observed property by its name, else by the end of its definition; a name that only holds one is none."""
    spend()
    if not isinstance(observed, dict):
        return None
    name, definition = observed.get("name"), observed.get("definition")
    candidates = [name] if isinstance(name, str) else []
    if isinstance(definition, str):
        numbered = _LAST_STEPS.fullmatch(definition)
        candidates.append(numbered[1] if numbered else re.split(r"[/#:]", definition.rstrip("/"))[-1])
    for text in candidates:
        known = key_of(text) or KEY_OF_PROPERTY.get(text) or KEY_OF_PROPERTY.get(_FOLDED.sub("", text.lower()))
        if known is not None:
            return known
    return None


def _unit(described: Any) -> str | None:
    """Return the unit of a Datastream: its symbol, else its name or the end of its definition; as it is written where none of them is known."""
    if not isinstance(described, dict):
        return None
    texts = [text for name in ("symbol", "name", "definition") if isinstance(text := described.get(name), str) and text]
    ends = [re.split(r"[#:]", text)[-1] if "://" in text or ":" in text else text for text in texts]
    return next((text for text in ends if unit_of(text)), texts[0] if texts else None)


def _time(content: dict[str, Any], gateway: Gateway) -> When:
    """Return when it was, else when the result was there; of an interval the end."""
    return first_time(*(_instant(content.get(name), gateway) for name in ("phenomenonTime", "resultTime")))


def _instant(value: Any, gateway: Gateway) -> When:
    if isinstance(value, str) and "T" in value and (found := _INTERVAL.fullmatch(value)):
        begin, end = found.groups()
        value = begin if end == _OPEN else end
    return instant(value, gateway.timezone)


def _device(item: Observed, content: Any, gateway: Gateway) -> str:
    """Return what the site file says, else the Thing: its id, or its name."""
    if gateway.device is not None:
        try:
            return named_device(gateway, item.content)
        except RejectedError:
            return named_device(gateway, content)
    for name in (_ID, "name"):
        if (said := item.thing.get(name)) and isinstance(said, str | int):
            return str(said)
    raise RejectedError("names no device: it holds no Thing, and the site file says no `device`")


def _put_place(gathered: Gathered, device: str, at: When, item: Observed) -> None:
    """Add where it was measured, else where the Thing is: GeoJSON, longitude first."""
    locations = item.thing.get("Locations")
    of_thing = locations[0] if isinstance(locations, list) and locations else None
    for place in (
        _member(item.content, "FeatureOfInterest").get("feature"),
        _member({"": of_thing}, "").get("location"),
    ):
        shape = place.get("geometry", place) if isinstance(place, dict) else None
        point = shape.get("coordinates") if isinstance(shape, dict) and shape.get("type") == "Point" else None
        if isinstance(point, list) and len(point) > 1 and None not in (number(point[0]), number(point[1])):
            put = partial(gathered.put, device, at)
            put("longitude", number(point[0]))
            put("latitude", number(point[1]))
            return


def _member(content: dict[str, Any], name: str) -> dict[str, Any]:
    inner = content.get(name)
    return inner if isinstance(inner, dict) else {}
