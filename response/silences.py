"""Silences: for a time and with a reason, some alerts are not sent. They are raised, stored and shown all the same."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

import msgspec

from jeonju.common.errors import UserError
from jeonju.contract.records import AlertRecord, JournalEntry
from jeonju.response.journal import Journal, details_of

# All entries have one subject, so that lasting silences are found however long the journal has become.
SUBJECT: Final = "silences"
SILENCED: Final = "silence"
ENDED: Final = "silence-ended"


class SilenceDetails(msgspec.Struct, kw_only=True):
    """The details of an entry that begins a silence; `until` is an instant in ISO 8601."""

    until: str
    reason: str
    kind: str
    zone: str
    device: str


class EndDetails(msgspec.Struct):
    """The details of an entry that ends a silence: its id."""

    silence: str


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Globs for kind, zone and device that must all match; an alert of a zone has no device, one of the site neither."""

    id: str
    who: str
    from_at: datetime
    until_at: datetime
    reason: str
    kind: str = "*"
    zone: str = "*"
    device: str = "*"

    def covers(self, alert: AlertRecord, at: datetime) -> bool:
        """Return whether the alert is silenced at an instant."""
        return self.from_at <= at < self.until_at and self._matches(alert)

    def covered(self, alert: AlertRecord, now: datetime) -> bool:
        """Return whether it is over and covered the alert while that lasted."""
        return self.until_at <= now and self.until_at > alert.started_at and self._matches(alert)

    def _matches(self, alert: AlertRecord) -> bool:
        asked = ((self.kind, alert.kind), (self.zone, alert.zone or ""), (self.device, alert.device or ""))
        return all(fnmatchcase(text, glob) for glob, text in asked)


class Silences:
    """All silences of a site, as its journal has them. Safe to use from several threads."""

    def __init__(self, journal: Journal, now: Callable[[], datetime]) -> None:
        self._journal, self._now = journal, now
        self._lock = threading.RLock()
        self._loaded = False
        self._known: Mapping[str, Silence] = {}  # replaced as a whole, so readers need no lock

    @property
    def known(self) -> Mapping[str, Silence]:
        """Every silence by id, those that are over too, the oldest first."""
        return self._known

    def load(self) -> None:
        """Read the journal, once. Raises UnavailableError while the store is away."""
        with self._lock:
            if not self._loaded:
                self._known = silences_of(self._journal.read(SUBJECT))
                self._loaded = True

    def refresh(self) -> None:
        """Read the journal again, after another process wrote into it. Raises UnavailableError while the store is away."""
        with self._lock:
            self._known = silences_of(self._journal.read(SUBJECT))
            self._loaded = True

    def add(self, who: str, until_at: datetime, reason: str, globs: Mapping[str, str]) -> Silence:
        """Silence what matches. Raises UserError for a time that is over, UnavailableError while the store is away."""
        if until_at <= self._now():
            raise UserError("the silence would be over already")
        details = SilenceDetails(until=until_at.isoformat(), reason=reason, **globs)
        with self._lock:
            self.load()
            entry = self._journal.entry(SILENCED, SUBJECT, who, details)
            self._journal.write(entry)
            self._known = {**self._known, **silences_of([entry])}
            return self._known[entry.id]

    def end(self, silence_id: str, who: str) -> None:
        """End a silence before its time. Raises UserError where there is none that lasts, UnavailableError while the store is away."""
        with self._lock:
            self.load()
            lasting = self._known.get(silence_id)
            if lasting is None or lasting.until_at <= self._now():
                raise UserError(f"no silence that lasts is called {silence_id[:100]!r}")
            entry = self._journal.entry(ENDED, SUBJECT, who, EndDetails(silence_id))
            self._journal.write(entry)
            self._known = {**self._known, silence_id: _ended(lasting, entry)}

    def covering(self, alert: AlertRecord, at: datetime) -> Silence | None:
        """Return a silence that covers an alert at an instant, None for none."""
        return next((silence for silence in self._known.values() if silence.covers(alert, at)), None)


def silences_of(entries: Iterable[JournalEntry]) -> dict[str, Silence]:
    """Return every silence of the entries, by id; one that was ended early lasts until then."""
    known: dict[str, Silence] = {}
    for entry in entries:
        if entry.action == SILENCED:
            details = details_of(entry, SilenceDetails)
            globs = {"kind": details.kind, "zone": details.zone, "device": details.device}
            known[entry.id] = Silence(
                id=entry.id,
                who=entry.who,
                from_at=entry.done_at,
                until_at=datetime.fromisoformat(details.until),
                reason=details.reason,
                **globs,
            )
        elif entry.action == ENDED and (ended := known.get(details_of(entry, EndDetails).silence)) is not None:
            known[ended.id] = _ended(ended, entry)
    return known


def _ended(silence: Silence, entry: JournalEntry) -> Silence:
    return replace(silence, until_at=min(silence.until_at, entry.done_at))
