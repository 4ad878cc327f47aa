"""What fleet control knows over a restart: visits and forbidden robots, as the journal tells them.

An order is written down before it is sent: after a kill between the two it is sent again, and a robot takes the same order only once.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.response.fleet.dispatcher import Dispatcher
from jeonju.response.fleet.visit import Visit
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

SYSTEM: Final = "system"
# An incident is traced for two hours; visits of before that are history.
REMEMBERED: Final = timedelta(days=1)
VISITING: Final = ("dispatch", "dispatch-on", "dispatch-over")
Key = tuple[str, datetime]


class FleetMemory:
    """The journal, as fleet control uses it. To be used by one thread at a time."""

    def __init__(self, site: Site, store: Store) -> None:
        self._site, self._store = site, store
        self.is_read = False
        self._written: dict[Key, tuple[Any, ...]] = {}  # visit → how far the journal knows it
        self._waiting: list[JournalEntry] = []

    def read(self, dispatcher: Dispatcher, now: datetime) -> None:
        """Tell the dispatcher what was before this start, once. Raises UnavailableError while the store is away."""
        self._write([])
        if self.is_read:
            return
        # By robot, as a journal is read up to its newest 10 000 entries; nobody is sent after the last `forbid`.
        journals = {name: self._store.journal(self._site.name, subject=name) for name in dispatcher.fleet.robots}
        visits: dict[Key, Visit] = {}
        for name, entries in journals.items():
            for entry in entries:
                if entry.action in ("forbid", "allow"):
                    dispatcher.fleet.robots[name].forbidden = entry.action == "forbid"
            recent = [one for one in entries if one.action in VISITING and one.done_at >= now - REMEMBERED]
            for visit in filter(None, map(_visit_of, recent)):
                known = visits.setdefault(_key(visit), visit)
                visits[_key(visit)] = max(known, visit, key=lambda one: one.revision)
        dispatcher.resume(sorted(visits.values(), key=lambda one: one.sent_at), now)
        self._written = {key: _mark(visit) for key, visit in visits.items()}
        self.is_read = True

    def keep(self, visits: Iterable[Visit], now: datetime, more: Sequence[JournalEntry] = (), *, first: bool) -> None:
        """Write down which visits have changed, and `more`; what the store cannot take now is written later.

        With `first` it must be written before anything else: raises UnavailableError where that is not possible, and nothing is kept.
        """
        if first and not self.is_read:
            raise UnavailableError("what robots were sent to is not read from the store yet; try again later")
        changed = [visit for visit in visits if self._written.get(_key(visit)) != _mark(visit)]
        entries = [*(self._entry(visit, now) for visit in changed), *more]
        try:
            self._write(entries)
        except UnavailableError as error:
            if first:
                raise
            if entries:
                log.warning("written into the journal later: %s", error)
            self._waiting += entries
        self._written |= {_key(visit): _mark(visit) for visit in changed}

    def _write(self, entries: list[JournalEntry]) -> None:
        if self._waiting or entries:
            self._store.write_journal([*self._waiting, *entries])
            self._waiting = []

    def _entry(self, visit: Visit, now: datetime) -> JournalEntry:
        visit.revision += 1
        action = VISITING[2 if visit.ended_at is not None else min(visit.revision - 1, 1)]
        details = json.dumps(told(self._site, visit) | {"visit": msgspec.to_builtins(visit)}, ensure_ascii=False)
        entry_id = f"{visit.order_id}-{action}-{visit.revision}"
        return JournalEntry(entry_id, self._site.name, now, SYSTEM, action, visit.robot, details)


def told(site: Site, visit: Visit) -> dict[str, Any]:
    """Return what people are told of a visit."""
    places = [[round(float(value), 6) for value in site.map.to_latlon(stop.x_m, stop.y_m)] for stop in visit.places]
    return {
        "incident": visit.incident,
        "robot": visit.robot,
        "sent_at": visit.sent_at.isoformat(),
        "places": places,
        "outcome": visit.outcome,
        "ended_at": visit.ended_at.isoformat() if visit.ended_at else None,
    }


def _visit_of(entry: JournalEntry) -> Visit | None:
    """Return the visit of an entry; None for one that another version wrote: its robot is called back where it waits."""
    try:
        return msgspec.convert(json.loads(entry.details)["visit"], Visit)
    except (KeyError, msgspec.ValidationError):
        return None


def _key(visit: Visit) -> Key:
    return visit.robot, visit.sent_at


def _mark(visit: Visit) -> tuple[Any, ...]:
    return visit.order_id, visit.update_id, visit.taken, visit.turning, visit.outcome, visit.ended_at
