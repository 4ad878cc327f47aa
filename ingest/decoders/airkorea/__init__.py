"""AirKorea's hourly official values, as its open interface answers. See README.md beside this file."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, named_device, number

KEYS: Final = ("so2", "co", "o3", "no2", "pm10", "pm25")
SEOUL: Final = ZoneInfo("Asia/Seoul")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the hour's values of every station in an answer; `-` is none, a flag beside a number makes it bad."""
    content = message.object()
    items = at_pointer(content, "/response/body/items") if "response" in content else content.get("list")
    if isinstance(items, dict):
        items = items.get("item", items)
    gathered = Gathered()
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, dict):
            continue
        values = {key: value for key in KEYS if (value := number(item.get(f"{key}Value"))) is not None}
        if not values:
            continue
        device, at = _station(item, gateway), hour(item.get("dataTime"))
        for key, value in values.items():
            flag = item.get(f"{key}Flag")
            gathered.put(device, at, key, value, ("bad", f"AirKorea: {flag}"[:100]) if flag else None)
    return gathered.decoding()


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
