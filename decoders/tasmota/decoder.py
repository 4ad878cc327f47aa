"""Tasmota: SENSOR and STATE telemetry, answers to Status 8 and 10, and the last will. See README.md beside this file."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

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
    "BatteryPercentage": "battery",
    "Voltage": "voltage",
}
# Sensirion's VOC index has these names at its drivers; TVOC of others is in ppb, VOC of others another thing.
VOC_INDEX_SENSORS: Final = ("SEN5", "SEN6", "SGP4")
VOC_INDEX_MEMBERS: Final = ("VOC", "TVOC", "AirQuality")
# What has a thermometer that is not in the air: the chip that the firmware runs on, those of motion and of meters, a pool and soil.
NOT_THE_AIR: Final = ("ESP32", "MPU", "BL09", "NeoPool", "seesaw_soil")
# Beside what a probe in the soil says, the humidity is that of the soil; what meters energy has a thermometer of its own.
OF_SOIL: Final = ("Fertility", "Moisture")
METER: Final = "ENERGY"
# What a bridge hears of others (Zigbee, Matter, LoRaWAN), each under its name or address; the battery of LoRaWAN is in volts or percent.
HEARD: Final = ("ZbReceived", "ZbInfo", "MtrReceived", "LwReceived")
NOT_OF_HEARD: Final = {"LwReceived": ("Battery",)}
# Bluetooth sensors that older firmware hears are called by their kind and the end of their address: LYWSD03-52680f.
HEARD_BY_BLUETOOTH: Final = re.compile(r"\w+-[0-9a-f]{6}")
# What a topic begins with, or has second. The last is for commands to the device.
PREFIXES: Final = ("tele", "stat", "cmnd")
BLUETOOTH: Final = "tasmota_ble"
KEY_OF_UNIT_MEMBER: Final = {"TempUnit": "temperature", "PressureUnit": "pressure", "SpeedUnit": "wind_speed"}
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
    if prefix == PREFIXES[-1] or not (kind in ("SENSOR", "STATE", *HEARD) or kind.startswith("STATUS")):
        return Decoding(nothing="command-or-result")
    content, gathered = message.object(), Gathered()
    of_site = site_time(gateway, content)
    # What SENSOR and STATE say comes one level down, at times together, in the answers to `Status`.
    sensors = content.get("StatusSNS", content if kind in ("SENSOR", *HEARD) else None)
    status = content.get("StatusSTS", content if kind == "STATE" else None)
    if isinstance(sensors, dict):
        at = first_time(of_site, _time(sensors, gateway))
        groups = (
            _heard(kind, content, "") if kind in HEARD else _groups(sensors, "" if sensors is content else "/StatusSNS")
        )
        _put_groups(gathered, device, at, groups, sensors, gateway)
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


class Group(NamedTuple):
    """What may hold values: the sensor's name, the pointer to it, whose it is ("" for the device itself), and what of it is left aside."""

    name: str
    pointer: str
    members: dict[str, Any]
    owner: str = ""
    aside: tuple[str, ...] = ()


def _put_groups(
    gathered: Gathered, device: str, at: When, groups: Iterator[Group], content: dict[str, Any], gateway: Gateway
) -> None:
    seen, of_all = set[tuple[str, str]](), _units(content, {})
    for group in groups:
        spend()
        owner, units = group.owner or device, _units(group.members, of_all)
        mapped = mapped_names(gateway, group.pointer)
        for member, key, value in _values(group, is_wind="SpeedUnit" in content):
            spend()
            # The first sensor of a kind counts: a second thermometer is there to correct its own sensor.
            if member in mapped or member in group.aside or (owner, key) in seen or is_absent(value):
                continue
            seen.add((owner, key))
            gathered.put_raw(owner, at, key, value, unit=units.get(key))


def _units(content: dict[str, Any], otherwise: dict[str, str]) -> dict[str, str]:
    """Return the units that a message gives beside its sensors, or a device that a bridge has heard in its own group."""
    said = {
        key: TEMPERATURE_UNITS.get(str(unit), "°C") if key == "temperature" else str(unit)[:LONGEST_NAME]
        for name, key in KEY_OF_UNIT_MEMBER.items()
        if (unit := content.get(name)) is not None
    }
    return otherwise | said


def _values(group: Group, *, is_wind: bool) -> Iterator[tuple[str, str, Any]]:
    """Yield member, key and value of what a group measures. Wind has a unit of speed beside it; a lamp and a pump have a Speed, too."""
    for member, value in group.members.items():
        key = KEY_OF_MEMBER.get(member)
        if member in VOC_INDEX_MEMBERS and group.name.startswith(VOC_INDEX_SENSORS):
            key = "voc_index"
        if is_wind and group.name and member == "Speed":
            key, value = "wind_speed", value.get("Act") if isinstance(value, dict) else value
        elif is_wind and group.name and member == "Dir":
            key, value = "wind_direction", value.get("Deg") if isinstance(value, dict) else value
        if key == "humidity" and not group.members.keys().isdisjoint(OF_SOIL):
            continue
        if key is not None and not (key == "temperature" and group.name == METER):
            yield member, key, value


def _groups(content: dict[str, Any], below: str) -> Iterator[Group]:
    """Yield all groups: a Sonoff SC has no sensor's name, an old DS18x20 a further level."""
    yield Group("", below, content)
    for name, members in content.items():
        if not isinstance(members, dict) or name.startswith(NOT_THE_AIR):
            continue
        refuse_long(name)
        if name in HEARD:
            yield from _heard(name, members, f"{below}/{name}")
            continue
        owner = _heard_by_radio(name, members)
        yield Group(name, f"{below}/{name}", members, owner)
        for inner, values in members.items():
            spend()
            if isinstance(values, dict):
                refuse_long(inner)
                yield Group(name, f"{below}/{name}/{inner}", values, owner)


def _heard(kind: str, devices: dict[str, Any], pointer: str) -> Iterator[Group]:
    """Yield the devices that a bridge has heard; options leave the name or the address between out, where `Device` or `Name` say it."""
    if "Device" in devices or "Name" in devices:
        found = [(pointer, "", devices)]
    else:
        found = [(f"{pointer}/{key}", key, members) for key, members in devices.items() if isinstance(members, dict)]
    for path, key, members in found:
        spend()
        owner = _name(members.get("Name")) or key or _name(members.get("Device"))
        refuse_long(owner)
        yield Group(kind, path, members, owner, NOT_OF_HEARD.get(kind, ()))


def _name(said: Any) -> str:
    return said.strip() if isinstance(said, str) else ""


def _heard_by_radio(name: str, members: dict[str, Any]) -> str:
    """Return the device of a group that the bridge has heard: it has an address of its own, or a quality of its link; "" for any other."""
    if "mac" in members:
        return _name(members.get("alias")) or name
    if "LinkQuality" in members:
        return _name(members.get("Name")) or name
    # A wired DS18B20 may be called alike, and has an Id.
    return name if HEARD_BY_BLUETOOTH.fullmatch(name) and "Id" not in members else ""
