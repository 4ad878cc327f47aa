"""SenML in JSON and CBOR (RFC 8428). See README.md beside this file."""

import io
from collections.abc import Container
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import cbor2

from jeonju.common.errors import RejectedError
from jeonju.contract.extras import LONGEST_NAME
from jeonju.contract.gateways import Gateway, conversion
from jeonju.ingest.decoded import Decoding
from jeonju.ingest.decoders.fields import key_of
from jeonju.ingest.decoders.gathered import Gathered
from jeonju.ingest.decoders.numbers import number
from jeonju.ingest.decoders.times import from_seconds
from jeonju.ingest.message import Message, refuse_too_large

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
# Version 10 with secondary units (RFC 9100, section 4).
VERSION: Final = 26
# A time below this counts from the arrival (RFC 8428, section 4.5.3).
RELATIVE_BELOW_S: Final = 2**28
SEPARATORS: Final = ":/.-_"
# A record without a name of its own is known by its unit.
KEY_OF_UNIT: Final = {"%RH": "humidity", "Cel": "temperature", "lat": "latitude", "lon": "longitude", "%EL": "battery"}
# SenML's names of units that are named otherwise here.
UNITS: Final = {"Cel": "°C", "%RH": "%", "%EL": "%", "/": "1", "/100": "%"}


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the readings of a pack; raises RejectedError for what is no pack, of a later version, or has values without a name."""
    gathered, base = Gathered(), dict[str, Any]()
    mapped = {entry.pointer.removeprefix("/"): entry for entry in gateway.mapping}
    for index, record in enumerate(_records(message)):
        base.update({name: value for name, value in record.items() if name.startswith("b")})
        _check(record, base)
        base_name, name, unit = _text(base.get("bn")), _text(record.get("n")), _text(record.get("u", base.get("bu")))
        value = _value(record, base)
        device, own_name = _device(base_name, name, unit, mapped)
        # A pointer is `/` and the name, or leads to the value in the pack.
        entry = mapped.get(own_name) or mapped.get(f"{index}/v")
        if (amount := number(value)) is None:
            continue
        if not base_name and not name and unit not in KEY_OF_UNIT:
            raise RejectedError("has a value without a name")
        if gateway.device is not None and not gateway.device.startswith("/"):
            device = gateway.device
        if not device:
            raise RejectedError("names no device: neither a base name nor one in the name")
        at = _time(record, base, message.received_at)
        key = key_of(own_name) if own_name else KEY_OF_UNIT.get(unit)
        if entry:
            gathered.put(device, at, entry.key, entry.convert(amount))
        elif key:
            gathered.put(device, at, key, _in_stored_unit(key, amount, unit))
        else:
            gathered.put(device, at, own_name or unit or "value", amount)
    return gathered.decoding()


def _records(message: Message) -> list[dict[str, Any]]:
    pack = message.json() if message.payload.lstrip()[:1] in (b"[", b"{") else _cbor(message.payload)
    pack = _unfolded([pack] if isinstance(pack, dict) and "e" in pack else pack)
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        raise RejectedError("is no SenML pack: an array of records")
    # Decimal fractions stand for JSON's numbers (RFC 8428, section 6); labels that are neither text nor known stand for nothing.
    return [
        {
            name if isinstance(name, str) else LABELS.get(name, ""): float(value)
            if isinstance(value, Decimal)
            else value
            for name, value in record.items()
        }
        for record in pack
    ]


def _unfolded(pack: Any) -> Any:
    """Before RFC 8428 an object held the base members, and its records in a list `e` (draft-jennings-senml-10)."""
    if not isinstance(pack, list):
        return pack
    unfolded: list[Any] = []
    for record in pack:
        inner = record.get("e") if isinstance(record, dict) else None
        unfolded += (record | {"e": None}, *inner) if isinstance(inner, list) else (record,)
    return unfolded


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _cbor(payload: bytes) -> Any:
    refuse_too_large(payload)
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
    if unknown := [name for name in record if name.endswith("_")]:
        raise RejectedError(f"demands to know the field {unknown[0][:40]!r}")


def _value(record: dict[str, Any], base: dict[str, Any]) -> Any:
    if "v" in record:
        added = number(record["v"])
        return None if added is None else added + (number(base.get("bv")) or 0.0)
    if "bv" in base and not any(name in record for name in ("vs", "vb", "vd", "s")):
        return number(base["bv"])
    return record.get("vs")


def _device(base_name: str, name: str, unit: str, mapped: Container[str]) -> tuple[str, str]:
    """Return the device and what of the name is left for the quantity."""
    if device := base_name.rstrip(SEPARATORS):
        return device, name
    # A resolved name (RFC 8428, section 4.6) holds both: the quantity is the last part that is known, with what belongs to it (`voc_index`).
    for start in (0, *(at + 1 for at in range(max(0, len(name) - LONGEST_NAME), len(name)) if name[at] in SEPARATORS)):
        if (own := name[start:]) in mapped or key_of(own):
            return name[:start].rstrip(SEPARATORS), own
    cut = max((name.rfind(mark) for mark in ":/."), default=-1)
    if cut <= 0:
        return "", name
    # Nothing in it says what is measured: the name is the device's, and the unit says it; else the last part is an unknown quantity.
    return (name.rstrip(SEPARATORS), "") if unit in KEY_OF_UNIT else (name[:cut].rstrip(SEPARATORS), name[cut + 1 :])


def _time(record: dict[str, Any], base: dict[str, Any], received_at: datetime) -> datetime | None:
    if "t" not in record and "bt" not in base:
        return None
    seconds = (number(base.get("bt")) or 0.0) + (number(record.get("t")) or 0.0)
    return from_seconds(seconds + received_at.timestamp() if seconds < RELATIVE_BELOW_S else seconds)


def _in_stored_unit(key: str, value: float, unit: str) -> float:
    try:
        scale, offset = conversion(key, UNITS.get(unit, unit))
    except ValueError:
        return value
    return value * scale + offset
