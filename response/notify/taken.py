"""What a channel says of a notification: taken, not taken, or refused for good; and one notification for several receivers."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from jeonju.common.errors import RejectedError, UnavailableError
from jeonju.response.notify.notification import Notification

log = logging.getLogger(__name__)

# Sends a notification and returns what was answered. Raises UnavailableError where it is to be tried again, RejectedError where that is useless.
Send = Callable[[Notification, datetime], str]
# Notifications of which some receivers are still to be reached.
MOST_HALF_TAKEN: Final = 256
LONGEST_ANSWER: Final = 300


class NotTakenError(UnavailableError):
    """Try again, but not before `after_s`; `is_partial` where some receivers have taken it."""

    def __init__(self, message: str, after_s: float = 0.0, *, is_partial: bool = False) -> None:
        super().__init__(message)
        self.after_s, self.is_partial = after_s, is_partial


class Receivers:
    """Several receivers of one channel: what one of them did not take is tried again there, and not at those who have it.

    That is remembered in memory: after a restart they may get it twice.
    """

    def __init__(self, names: Sequence[str]) -> None:
        """`names` are what messages call them: never a secret."""
        self._names = names
        self._done: OrderedDict[str, dict[int, bool]] = OrderedDict()  # notification → receiver → whether it was taken

    def send(self, notification_id: str, one: Callable[[int], str]) -> str:
        """Send to each that is still to be reached; `one` takes its number. Raises NotTakenError, or RejectedError where all refuse."""
        done = self._done.setdefault(notification_id, {})
        while len(self._done) > MOST_HALF_TAKEN:
            self._done.popitem(last=False)
        answers, failures = [], list[UnavailableError]()
        for number, name in enumerate(self._names):
            if number in done:
                continue
            try:
                answers.append(one(number))
                done[number] = True
            except RejectedError as error:
                log.warning("%s is not tried again: %s", name, error)
                answers.append(str(error))
                done[number] = False
            except UnavailableError as error:
                failures.append(error)
        if failures:
            after_s = max(getattr(error, "after_s", 0.0) for error in failures)
            of = f"{len(failures)} of {len(self._names)} receivers did not take it: " if len(self._names) > 1 else ""
            raise NotTakenError(f"{of}{failures[0]}", after_s, is_partial=any(done.values()))
        self._done.pop(notification_id, None)
        said = "; ".join(dict.fromkeys(answers))
        if not any(done.values()):
            raise RejectedError(said)
        return said


def shortened(text: str) -> str:
    """Return an answer as one short line."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER]}…"


def retry_after_s(header: str | None, now: datetime) -> float:
    """Return the seconds that a `Retry-After` asks for, as a number or as a date; 0 where it says nothing that can be read."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
    try:
        return max((at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds(), 0.0)
    except OverflowError:
        return 0.0
