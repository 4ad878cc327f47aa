"""What senders write for an instant, and which one it means."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from jeonju.contract.gateways import Gateway
from jeonju.decoders.fields import at_pointer, text_or_pointer
from jeonju.decoders.numbers import is_absent, number

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# A number that stands for an instant counts seconds, from these sizes on milli-, micro- and nanoseconds (each holds for 1973 to 5138).
_UNITS_FROM: Final = ((1e17, 10**9), (1e14, 10**6), (1e11, 10**3))
# A date and time of a device clock without any separator, such as 20240102030405, without seconds or with milliseconds: as a number it would
# be of 1976 or of the year 2611.
_COMPACT: Final = re.compile(r"((?:19|20)\d{6})(\d{4}(?:\d\d)?)(\d{3})?")
# How a zone is named where no offset says it; none of them has summer time.
_ZONES: Final = {"UTC": "+00:00", "UT": "+00:00", "GMT": "+00:00", "Z": "+00:00", "KST": "+09:00", "JST": "+09:00"}
_ZONE_NAME: Final = re.compile(rf"(.*\d) ?({'|'.join(_ZONES)})", re.DOTALL)
# A double counts today's milliseconds in steps of 0.00024: what is so little below a millisecond is that millisecond.
_STEP_MS: Final = 5e-4
# Go's Time.String, whose end may also tell a monotonic clock: 2022-02-14 08:27:06.32 +0000 UTC m=+0.1
_OF_GO: Final = re.compile(
    r"(.*\d [-+]\d{4}) [A-Z][A-Za-z]*( m=[-+][\d.]+)?|(.*\d [-+]\d{4}) [-+]\d\d(\d\d)?( m=[-+][\d.]+)?"
)
# Java's ZonedDateTime: 2022-02-14T17:27:06.32+09:00[Asia/Seoul]
_OF_JAVA: Final = re.compile(r"(.*(?:Z|[-+]\d\d:?\d\d))\[[\w/+-]+\]")
# asctime, date(1), Java's Date and Ruby's Time: Mon Feb 14 08:27:06 UTC 2022, with or without a zone.
_YEAR_LAST: Final = re.compile(
    r"(?:[A-Z][a-z]{2},? +)?([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d(?:\.\d+)?)(?: ([A-Z]{1,5}|[-+]\d{4}))? (\d{4})"
)
# JavaScript's Date: Mon Feb 14 2022 17:27:06 GMT+0900 (Korean Standard Time)
_OF_JAVASCRIPT: Final = re.compile(
    r"[A-Z][a-z]{2} ([A-Z][a-z]{2}) (\d\d) (\d{4}) (\d\d:\d\d:\d\d) (?:GMT|UTC)([-+]\d{4})(?: \(.*\))?"
)
# .NET's JSON: /Date(1644827226320+0900)/; the offset is of the sender's clock, the count of UTC.
_OF_DOT_NET: Final = re.compile(r"\\?/Date\((-?\d+)(?:[-+]\d{4})?\)\\?/")
# RFC 5322 and HTTP: Mon, 14 Feb 2022 08:27:06 +0000
_OF_MAIL: Final = re.compile(r"(?:[A-Z][a-z]{2,8}, )?\d{1,2}[ -][A-Z][a-z]{2}[ -]\d{4} .*")
# With dots the day comes first, unless the year does: 14.02.2022 08:27:06
_DAY_FIRST: Final = re.compile(r"(\d\d?)\.(\d\d?)\.(\d{4})([T ].*)")
_MONTHS: Final = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)  # noqa: SIM905
}
_MIDNIGHT: Final = re.compile(r"(\d{4}[-/.]?\d\d[-/.]?\d\d[T ])24(:?00(?::?00(?:\.0+)?)?)(.*)", re.DOTALL)
_LEAP_SECOND: Final = re.compile(r"(.*\d\d:\d\d):60(.*)", re.DOTALL)
_LONGEST_SHOWN: Final = 64


class UnreadTime(NamedTuple):
    """A time that a message gives and nobody can read: its reading gets the time of arrival and a flag, and keeps the text."""

    text: str


# None: the message gives no time, or one without a zone, which is none.
When = datetime | UnreadTime | None


def instant(value: Any, timezone: str | None = None) -> When:
    """Return the instant that a text or a number since 1970 means.

    Texts are ISO 8601, a date with slashes or dots, without any separator, and what clocks of Go, Java, JavaScript, .NET, C and mail write.
    One without a zone is a time only where `timezone` says which.
    """
    if is_absent(value):
        return None
    given = value
    if isinstance(value, int | str) and (compact := _COMPACT.fullmatch(shown(value).strip())):
        value = f"{compact[1]}T{compact[2]}" + (f".{compact[3]}" if compact[3] else "")
    at: datetime | None
    if (count := number(value)) is not None and not (isinstance(value, str) and len(value) < 9):
        at = from_epoch(value if isinstance(value, int) else count)
    elif isinstance(value, str):
        try:
            # What was put into a string twice has quotes of its own.
            at = _of_text(value.strip(' \t\r\n\0"'))
            if at is not None and at.tzinfo is None:
                if timezone is None:
                    return None
                at = at.replace(tzinfo=ZoneInfo(timezone))
            at = at and to_millisecond(at.astimezone(UTC))
        except (ValueError, OverflowError):
            at = None
    else:
        at = None
    return UnreadTime(shown(given)) if at is None else at


def shown(value: Any) -> str:
    """Return the beginning of what a member holds, as a text; of an integer of too many digits, that it is one."""
    try:
        return str(value)[:_LONGEST_SHOWN]
    except (ValueError, RecursionError):
        return f"({type(value).__name__})"


def first_time(*times: When) -> When:
    """Return the first that is an instant; where none is, one that cannot be read, so that it is flagged."""
    for at in times:
        if isinstance(at, datetime):
            return at
    return next((at for at in times if at is not None), None)


def site_time(gateway: Gateway, content: Any, look_up: Callable[[Any, str], Any] = at_pointer) -> When:
    """Return the instant that the site file names, or points at in the message; None where it does neither."""
    return instant(text_or_pointer(gateway.time, content, look_up), gateway.timezone)


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


def _of_text(text: str) -> datetime | None:
    """Return an instant, without a zone where the text has none; raises ValueError, or returns None, for what is no time."""
    if found := _OF_DOT_NET.fullmatch(text):
        return from_epoch(int(found[1]))
    if found := _YEAR_LAST.fullmatch(text):
        month, day, clock, zone, year = found.groups(default="")
        return _iso(f"{year}-{_MONTHS[month]:02}-{int(day):02}T{clock}{_offset(zone)}") if month in _MONTHS else None
    if found := _OF_JAVASCRIPT.fullmatch(text):
        month, day, year, clock, zone = found.groups()
        return _iso(f"{year}-{_MONTHS[month]:02}-{day}T{clock}{zone}") if month in _MONTHS else None
    if _OF_MAIL.fullmatch(text):
        return parsedate_to_datetime(text)
    if found := _DAY_FIRST.fullmatch(text):
        text = f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}{found[4]}"
    if found := _OF_JAVA.fullmatch(text):
        text = found[1]
    elif found := _OF_GO.fullmatch(text):
        text = found[1] or found[3]
    elif found := _ZONE_NAME.fullmatch(text.replace("z", "Z")):
        text = found[1] + _ZONES[found[2]]
    return _iso(text)


def _offset(zone: str) -> str:
    if zone.isalpha():
        if zone not in _ZONES:
            raise ValueError(f"the zone {zone} has more than one meaning")
        return _ZONES[zone]
    return zone


def _iso(text: str) -> datetime:
    """Return an ISO time, also with slashes or dots in the date, a space before the offset, the end of a day as 24:00, or a leap second."""
    later = timedelta()
    if found := _MIDNIGHT.fullmatch(text):
        text, later = f"{found[1]}00{found[2]}{found[3]}", timedelta(days=1)
    elif found := _LEAP_SECOND.fullmatch(text):
        text, later = f"{found[1]}:59{found[2]}", timedelta(seconds=1)
    text = re.sub(r"(\d) ([-+]\d)", r"\1\2", text)
    return datetime.fromisoformat(re.sub("[/.]", "-", text[:10]) + text[10:]) + later
