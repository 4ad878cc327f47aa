"""Fleet control at work: one thread at a time; what it says is published, and what becomes of visits is written down."""

import logging
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from jeonju.common.errors import RejectedError, UnavailableError
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Site
from jeonju.localization.source_map import SourceMap
from jeonju.response.fleet.dispatcher import Dispatcher, Message
from jeonju.response.fleet.memory import FleetMemory, told
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

Work = Callable[[Dispatcher, datetime], list[Message]]


class FleetControl:
    """The dispatcher with a store and a broker; `publish` raises UnavailableError while the broker is away."""

    def __init__(
        self,
        site: Site,
        store: Store,
        now: Callable[[], datetime],
        publish: Callable[[list[Message]], None],
        *,
        automatic: bool,
    ) -> None:
        self._site, self._now, self._publish, self._automatic = site, now, publish, automatic
        self._dispatcher = Dispatcher(site)
        self._lock = threading.RLock()
        self._memory = FleetMemory(site, store)

    @contextmanager
    def dispatching(self) -> Iterator[Dispatcher]:
        """Give the fleet control of the site to one at a time."""
        with self._lock:
            yield self._dispatcher

    def resume(self) -> None:
        """Know again which robots are forbidden, and go on with the visits of before. Raises UnavailableError while the store is away."""
        with self._lock:
            self._memory.read(self._dispatcher, self._now())

    def operate(self, action: str, robot: str, who: str, work: Work) -> None:
        """Do what an operator wants, and write it down.

        Raises UserError for what cannot be done, UnavailableError while the broker is away, and for sending while the store is.
        """
        # Nothing is begun that could not be told.
        self._publish([])
        self._do(work, [JournalEntry(uuid.uuid4().hex, self._site.name, self._now(), who, action, robot, "{}")])

    def hear(self, topic: str, payload: bytes) -> None:
        """Take what a robot says; answer what it needs to know."""
        try:
            with self._lock:
                self._dispatcher.fleet.take(topic, payload, self._now())
                if self._memory.is_read:
                    self._do(lambda dispatcher, now: dispatcher.follow(now))
        except (RejectedError, UnavailableError) as error:
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
        if not self._automatic:
            return
        try:
            self._do(lambda dispatcher, now: dispatcher.step(incident, found, now))
        except UnavailableError as error:
            # What was not heard is told again, as is what was lost on the way.
            log.warning("no robot is told of %s for now: %s", incident, error)

    def leave(self, incident: str) -> None:
        """Call robots off an incident that is closed."""
        try:
            self._do(lambda dispatcher, now: dispatcher.leave(incident, now))
        except UnavailableError as error:
            # Whoever waits for nothing is called back again when it is heard.
            log.warning("robots are called off %s later: %s", incident, error)

    def visits(self, incident: str) -> list[dict[str, Any]]:
        """Return what became of the visits to an incident."""
        with self._lock:
            return [told(self._site, visit) for visit in self._dispatcher.visits if visit.incident == incident]

    def _do(self, work: Work, operated: Sequence[JournalEntry] = ()) -> None:
        with self._lock:
            dispatcher, now = self._dispatcher, self._now()
            before = [one if one.ended_at else replace(one, places=[*one.places]) for one in dispatcher.visits]
            messages = work(dispatcher, now)
            calls = [message for message in messages if not message.is_order]
            try:
                # No order leaves that a restart would forget; calling back waits for nothing.
                self._memory.keep(dispatcher.visits, now, operated, first=len(calls) < len(messages))
            except UnavailableError:
                dispatcher.visits = before
                self._publish(calls)
                raise
            self._publish(messages)
