"""ChirpStack v4 events: uplinks with decoded objects, battery status and solved locations. See README.md beside this file."""

from typing import Any

from airquality.errors import RejectedError
from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, instant, mapped_names, number

EVENTS = ("up", "status", "location", "join", "ack", "txack", "log", "integration")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what an event says of its device; joins, acknowledgements and logs say nothing of the air."""
    content = message.object()
    event = message.levels[-1]
    if event not in EVENTS:
        event = "up"
    if event not in ("up", "status", "location"):
        return Decoding()
    device, at, gathered = _device(content), instant(content.get("time")), Gathered()
    if event == "up":
        if isinstance(members := content.get("object"), dict):
            gathered.put_named(device, at, members, skip=mapped_names(gateway, "/object"))
        best = strongest(content.get("rxInfo"))
        for key in ("rssi", "snr"):
            gathered.put(device, at, key, number(best.get(key)))
    elif event == "status":
        if not content.get("externalPowerSource") and not content.get("batteryLevelUnavailable"):
            gathered.put(device, at, "battery", number(content.get("batteryLevel")))
    else:
        put_place(gathered, device, at, content.get("location"))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _device(content: dict[str, Any]) -> str:
    eui = at_pointer(content, "/deviceInfo/devEui")
    if not isinstance(eui, str) or not eui:
        raise RejectedError("names no device: deviceInfo.devEui is missing")
    return eui.lower()


def strongest(receptions: Any) -> dict[str, Any]:
    """Return the reception with the highest RSSI, of those that have one; the place of a gateway is nobody's reading."""
    heard = [one for one in receptions if isinstance(one, dict)] if isinstance(receptions, list) else []
    return max(heard, key=_rssi, default={})


def _rssi(reception: dict[str, Any]) -> float:
    rssi = number(reception.get("rssi"))
    return -1e9 if rssi is None else rssi


def put_place(gathered: Gathered, device: str, at: Any, place: Any) -> None:
    """Add where a device itself is."""
    if isinstance(place, dict):
        for key in ("latitude", "longitude", "altitude"):
            gathered.put(device, at, key, number(place.get(key)))
