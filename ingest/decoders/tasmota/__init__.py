"""Tasmota: SENSOR and STATE telemetry, answers to Status 8 and 10, and the last will. See README.md beside this file."""

from datetime import datetime
from typing import Any, Final

from airquality.errors import RejectedError
from airquality.gateways import Gateway, conversion
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, instant, key_of, mapped_names, number

# Members of a sensor that are named otherwise than our keys. eCO2 is a guess of the driver, CF… are factory values, PB… counts, Gas a resistance.
KEY_OF_MEMBER: Final = {"CarbonDioxide": "co2", "VOC": "voc_index", "PM10_0": "pm10"}
# Some drivers call something else VOC than the index of a Sensirion.
VOC_INDEX_SENSORS: Final = ("SEN5X", "SGP4X", "SGP40", "SGP41")
# The chip that the firmware runs on: its temperature is not that of the air.
OWN_CHIP: Final = "ESP32"
COMMANDS: Final = "cmnd"
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
    if levels[0] == COMMANDS or not (kind in ("SENSOR", "STATE") or kind.startswith("STATUS")):
        return Decoding()
    content, gathered = message.object(), Gathered()
    # What SENSOR and STATE say comes one level down, at times together, in the answers to `Status`.
    sensors = content.get("StatusSNS", content if kind == "SENSOR" else None)
    status = content.get("StatusSTS", content if kind == "STATE" else None)
    if isinstance(sensors, dict):
        _sensors(gathered, device, sensors, gateway, "" if sensors is content else "/StatusSNS")
    if isinstance(status, dict):
        # RSSI is a quality in percent there, Signal is dBm.
        gathered.put(device, _time(status, gateway), "rssi", number(at_pointer(status, "/Wifi/Signal")))
    timed = next((one for one in (sensors, status) if isinstance(one, dict)), content)
    gathered.put_mapped(device, _time(timed, gateway), gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _time(content: dict[str, Any], gateway: Gateway) -> datetime | None:
    """Return the message's own time: seconds since 1970 where it sends them beside the local time."""
    return instant(content.get("Epoch")) or instant(content.get("Time"), gateway.timezone)


def _sensors(gathered: Gathered, device: str, content: dict[str, Any], gateway: Gateway, below: str) -> None:
    temperature_unit = TEMPERATURE_UNITS.get(str(content.get("TempUnit", "C")), "°C")
    units = {"temperature": temperature_unit, "pressure": str(content.get("PressureUnit", "hPa"))}
    at, seen = _time(content, gateway), set[str]()
    for name, members in content.items():
        if not isinstance(members, dict) or name == OWN_CHIP:
            continue
        mapped = mapped_names(gateway, f"{below}/{name}")
        for member, value in members.items():
            key = KEY_OF_MEMBER.get(member) or key_of(member)
            # The signal strength of a Bluetooth sensor is not that of the device.
            if (
                key in (None, "rssi")
                or member in mapped
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
