"""What codecs of LoRaWAN devices return: members under the names of their makers, channels, lists of measurements, and what a device had kept."""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final

import msgspec

from jeonju.contract.extras import LONGEST_NAME
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.fields import key_of, mapped_names
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.numbers import number
from jeonju.decoders.times import When, instant

# What a device had kept while nobody heard it: a list of objects, each with its time.
HISTORY: Final = "history"
TIME: Final = "timestamp"
# Beside what a probe in soil or water says, and without a humidity of the air, the temperature is that of the probe.
OF_A_PROBE: Final = frozenset(
    (
        "moisture",
        "soilmoisture",
        "soilhumidity",
        "ec",
        "conductivity",
        "electricalconductivity",
        "volumetricwatercontent",
        "waterdepth",
        "waterlevel",
        "turbidity",
        "dissolvedoxygen",
    )
)
OTHER_TEMPERATURES: Final = frozenset(("soiltemperature", "watertemperature"))
PROBE: Final = "probe_temperature"
# Names that mean one quantity only, in lower case and without underscores.
OTHER_NAMES: Final = {
    "airtemperature": "temperature",
    "ambienttemperature": "temperature",
    "airhumidity": "humidity",
    "relativehumidity": "humidity",
    "atmosphericpressure": "pressure",
    "barometricpressure": "pressure",
    "airpressure": "pressure",
    "batteryvoltage": "voltage",
    "volt": "voltage",
    "hum": "humidity",
    "humi": "humidity",
    "totalvoc": "tvoc",
}
# Short for the temperature, of a chip perhaps; beside a humidity it is that of the air.
SHORT: Final = "temp"
_CONCENTRATION: Final = re.compile("(.+?)_(?:mass_)?concentration")
# Cayenne's low power payload, which servers decode themselves: names with a channel behind them (The Things Stack), or above channels (ChirpStack).
PLACE: Final = "gps"
BEFORE_CHANNEL: Final = {
    "temperature": "temperature",
    "humidity": "humidity",
    "relative_humidity": "humidity",
    "barometer": "pressure",
    "barometric_pressure": "pressure",
    "gps": PLACE,
}
ABOVE_CHANNELS: Final = {
    "temperatureSensor": "temperature",
    "humiditySensor": "humidity",
    "barometer": "pressure",
    "gpsLocation": PLACE,
}
_WITH_CHANNEL: Final = re.compile("([a-z_]+)_[0-9]{1,3}")
# SenseCAP lists measurements by the numbers of their kinds, and its battery.
LISTED: Final = "messages"
NUMBER, VALUE = "measurementId", "measurementValue"
OF_NUMBER: Final = {
    "4097": ("temperature", "°C"),
    "4098": ("humidity", "%"),
    "4100": ("co2", "ppm"),
    "4101": ("pressure", "Pa"),
    "4104": ("wind_direction", "°"),
    "4105": ("wind_speed", "m/s"),
}
# No battery has a thousand volts, and none is given as a part of a percent up to five: that is its voltage.
LEAST_MV: Final = 1000
MOST_V: Final = 5


def put_decoded(
    gathered: Gathered, device: str, at: When, members: dict[str, Any], gateway: Gateway, pointer: str
) -> None:
    """Add what a codec returns, which stands at a pointer: members by their names, and what the device had kept, each at its own time."""
    skip = mapped_names(gateway, pointer)
    mapped = {
        entry.pointer[len(pointer) + 1 :].partition("/")[0]
        for entry in gateway.mapping
        if entry.pointer.startswith(pointer + "/")
    }
    gathered.put_named(device, at, _in_our_names(members, mapped), skip=skip)
    kept = members.get(HISTORY)
    if not isinstance(kept, list) or HISTORY in mapped:
        return
    for entry in kept:
        spend()
        if not isinstance(entry, dict):
            continue
        if isinstance(then := instant(entry.get(TIME), gateway.timezone), datetime):
            rest = {name: value for name, value in entry.items() if name != TIME}
            gathered.put_named(device, then, _in_our_names(rest, set()))
        else:
            gathered.reject(f"an entry of {HISTORY!r} has no {TIME!r}", partial(msgspec.json.encode, entry))


