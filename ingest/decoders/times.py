"""What senders write for an instant, and which one it means."""

import math
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from jeonju.contract.gateways import Gateway
from jeonju.ingest.decoders.fields import number, text_or_pointer

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A number that stands for an instant counts seconds, from these sizes on milli-, micro- and nanoseconds (each holds for 1973 to 5138).
_UNITS_FROM: Final = ((1e17, 10**9), (1e14, 10**6), (1e11, 10**3))
# A date and time of a device clock without any separator, such as 20240102030405, without seconds or with milliseconds: as a number it would
# be of 1976 or of the year 2611.
_COMPACT: Final = re.compile(r"((?:19|20)\d{6})(\d{4}(?:\d\d)?)(\d{3})?")
# How a zone is named where no offset says it; Korea has no summer time.
_ZONES: Final = {"UTC": "Z", "GMT": "Z", "KST": "+09:00"}
# A double counts today's milliseconds in steps of 0.00024: what is so little below a millisecond is that millisecond.
_STEP_MS: Final = 5e-4


def instant(value: Any, timezone: str | None = None) -> datetime | None:
    """Return the instant that a text (ISO, a date with slashes or dots, or no separator at all) or a number since 1970 means; None where none.

    A text without a zone is a time only where `timezone` says which.
    """
    if isinstance(value, int | str) and (compact := _COMPACT.fullmatch(str(value).strip())):
        value = f"{compact[1]}T{compact[2]}" + (f".{compact[3]}" if compact[3] else "")
    if (count := number(value)) is not None and not (isinstance(value, str) and len(value) < 9):
        return from_epoch(value if isinstance(value, int) else count)
    if not isinstance(value, str):
        return None
    try:
        text = value.strip().replace("z", "Z")
        before, _, zone = text.rpartition(" ")
        if zone in _ZONES:
            text = before + _ZONES[zone]
        at = datetime.fromisoformat(re.sub("[/.]", "-", text[:10]) + text[10:])
        if at.tzinfo is None:
            if timezone is None:
                return None
            at = at.replace(tzinfo=ZoneInfo(timezone))
        return to_millisecond(at.astimezone(UTC))
    except (ValueError, OverflowError):
        return None


def site_time(gateway: Gateway, content: Any) -> datetime | None:
    """Return the instant that the site file names, or points at in the message; None where it does neither."""
    return instant(text_or_pointer(gateway.time, content), gateway.timezone)


def from_epoch(count: float) -> datetime | None:
    """Return the instant so many seconds, milli-, micro- or nanoseconds after 1970; which of them follows from its size."""
    per_second = next((per_second for size, per_second in _UNITS_FROM if abs(count) >= size), 1)
    if not isinstance(count, int):
        return from_seconds(count / per_second)
    try:
        return _EPOCH + timedelta(milliseconds=count * 1000 // per_second)
    except OverflowError:
        return None


def from_seconds(seconds: float) -> datetime | None:
    """Return the instant so many seconds after 1970, cut to the millisecond; None beyond the calendar."""
    try:
        return _EPOCH + timedelta(milliseconds=math.floor(seconds * 1000 + _STEP_MS))
    except OverflowError:
        return None


def to_millisecond(at: datetime) -> datetime:
    """Cut off what is below a millisecond."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
