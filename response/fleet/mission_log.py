"""What fleet control keeps over a restart: missions and disabled robots, as the journal has them.

An order is written down before it is sent: after a kill between the two it is sent again, and a robot accepts the same order only once.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from jeonju.common.errors import UnavailableError
from jeonju.contract.journal import JournalAction
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.response.fleet.dispatcher import Dispatcher
from jeonju.response.fleet.mission import Mission
from jeonju.response.journal import SYSTEM, Journal, details_of

log = logging.getLogger(__name__)

# An incident is traced for two hours; missions of before that are history.
REMEMBERED: Final = timedelta(days=1)
ON_MISSION: Final[tuple[JournalAction, ...]] = ("dispatch", "dispatch-on", "dispatch-over")
# What operators do, as the journal and REST call it.
DISABLE: Final = "forbid"
ENABLE: Final = "allow"
Key = tuple[str, datetime]


class MissionDetails(msgspec.Struct):
    """What is read back of the details of an entry about a mission; the rest of them is for people."""

    visit: Mission


class MissionLog:
    """The journal, as fleet control uses it. To be used by one thread at a time."""

    def __init__(self, site: Site, journal: Journal) -> None:
        self._site, self._journal = site, journal
        self.is_read = False
        self._written: dict[Key, tuple[Any, ...]] = {}  # mission → how far the journal has it
        self._waiting: list[JournalEntry] = []

    def restore(self, dispatcher: Dispatcher, now: datetime) -> None:
        """Give the dispatcher what was before this start, once. Raises UnavailableError while the store is away."""
        self._write([])
        if not self.is_read:
            self.look(dispatcher, now)
            self.is_read = True

    def leave(self) -> None:
        """Know from now on that others may write it."""
        self.is_read, self._waiting = False, []

    def look(self, dispatcher: Dispatcher, now: datetime) -> None:
        """Give the dispatcher what the journal has. Raises UnavailableError while the store is away."""
        missions: dict[Key, Mission] = {}
        # By robot, as a journal is read up to its newest 10 000 entries; no robot is sent after the last `forbid`.
        for name, entries in {name: self._journal.read(name) for name in dispatcher.fleet.robots}.items():
            for entry in entries:
                if entry.action in (DISABLE, ENABLE):
                    dispatcher.fleet.robots[name].is_disabled = entry.action == DISABLE
            recent = [entry for entry in entries if entry.action in ON_MISSION and entry.done_at >= now - REMEMBERED]
            for mission in filter(None, map(_mission_of, recent)):
                known = missions.setdefault(_key(mission), mission)
                missions[_key(mission)] = max(known, mission, key=lambda one: one.revision)
        dispatcher.restore(sorted(missions.values(), key=lambda mission: mission.sent_at), now)
        self._written = {key: _progress(mission) for key, mission in missions.items()}

    def keep(self, missions: Iterable[Mission], more: Sequence[JournalEntry] = (), *, first: bool) -> None:
        """Write down which missions have changed, and `more`; what the store cannot take now is written later.

        With `first` it must be written before anything else: raises UnavailableError where that is not possible, and nothing is kept.
        """
        if first and not self.is_read:
            raise UnavailableError("what robots were sent to is not read from the store yet; try again later")
        changed = [mission for mission in missions if self._written.get(_key(mission)) != _progress(mission)]
        entries = [*map(self._entry, changed), *more]
        try:
            self._write(entries)
        except UnavailableError as error:
            if first:
                raise
            if entries:
                log.warning("written into the journal later: %s", error)
            self._waiting += entries
        self._written |= {_key(mission): _progress(mission) for mission in changed}

    def _write(self, entries: list[JournalEntry]) -> None:
        self._journal.write(*self._waiting, *entries)
        self._waiting = []

    def _entry(self, mission: Mission) -> JournalEntry:
        mission.revision += 1
        action = ON_MISSION[2 if mission.ended_at is not None else min(mission.revision - 1, 1)]
        details = mission.to_json(self._site) | {"visit": mission}
        entry_id = f"{mission.order_id}-{action}-{mission.revision}"
        return self._journal.entry(action, mission.robot, SYSTEM, details, entry_id=entry_id)


def _mission_of(entry: JournalEntry) -> Mission | None:
    """Return the mission of an entry; None for one that another version wrote: its robot is called back where it waits."""
    try:
        return details_of(entry, MissionDetails).visit
    except msgspec.ValidationError:
        return None


def _key(mission: Mission) -> Key:
    return mission.robot, mission.sent_at


def _progress(mission: Mission) -> tuple[Any, ...]:
    return (
        mission.order_id,
        mission.update_id,
        mission.is_accepted,
        mission.is_turning_back,
        mission.outcome,
        mission.ended_at,
    )