def _in_our_names(members: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members under the names of our quantities where they are clear; what the mapping points at or into stays as it is."""
    named = _without_channels(members, mapped)
    if "temperature" not in mapped:
        named = _with_the_right_temperature(named, mapped)
    battery, voltage = number(named.get("battery")), number(named.get("voltage"))
    if voltage is not None and voltage >= LEAST_MV and "voltage" not in mapped:
        named["voltage"] = {"value": voltage, "unit": "mV"}
    if battery is not None and 0 < battery < MOST_V and not battery.is_integer() and "battery" not in mapped:
        named = {"voltage": battery} | {name: value for name, value in named.items() if name != "battery"}
    return named


def _with_the_right_temperature(named: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members of which `temperature` is that of the air: not that of a probe, and also where it is called `temp` beside a humidity."""
    words = {_understood(name)[0] for name in named}
    if "humidity" in words:
        short = next((name for name in named if _understood(name)[0] == SHORT and name not in mapped), None)
        if short is not None and "temperature" not in words:
            return {"temperature" if name == short else name: value for name, value in named.items()}
    elif not OF_A_PROBE.isdisjoint(words) and OTHER_TEMPERATURES.isdisjoint(words):
        return {PROBE if key_of(name) == "temperature" else name: value for name, value in named.items()}
    return named


def _understood(name: str) -> tuple[str, str | None]:
    """Return a name in lower case and without underscores, and the quantity that it means here."""
    # What senders make up must not fill the memory of the cache.
    return _known(name) if len(name) <= LONGEST_NAME else (name, None)


@lru_cache(maxsize=10_000)
def _known(name: str) -> tuple[str, str | None]:
    plain = name.replace("_", "").lower()
    if measured := _CONCENTRATION.fullmatch(name):
        return plain, key_of(measured[1])
    match = _WITH_CHANNEL.fullmatch(name)
    return plain, BEFORE_CHANNEL.get(match[1]) if match else OTHER_NAMES.get(plain)


def _may_mean(name: str) -> bool:
    return name == LISTED or name in ABOVE_CHANNELS or _understood(name)[1] is not None


def _without_channels(members: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members with what is said once under the name of our quantity; of several channels nobody knows which is in the air."""
    found, rest = dict[str, dict[str, Any]](), dict[str, Any]()
    for name, value in members.items():
        meant = [] if name in mapped or not _may_mean(name) else list(_meant(name, value))
        for key, said, one in meant:
            channels = found.setdefault(key, {})
            channels[f"{said}_{len(channels) + 1}" if said in channels else said] = one
        if not meant:
            rest[name] = value
    known = {key_of(name) for name in rest} if found else set()
    for key, channels in found.items():
        (first, *others) = channels.values()
        if others or key in known:
            rest |= channels
        elif key != PLACE:
            rest[key] = first
        elif isinstance(first, dict):
            rest |= {name: first[name] for name in ("latitude", "longitude", "altitude") if name in first}
    return rest


def _meant(name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Yield key, name and value of the quantities that a member means, whether channels stand behind its name, below it, or not."""
    if name == LISTED and isinstance(value, list):
        yield from _listed(value)
    elif name in ABOVE_CHANNELS and isinstance(value, dict):
        for channel, one in value.items():
            spend()
            yield ABOVE_CHANNELS[name], f"{name}_{channel}", one
    elif (key := _understood(name)[1]) is not None:
        yield key, name, value


def _listed(messages: list[Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield key, name and value of the measurements in a list, or in the lists of one."""
    for message in messages:
        spend()
        if isinstance(message, list):
            yield from _listed([inner for inner in message if isinstance(inner, dict)])
        elif isinstance(message, dict) and NUMBER in message and VALUE in message:
            said = str(message[NUMBER])
            key, unit = OF_NUMBER.get(said, (f"measurement_{said}", None))
            value = message[VALUE]
            yield key, f"measurement_{said}", value if unit is None else {"value": value, "unit": unit}
        elif isinstance(message, dict) and "battery" in message:
            yield "battery", "battery", message["battery"]
