"""AirKorea's hourly official values, as its open interface answers. See README.md beside this file."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from airquality.errors import RejectedError
from airquality.gateways import Gateway
from ingest.decoded import Decoding
from ingest.decoders.fields import Gathered, Message, at_pointer, named_device, number

KEYS: Final = ("so2", "co", "o3", "no2", "pm10", "pm25")
SEOUL: Final = ZoneInfo("Asia/Seoul")


def decode(message: Message, gateway: Gateway) -> Decoding:
    """Return the hour's values of every station in an answer; `-` is none, a flag beside a number makes it bad."""
    content = message.object()
    code = at_pointer(content, "/response/header/resultCode")
    if code not in (None, "00", 0):
        raise RejectedError(f"AirKorea answers {code}: {str(at_pointer(content, '/response/header/resultMsg'))[:100]}")
    items = at_pointer(content, "/response/body/items") if "response" in content else content.get("list")
    if items is None:
        raise RejectedError("is no answer of AirKorea: neither response.body.items nor list")
    gathered = Gathered()
    for item in items if isinstance(items, list) else [items]:
        if not isinstance(item, dict):
            raise RejectedError(f"an item must be an object, not {type(item).__name__}")
        device, at = _station(item, gateway), hour(item.get("dataTime"))
        for key in KEYS:
            flag = item.get(f"{key}Flag")
            gathered.put(
                device, at, key, number(item.get(f"{key}Value")), ("bad", f"AirKorea: {flag}"[:100]) if flag else None
            )
    return gathered.decoding()


def hour(text: Any) -> datetime | None:
    """Return the instant of a Korean time such as `2024-09-13 24:00`, which is midnight of the next day."""
    day, _, clock = str(text).partition(" ")
    try:
        at = datetime.fromisoformat(day)
        hours, minutes = (int(part) for part in clock.split(":")[:2])
    except ValueError:
        return None
    return (at.replace(tzinfo=SEOUL) + timedelta(hours=hours, minutes=minutes)).astimezone(UTC)


def _station(item: dict[str, Any], gateway: Gateway) -> str:
    province, station = item.get("sidoName"), item.get("stationName")
    return f"{province}/{station}" if province and station else named_device(gateway, item)
