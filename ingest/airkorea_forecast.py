"""AirKorea's forecast of the air: classes of PM10, PM2.5 and O₃ by region, today and the next two days or so, issued at 05, 11, 17 and 23 h.

The documents of data.go.kr 15073861 (getMinuDustFrcstDspth) are the source of names and times. Issues are revised and may come late, so the
newest issue of each day and quantity is kept, and of the same issue what was said last.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jeonju.airquality.index import GRADES
from jeonju.common.errors import JeonjuError
from jeonju.contract.air_ahead import AirAhead, Bulletin, kept
from jeonju.contract.kept_file import keep
from jeonju.contract.official import REGIONS
from jeonju.ingest.daily_calls import SEOUL

log = logging.getLogger(__name__)

QUANTITIES: Final = {"PM10": "pm10", "PM25": "pm25", "O3": "o3"}
# Spaces are left out on both sides.
CLASSES: Final = {grade.label_ko.replace(" ", ""): grade.key for grade in GRADES}
# Of a day's four issues of three quantities for three days, 36 are usual.
MOST_ENTRIES: Final = 200
LONGEST_TEXT: Final = 1000
# Before the first issue of a day is there, those of the day before are asked for.
FIRST_ISSUE: Final = timedelta(hours=5, minutes=10)
# Further ahead nobody forecasts the air; an issue may be some minutes ahead of our clock.
FARTHEST_DAYS: Final = 7
CLOCKS_DIFFER: Final = timedelta(minutes=10)
_ISSUE: Final = re.compile(r"\s*(\d{4}-\d{2}-\d{2})\s+(\d{1,2})\s*시")


class Forecasts:
    """Keeps the newest bulletins in a file. `entries_of` asks for those that were issued on a Korean day."""

    def __init__(self, entries_of: Callable[[date], list[Any]], file: Path, now: Callable[[], datetime]) -> None:
        self._entries_of, self._file, self._now = entries_of, file, now
        self._asked_in: datetime | None = None
        self.summary = "none asked for"

    def refresh(self) -> None:
        """Ask, once an hour at most; trouble is logged only, and what is kept stays."""
        now = self._now()
        hour = now.replace(minute=0, second=0, microsecond=0)
        if hour == self._asked_in:
            return
        self._asked_in = hour
        try:
            entries = self._entries_of((now - FIRST_ISSUE).astimezone(SEOUL).date())
            self.summary = self._take(entries, now)
        except (JeonjuError, OSError) as error:
            log.warning("no new forecast of AirKorea: %s", error)

    def _take(self, entries: list[Any], now: datetime) -> str:
        try:
            before = kept(self._file)
        except ValueError as error:
            log.warning("%s; it is begun anew", error)
            before = None
        found, left_out = read_bulletins(entries, now)
        newest = newest_of([*(before.bulletins if before else ()), *found], now)
        keep(AirAhead(bulletins=newest, left_out=dict(left_out)), self._file)
        reasons = "".join(f", {count} {reason}" for reason, count in sorted(left_out.items()))
        issued = max((one.issued_at for one in newest), default=None)
        return f"of {issued:%Y-%m-%d %H:%M} UTC{reasons}" if issued else f"none{reasons}"


def read_bulletins(entries: list[Any], now: datetime) -> tuple[list[Bulletin], Counter[str]]:
    """Return what the entries of an answer say, and how many say nothing that can be used, by reason."""
    found, left_out = list[Bulletin](), Counter[str]()
    for entry in entries[:MOST_ENTRIES]:
        read = _read(entry if isinstance(entry, dict) else {}, now)
        if isinstance(read, str):
            left_out[read] += 1
        else:
            found.append(read)
            left_out["regions without a class"] += len(REGIONS) - len(read.grades)
    if len(entries) > MOST_ENTRIES:
        left_out["too many"] = len(entries) - MOST_ENTRIES
    return found, +left_out


def newest_of(bulletins: Iterable[Bulletin], now: datetime) -> list[Bulletin]:
    """Return the newest issue of each day and quantity, of the same issue the last; days that are over are left out.

    So are issues of the future, which a clock that was wrong may have let in.
    """
    newest = dict[tuple[date, str], Bulletin]()
    for one in bulletins:
        before = newest.get((one.day, one.quantity))
        if one.issued_at <= now + CLOCKS_DIFFER and (before is None or before.issued_at <= one.issued_at):
            newest[one.day, one.quantity] = one
    today = now.astimezone(SEOUL).date()
    return [newest[key] for key in sorted(newest) if key[0] >= today]


def _read(entry: dict[str, Any], now: datetime) -> Bulletin | str:
    """Return one bulletin, or why there is none."""
    quantity = QUANTITIES.get(str(entry.get("informCode")).strip())
    if quantity is None:
        return "of another quantity"
    issued_at, day = _issue(entry.get("dataTime")), _day(entry.get("informData"))
    if issued_at is None or day is None:
        return "without a time"
    if issued_at > now + CLOCKS_DIFFER or (day - now.astimezone(SEOUL).date()).days > FARTHEST_DAYS:
        return "of the future"
    grades = _grades(entry.get("informGrade"))
    if not grades:
        return "without a class"
    return Bulletin(
        day=day,
        quantity=quantity,
        issued_at=issued_at,
        grades=grades,
        overall=_text(entry.get("informOverall")),
        cause=_text(entry.get("informCause")),
    )


def _grades(text: Any) -> dict[str, str]:
    """Return the classes in a text such as `서울 : 보통,제주 : 좋음`; `-`, `예보없음` and other words are none."""
    pairs = (part.partition(":") for part in str(text or "").replace(" ", "").split(","))
    return {region: CLASSES[word] for region, _, word in pairs if region in REGIONS and word in CLASSES}


def _issue(text: Any) -> datetime | None:
    """Return the instant of an issue such as `2026-03-02 17시 발표`; `24시` is the next day's midnight."""
    if (found := _ISSUE.match(str(text))) is None or (day := _day(found[1])) is None or int(found[2]) > 24:
        return None
    midnight = datetime(day.year, day.month, day.day, tzinfo=SEOUL)
    return (midnight + timedelta(hours=int(found[2]))).astimezone(UTC)


def _day(text: Any) -> date | None:
    try:
        day = date.fromisoformat(str(text).strip())
    except ValueError:
        return None
    # Beyond lie instants that cannot be counted from.
    return day if 2000 <= day.year <= 2200 else None


def _text(text: Any) -> str:
    words = " ".join(str(text or "").split())
    return "" if words == "-" else words[:LONGEST_TEXT]
