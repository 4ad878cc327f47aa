"""sensor.community (airRohr firmware): one object with a list of named values. See README.md beside this file."""

from functools import partial
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import at_pointer, mapped_names, named_device
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.lorawan import put_place
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import is_absent
from jeonju.decoders.times import first_time, instant, site_time

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


# Values without a prefix are those of one sensor in answers of the interface, which name it; this one counts particles.
COUNTS: Final = "PPD42NS"


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the values of a push, or of all sensors in an answer; raises RejectedError where nothing of it names its device."""
    content, gathered = message.json(), Gathered()
    if isinstance(content, dict):
        _add(gathered, content, content, gateway)
        return gathered.decoding()
    if not isinstance(content, list):
        raise RejectedError(f"must be a JSON object or a list of them, not {type(content).__name__}")
    for item in content:
        spend()
        alone = partial(msgspec.json.encode, [item])
        if not isinstance(item, dict):
            gathered.reject(f"an item must be an object, not {type(item).__name__}", alone)
            continue
        try:
            _add(gathered, item, content, gateway)
        except RejectedError as error:
            gathered.reject(str(error), alone)
    return gathered.decoding()


def _add(gathered: Gathered, content: dict[str, Any], whole: Any, gateway: Gateway) -> None:
    values = content.get("sensordatavalues")
    named = {
        str(member.get("value_type")): member.get("value")
        for member in (values if isinstance(values, list) else [])
        if isinstance(member, dict)
    }
    if not named:
        return
    device, is_mass = _device(content, gateway), _is_mass(content)
    at = first_time(site_time(gateway, content), instant(content.get("timestamp"), gateway.timezone or "UTC"))
    for member in values if isinstance(values, list) else []:
        if not isinstance(member, dict):
            gathered.reject(
                f"a value must be an object, not {type(member).__name__}", partial(msgspec.json.encode, member)
            )
    mapped, seen = mapped_names(gateway), set[str]()
    for value_type, text in named.items():
        spend()
        key = OF_PARTICLES.get(value_type) if is_mass else None
        # Of two thermometers the first counts: those of pressure sensors are there to correct them.
        if value_type in mapped or (key := key or _key(value_type)) is None or key in seen or is_absent(text):
            continue
        seen.add(key)
        gathered.put_raw(device, at, key, text, unit="Pa" if key == "pressure" else None)
    put_place(gathered, device, at, content.get("location"))
    # The place of a value in the list differs from station to station: a pointer may also be `/` and the value's name.
    gathered.put_mapped(device, at, gateway, lambda pointer: named.get(pointer[1:], at_pointer(whole, pointer)))


def _is_mass(content: dict[str, Any]) -> bool:
    """Tell whether P1 and P2 are masses, as the kind of sensor says."""
    kind = at_pointer(content, "/sensor/sensor_type/name")
    return isinstance(kind, str) and kind.strip().upper() not in ("", COUNTS)


def _device(content: dict[str, Any], gateway: Gateway) -> str:
    for chip in ("esp8266", "esp32"):
        if isinstance(own := content.get(f"{chip}id"), str | int) and str(own):
            return f"{chip}-{own}"
    number = at_pointer(content, "/sensor/id")
    if gateway.device is None and isinstance(number, str | int) and str(number):
        return str(number)
    return named_device(gateway, content)


def _key(value_type: str) -> str | None:
    sensor, _, kind = value_type.partition("_")
    if sensor == NOT_THE_AIR:
        return None
    return OF_PARTICLES.get(kind) or OTHERS.get(kind) or OTHERS.get(value_type)
