"""Triage of alerts: which there are, what people did about each, and why one is held back. All of it is in the store and its journal."""

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from jeonju.common.errors import UnavailableError
from jeonju.contract import known_source
from jeonju.contract.as_json import alert_json
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages.advice import advice_for
from jeonju.response import silences
from jeonju.response.corrections import Corrections
from jeonju.response.handling import (
    Action,
    ActionDetails,
    Handling,
    Verdict,
    check_allowed,
    handling_after,
    handling_of,
)
from jeonju.response.journal import Journal
from jeonju.response.known_sources import KnownSources
from jeonju.response.silences import Silences
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

# What another process wrote may have been stamped by a clock that is behind, or be stored a little later.
CLOCKS_DIFFER_BY: Final = timedelta(minutes=1)


class AlertService:
    """Safe to use from several threads. It reads the store when it is first needed."""

    def __init__(self, site: Site, store: Store, rules: Rules, now: Callable[[], datetime]) -> None:
        self._site, self._city, self._store, self.rules, self._now = site.name, site, store, rules, now
        self._journal = Journal(site.name, store, now)
        self._lock = threading.RLock()
        self._loaded = False
        self._alerts: dict[str, AlertRecord] = {}
        self._of_kind: dict[str, dict[str, AlertRecord]] = {}  # the same, for those that inhibit
        self._handling: dict[str, Handling] = {}
        self.silences = Silences(self._journal, now)
        self.known_sources = KnownSources(self._journal)
        self.corrections = Corrections(self._journal, now)
        self.on_change: Callable[[AlertRecord], None] = lambda _alert: None

    def load(self) -> None:
        """Read what the store holds, once. Raises UnavailableError while the store is away."""
        with self._lock:
            if self._loaded:
                return
            since = self._now() - self.rules.remembered
            alerts = {alert.id: alert for alert in self._store.alerts(self._site, since=since)}
            self._handling |= {alert_id: self._stored_handling(alert_id) for alert_id in alerts}
            self.silences.load()
            self.known_sources.load()
            for alert in alerts.values():
                if alert.id not in self._alerts:
                    self._keep(alert)
            self._loaded = True

    def refresh(self, since: datetime) -> list[AlertRecord]:
        """Read what other processes have written since an instant; return the alerts about which people did something there.

        Raises UnavailableError while the store is away.
        """
        self.load()
        entries = self._store.journal(self._site, since=since - CLOCKS_DIFFER_BY)
        subjects = {entry.subject for entry in entries}
        if silences.SUBJECT in subjects:
            self.silences.refresh()
        if known_source.SUBJECT in subjects:
            self.known_sources.refresh()
        changed = []
        with self._lock:
            for alert_id in subjects & self._alerts.keys():
                if (known := self._stored_handling(alert_id)) != self._handling.get(alert_id):
                    self._handling[alert_id] = known
                    changed.append(self._alerts[alert_id])
        return changed

    def handle(self, alerts: Iterable[AlertRecord]) -> None:
        """Take alerts that changed; while the store is away also those that it does not hold yet."""
        with suppress(UnavailableError):
            self.load()
        with self._lock:
            for alert in alerts:
                self._keep(alert)
                self._handling.setdefault(alert.id, Handling())
            oldest = self._now() - self.rules.remembered
            over = [alert for alert in self._alerts.values() if alert.ended_at is not None and alert.ended_at < oldest]
            for alert in over:
                del self._alerts[alert.id], self._handling[alert.id], self._of_kind[alert.kind][alert.id]

    def recent(self) -> list[AlertRecord]:
        """Return alerts that last, and those that ended a while ago (`Rules.remembered`). Raises UnavailableError as `load`."""
        self.load()
        with self._lock:
            return list(self._alerts.values())

    def find(self, alert_id: str) -> AlertRecord | None:
        """Return an alert, however old. Raises UnavailableError while the store is away."""
        self.load()
        found = self._alerts.get(alert_id) or self._store.alert(alert_id)
        return found if found is not None and found.site == self._site else None

    def handling(self, alert_id: str) -> Handling:
        """Return what people did about an alert. Raises UnavailableError while the store is away."""
        known = self._handling.get(alert_id)
        return known if known is not None else self._stored_handling(alert_id)

    def act(
        self,
        alert: AlertRecord,
        action: Action,
        who: str,
        note: str = "",
        *,
        verdict: Verdict | None = None,
        assignee: str = "",
    ) -> Handling:
        """Record what an operator does about an alert; it is in the journal when this returns.

        Raises UserError for what its state does not allow, UnavailableError while the store is away.
        """
        self.load()
        with self._lock:
            before = self.handling(alert.id)
            check_allowed(before, action)
            entry = self._journal.entry(action, alert.id, who, ActionDetails(note, verdict, assignee))
            self._journal.write(entry)
            after = handling_after(before, entry)
            if alert.id in self._alerts:
                self._handling[alert.id] = after
        self.on_change(alert)
        return after

    def held_back_by(self, alert: AlertRecord, now: datetime) -> dict[str, str] | None:
        """Return why an alert is not sent, as `{"silence": id}` or `{"inhibited_by": id}`; of one that ended, why it was not at its end."""
        silence = self.silences.covering(alert, alert.ended_at or now)
        if silence is not None:
            return {"silence": silence.id}
        for kind in self.rules.of(alert.kind).inhibited_by:
            for other in list(self._of_kind.get(kind, {}).values()):
                if _lasts(other, alert.ended_at) and _reaches(other, alert):
                    return {"inhibited_by": other.id}
        return None

    def free_since(self, alert: AlertRecord, now: datetime) -> datetime:
        """Return since when nothing has held an alert back: since it began, or since the silence or the alert that did so was over."""
        over = [silence.until_at for silence in self.silences.known.values() if silence.covered(alert, now)]
        for kind in self.rules.of(alert.kind).inhibited_by:
            of_kind = list(self._of_kind.get(kind, {}).values())
            over += [other.ended_at for other in of_kind if other.ended_at is not None and _reaches(other, alert)]
        return max([alert.started_at, *(at for at in over if at <= now)])

    def to_json(self, alert: AlertRecord) -> dict[str, Any]:
        """Return an alert as clients get it: with what people did, why it is held back, and its place in the runbook."""
        with suppress(UnavailableError):
            self.load()
        handling = {key: value for key, value in asdict(self.handling(alert.id)).items() if value not in (None, 0)}
        if "since" in handling:
            handling["since"] = handling["since"].isoformat().replace("+00:00", "Z")
        return {
            **alert_json(alert),
            "handling": handling,
            "held_back": self.held_back_by(alert, self._now()),
            "runbook": self.rules.runbook(alert.kind),
            "advice": None if (advice := advice_for(alert, self._city)) is None else advice.to_json(),
        }

    def _keep(self, alert: AlertRecord) -> None:
        self._alerts[alert.id] = self._of_kind.setdefault(alert.kind, {})[alert.id] = alert

    def _stored_handling(self, alert_id: str) -> Handling:
        return handling_of(self._journal.read(alert_id))


def _lasts(other: AlertRecord, ended_at: datetime | None) -> bool:
    """Whether an alert lasted when another ended, by event time; whether it lasts now where that one has not ended."""
    if ended_at is None:
        return other.ended_at is None
    return other.started_at <= ended_at and (other.ended_at is None or other.ended_at >= ended_at)


def _reaches(other: AlertRecord, alert: AlertRecord) -> bool:
    """Whether the place of one alert holds that of another: the whole site, the same zone, or the same device."""
    if other.device is not None:
        return other.device == alert.device
    return other.zone is None or other.zone == alert.zone
