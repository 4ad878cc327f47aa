"""What LoRaWAN network servers have in common: receptions by several gateways, the place of a device, and topics that name devices."""

from typing import Any

from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import number
from jeonju.decoders.times import When


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


def _rssi(reception: dict[str, Any]) -> float:
    rssi = number(reception.get("rssi"))
    return -1e9 if rssi is None else rssi
