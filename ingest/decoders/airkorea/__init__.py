"""AirKorea's hourly official values, as its open interface answers. See README.md beside this file."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, named_device, number

KEYS: Final = ("so2", "co", "o3", "no2", "pm10", "pm25")
# Around the items of an answer, from the outside; answers that were XML before have `item` as well.
WRAPPERS: Final = ("response", "body", "items", "item", "list")
SEOUL: Final = ZoneInfo("Asia/Seoul")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the hour's values of every station in an answer; `-` is none, a flag beside a number makes it bad."""
    gathered = Gathered()
    for item in _items(message.json()):
        values = {key: value for key in KEYS if (value := number(item.get(f"{key}Value"))) is not None}
        if not values:
            continue
        device, at = _station(item, gateway), hour(item.get("dataTime"))
        for key, value in values.items():
            flag = item.get(f"{key}Flag")
            gathered.put(device, at, key, value, ("bad", f"AirKorea: {flag}"[:100]) if flag else None)
    return gathered.decoding()


def _items(content: Any) -> list[dict[str, Any]]:
    """Return the items of an answer, of any part of one that a bridge passes on, or the one item that it is."""
    while isinstance(content, dict):
        wrapper = next((name for name in WRAPPERS if name in content), None)
        if wrapper is None:
            return [content]
        content = content[wrapper]
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


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
