"""ThingsBoard's telemetry, of devices and of gateways. See README.md beside this file."""

from typing import Any

from airquality.errors import RejectedError
from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, instant, mapped_names, named_device


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return telemetry; a gateway's connects and disconnects are states of its devices."""
    levels, gathered = message.levels, Gathered()
    if levels[-2:] in (["gateway", "connect"], ["gateway", "disconnect"]):
        device = message.object().get("device")
        return Decoding(
            states=[(device, "online" if levels[-1] == "connect" else "offline")] if isinstance(device, str) else []
        )
    if levels[-1] != "telemetry":
        return Decoding()
    content = message.json()
    if "gateway" in levels:
        if not isinstance(content, dict):
            raise RejectedError("must be an object of devices")
        for device, entries in content.items():
            _take(gathered, device, entries, gateway)
    else:
        _take(gathered, None, content, gateway)
    return gathered.decoding()


def _take(gathered: Gathered, device: str | None, entries: Any, gateway: Gateway) -> None:
    for entry in entries if isinstance(entries, list) else [entries]:
        if not isinstance(entry, dict):
            raise RejectedError(f"telemetry must be an object or a list of them, not {type(entry).__name__}")
        values = entry.get("values")
        at, below = (instant(entry.get("ts")), "/values") if isinstance(values, dict) else (None, "")
        name = device if device is not None else named_device(gateway, entry)
        gathered.put_named(
            name, at, values if isinstance(values, dict) else entry, skip=mapped_names(gateway, below) | {"ts"}
        )
        gathered.put_mapped(name, at, gateway, lambda pointer, entry=entry: at_pointer(entry, pointer))  # type: ignore[misc]
