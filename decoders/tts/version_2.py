"""Uplinks of The Things Network before The Things Stack (version 2), which bridges and archives still send."""

from typing import Any

from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, refuse_other
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.lorawan import level_after, put_place, strongest
from jeonju.decoders.lorawan_codecs import put_decoded
from jeonju.decoders.message import Message
from jeonju.decoders.times import first_time, instant, site_time


def is_uplink(content: dict[str, Any]) -> bool:
    """Tell whether a message is an uplink of version 2; its other events name the device otherwise."""
    return "dev_id" in content and isinstance(content.get("metadata"), dict)


def is_field(message: Message) -> bool:
    """Tell whether a message repeats one field of an uplink, on a topic of its own: {app}/devices/{device}/up/{field}."""
    above, _, below = message.topic.partition("/devices/")
    _, event, field = (*below.split("/", 2), "", "")[:3]
    return event == "up" and field not in ("", "normalized") and "v3" not in above.split("/")


def decode_uplink(content: dict[str, Any], message: Message, gateway: Gateway) -> Decoding:
    """Return what an uplink says. The place in its metadata is the device's, as its owner registered it; what it sends itself stands."""
    refuse_other(content.get("dev_id"), level_after(message, "devices"))
    serial = content.get("hardware_serial")
    device = serial.lower() if isinstance(serial, str) and serial else str(content["dev_id"])
    metadata, gathered = content["metadata"], Gathered()
    at = first_time(site_time(gateway, content), instant(metadata.get("time"), gateway.timezone))
    put_place(gathered, device, at, metadata)
    if isinstance(fields := content.get("payload_fields"), dict):
        put_decoded(gathered, device, at, fields, gateway, "/payload_fields")
    best = strongest(metadata.get("gateways"))
    for key in ("rssi", "snr"):
        gathered.put_raw(device, at, key, best.get(key))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()
