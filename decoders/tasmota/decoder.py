"""Tasmota: SENSOR and STATE telemetry, answers to Status 8 and 10, and the last will. See README.md beside this file."""

from collections.abc import Iterator
from typing import Any, Final

from jeonju.common.errors import RejectedError
from jeonju.contract.extras import LONGEST_NAME
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding, DeviceUpdate
from jeonju.decoders.fields import at_pointer, mapped_names, refuse_long
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import is_absent
from jeonju.decoders.times import When, first_time, instant, site_time

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
BLUETOOTH: Final = "tasmota_ble"
TEMPERATURE_UNITS: Final = {"C": "°C", "F": "°F", "K": "K"}


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return what a device says of the air, of itself, and whether it is online."""
    levels = message.levels
    if len(levels) < 3:
        raise RejectedError("the topic is not {prefix}/{device}/{kind}")
    if BLUETOOTH in levels[:-1]:
        # Sensors that a bridge hears, each on a topic of its own.
        levels = [PREFIXES[0], *levels[levels.index(BLUETOOTH) + 1 :], "SENSOR"]
    prefix, device, kind = *_prefix_and_device(levels), levels[-1]
    if kind == "LWT":
        state = message.payload.decode("utf-8", "replace").strip().lower()
        return Decoding(updates=[DeviceUpdate(device, state)] if state in ("online", "offline") else [])
    if prefix == PREFIXES[-1] or not (kind in ("SENSOR", "STATE") or kind.startswith("STATUS")):
        return Decoding(nothing="command-or-result")
    content, gathered = message.object(), Gathered()
    of_site = site_time(gateway, content)
    # What SENSOR and STATE say comes one level down, at times together, in the answers to `Status`.
    sensors = content.get("StatusSNS", content if kind == "SENSOR" else None)
    status = content.get("StatusSTS", content if kind == "STATE" else None)
    if isinstance(sensors, dict):
        at = first_time(of_site, _time(sensors, gateway))
        _sensors(gathered, device, at, sensors, gateway, "" if sensors is content else "/StatusSNS")
    if isinstance(status, dict):
        # RSSI is a quality in percent there, Signal is dBm.
        at = first_time(of_site, _time(status, gateway))
        gathered.put_raw(device, at, "rssi", at_pointer(status, "/Wifi/Signal"))
        gathered.put_raw(device, at, "voltage", status.get("Vcc"))
    timed = next((part for part in (sensors, status) if isinstance(part, dict)), content)
    at = first_time(of_site, _time(timed, gateway))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _prefix_and_device(levels: list[str]) -> tuple[str, str]:
    """Return the prefix and the device, which is all that stands between prefix and kind; where nothing does, the level before the prefix."""
    at = next((index for index, level in enumerate(levels[:-1]) if level in PREFIXES), 0)
    return levels[at], "/".join(levels[at + 1 : -1]) or levels[at - 1]


def _time(content: dict[str, Any], gateway: Gateway) -> When:
    """Return the message's own time: seconds since 1970 where it sends them beside the local time."""
    return first_time(instant(content.get("Epoch")), instant(content.get("Time"), gateway.timezone))


def _sensors(gathered: Gathered, device: str, at: When, content: dict[str, Any], gateway: Gateway, below: str) -> None:
    temperature_unit = TEMPERATURE_UNITS.get(str(content.get("TempUnit", "C")), "°C")
    units = {"temperature": temperature_unit, "pressure": str(content.get("PressureUnit", "hPa"))[:LONGEST_NAME]}
    seen = set[tuple[str, str]]()
    for name, pointer, members in _groups(content, below):
        spend()
        owner = (name and _heard_by_bluetooth(name, members)) or device
        mapped = mapped_names(gateway, pointer)
        for member, value in members.items():
            spend()
            key = KEY_OF_MEMBER.get(member)
            if member in VOC_INDEX_MEMBERS and name.startswith(VOC_INDEX_SENSORS):
                key = "voc_index"
            # The first sensor of a kind counts: a second thermometer is there to correct its own sensor.
            if key is None or member in mapped or (owner, key) in seen or is_absent(value):
                continue
            seen.add((owner, key))
            gathered.put_raw(owner, at, key, value, unit=units.get(key))


def _groups(content: dict[str, Any], below: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield what may hold values, with the sensor's name and the pointer to it: a Sonoff SC has no sensor's name, an old DS18x20 a further level."""
    yield "", below, content
    for name, members in content.items():
        if isinstance(members, dict) and name not in NOT_THE_DEVICE:
            refuse_long(name)
            yield name, f"{below}/{name}", members
            for inner, values in members.items():
                spend()
                if isinstance(values, dict):
                    refuse_long(inner)
                    yield name, f"{below}/{name}/{inner}", values


def _heard_by_bluetooth(name: str, members: dict[str, Any]) -> str | None:
    """Return the device of a group that is a Bluetooth sensor which the bridge has heard: it has an address of its own."""
    if "mac" not in members:
        return None
    alias = members.get("alias")
    return alias if isinstance(alias, str) and alias.strip() else name
