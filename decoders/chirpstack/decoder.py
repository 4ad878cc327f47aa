"""ChirpStack events, of version 4 and 3: uplinks with decoded objects, battery status and solved locations. See README.md beside this file."""

import base64
import re
from typing import Any, Final

from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, inner_document, refuse_other
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.lorawan import level_after, put_place, strongest
from jeonju.decoders.lorawan_codecs import put_decoded
from jeonju.decoders.message import Message
from jeonju.decoders.times import first_time, instant, site_time

# What says nothing of the air; `down` is a command to a device.
SILENT = ("join", "ack", "txack", "log", "integration", "down")

# What a codec in the form of The Things Stack returns, where ChirpStack 3 passes it on as a whole.
RESULT: Final = frozenset(("data", "errors", "warnings"))

_EUI_IN_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{11}=")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what an event says of its device; joins, acknowledgements and logs say nothing of the air."""
    content = message.object()
    event = message.levels[-1]
    if event in SILENT:
        return Decoding(nothing=event)
    device, gathered = _device(content, message), Gathered()
    # Version 3 says only when the server passed the event on, and that only of late.
    said = (instant(content.get(name), gateway.timezone) for name in ("time", "publishedAt"))
    at = first_time(site_time(gateway, content), *said)
    if event == "status":
        if not content.get("externalPowerSource") and not content.get("batteryLevelUnavailable"):
            gathered.put_raw(device, at, "battery", content.get("batteryLevel"))
    elif event == "location":
        put_place(gathered, device, at, content.get("location"))
    else:
        decoded = "object" if "object" in content else "objectJSON"  # a text, as ChirpStack 3 writes it beside Base64
        members, pointer = inner_document(content.get(decoded)), f"/{decoded}"
        if isinstance(members, dict) and members.keys() <= RESULT and isinstance(members.get("data"), dict):
            members, pointer = members["data"], f"{pointer}/data"
        if isinstance(members, dict):
            put_decoded(gathered, device, at, members, gateway, pointer)
        best = strongest(content.get("rxInfo"))
        gathered.put_raw(device, at, "rssi", best.get("rssi"))
        gathered.put_raw(device, at, "snr", best.get("snr", best.get("loRaSNR")))  # as ChirpStack 3 calls it
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _device(content: dict[str, Any], message: Message) -> str:
    # The devEUI of ChirpStack 3 may be Base64; its topic says it in hexadecimal, unless a gateway's own server has topics of its own.
    said, of_topic = at_pointer(content, "/deviceInfo/devEui"), level_after(message, "device")
    refuse_other(said.lower() if isinstance(said, str) else None, of_topic.lower())
    for eui in (said, of_topic, content.get("devEUI")):
        if isinstance(eui, str) and eui:
            return _hexadecimal(eui)
    return ""


def _hexadecimal(eui: str) -> str:
    """Return an EUI in hexadecimal; ChirpStack 3 writes its eight bytes in Base64, after the rules of Protocol Buffers."""
    if _EUI_IN_BASE64.fullmatch(eui):
        return base64.b64decode(eui).hex()
    return eui.lower()
