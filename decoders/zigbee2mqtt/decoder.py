"""Zigbee2MQTT: device states and availability. See README.md beside this file."""

from typing import Any, Final

from jeonju.contract.gateways import Gateway
from jeonju.decoders.decoded import Decoding, DeviceUpdate
from jeonju.decoders.fields import at_pointer, mapped_names
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message, parse_json
from jeonju.decoders.numbers import number
from jeonju.decoders.times import first_time, instant, site_time

BASE: Final = "zigbee2mqtt"
BRIDGE: Final = "bridge"
# Topics on which others tell the gateway what to do.
COMMANDS: Final = ("set", "get")
# linkquality has no unit; voc and formaldehyd have another one in every model.
OWN_UNITS: Final = frozenset({"voltage", "last_seen"})
LEAST_MV: Final = 1000
# Beside the moisture of the soil the temperature is that of the soil.
PROBE: Final = "soil_moisture"
OF_PROBE: Final = "soil_temperature"
# What stands beside the voltage of the mains.
MAINS: Final = frozenset(
    ("power", "current", "energy", "power_factor", "ac_frequency", "produced_energy", "consumed_energy")
)


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return a device's state, or whether it is available; the bridge itself is no device."""
    levels = _below_base(message.levels)
    if not levels or levels[0] == BRIDGE or (len(levels) > 1 and COMMANDS[0] in levels[1:]) or levels[-1] in COMMANDS:
        return Decoding(nothing="command-or-bridge")
    if levels[-1] == "availability":
        return Decoding(updates=_state("/".join(levels[:-1]), message))
    content: dict[str, Any]
    if len(levels) > 1 and not message.payload.lstrip().startswith(b"{"):
        # With `output: attribute` each member comes alone, as plain text below its device.
        levels, content = levels[:-1], {levels[-1]: message.payload.decode("utf-8", "replace")}
    else:
        content = message.object()
    device = "/".join(levels)
    at = first_time(site_time(gateway, content), instant(content.get("last_seen"), gateway.timezone or "UTC"))
    gathered = Gathered()
    skip = mapped_names(gateway)
    named = content
    if PROBE in content and "temperature" not in skip:
        named = {OF_PROBE if name == "temperature" else name: value for name, value in content.items()}
    gathered.put_named(device, at, named, skip=skip | OWN_UNITS)
    if "voltage" not in skip:
        gathered.put_raw(device, at, "voltage", content.get("voltage"), unit=_unit_of_voltage(content))
    gathered.put_mapped(device, at, gateway, lambda pointer: at_pointer(content, pointer))
    return gathered.decoding()


def _unit_of_voltage(content: dict[str, Any]) -> str:
    """Batteries are given in mV, the mains in V: by all that meter them, and by what has no battery; none of these is below a volt."""
    voltage = number(content.get("voltage"))
    is_mains = not MAINS.isdisjoint(content) or (
        "battery" not in content and voltage is not None and voltage < LEAST_MV
    )
    return "V" if is_mains else "mV"


def _below_base(levels: list[str]) -> list[str]:
    """Return the levels below the base topic: `zigbee2mqtt`, which may stand below others, or one level of another name."""
    return levels[levels.index(BASE) + 1 :] if BASE in levels else levels[1:]


def _state(device: str, message: Message) -> list[DeviceUpdate]:
    text = message.payload.strip()
    state = (
        at_pointer(parse_json(text), "/state") if text.startswith(b"{") else text.decode("utf-8", "replace").strip('"')
    )
    return [DeviceUpdate(device, str(state))] if state in ("online", "offline") else []
