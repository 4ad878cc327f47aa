"""What LoRaWAN network servers have in common: receptions by several gateways, the place of a device, and topics that name devices."""

import re
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.fields import key_of, mapped_names
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import number
from jeonju.decoders.times import When, instant

# What a device had kept while nobody heard it: a list of objects, each with its time.
HISTORY: Final = "history"
TIME: Final = "timestamp"
# Beside the moisture of the soil, and without a humidity of the air, the temperature is that of the soil.
MOISTURE: Final = frozenset(("moisture", "soil_moisture", "soilMoisture", "soil_humidity", "soilHumidity"))
OF_SOIL: Final = "soil_temperature"
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


def level_after(message: Message, name: str) -> str:
    """Return the level of the topic that follows a name, for bodies that do not say whose they are; empty where there is none."""
    _, _, rest = message.topic.partition(f"/{name}/")
    return rest.partition("/")[0]


def strongest(receptions: Any) -> dict[str, Any]:
    """Return the reception with the highest RSSI, of those that have one; the place of a gateway is nobody's reading."""
    heard = (
        [reception for reception in receptions if isinstance(reception, dict)] if isinstance(receptions, list) else []
    )
    return max(heard, key=_rssi, default={})


def put_place(gathered: Gathered, device: str, at: When, place: Any) -> None:
    """Add where a device itself is."""
    if isinstance(place, dict):
        for key in ("latitude", "longitude", "altitude"):
            gathered.put_raw(device, at, key, place.get(key))


def put_decoded(
    gathered: Gathered, device: str, at: When, members: dict[str, Any], gateway: Gateway, pointer: str
) -> None:
    """Add what a codec returns, which stands at a pointer: members by their names, and what the device had kept, each at its own time."""
    skip = mapped_names(gateway, pointer)
    below = {
        entry.pointer[len(pointer) + 1 :].partition("/")[0]
        for entry in gateway.mapping
        if entry.pointer.startswith(pointer + "/")
    }
    named = _without_channels(members, below)
    gathered.put_named(device, at, named if "temperature" in skip else _with_soil(named), skip=skip)
    kept = members.get(HISTORY)
    if not isinstance(kept, list) or HISTORY in below:
        return
    for entry in kept:
        spend()
        if not isinstance(entry, dict):
            continue
        if isinstance(then := instant(entry.get(TIME), gateway.timezone), datetime):
            rest = {name: value for name, value in entry.items() if name != TIME}
            gathered.put_named(device, then, _with_soil(rest))
        else:
            gathered.reject(f"an entry of {HISTORY!r} has no {TIME!r}", partial(msgspec.json.encode, entry))


def _without_channels(members: dict[str, Any], mapped: set[str]) -> dict[str, Any]:
    """Return members with what has one channel under the name of our quantity; of several channels nobody knows which is in the air."""
    found, rest = dict[str, dict[str, Any]](), dict[str, Any]()
    for name, value in members.items():
        if name not in mapped and name in ABOVE_CHANNELS and isinstance(value, dict):
            for channel, one in value.items():
                spend()
                found.setdefault(ABOVE_CHANNELS[name], {})[f"{name}_{channel}"] = one
        elif name not in mapped and (match := _WITH_CHANNEL.fullmatch(name)) and match[1] in BEFORE_CHANNEL:
            found.setdefault(BEFORE_CHANNEL[match[1]], {})[name] = value
        else:
            rest[name] = value
    said = {key_of(name) for name in rest}
    for key, channels in found.items():
        (first, *others) = channels.values()
        if others or key in said:
            rest |= channels
        elif key != PLACE:
            rest[key] = first
        elif isinstance(first, dict):
            rest |= {name: first[name] for name in ("latitude", "longitude", "altitude") if name in first}
    return rest


def _with_soil(members: dict[str, Any]) -> dict[str, Any]:
    if MOISTURE.isdisjoint(members) or "humidity" in members or OF_SOIL in members:
        return members
    return {OF_SOIL if name == "temperature" else name: value for name, value in members.items()}


def _rssi(reception: dict[str, Any]) -> float:
    rssi = number(reception.get("rssi"))
    return -1e9 if rssi is None else rssi
