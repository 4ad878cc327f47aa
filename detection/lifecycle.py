"""The life of alerts: one begins when its condition has held for long enough, is kept up to date, and ends when that is gone for long enough."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from jeonju.contract.details import encode
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.detection.condition import Condition
from jeonju.rules.rules import Rules

# An alert that goes on is written again this often with its present value.
REFRESH_S: Final = 60.0

Key = tuple[str, str]  # kind, place


class Pending(NamedTuple):
    """Conditions that are met, and alerts whose condition holds no more, each with since when."""

    held: dict[Key, tuple[Condition, datetime]]
    gone: dict[Key, datetime]


class AlertLifecycle:
    """Every alert of a site that lasts; what changed is handed out once.

    Times are those of the readings, or of the clock for what these do not show.
    """

    def __init__(self, site: Site, rules: Rules) -> None:
        self._site = site.name
        self._rules = rules
        self._zone_of = {device.name: device.zone for device in site.devices} | {
            zone.name: zone.name for zone in site.zones
        }
        self._zones = {zone.name for zone in site.zones}
        self._active: dict[Key, AlertRecord] = {}
        self._held: dict[Key, tuple[Condition, datetime]] = {}  # the condition that is met, and since when
        self._gone: dict[Key, datetime] = {}  # alerts whose condition holds no more, and since when
        self._changed: dict[str, AlertRecord] = {}

    @property
    def active(self) -> list[AlertRecord]:
        """Every alert that fires, the newest first."""
        return sorted(self._active.values(), key=lambda alert: alert.started_at, reverse=True)

    def restore(self, alerts: Iterable[AlertRecord]) -> None:
        """Go on with the alerts that fired when the last run ended, and nothing else."""
        self._held.clear()
        self._gone.clear()
        self._changed.clear()
        self._active = {(alert.kind, alert.device or alert.zone or ""): alert for alert in alerts}

    def pending(self, kinds: frozenset[str]) -> Pending:
        """Return since when conditions of some kinds are met, and since when they are gone."""
        held = {key: (condition, since) for key, (condition, since) in self._held.items() if key[0] in kinds}
        return Pending(held, {key: since for key, since in self._gone.items() if key[0] in kinds})

    def go_on(self, pending: Pending, step: timedelta) -> None:
        """Go on with these, by a clock that was set forward by `step` since."""
        self._held |= {key: (condition, since + step) for key, (condition, since) in pending.held.items()}
        self._gone |= {key: since + step for key, since in pending.gone.items() if key in self._active}

    def end_all_but(self, kinds: frozenset[str]) -> None:
        """End what no rule and no detector raises any more, as when a rule was taken out of its file."""
        for key in [key for key in self._active if key[0] not in kinds]:
            self._end(key, self._active[key].updated_at)

    def update(self, kinds: frozenset[str], conditions: Iterable[Condition], now: datetime) -> None:
        """Replace the conditions of some kinds by those that hold now; what is not among them is gone."""
        holding = {
            (condition.kind, condition.place): condition
            for condition in conditions
            if self._rules.of(condition.kind).enabled
        }
        for key, condition in holding.items():
            self._gone.pop(key, None)
            self._held[key] = condition, self._held[key][1] if key in self._held else now
            if key in self._active:
                self._fire(key, condition, now)
        for key in [key for key in self._held if key[0] in kinds and key not in holding]:
            del self._held[key]
        for key in self._active:
            if key[0] in kinds and key not in holding:
                self._gone.setdefault(key, now)
        self.settle(kinds, now)

    def settle(self, kinds: frozenset[str], now: datetime) -> None:
        """Begin alerts of some kinds whose condition has held for long enough by `now`, and end those whose condition has been gone for long enough.

        Each kind has a time of its own: that of the readings judged so far, or the clock, which is ahead of it.
        """
        for key, (condition, since) in self._held.items():
            if key[0] not in kinds or key in self._active:
                continue
            if (now - since).total_seconds() >= self._rules.of(key[0]).for_s:
                self._fire(key, condition, now)
        for key, since in list(self._gone.items()):
            if key[0] in kinds and (now - since).total_seconds() >= self._rules.of(key[0]).keep_firing_for_s:
                self._end(key, now)

    def take_changes(self) -> list[AlertRecord]:
        """Return every alert that began, changed or ended since the last call."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def _end(self, key: Key, now: datetime) -> None:
        self._gone.pop(key, None)
        alert = self._active.pop(key)
        self._changed[alert.id] = alert._replace(updated_at=now, ended_at=max(now, alert.started_at))

    def _fire(self, key: Key, condition: Condition, now: datetime) -> None:
        kind, place = key
        severity = self._rules.of(kind).severity or condition.severity
        before = self._active.get(key)
        # One that was raised by a clock which was ahead is written again at once.
        if before and before.severity == severity and 0 <= (now - before.updated_at).total_seconds() < REFRESH_S:
            return
        started_at = before.started_at if before else now
        alert = AlertRecord(
            id=f"{self._site}-{kind}-{place or 'all'}-{started_at:%Y%m%dT%H%M%S}",
            site=self._site,
            kind=kind,
            severity=severity,
            device=place if place and place not in self._zones else None,
            zone=self._zone_of.get(place),
            started_at=started_at,
            updated_at=now,
            ended_at=None,
            value=condition.value,
            limit=condition.limit,
            quantity=condition.quantity,
            summary_ko="",  # in words when it is stored (messages/alerts.py)
            summary_en="",
            details=encode(condition.details),
        )
        self._active[key] = self._changed[alert.id] = alert
