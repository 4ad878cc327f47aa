"""Silences: for a time and with a reason, some alerts are not sent. They are raised, stored and shown all the same."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Final

from jeonju.contract.records import AlertRecord, JournalEntry

# All entries have one subject, so that lasting silences are found however long the journal has become.
SUBJECT: Final = "silences"
SILENCED: Final = "silence"
ENDED: Final = "silence-ended"


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
        """Tell whether the alert is silenced at an instant."""
        asked = ((self.kind, alert.kind), (self.zone, alert.zone or ""), (self.device, alert.device or ""))
        return self.from_at <= at < self.until_at and all(fnmatchcase(text, glob) for glob, text in asked)


def silences(entries: Iterable[JournalEntry]) -> dict[str, Silence]:
    """Return every silence that the journal knows, by id; one that was ended early lasts until then."""
    known: dict[str, Silence] = {}
    for entry in entries:
        details = json.loads(entry.details)
        if entry.action == SILENCED:
            texts = {key: details[key] for key in ("reason", "kind", "zone", "device")}
            until_at = datetime.fromisoformat(details["until"])
            known[entry.id] = Silence(id=entry.id, who=entry.who, from_at=entry.done_at, until_at=until_at, **texts)
        elif entry.action == ENDED and details["silence"] in known:
            before = known[details["silence"]]
            known[before.id] = replace(before, until_at=min(before.until_at, entry.done_at))
    return known
