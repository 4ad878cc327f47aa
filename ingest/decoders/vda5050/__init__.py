"""VDA 5050 states, visualizations and connections of robots, versions 2 and 3. See README.md beside this file."""

import math
from typing import Any

from airquality.errors import RejectedError
from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, instant, number

BROKEN = ("OFFLINE", "CONNECTIONBROKEN", "CONNECTION_BROKEN")
ALIVE = ("ONLINE", "HIBERNATING")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return battery, voltage and speed, or the state of the connection; orders and factsheets are not readings.

    x, y and theta are in the robot's own map, which nobody tied to the ground: no place, no heading.
    """
    kind = message.levels[-1]
    if kind not in ("state", "visualization", "connection"):
        return Decoding()
    content = message.object()
    device = _device(content, message)
    if kind == "connection":
        state = content.get("connectionState")
        return Decoding(states=[(device, "online" if state in ALIVE else "offline")] if state in ALIVE + BROKEN else [])
    at, gathered = instant(content.get("timestamp")), Gathered()
    for key, pointers in (
        ("battery", ("/powerSupply/stateOfCharge", "/batteryState/batteryCharge")),
        ("voltage", ("/powerSupply/batteryVoltage", "/batteryState/batteryVoltage")),
    ):
        gathered.put(
            device, at, key, next((v for p in pointers if (v := number(at_pointer(content, p))) is not None), None)
        )
    vx, vy = (number(at_pointer(content, f"/velocity/{axis}")) for axis in ("vx", "vy"))
    if vx is not None or vy is not None:
        gathered.put(device, at, "speed", math.hypot(vx or 0.0, vy or 0.0))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _device(content: dict[str, Any], message: Message) -> str:
    """Header members may be missing: then the topic, …/{manufacturer}/{serial}/{kind}, names the robot."""
    levels = message.levels
    of_topic = levels[-3:-1] if len(levels) >= 3 else ["", ""]
    maker, serial = (
        content.get(name) or part for name, part in zip(("manufacturer", "serialNumber"), of_topic, strict=True)
    )
    if not maker or not serial:
        raise RejectedError("names no robot: manufacturer and serialNumber are missing, in the topic too")
    return f"{maker}/{serial}"
