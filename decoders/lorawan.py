"""What LoRaWAN network servers have in common: receptions by several gateways, the place of a device, and topics that name devices."""

from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.fields import mapped_names
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
    gathered.put_named(device, at, members if "temperature" in skip else _with_soil(members), skip=skip)
    kept = members.get(HISTORY)
    if not isinstance(kept, list) or any(entry.pointer.startswith(f"{pointer}/{HISTORY}") for entry in gateway.mapping):
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


def _with_soil(members: dict[str, Any]) -> dict[str, Any]:
    if MOISTURE.isdisjoint(members) or "humidity" in members or OF_SOIL in members:
        return members
    return {OF_SOIL if name == "temperature" else name: value for name, value in members.items()}


def _rssi(reception: dict[str, Any]) -> float:
    rssi = number(reception.get("rssi"))
    return -1e9 if rssi is None else rssi
