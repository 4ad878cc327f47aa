"""SenML in JSON and CBOR (RFC 8428). See README.md beside this file."""

import io
import reprlib
from collections.abc import Container
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final

import cbor2
import msgspec

from jeonju.common.errors import RejectedError
from jeonju.contract.extras import LONGEST_NAME
from jeonju.contract.gateways import Gateway, Mapping
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import key_of, refuse_long
from jeonju.decoders.gathered import Gathered
from jeonju.decoders.message import Message, bare_text, refuse_too_large
from jeonju.decoders.numbers import is_absent, number
from jeonju.decoders.senml.lwm2m import Objects, text_of
from jeonju.decoders.times import UnreadTime, When, from_epoch, from_seconds, shown

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
# What a double holds.
_MOST_BITS: Final = 1024
OF_PLACES: Final = ("lat", "lon")
# What divides levels; in a name that stands alone others do as well.
LEVELS: Final = ":/."


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the readings of a pack; raises RejectedError for what is no pack, of a later version, or has no record that can be read."""
    gathered, base = Gathered(), dict[str, Any]()
    records = _records(message)
    objects = Objects(records)
    mapped = {entry.pointer.removeprefix("/"): entry for entry in gateway.mapping}
    for index, record in enumerate(records):
        spend()
        if not isinstance(record, dict):
            gathered.reject(f"record {index} is no object, but {type(record).__name__}", partial(_encoded, record))
            continue
        base.update({name: value for name, value in record.items() if name.startswith("b")})
        _check(record, base)
        try:
            _add(gathered, record, base, index, objects, mapped, message, gateway)
        except RejectedError as error:
            gathered.reject(str(error), partial(_with_base, base, record))
    return gathered.decoding()


def _add(
    gathered: Gathered,
    record: dict[str, Any],
    base: dict[str, Any],
    index: int,
    objects: Objects,
    mapped: dict[str, Mapping],
    message: Message,
    gateway: Gateway,
) -> None:
    base_name, name, unit = _text(base.get("bn")), _text(record.get("n")), _text(record.get("u", base.get("bu")))
    refuse_long(base_name)
    refuse_long(name)
    value = _value(record, base)
    device, own_name = _device(base_name, name, unit, mapped)
    if (owner := objects.device(base_name)) is not None:
        device = owner
    # A pointer is `/` and the name, or leads to the value in the pack.
    entry = mapped.get(own_name) or mapped.get(f"{index}/v")
    key = key_of(own_name) if own_name else KEY_OF_UNIT.get(unit)
    if entry is None and key is None and (resource := objects.resource(base_name, name)):
        device, own_name, key, unit = resource.device, resource.path, resource.key, unit or resource.unit
        entry = mapped.get(own_name)
    if is_absent(value) or (entry is None and key is None and number(value) is None):
        return
    if not base_name and not name and unit not in KEY_OF_UNIT:
        raise RejectedError("has a value without a name")
    if gateway.device is not None and not gateway.device.startswith("/"):
        device = gateway.device
    if not device:
        raise RejectedError("names no device: neither a base name nor one in the name")
    at = _time(record, base, message.received_at)
    said = None if unit in OF_PLACES else unit or None
    if entry is not None:
        gathered.put_entry(device, at, entry, value, unit=said)
    elif key is not None:
        gathered.put_raw(device, at, key, value, unit=said)
    else:
        gathered.put(device, at, own_name or unit or "value", number(value))


def _with_base(base: dict[str, Any], record: dict[str, Any]) -> bytes:
    return _encoded([base | record])


def _encoded(part: Any) -> bytes:
    try:
        return msgspec.json.encode(part, enc_hook=str)
    except (TypeError, ValueError, OverflowError, RecursionError):
        # CBOR holds what JSON cannot: numbers beyond 64 bits, keys that are no text.
        return reprlib.repr(part).encode(errors="backslashreplace")


def _records(message: Message) -> list[Any]:
    text = bare_text(message.payload).lstrip()
    pack = message.json() if text[:1] in (b"[", b"{") else _cbor(message.payload)
    pack = _unfolded([pack] if isinstance(pack, dict) and "e" in pack else pack)
    if not isinstance(pack, list):
        raise RejectedError("is no SenML pack: an array of records")
    return [_with_names(record) if isinstance(record, dict) else record for record in pack]


def _with_names(record: dict[Any, Any]) -> dict[str, Any]:
    """Return a record with the names of JSON.

    Decimal fractions stand for its numbers (RFC 8428, section 6); labels that are neither text nor known stand for nothing.
    """
    spend()
    return {
        name if isinstance(name, str) else LABELS.get(name, ""): float(value) if isinstance(value, Decimal) else value
        for name, value in record.items()
    }


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
    _refuse_repeated(content, len(payload))
    return content


def _refuse_repeated(content: Any, size: int) -> None:
    """Raise RejectedError for what is larger than its payload.

    CBOR's shared values (tags 28 and 29) let a few bytes stand for a structure that has no end, and a number of a million digits has no use.
    """
    waiting = [content]
    while waiting:
        spend()
        part = waiting.pop()
        size -= len(part) if isinstance(part, str | bytes) else 1
        if isinstance(part, dict):
            waiting += (*part, *part.values())
        elif isinstance(part, list | tuple | set | frozenset):
            waiting += part
        elif isinstance(part, cbor2.CBORTag):
            waiting.append(part.value)
        elif isinstance(part, int) and part.bit_length() > _MOST_BITS:
            raise RejectedError(f"holds a number of {part.bit_length()} bits, more than {_MOST_BITS}")
        if size < 0:
            raise RejectedError("holds shared values (CBOR tags 28 and 29), which SenML has not")


def _check(record: dict[str, Any], base: dict[str, Any]) -> None:
    if (number(base.get("bver", VERSION)) or 0) > VERSION:
        raise RejectedError(f"is SenML of version {base['bver']}; this ingest knows {VERSION}")
    if unknown := [name for name in record if name.endswith("_")]:
        raise RejectedError(f"demands to know the field {unknown[0][:40]!r}")


def _value(record: dict[str, Any], base: dict[str, Any]) -> Any:
    if "v" in record:
        added = number(record["v"])
        return None if added is None else added + (number(base.get("bv")) or 0.0)
    if "bv" in base and not any(name in record for name in ("vs", "sv", "vb", "vd", "s")):
        return number(base["bv"])
    return text_of(record)


def _device(base_name: str, name: str, unit: str, mapped: Container[str]) -> tuple[str, str]:
    """Return the device and what is left for the quantity, of the base name and the name behind it (RFC 8428, section 4.5.1)."""
    if not base_name.strip(SEPARATORS):
        return _split(name, SEPARATORS, unit, mapped)
    if own := name.lstrip(SEPARATORS):
        above, own = _split(own, LEVELS, unit, mapped)
        # What stands before the quantity is a level below the base name.
        return (base_name + name[: len(name) - len(own)] if above else base_name).rstrip(SEPARATORS), own
    above, own = _split(base_name.rstrip(SEPARATORS), LEVELS, "", mapped)
    return (above, own) if above and (own in mapped or key_of(own)) else (base_name.rstrip(SEPARATORS), "")


def _split(name: str, separators: str, unit: str, mapped: Container[str]) -> tuple[str, str]:
    """Return what stands before the quantity, and the quantity: the last part that is known, with what belongs to it (`voc_index`)."""
    spend()
    for start in (0, *(at + 1 for at in range(max(0, len(name) - LONGEST_NAME), len(name)) if name[at] in separators)):
        if (own := name[start:]) in mapped or key_of(own):
            return name[:start].rstrip(SEPARATORS), own
    cut = max((name.rfind(mark) for mark in LEVELS), default=-1)
    if cut <= 0:
        return "", name
    # Nothing in it says what is measured: the name is the device's, and the unit says it; else the last part is an unknown quantity.
    return (name.rstrip(SEPARATORS), "") if unit in KEY_OF_UNIT else (name[:cut].rstrip(SEPARATORS), name[cut + 1 :])


def _time(record: dict[str, Any], base: dict[str, Any], received_at: datetime) -> When:
    """Return base time and time together; the unit follows from the size of the sum, as for all times: some senders count milliseconds."""
    given = [part for part in (base.get("bt"), record.get("t")) if part is not None]
    parts = [number(part) for part in given]
    if not given:
        return None
    counts = [part for part in parts if part is not None]
    total = sum(counts)
    if len(counts) < len(given):
        at = None
    elif total < RELATIVE_BELOW_S:
        at = from_seconds(total + received_at.timestamp())
    else:
        at = from_epoch(total)
    return at or UnreadTime(" + ".join(shown(part) for part in given)[:LONGEST_NAME])
