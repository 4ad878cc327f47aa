"""The links that everything hangs on: store, broker, and whether any data comes. At most one of them is reported, the first cause.

Judged by the clock of the api, as without data there is no other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jeonju.detection.condition import Condition

# A restart or a short break is not worth an alert.
AWAY_AFTER: Final = timedelta(seconds=30)
NO_DATA_AFTER: Final = timedelta(minutes=3)

STORE_AWAY: Final = Condition(kind="store-away", place="", severity="critical")
BROKER_AWAY: Final = Condition(kind="broker-away", place="", severity="critical")
NO_DATA: Final = Condition(kind="no-data", place="", severity="critical")
LINK_KINDS: Final = frozenset([STORE_AWAY.kind, BROKER_AWAY.kind, NO_DATA.kind])


@dataclass
class Links:
    """Remembers since when something is missing. `heard_at` begins with the start: before it nothing could be heard."""

    heard_at: datetime
    _store_away_at: datetime | None = None
    _broker_away_at: datetime | None = None

    def note(self, now: datetime, *, store: bool, broker: bool) -> None:
        """Note what can be reached now."""
        if (store and self._store_away_at) or (broker and self._broker_away_at):
            # Until now no data could come.
            self.heard_at = max(now, self.heard_at)
        self._store_away_at = None if store else self._store_away_at or now
        self._broker_away_at = None if broker else self._broker_away_at or now

    def condition(self, now: datetime) -> Condition | None:
        """Return what is to be reported, None when all is well."""
        if self._store_away_at and now - self._store_away_at >= AWAY_AFTER:
            return STORE_AWAY
        if self._broker_away_at and now - self._broker_away_at >= AWAY_AFTER:
            return BROKER_AWAY
        is_reachable = not (self._store_away_at or self._broker_away_at)
        return NO_DATA if is_reachable and now - self.heard_at > NO_DATA_AFTER else None
