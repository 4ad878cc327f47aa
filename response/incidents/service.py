"""The desk at which incidents are worked: it takes alerts, traces sources in a thread of its own, takes what people do, and stores all of it."""

import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import AlertRecord, IncidentRecord, JournalEntry
from jeonju.contract.site import Site
from jeonju.localization.trace import LONGEST_S, span_of, trace
from jeonju.messages.alerts import Labels
from jeonju.response.fleet.control import FleetControl
from jeonju.response.incidents.incident import Action, Incident, LatLon, incident_of
from jeonju.response.incidents.tracker import IncidentBook
from jeonju.storage.port import Series, Store

log = logging.getLogger(__name__)

# A map is made anew this often while something is seen, by the time of the readings.
TRACE_EVERY: Final = timedelta(minutes=2)
SOON: Final = timedelta(seconds=20)
# So long the alerts of closed incidents are remembered over a restart, lest they open new ones.
REMEMBERED: Final = timedelta(days=7)


class IncidentDesk:
    """Safe to use from several threads: the engine's, the web server's and its own."""

    def __init__(
        self,
        site: Site,
        store: Store,
        now: Callable[[], datetime],
        tell: Callable[[IncidentRecord], None],
        fleet: FleetControl,
    ) -> None:
        self._site, self._store, self._now, self._tell, self._fleet = site, store, now, tell, fleet
        self._labels = Labels(site)
        self._book = IncidentBook(site)
        self._lock = threading.RLock()
        self._due: dict[str, datetime] = {}  # incident → up to when readings are there
        self._traced: dict[str, datetime] = {}
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._trace_all, name="incidents", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether sources are traced."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin to trace."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the map at hand and leave."""
        self._stopping = True
        self._wake.set()
        self._thread.join()

    def resume(self) -> None:
        """Go on with the incidents that the store holds. Raises UnavailableError while the store is away."""
        records = self._store.incidents(self._site.name, since=self._now() - REMEMBERED)
        since = min((one.opened_at for one in records), default=self._now())
        alerts = {alert.id: alert for alert in self._store.alerts(self._site.name, since=since)} if records else {}
        with self._lock:
            self._book = IncidentBook(self._site, [incident_of(record, alerts) for record in records])

    def take(self, alerts: Iterable[AlertRecord], places: Mapping[str, LatLon], seen_until: datetime) -> None:
        """Take alerts that changed, where each device is, and up to when readings are there."""
        with self._lock:
            changed = self._book.take(alerts, places)
            over = self._book.end_what_is_over(seen_until)
            for incident in over:
                self._let_go(incident)
            self._keep([*changed, *over, *self._visited()])
            self._journal([self._entry("close", one.id, "system", {"reason": "nothing seen any more"}) for one in over])
            for incident in self._book.open.values():
                if self._is_due(incident, seen_until):
                    self._due[incident.id] = seen_until
            if self._due:
                self._wake.set()

    def act(self, incident_id: str, action: Action, who: str, note: str = "") -> IncidentRecord:
        """Take what somebody does; it is in the journal when this returns.

        Raises UserError for what the state of the incident does not allow, UnavailableError while the store is away.
        """
        with self._lock:
            before = self._book.open.get(incident_id)
            kept = replace(before) if before is not None else None
            incident = self._book.act(incident_id, action, self._now())
            try:
                self._journal([self._entry(action, incident_id, who, {"note": note} if note else {})])
                if incident_id not in self._book.open:
                    self._let_go(incident)
                return self._keep([incident])[0]
            except UnavailableError:
                # What was not written down was not done.
                if kept is not None:
                    self._book.open[incident_id] = kept
                raise

    def find(self, incident_id: str) -> Incident | None:
        """Return an open incident."""
        return self._book.open.get(incident_id)

    def _let_go(self, incident: Incident) -> None:
        self._fleet.leave(incident.id)
        incident.visits = self._fleet.visits(incident.id) or incident.visits

    def _visited(self) -> list[Incident]:
        """Return the open incidents whose visits have gone on."""
        found = [(one, self._fleet.visits(one.id)) for one in self._book.open.values()]
        moved = [(one, visits) for one, visits in found if visits and visits != one.visits]
        for one, visits in moved:
            one.visits = visits
        return [one for one, _ in moved]

    def _is_due(self, incident: Incident, now: datetime) -> bool:
        """Tell whether to trace: at once, then every two minutes, and sooner while a robot waits for what the map says."""
        last = self._traced.get(incident.id)
        if last is None:
            return True
        if now - incident.opened_at > timedelta(seconds=LONGEST_S):
            return False
        since = now - last
        return since >= TRACE_EVERY or (since >= SOON and self._fleet.wants_map(incident.id))

    def _trace_all(self) -> None:
        while not self._stopping:
            self._wake.wait()
            self._wake.clear()
            while self._due and not self._stopping:
                with self._lock:
                    incident_id, until = self._due.popitem()
                    incident = self._book.open.get(incident_id)
                if incident is not None:
                    self._trace(incident, until)

    def _trace(self, incident: Incident, now: datetime) -> None:
        start, until = span_of(incident.opened_at, now)
        try:
            of_stations = tuple(station.name for station in self._site.stations)
            span = Series(site=self._site.name, start=start, end=until, devices=of_stations, every_s=60)
            tables = [self._store.readings(span)]
            if of_robots := tuple(robot.name for robot in self._site.robots):
                tables.append(self._store.readings(replace(span, devices=of_robots, every_s=None)))
            readings = pa.concat_tables(tables)
            found = trace(self._site, incident.opened_at, incident.alerts.values(), readings, until)
            self._fleet.look(incident.id, found.map)
            with self._lock:
                self._traced[incident.id] = now
                if incident.id in self._book.open:
                    incident.source, incident.downwind = found.source, found.downwind
                    incident.visits = self._fleet.visits(incident.id) or incident.visits
                    self._keep([incident])
        except UnavailableError as error:
            log.warning("the source of %s is traced later: %s", incident.id, error)
        except Exception:
            # The one supervisor of this thread: a fault in one map must not end all others.
            log.exception("the source of %s could not be traced", incident.id)
            self._traced[incident.id] = now

    def _keep(self, incidents: list[Incident]) -> list[IncidentRecord]:
        records = [one.record(self._labels) for one in incidents]
        if records:
            self._store.write_incidents(records)
        for record in records:
            self._tell(record)
        return records

    def _journal(self, entries: list[JournalEntry]) -> None:
        if entries:
            self._store.write_journal(entries)

    def _entry(self, action: str, subject: str, who: str, details: dict[str, Any]) -> JournalEntry:
        text = json.dumps(details, ensure_ascii=False)
        return JournalEntry(uuid.uuid4().hex, self._site.name, self._now(), who, action, subject, text)
