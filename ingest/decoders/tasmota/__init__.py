"""Tasmota: SENSOR and STATE telemetry, answers to Status 8 and 10, and the last will. See README.md beside this file."""

from typing import Any, Final

from airquality.errors import RejectedError
from airquality.gateways import Gateway, conversion
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, instant, number

# Members of a sensor and our keys. eCO2 is a guess of the driver, CF… are factory values, PB… counts, Gas a resistance.
KEY_OF_MEMBER: Final = {
    "Temperature": "temperature",
    "Humidity": "humidity",
    "Pressure": "pressure",
    "CarbonDioxide": "co2",
    "PM1": "pm1",
    "PM2.5": "pm25",
    "PM10": "pm10",
    "TVOC": "tvoc",
    "VOC": "voc_index",
}
# Some drivers call something else VOC than the index of a Sensirion.
VOC_INDEX_SENSORS: Final = ("SEN5X", "SGP4X", "SGP40", "SGP41")
TEMPERATURE_UNITS: Final = {"C": "°C", "F": "°F", "K": "K"}


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what a device tells; the second level of the topic is its name."""
    levels = message.levels
    if len(levels) < 3:
        raise RejectedError("the topic is not {prefix}/{device}/{kind}")
    device, kind = levels[1], levels[-1]
    if kind == "LWT":
        state = message.payload.decode("utf-8", "replace").strip().lower()
        return Decoding(states=[(device, state)] if state in ("online", "offline") else [])
    if kind not in ("SENSOR", "STATE", "STATUS8", "STATUS10", "STATUS11"):
        return Decoding()
    content = message.object()
    inner = content.get("StatusSNS") or content.get("StatusSTS") or content
    if not isinstance(inner, dict):
        raise RejectedError("StatusSNS is no JSON object")
    at, gathered = instant(inner.get("Time"), gateway.timezone), Gathered()
    if kind in ("STATE", "STATUS11"):
        # RSSI is a quality in percent there, Signal is dBm.
        gathered.put(device, at, "rssi", number(at_pointer(inner, "/Wifi/Signal")))
    else:
        _sensors(gathered, device, at, inner)
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _sensors(gathered: Gathered, device: str, at: Any, content: dict[str, Any]) -> None:
    temperature_unit = TEMPERATURE_UNITS.get(str(content.get("TempUnit", "C")), "°C")
    units = {"temperature": temperature_unit, "pressure": str(content.get("PressureUnit", "hPa"))}
    seen: set[str] = set()
    for name, members in content.items():
        if not isinstance(members, dict):
            continue
        for member, value in members.items():
            key = KEY_OF_MEMBER.get(member)
            if (
                key is None
                or (member == "VOC" and not name.startswith(VOC_INDEX_SENSORS))
                or (amount := number(value)) is None
            ):
                continue
            # The first sensor of a kind counts: a second thermometer is there to correct its own sensor.
            if key not in seen:
                seen.add(key)
                gathered.put(device, at, key, _converted(key, amount, units))


def _converted(key: str, value: float, units: dict[str, str]) -> float | None:
    if key not in units:
        return value
    try:
        scale, offset = conversion(key, units[key])
    except ValueError:
        return None
    return value * scale + offset
