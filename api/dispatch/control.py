"""Fleet control at work: one thread at a time; what it says is published, and what becomes of visits is written down."""

import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from airquality.errors import RejectedError, UnavailableError, UserError
from airquality.site import Site
from api.dispatch.dispatcher import Dispatcher, Message, Visit
from api.incidents.city import SourceMap
from storage.port import Store
from storage.schema import JournalEntry

log = logging.getLogger(__name__)

Work = Callable[[Dispatcher, datetime], list[Message]]
SYSTEM: Final = "system"


class FleetControl:
    """The dispatcher with a store and a broker; `publish` raises UnavailableError while the broker is away."""

    def __init__(
        self,
        site: Site,
        store: Store,
        now: Callable[[], datetime],
        publish: Callable[[Message], None],
        *,
        automatic: bool,
    ) -> None:
        self._site, self._store, self._now, self._publish, self._automatic = site, store, now, publish, automatic
        self._dispatcher = Dispatcher(site)
        self._lock = threading.RLock()
        self._written: dict[str, str] = {}  # order → what the journal says of its visit

    @contextmanager
    def dispatching(self) -> Iterator[Dispatcher]:
        """Give the fleet control of the site to one at a time."""
        with self._lock:
            yield self._dispatcher

    def resume(self) -> None:
        """Forbid the robots that the journal says are. Raises UnavailableError while the store is away."""
        with self._lock:
            for entry in self._store.journal(self._site.name):
                if entry.action in ("forbid", "allow") and entry.subject in self._dispatcher.fleet.robots:
                    self._dispatcher.fleet.robots[entry.subject].forbidden = entry.action == "forbid"

    def operate(self, action: str, robot: str, who: str, work: Work) -> None:
        """Do what an operator wants, and write it down.

        Raises UserError for what cannot be done, UnavailableError while broker or store are away.
        """
        self._do(work)
        self._journal(action, robot, who, {}, uuid.uuid4().hex)

    def hear(self, topic: str, payload: bytes) -> None:
        """Take what a robot says; answer what it needs to know."""
        try:
            with self._lock:
                self._dispatcher.fleet.take(topic, payload, self._now())
                self._do(lambda dispatcher, now: [*dispatcher.follow(now), *self._call_back_strays(now)])
        except RejectedError as error:
            log.warning("%s: %s", topic, error)

    def wants_map(self, incident: str) -> bool:
        """Whether a new map of an incident would move a robot now."""
        with self._lock:
            if not self._automatic or not self._dispatcher.wants_map(incident):
                return False
            visit, now = self._dispatcher.visit_of(incident), self._now()
            is_under_way = visit is not None and visit.ended_at is None
            return is_under_way or any(one.why_not(now) is None for one in self._dispatcher.fleet.robots.values())

    def look(self, incident: str, found: SourceMap) -> None:
        """Send a robot where an incident's newest map is narrowed most, or send the one that is there on."""
        if self._automatic:
            self._do(lambda dispatcher, now: dispatcher.step(incident, found, now))

    def visits(self, incident: str) -> list[dict[str, Any]]:
        """Return what became of the visits to an incident."""
        with self._lock:
            return [_told(self._site, visit) for visit in self._dispatcher.visits if visit.incident == incident]

    def _do(self, work: Work) -> None:
        with self._lock:
            for message in work(self._dispatcher, self._now()):
                self._publish(message)
            for visit in self._dispatcher.visits:
                state = visit.outcome if visit.ended_at is not None else "sent"
                if self._written.get(visit.order_id) != state:
                    self._written[visit.order_id] = state
                    action = "dispatch" if visit.ended_at is None else "dispatch-over"
                    self._journal(action, visit.robot, SYSTEM, _told(self._site, visit), f"{visit.order_id}-{action}")

    def _call_back_strays(self, now: datetime) -> list[Message]:
        """Call back robots that wait for the rest of an order which was forgotten in a restart: they would wait for ever."""
        known = {visit.order_id for visit in self._dispatcher.visits}
        messages: list[Message] = []
        for name, one in self._dispatcher.fleet.robots.items():
            state = one.state
            # Orders of ours are named after the robot; those of another control are left alone.
            if (
                state is not None
                and not state.is_idle
                and f"-{name}-" in state.order_id
                and state.order_id not in known
            ):
                try:
                    messages += self._dispatcher.recall(name, now)
                    known.add(state.order_id)
                except UserError as error:
                    log.warning("%s", error)
        return messages

    def _journal(self, action: str, robot: str, who: str, details: dict[str, Any], entry_id: str) -> None:
        text = json.dumps(details, ensure_ascii=False)
        try:
            self._store.write_journal([JournalEntry(entry_id, self._site.name, self._now(), who, action, robot, text)])
        except UnavailableError as error:
            log.warning("not in the journal: %s %s by %s; %s", action, robot, who, error)


def _told(site: Site, visit: Visit) -> dict[str, Any]:
    places = [[round(float(value), 6) for value in site.map.to_latlon(stop.x_m, stop.y_m)] for stop in visit.places]
    return {
        "incident": visit.incident, "robot": visit.robot, "sent_at": visit.sent_at.isoformat(), "places": places, "outcome": visit.outcome,
        "ended_at": visit.ended_at.isoformat() if visit.ended_at else None,
    }  # fmt: skip
