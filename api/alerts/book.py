"""The book of alerts: begins an alert when its condition begins to hold, keeps it up to date, ends it when it holds no more."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from airquality.site import Site
from api.alerts.condition import Condition
from storage.schema import AlertRecord

# An alert that goes on is written again this often with its present value.
REFRESH_S: Final = 60.0


class AlertBook:
    """Every alert of a site that lasts; what changed is handed out once."""

    def __init__(self, site: Site) -> None:
        self._site = site.name
        self._zone_of = {device.name: device.zone for device in site.devices} | {z.name: z.name for z in site.zones}
        self._zones = {zone.name for zone in site.zones}
        self._active: dict[tuple[str, str], AlertRecord] = {}
        self._changed: dict[str, AlertRecord] = {}

    @property
    def active(self) -> list[AlertRecord]:
        """Every alert that lasts, the newest first."""
        return sorted(self._active.values(), key=lambda alert: alert.started_at, reverse=True)

    def resume(self, alerts: Iterable[AlertRecord]) -> None:
        """Go on with the alerts that lasted when the last run ended."""
        self._active = {(alert.kind, alert.device or alert.zone or ""): alert for alert in alerts}

    def hold(self, kinds: frozenset[str], conditions: Iterable[Condition], now: datetime) -> None:
        """Take all that holds now of some kinds: it begins or goes on, and what is not among it ends."""
        held = set()
        for condition in conditions:
            held.add((condition.kind, condition.place))
            self._go_on(condition, now)
        for key in [key for key in self._active if key[0] in kinds and key not in held]:
            alert = self._active.pop(key)
            self._changed[alert.id] = alert._replace(updated_at=now, ended_at=max(now, alert.started_at))

    def take_changes(self) -> list[AlertRecord]:
        """Return every alert that began, changed or ended since the last call."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def _go_on(self, condition: Condition, now: datetime) -> None:
        kind, place = condition.kind, condition.place
        before = self._active.get((kind, place))
        if before and before.severity == condition.severity and (now - before.updated_at).total_seconds() < REFRESH_S:
            return
        started_at = before.started_at if before else now
        alert = AlertRecord(
            id=f"{self._site}-{kind}-{place or 'all'}-{started_at:%Y%m%dT%H%M%S}", site=self._site, kind=kind,
            severity=condition.severity, device=place if place and place not in self._zones else None, zone=self._zone_of.get(place),
            started_at=started_at, updated_at=now, ended_at=None, value=condition.value, limit=condition.limit,
            quantity=condition.quantity, summary_ko=condition.summary_ko, summary_en=condition.summary_en,
            details=json.dumps(condition.details, ensure_ascii=False),
        )  # fmt: skip
        self._active[kind, place] = self._changed[alert.id] = alert
