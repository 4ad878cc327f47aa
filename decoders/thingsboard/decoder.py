"""ThingsBoard's telemetry, of devices and of gateways. See README.md beside this file."""

from functools import partial
from typing import Any, Final

import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.gateways import Gateway
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding, DeviceUpdate
from jeonju.decoders.fields import in_entry, mapped_names, named_device, refuse_long
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.message import Message
from jeonju.decoders.times import first_time, instant, site_time

# Of devices also instead of v1/devices/me/telemetry.
SHORT_TOPIC: Final = ["v2", "t"]


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return telemetry; a gateway's connects and disconnects are states of its devices."""
    levels, gathered = message.levels, Gathered()
    if levels[-2:] in (["gateway", "connect"], ["gateway", "disconnect"]):
        device = message.object().get("device")
        state = "online" if levels[-1] == "connect" else "offline"
        return Decoding(updates=[DeviceUpdate(device, state)] if isinstance(device, str) else [])
    if levels[-1] != "telemetry" and levels[:2] != SHORT_TOPIC:
        return Decoding(nothing="no-telemetry")
    content = message.json()
    if "gateway" in levels:
        if not isinstance(content, dict):
            raise RejectedError("must be an object of devices")
        for device, entries in content.items():
            refuse_long(device)
            _add(gathered, device, entries, gateway, "/" + device.replace("~", "~0").replace("/", "~1"))
    else:
        _add(gathered, None, content, gateway, "")
    return gathered.decoding()


def _add(gathered: Gathered, device: str | None, entries: Any, gateway: Gateway, path: str) -> None:
    if not isinstance(entries, list):
        _add_entry(gathered, device, entries, gateway, path)
        return
    for index, entry in enumerate(entries):
        _add_entry(gathered, device, entry, gateway, f"{path}/{index}")


def _add_entry(gathered: Gathered, device: str | None, entry: Any, gateway: Gateway, path: str) -> None:
    """Add one entry, which `path` leads to in the message; pointers may begin at the message or at the entry."""
    spend()
    if not isinstance(entry, dict):
        reason = f"telemetry must be an object or a list of them, not {type(entry).__name__}"
        if device is None and not path:
            raise RejectedError(reason)
        gathered.reject(reason, partial(msgspec.json.encode, entry if device is None else {device: entry}))
        return
    values, below = (inner, "/values") if isinstance(inner := entry.get("values"), dict) else (entry, "")
    look_up = partial(in_entry, entry, path)
    if device is None and says_nothing(values, gateway, look_up):
        return
    name = device if device is not None else named_device(gateway, entry)
    at = first_time(site_time(gateway, entry), instant(entry.get("ts"), gateway.timezone))
    skip = mapped_names(gateway, below) | mapped_names(gateway, path + below) | {"ts"}
    gathered.put_named(name, at, values, skip=skip)
    gathered.put_mapped(name, at, gateway, look_up)
