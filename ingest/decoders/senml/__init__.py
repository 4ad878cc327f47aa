"""SenML in JSON and CBOR (RFC 8428). See README.md beside this file."""

import io
from datetime import datetime
from typing import Any, Final

import cbor2

from airquality.errors import RejectedError
from airquality.gateways import Gateway, conversion
from ingest.decoded import Decoding
from ingest.decoders.fields import (
    LARGEST_PAYLOAD_BYTES,
    Gathered,
    Message,
    from_seconds,
    key_of,
    leading_number,
    number,
)

# Labels of CBOR (RFC 8428, table 4) and the names of JSON.
LABELS: Final[dict[int, str]] = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
VERSION: Final = 10
# A time below this counts from the arrival (RFC 8428, section 4.5.3).
RELATIVE_BELOW_S: Final = 2**28
SEPARATORS: Final = ":/.-_"
# A record without a name of its own is known by its unit.
KEY_OF_UNIT: Final = {"%RH": "humidity", "Cel": "temperature", "lat": "latitude", "lon": "longitude", "%EL": "battery"}
# SenML's names of units that are not ours.
UNITS: Final = {
    "Cel": "°C",
    "K": "K",
    "Pa": "Pa",
    "hPa": "hPa",
    "kPa": "kPa",
    "mV": "mV",
    "V": "V",
    "%RH": "%",
    "%EL": "%",
    "ppm": "ppm",
    "ppb": "ppb",
}


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the readings of a pack; raises RejectedError for what is no pack, of a later version, or has values without a name."""
    gathered, base = Gathered(), dict[str, Any]()
    mapped = {one.pointer.removeprefix("/"): one for one in gateway.mapping}
    for record in _records(message.payload, message):
        base.update({name: value for name, value in record.items() if name.startswith("b")})
        _check(record, base)
        name, unit = str(record.get("n", "")), str(record.get("u", base.get("bu", "")))
        if not name and not base.get("bn"):
            raise RejectedError("has a value without a name")
        value = _value(record, base)
        device, own_name = _device(gateway, str(base.get("bn", "")), name)
        key = key_of(own_name) if own_name else KEY_OF_UNIT.get(unit)
        at = _time(record, base, message.received_at)
        if own_name in mapped:
            raw = leading_number(value)
            gathered.put(device, at, mapped[own_name].key, None if raw is None else mapped[own_name].convert(raw))
        elif (amount := number(value)) is not None and not isinstance(value, str):
            gathered.put(
                device, at, *((key, _in_stored_unit(key, amount, unit)) if key else (own_name or unit, amount))
            )
    return gathered.decoding()


def _records(payload: bytes, message: Message) -> list[dict[str, Any]]:
    pack = message.json() if payload.lstrip()[:1] in (b"[", b"{") else _cbor(payload)
    if not isinstance(pack, list) or not pack or not all(isinstance(record, dict) for record in pack):
        raise RejectedError("is no SenML pack: a non-empty array of records")
    return [
        {LABELS.get(name, str(name)) if isinstance(name, int) else name: value for name, value in record.items()}
        for record in pack
    ]


def _cbor(payload: bytes) -> Any:
    if len(payload) > LARGEST_PAYLOAD_BYTES:
        raise RejectedError(f"payload of {len(payload)} bytes is larger than {LARGEST_PAYLOAD_BYTES}")
    stream = io.BytesIO(payload)
    try:
        content = cbor2.load(stream)
    except (cbor2.CBORError, ValueError, RecursionError, MemoryError, OverflowError, TypeError) as error:
        raise RejectedError(f"is neither JSON nor CBOR: {str(error)[:200]}") from error
    if stream.read(1):
        raise RejectedError("is neither JSON nor CBOR: bytes follow the pack")
    return content


def _check(record: dict[str, Any], base: dict[str, Any]) -> None:
    if (number(base.get("bver", VERSION)) or 0) > VERSION:
        raise RejectedError(f"is SenML of version {base['bver']}; this ingest knows {VERSION}")
    if unknown := [name for name in record if not isinstance(name, str) or name.endswith("_")]:
        raise RejectedError(f"demands to know the field {str(unknown[0])[:40]!r}")


def _value(record: dict[str, Any], base: dict[str, Any]) -> Any:
    if "v" in record:
        added = number(record["v"]) if not isinstance(record["v"], str) else None
        return None if added is None else added + (number(base.get("bv")) or 0.0)
    if "bv" in base and not any(name in record for name in ("vs", "vb", "vd", "s")):
        return number(base["bv"])
    return record.get("vs")


def _device(gateway: Gateway, base_name: str, name: str) -> tuple[str, str]:
    """Return the device and what of the name is left for the quantity."""
    if gateway.device is not None and not gateway.device.startswith("/"):
        return gateway.device, name
    if device := base_name.rstrip(SEPARATORS):
        return device, name
    # Without a base name the last part of the name is the quantity.
    cut = max((name.rfind(mark) for mark in ":/."), default=-1)
    if cut <= 0:
        raise RejectedError("names no device: neither a base name nor one in the name")
    return name[:cut].rstrip(SEPARATORS), name[cut + 1 :]


def _time(record: dict[str, Any], base: dict[str, Any], received_at: datetime) -> datetime | None:
    if "t" not in record and "bt" not in base:
        return None
    seconds = (number(base.get("bt")) or 0.0) + (number(record.get("t")) or 0.0)
    return from_seconds(seconds + received_at.timestamp() if seconds < RELATIVE_BELOW_S else seconds)


def _in_stored_unit(key: str, value: float, unit: str) -> float:
    if unit == "/" and key in ("humidity", "battery"):
        return 100.0 * value
    try:
        scale, offset = conversion(key, UNITS[unit])
    except (KeyError, ValueError):
        return value
    return value * scale + offset
