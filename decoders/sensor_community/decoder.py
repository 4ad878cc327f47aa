"""sensor.community (airRohr firmware): one object with a list of named values. See README.md beside this file."""

from functools import partial
from typing import Any, Final

import msgspec

from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, mapped_names, named_device
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message
from jeonju.decoders.times import site_time

# After a sensor's prefix: P0 is PM1, P1 is PM10, P2 is PM2.5. Without a prefix P1 and P2 are counts of another sensor.
OF_PARTICLES: Final = {"P0": "pm1", "P1": "pm10", "P2": "pm25"}
# The heated inlet dries the air for the particle sensor: what is measured there is not the air outside.
NOT_THE_AIR: Final = "HECA"
OTHERS: Final = {
    "temperature": "temperature",
    "humidity": "humidity",
    "pressure": "pressure",
    "signal": "rssi",
    "co2_ppm": "co2",
    "noise_LAeq": "noise",
    "lat": "latitude",
    "lon": "longitude",
    "height": "altitude",
}


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the values of a push; raises RejectedError where neither the message nor the site file names the device."""
    content = message.object()
    values = content.get("sensordatavalues")
    named = {
        str(member.get("value_type")): member.get("value")
        for member in (values if isinstance(values, list) else [])
        if isinstance(member, dict)
    }
    if not named:
        return Decoding()
    device, at, gathered = _device(content, gateway), site_time(gateway, content), Gathered()
    for member in values if isinstance(values, list) else []:
        if not isinstance(member, dict):
            gathered.reject(
                f"a value must be an object, not {type(member).__name__}", partial(msgspec.json.encode, member)
            )
    mapped = mapped_names(gateway)
    for value_type, text in named.items():
        spend()
        if value_type in mapped or (key := _key(value_type)) is None:
            continue
        gathered.put_raw(device, at, key, text, unit="Pa" if key == "pressure" else None)
    # The place of a value in the list differs from station to station: a pointer may also be `/` and the value's name.
    gathered.put_mapped(device, at, gateway, lambda pointer: named.get(pointer[1:], at_pointer(content, pointer)))
    return gathered.decoding()


def _device(content: dict[str, Any], gateway: Gateway) -> str:
    for chip in ("esp8266", "esp32"):
        if isinstance(own := content.get(f"{chip}id"), str | int) and str(own):
            return f"{chip}-{own}"
    return named_device(gateway, content)


def _key(value_type: str) -> str | None:
    sensor, _, kind = value_type.partition("_")
    if sensor == NOT_THE_AIR:
        return None
    return OF_PARTICLES.get(kind) or OTHERS.get(kind) or OTHERS.get(value_type)
