"""The desk at which alerts are worked: what people did about them, what is silenced or inhibited. All of it is in the journal."""

import json
import threading
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract import known_source as nuisance
from jeonju.contract.as_json import alert_json
from jeonju.contract.known_source import Nuisance
from jeonju.contract.records import AlertRecord, JournalEntry
from jeonju.contract.site import Site
from jeonju.response import handling as people
from jeonju.response import silences
from jeonju.response.handling import Action, Handling, Verdict
from jeonju.response.silences import Silence
from jeonju.rules.rules import Rules
from jeonju.storage.port import Store

# Alerts that ended are known for so long after their end, for those that are to be told of it.
REMEMBERED: Final = timedelta(days=1)


class AlertDesk:
    """Safe to use from several threads. It reads the store when it is first needed, and again after `resume`."""

    def __init__(self, site: Site, store: Store, rules: Rules, now: Callable[[], datetime]) -> None:
        self._site, self._store, self.rules, self._now = site.name, store, rules, now
        self._lock = threading.RLock()
        self._loaded = False
        self._alerts: dict[str, AlertRecord] = {}
        self._of_kind: dict[str, dict[str, AlertRecord]] = {}  # the same, for those that inhibit
        self._handling: dict[str, Handling] = {}
        self.silences: dict[str, Silence] = {}
        self.nuisances: dict[str, Nuisance] = {}
        self.on_change: Callable[[AlertRecord], None] = lambda _alert: None

    def load(self) -> None:
        """Read what the store holds, once. Raises UnavailableError while the store is away."""
        with self._lock:
            if self._loaded:
                return
            since = self._now() - REMEMBERED
            alerts = {alert.id: alert for alert in self._store.alerts(self._site, since=since)}
            self._handling |= {alert: self._handling_in_store(alert) for alert in alerts}
            self.silences = silences.silences(self._store.journal(self._site, subject=silences.SUBJECT))
            self.nuisances = nuisance.nuisances(self._store.journal(self._site, subject=nuisance.SUBJECT))
            for alert in alerts.values():
                if alert.id not in self._alerts:
                    self._keep(alert)
            self._loaded = True

    def take(self, alerts: Iterable[AlertRecord]) -> None:
        """Take alerts that changed; while the store is away also those that it does not hold yet."""
        with suppress(UnavailableError):
            self.load()
        with self._lock:
            for alert in alerts:
                self._keep(alert)
                self._handling.setdefault(alert.id, Handling())
            oldest = self._now() - REMEMBERED
            for one in [one for one in self._alerts.values() if one.ended_at is not None and one.ended_at < oldest]:
                del self._alerts[one.id], self._handling[one.id], self._of_kind[one.kind][one.id]

    def recent(self) -> list[AlertRecord]:
        """Return alerts that last, and those that ended within the last day. Raises UnavailableError as `load`."""
        self.load()
        with self._lock:
            return list(self._alerts.values())

    def find(self, alert_id: str) -> AlertRecord | None:
        """Return an alert, however old. Raises UnavailableError while the store is away."""
        self.load()
        found = self._alerts.get(alert_id)
        return found or next((one for one in self._store.alerts(self._site) if one.id == alert_id), None)

    def handling(self, alert_id: str) -> Handling:
        """Return what people did about an alert. Raises UnavailableError while the store is away."""
        known = self._handling.get(alert_id)
        return known if known is not None else self._handling_in_store(alert_id)

    def act(
        self, alert: AlertRecord, action: Action, who: str, note: str = "", verdict: Verdict | None = None
    ) -> Handling:
        """Take what somebody does about an alert; it is in the journal when this returns.

        Raises UserError for what its state does not allow, UnavailableError while the store is away.
        """
        self.load()
        with self._lock:
            before = self.handling(alert.id)
            people.check_allowed(before, action)
            details = {key: value for key, value in (("note", note), ("verdict", verdict)) if value}
            after = people.after(before, self._write(action, alert.id, who, details))
            if alert.id in self._alerts:
                self._handling[alert.id] = after
        self.on_change(alert)
        return after

    def silence(self, who: str, until_at: datetime, reason: str, globs: dict[str, str]) -> Silence:
        """Silence what matches. Raises UserError for a time that is over, UnavailableError while the store is away."""
        self.load()
        if until_at <= self._now():
            raise UserError("the silence would be over already")
        with self._lock:
            details = {"until": until_at.isoformat(), "reason": reason, **globs}
            entry = self._write(silences.SILENCED, silences.SUBJECT, who, details)
            self.silences |= silences.silences([entry])
            return self.silences[entry.id]

    def end_silence(self, silence_id: str, who: str) -> None:
        """End a silence before its time. Raises UserError where there is none that lasts."""
        self.load()
        with self._lock:
            lasting = self.silences.get(silence_id)
            if lasting is None or lasting.until_at <= self._now():
                raise UserError(f"no silence that lasts is called {silence_id[:100]!r}")
            self._write(silences.ENDED, silences.SUBJECT, who, {"silence": silence_id})
            self.silences = silences.silences(self._store.journal(self._site, subject=silences.SUBJECT))

    def mark(self, place: Nuisance, who: str) -> str:
        """Mark a place as a nuisance and return its id. Raises UnavailableError while the store is away."""
        self.load()
        with self._lock:
            entry = self._write(nuisance.MARKED, nuisance.SUBJECT, who, place.model_dump())
            self.nuisances = {**self.nuisances, entry.id: place}
            return entry.id

    def unmark(self, nuisance_id: str, who: str) -> None:
        """Take a mark away. Raises UserError where there is none."""
        self.load()
        with self._lock:
            if nuisance_id not in self.nuisances:
                raise UserError(f"no nuisance is called {nuisance_id[:100]!r}")
            self._write(nuisance.REMOVED, nuisance.SUBJECT, who, {"nuisance": nuisance_id})
            self.nuisances = {key: place for key, place in self.nuisances.items() if key != nuisance_id}

    def held_back_by(self, alert: AlertRecord, now: datetime) -> dict[str, str] | None:
        """Return why an alert is not sent, as `{"silence": id}` or `{"inhibited_by": id}`; of one that ended, why it was not at its end."""
        at = alert.ended_at or now
        for silence in self.silences.values():
            if silence.covers(alert, at):
                return {"silence": silence.id}
        for kind in self.rules.of(alert.kind).inhibited_by:
            for other in list(self._of_kind.get(kind, {}).values()):
                if _lasts(other, alert.ended_at) and _reaches(other, alert):
                    return {"inhibited_by": other.id}
        return None

    def told(self, alert: AlertRecord) -> dict[str, Any]:
        """Return an alert as everybody is told it: with what people did, why it is held back, and its place in the runbook."""
        with suppress(UnavailableError):
            self.load()
        stand = {key: value for key, value in asdict(self.handling(alert.id)).items() if value not in (None, 0)}
        if "since" in stand:
            stand["since"] = stand["since"].isoformat().replace("+00:00", "Z")
        return {
            **alert_json(alert),
            "handling": stand,
            "held_back": self.held_back_by(alert, self._now()),
            "runbook": self.rules.runbook(alert.kind),
        }

    def _keep(self, alert: AlertRecord) -> None:
        self._alerts[alert.id] = self._of_kind.setdefault(alert.kind, {})[alert.id] = alert

    def _handling_in_store(self, alert_id: str) -> Handling:
        return people.handling_of(self._store.journal(self._site, subject=alert_id))

    def _write(self, action: str, subject: str, who: str, details: Any) -> JournalEntry:
        text = json.dumps(details, ensure_ascii=False)
        entry = JournalEntry(uuid.uuid4().hex, self._site, self._now(), who, action, subject, text)
        self._store.write_journal([entry])
        return entry


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
