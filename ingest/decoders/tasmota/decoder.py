"""Tasmota: SENSOR and STATE telemetry, answers to Status 8 and 10, and the last will. See README.md beside this file."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway, conversion
from jeonju.ingest.decoded import Decoding, DeviceUpdate
from jeonju.ingest.decoders.fields import Gathered, at_pointer, mapped_names, number
from jeonju.ingest.decoders.times import instant, site_time
from jeonju.ingest.message import Message

# Members of a sensor and our keys. eCO2 is a guess of the driver, CF… are factory values, PB… counts, Gas a resistance, RSSI a Bluetooth sensor's.
KEY_OF_MEMBER: Final = {
    "Temperature": "temperature",
    "Humidity": "humidity",
    "Pressure": "pressure",
    "CarbonDioxide": "co2",
    "PM1": "pm1",
    "PM1.0": "pm1",
    "PM1_0": "pm1",
    "PM2.5": "pm25",
    "PM2_5": "pm25",
    "PM10": "pm10",
    "PM10_0": "pm10",
    "TVOC": "tvoc",
    "Battery": "battery",
    "Voltage": "voltage",
}
# Sensirion's VOC index has these names at its drivers; TVOC of others is in ppb, VOC of others another thing.
VOC_INDEX_SENSORS: Final = ("SEN5", "SEN6", "SGP4")
VOC_INDEX_MEMBERS: Final = ("VOC", "TVOC", "AirQuality")
# The chip that the firmware runs on, whose temperature is not that of the air, and what a Zigbee bridge hears of other devices.
NOT_THE_DEVICE: Final = ("ESP32", "ZbReceived")
# What a topic begins with, or has second. The last is for commands to the device.
PREFIXES: Final = ("tele", "stat", "cmnd")
TEMPERATURE_UNITS: Final = {"C": "°C", "F": "°F", "K": "K"}


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what a device says of the air, of itself, and whether it is online."""
    levels = message.levels
    if len(levels) < 3:
        raise RejectedError("the topic is not {prefix}/{device}/{kind}")
    prefix, device, kind = *_prefix_and_device(levels), levels[-1]
    if kind == "LWT":
        state = message.payload.decode("utf-8", "replace").strip().lower()
        return Decoding(updates=[DeviceUpdate(device, state)] if state in ("online", "offline") else [])
    if prefix == PREFIXES[-1] or not (kind in ("SENSOR", "STATE") or kind.startswith("STATUS")):
        return Decoding()
    content, gathered = message.object(), Gathered()
    of_site = site_time(gateway, content)
    # What SENSOR and STATE say comes one level down, at times together, in the answers to `Status`.
    sensors = content.get("StatusSNS", content if kind == "SENSOR" else None)
    status = content.get("StatusSTS", content if kind == "STATE" else None)
    if isinstance(sensors, dict):
        at = of_site or _time(sensors, gateway)
        _sensors(gathered, device, at, sensors, gateway, "" if sensors is content else "/StatusSNS")
    if isinstance(status, dict):
        # RSSI is a quality in percent there, Signal is dBm.
        at = of_site or _time(status, gateway)
        gathered.put(device, at, "rssi", number(at_pointer(status, "/Wifi/Signal")))
        gathered.put(device, at, "voltage", number(status.get("Vcc")))
    timed = next((part for part in (sensors, status) if isinstance(part, dict)), content)
    at = of_site or _time(timed, gateway)
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _prefix_and_device(levels: list[str]) -> tuple[str, str]:
    """Return the prefix and the device, which follows it, as the second level usually; where nothing does but the kind, it is before it."""
    at = 1 if levels[1] in PREFIXES and levels[0] not in PREFIXES else 0
    return levels[at], levels[at + 1] if at + 2 < len(levels) else levels[at - 1]


def _time(content: dict[str, Any], gateway: Gateway) -> datetime | None:
    """Return the message's own time: seconds since 1970 where it sends them beside the local time."""
    return instant(content.get("Epoch")) or instant(content.get("Time"), gateway.timezone)


def _sensors(
    gathered: Gathered, device: str, at: datetime | None, content: dict[str, Any], gateway: Gateway, below: str
) -> None:
    temperature_unit = TEMPERATURE_UNITS.get(str(content.get("TempUnit", "C")), "°C")
    units = {"temperature": temperature_unit, "pressure": str(content.get("PressureUnit", "hPa"))}
    seen = set[str]()
    for name, pointer, members in _groups(content, below):
        mapped = mapped_names(gateway, pointer)
        for member, value in members.items():
            key = KEY_OF_MEMBER.get(member)
            if member in VOC_INDEX_MEMBERS and name.startswith(VOC_INDEX_SENSORS):
                key = "voc_index"
            if key is None or member in mapped or (amount := number(value)) is None:
                continue
            # The first sensor of a kind counts: a second thermometer is there to correct its own sensor.
            if key not in seen:
                seen.add(key)
                gathered.put(device, at, key, _converted(key, amount, units))


def _groups(content: dict[str, Any], below: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what may hold values, with the sensor's name and the pointer to it: a Sonoff SC has no sensor's name, an old DS18x20 a further level."""
    yield "", below, content
    for name, members in content.items():
        if isinstance(members, dict) and name not in NOT_THE_DEVICE:
            yield name, f"{below}/{name}", members
            for inner, values in members.items():
                if isinstance(values, dict):
                    yield name, f"{below}/{name}/{inner}", values


def _converted(key: str, value: float, units: dict[str, str]) -> float | None:
    if key not in units:
        return value
    try:
        scale, offset = conversion(key, units[key])
    except ValueError:
        return None
    return value * scale + offset
