"""The journal as the response uses it: what people and the system did, written once and never changed."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from jeonju.common.rising_ids import rising_id
from jeonju.contract.journal import JournalAction
from jeonju.contract.records import JournalEntry
from jeonju.storage.port import Store

SYSTEM: Final = "system"
Details = TypeVar("Details")


class Journal:
    """Makes, writes and reads the entries of one site. Every method that asks the store raises UnavailableError while it is away."""

    def __init__(self, site: str, store: Store, now: Callable[[], datetime]) -> None:
        self._site, self._store, self._now = site, store, now

    def entry(
        self,
        action: JournalAction,
        subject: str,
        who: str = SYSTEM,
        details: Any = None,
        *,
        entry_id: str | None = None,
    ) -> JournalEntry:
        """Return an entry as of now, not written yet; `details` is a dictionary or a msgspec Struct, `entry_id` rises unless it is given."""
        text = json.dumps({} if details is None else msgspec.to_builtins(details), ensure_ascii=False)
        return JournalEntry(entry_id or rising_id(), self._site, self._now(), who, action, subject, text)

    def write(self, *entries: JournalEntry) -> None:
        """Append entries; one that is there already, by id, stays as it is."""
        if entries:
            self._store.write_journal(entries)

    def read(self, subject: str) -> list[JournalEntry]:
        """Return the entries about one subject in the order of time."""
        return self._store.journal(self._site, subject=subject)


def details_of(entry: JournalEntry, kind: type[Details]) -> Details:
    """Return the details of an entry as a type; unknown members are left out. Raises msgspec.ValidationError where it does not fit."""
    return msgspec.json.decode(entry.details, type=kind)
