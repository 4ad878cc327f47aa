"""The links that everything hangs on: store, broker, and whether any data comes. At most one of them is reported, the first cause.

Judged by the clock, as without data there is no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from jeonju.detection.condition import Condition
from jeonju.detection.detectors.detector import Observations, Pace, Past
from jeonju.detection.windows import Window

# A restart or a short break is not worth an alert.
AWAY_AFTER: Final = timedelta(seconds=30)
NO_DATA_AFTER: Final = timedelta(minutes=3)

STORE_AWAY: Final = Condition(kind="store-away", place="", severity="critical")
BROKER_AWAY: Final = Condition(kind="broker-away", place="", severity="critical")
NO_DATA: Final = Condition(kind="no-data", place="", severity="critical")
LINK_KINDS: Final = frozenset([STORE_AWAY.kind, BROKER_AWAY.kind, NO_DATA.kind])


@dataclass
class LinksDetector:
    """Remembers since when something is missing. Before the first observation nothing could be heard."""

    kinds: frozenset[str] = LINK_KINDS
    pace: Pace = Pace.CLOCK
    _heard_at: datetime | None = None
    _store_away_at: datetime | None = None
    _broker_away_at: datetime | None = None
    _is_new: bool = False

    def restore(self, past: Past) -> None:
        """Go on with the alert that no data comes: an engine that is made anew has not heard anything either."""
        if firing := [alert for alert in past.alerts if alert.kind == NO_DATA.kind]:
            self._heard_at = firing[0].started_at - NO_DATA_AFTER

    def shift(self, step: timedelta) -> None:
        """Go on by a clock that was set forward by `step`, as if it had always been like that."""
        known = (self._heard_at, self._store_away_at, self._broker_away_at)
        self._heard_at, self._store_away_at, self._broker_away_at = (at and at + step for at in known)

    def observe(self, seen: Observations) -> None:
        """Note what can be reached now."""
        links, now = seen.links, seen.at
        if links is None or now is None:
            return
        heard_at = [self._heard_at or now]
        if (links.store and self._store_away_at) or (links.broker and self._broker_away_at):
            # Until now no data could come.
            heard_at.append(now)
        if links.heard_at is not None:
            heard_at.append(links.heard_at)
        self._heard_at = max(heard_at)
        self._store_away_at = None if links.store else self._store_away_at or now
        self._broker_away_at = None if links.broker else self._broker_away_at or now
        self._is_new = True

    def step(self, window: Window) -> None:
        """Windows come only while everything is well."""

    def conditions(self, now: datetime) -> Sequence[Condition] | None:
        """Return what is to be reported, None when nothing was observed since."""
        if not self._is_new or self._heard_at is None:
            return None
        self._is_new = False
        if self._store_away_at and now - self._store_away_at >= AWAY_AFTER:
            return [STORE_AWAY]
        if self._broker_away_at and now - self._broker_away_at >= AWAY_AFTER:
            return [BROKER_AWAY]
        is_reachable = not (self._store_away_at or self._broker_away_at)
        return [NO_DATA] if is_reachable and now - self._heard_at > NO_DATA_AFTER else []
