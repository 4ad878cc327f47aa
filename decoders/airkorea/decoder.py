"""AirKorea's hourly official values, as its open interface answers. See README.md beside this file."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from jeonju.contract.gateways import Gateway
from jeonju.contract.quality import Flag
from jeonju.decoders.budget import spend
from jeonju.decoders.decoded import Decoding
from jeonju.decoders.fields import in_entry, mapped_names, named_device
from jeonju.decoders.gathered import Gathered, says_nothing
from jeonju.decoders.message import Message
from jeonju.decoders.numbers import is_absent
from jeonju.decoders.times import UnreadTime, When, first_time, site_time

KEYS: Final = ("so2", "co", "o3", "no2", "pm10", "pm25")
# Around the items of an answer, from the outside; answers that were XML before have `item` as well.
WRAPPERS: Final = ("response", "body", "items", "item", "list")
LONGEST_FLAG: Final = 90
SEOUL: Final = ZoneInfo("Asia/Seoul")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the hour's values of every station in an answer; `-` is none, a flag beside a number makes it bad."""
    gathered = Gathered()
    for path, item in _items(message.json()):
        spend()
        if not isinstance(item, dict):
            gathered.reject(
                f"a station must be an object, not {type(item).__name__}", partial(msgspec.json.encode, item)
            )
            continue
        look_up = partial(in_entry, item, path)
        mapped = mapped_names(gateway) | mapped_names(gateway, path)
        values = {
            key: value
            for key in KEYS
            if (name := f"{key}Value") not in mapped and not is_absent(value := item.get(name))
        }
        if says_nothing(values, gateway, look_up):
            continue
        device, at = _station(item, gateway), first_time(site_time(gateway, item), _time(item))
        for key, value in values.items():
            says = item.get(f"{key}Flag")
            flag = Flag.of("bad", "sender", sender="AirKorea", says=str(says)[:LONGEST_FLAG]) if says else None
            gathered.put_raw(device, at, key, value, flag=flag)
        gathered.put_mapped(device, at, gateway, look_up)
    decoding = gathered.decoding()
    # Hours are revised: what an earlier answer doubted, a later one without a flag does not.
    flags = {number: decoding.flags.get(number, {}) for number in range(len(decoding.readings))}
    return msgspec.structs.replace(decoding, flags=flags)


def _items(content: Any) -> list[tuple[str, Any]]:
    """Return the items of an answer, of any part of one that a bridge passes on, or the one item that it is, each with what leads to it."""
    path = ""
    while isinstance(content, dict):
        wrapper = next((name for name in WRAPPERS if name in content), None)
        if wrapper is None:
            return [(path, content)]
        content, path = content[wrapper], f"{path}/{wrapper}"
    items = enumerate(content) if isinstance(content, list) else ()
    return [(f"{path}/{index}", item) for index, item in items]


def _time(item: dict[str, Any]) -> When:
    text = item.get("dataTime")
    return None if is_absent(text) else hour(text) or UnreadTime(str(text)[:LONGEST_FLAG])


def hour(text: Any) -> datetime | None:
    """Return the instant of a Korean time such as `2024-09-13 24:00`, which is midnight of the next day."""
    day, _, clock = str(text).partition(" ")
    try:
        at = datetime.fromisoformat(day)
        hours, minutes = (int(part) for part in clock.split(":")[:2])
        return (at.replace(tzinfo=SEOUL) + timedelta(hours=hours, minutes=minutes)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _station(item: dict[str, Any], gateway: Gateway) -> str:
    province, station = item.get("sidoName"), item.get("stationName")
    if station and (province or gateway.device is None):
        return f"{province}/{station}" if province else str(station)
    return named_device(gateway, item)
