"""sensor.community (airRohr firmware): one object with a list of named values. See README.md beside this file."""

from typing import Any, Final

from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, named_device, number

# After a sensor's prefix: P0 is PM1, P1 is PM10, P2 is PM2.5. Without a prefix P1 and P2 are counts of another sensor.
OF_PARTICLES: Final = {"P0": "pm1", "P1": "pm10", "P2": "pm25"}
PARTICLE_SENSORS: Final = ("SDS", "PMS", "HPM", "NPM", "IPS", "SPS30")
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
    device = _device(content, gateway)
    gathered = Gathered()
    values = content.get("sensordatavalues")
    for one in values if isinstance(values, list) else []:
        if not isinstance(one, dict) or (key := _key(str(one.get("value_type", "")))) is None:
            continue
        value = number(one.get("value"))
        gathered.put(device, None, key, value / 100 if key == "pressure" and value is not None else value)
    gathered.put_mapped(device, None, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _device(content: dict[str, Any], gateway: Gateway) -> str:
    for chip in ("esp8266", "esp32"):
        if isinstance(own := content.get(f"{chip}id"), str | int) and str(own):
            return f"{chip}-{own}"
    return named_device(gateway, content)


def _key(value_type: str) -> str | None:
    sensor, _, kind = value_type.partition("_")
    if kind in OF_PARTICLES:
        return OF_PARTICLES[kind] if sensor in PARTICLE_SENSORS else None
    return OTHERS.get(kind) or OTHERS.get(value_type)
