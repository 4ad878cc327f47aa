"""So much an hour, of what a sender can make up."""

from datetime import datetime
from typing import Final

HOUR_S: Final = 3600.0


class HourlyAllowance:
    """What was not used is kept for an hour at most: no more than twice the allowance is taken in any hour, and once it over time.

    A clock that is set back gives nothing until it has caught up.
    """

    def __init__(self, an_hour: int) -> None:
        self.an_hour = an_hour
        self._left = float(an_hour)
        self._until: datetime | None = None

    def take(self, count: int, now: datetime) -> bool:
        """Take so much of it, or nothing and return False where not so much is left."""
        if self._until is not None and now > self._until:
            grown = self.an_hour * (now - self._until).total_seconds() / HOUR_S
            self._left = min(self._left + grown, float(self.an_hour))
        self._until = now if self._until is None else max(now, self._until)
        if count > self._left:
            return False
        self._left -= count
        return True
