"""VDA 5050 states, visualizations and connections of robots, versions 2 and 3. See README.md beside this file."""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding, DeviceUpdate
from jeonju.decoders.fields import at_pointer, named_device, refuse_other
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import is_absent, number
from jeonju.decoders.times import first_time, instant, site_time

# Version 1.0 writes connectionBroken as well.
STATES: Final = {
    "ONLINE": "online",
    "HIBERNATING": "online",
    "OFFLINE": "offline",
    "CONNECTIONBROKEN": "offline",
    "CONNECTION_BROKEN": "offline",
}
# As drafts of version 1 and their ROS messages have it.
OLD_TIMESTAMP: Final = "timeStamp"
# Such a topic names the robot; others are as their vendors like.
OF_STANDARD: Final = re.compile(r"(.+/)?v\d+/[^/]+/[^/]+/[^/]+")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return battery, voltage and speed, or the state of the connection; orders and factsheets hold none of them.

    The members decide, as topics differ by vendor. x, y and theta are in the robot's own map, which nobody tied to the ground: no place, no heading.
    """
    content = message.object()
    state = STATES.get(str(content.get("connectionState")).upper())
    if state is not None and message.levels[-1] not in ("state", "visualization"):
        return Decoding(updates=[DeviceUpdate(_device(content, message, gateway), state)])
    look_up = partial(at_pointer, content)
    values: dict[str, Any] = {
        "battery": _first(look_up, "/powerSupply/stateOfCharge", "/batteryState/batteryCharge"),
        "voltage": _first(look_up, "/powerSupply/batteryVoltage", "/batteryState/batteryVoltage"),
    }
    # Robots that do not measure them fill the members with a charge of -1 and a voltage of 0.0.
    if (number(values["battery"]) or 0.0) < 0:
        del values["battery"]
    if number(values["voltage"]) == 0:
        del values["voltage"]
    vx, vy = (number(look_up(f"/velocity/{axis}")) for axis in ("vx", "vy"))
    if vx is not None or vy is not None:
        values["speed"] = math.hypot(vx or 0.0, vy or 0.0)
    if says_nothing(values, gateway, look_up):
        return Decoding()
    device, at, gathered = (
        _device(content, message, gateway),
        first_time(
            site_time(gateway, content), instant(content.get("timestamp", content.get(OLD_TIMESTAMP)), gateway.timezone)
        ),
        Gathered(),
    )
    for key, value in values.items():
        gathered.put_raw(device, at, key, value)
    gathered.put_mapped(device, at, gateway, look_up)
    return gathered.decoding()


def _first(look_up: Callable[[str], Any], *pointers: str) -> Any:
    return next((value for pointer in pointers if not is_absent(value := look_up(pointer))), None)


def _device(content: dict[str, Any], message: Message, gateway: Gateway) -> str:
    """Return `manufacturer/serial`: of the header or, where members are missing, of the topic …/{manufacturer}/{serial}/{kind}.

    Raises RejectedError where they name different robots.
    """
    levels = message.levels
    of_topic = levels[-3:-1] if len(levels) >= 3 else ["", ""]
    if OF_STANDARD.fullmatch(message.topic):
        for name, part in zip(("manufacturer", "serialNumber"), of_topic, strict=True):
            refuse_other(content.get(name), part)
    maker, serial = (
        content.get(name) or part for name, part in zip(("manufacturer", "serialNumber"), of_topic, strict=True)
    )
    return f"{maker}/{serial}" if maker and serial else named_device(gateway, content)
