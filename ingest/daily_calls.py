"""How often an interface was asked today: kept in a file, so that a restart does not forget what the portal remembers."""

import fcntl
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from jeonju.common.errors import UnavailableError, UserError

log = logging.getLogger(__name__)

# The portal counts by Korean days.
SEOUL: Final = ZoneInfo("Asia/Seoul")


class UsedUpError(UnavailableError):
    """The calls of the day are used up: asking again soon would be in vain."""


# Two services are counted; a folder with more files than this is read no further.
MOST_FILES: Final = 20
LARGEST_BYTES: Final = 1000


class _Counted(msgspec.Struct):
    day: str = ""
    calls: int = 0
    service: str = ""
    most: int = 0


class CallsToday(NamedTuple):
    """How often a service was asked on this Korean day, how often it may be, and when the count begins anew."""

    service: str
    used: int
    allowed: int
    begins_anew_at: datetime


def file_of(folder: Path, service: str) -> Path:
    """Return where the calls of a service are counted, within a data folder."""
    return folder / "official" / f"{service.lower()}-calls.json"


def calls_today(folder: Path, now: datetime) -> list[CallsToday]:
    """Return what is counted within a data folder, by service; files that hold no count are left out."""
    midnight = now.astimezone(SEOUL).replace(hour=0, minute=0, second=0, microsecond=0)
    found = []
    for file in sorted((folder / "official").glob("*-calls.json"))[:MOST_FILES]:
        try:
            with file.open("rb") as opened:
                counted = msgspec.json.decode(opened.read(LARGEST_BYTES), type=_Counted)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        if counted.service:
            used = counted.calls if counted.day == midnight.date().isoformat() else 0
            found.append(
                CallsToday(counted.service, used, counted.most, (midnight + timedelta(days=1)).astimezone(UTC))
            )
    return found


class DailyCalls:
    """At most so many calls a Korean day, by all processes that share the file. One that holds no count counts from nothing, which is logged."""

    def __init__(self, file: Path, service: str, most: int) -> None:
        self._file, self._service, self.most = file, service, most
        self.made = 0

    def take(self, now: datetime) -> None:
        """Count one call. Raises UsedUpError where none is left today, UserError where it cannot be written down."""
        today = now.astimezone(SEOUL).date().isoformat()
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.seek(0)
                counted = self._read(file.read())
                self.made = counted.calls if counted.day == today else 0
                if self.made >= self.most:
                    raise UsedUpError(
                        f"{self._service} was asked {self.made} times today, of {self.most} at most; it goes on after midnight in Korea"
                    )
                self.made += 1
                file.truncate(0)
                file.write(msgspec.json.encode(_Counted(today, self.made, self._service, self.most)))
        except OSError as error:
            raise UserError(
                f"{self._file}: the calls of a day cannot be counted: {error.strerror}; name another folder with --data"
            ) from None

    def __str__(self) -> str:
        return f"{self.made} of {self.most} calls today"

    def _read(self, content: bytes) -> _Counted:
        try:
            return msgspec.json.decode(content, type=_Counted) if content else _Counted()
        except (msgspec.DecodeError, UnicodeDecodeError):
            log.warning("%s is no count of calls; it is counted from nothing", self._file)
            return _Counted()
