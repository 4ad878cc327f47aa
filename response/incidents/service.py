"""Incidents at work: alerts are added, sources traced, actions of people recorded, and all of it is stored."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from jeonju.common.errors import UnavailableError
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.localization.source_map import SourceMap
from jeonju.localization.trace import Trace
from jeonju.messages.alerts import Labels
from jeonju.messages.incidents import summaries
from jeonju.response.incidents.incident import Action, Incident, LatLon
from jeonju.response.incidents.stored import incident_of, record_of
from jeonju.response.incidents.tracing import SourceTracer, Subject
from jeonju.response.incidents.tracker import IncidentTracker
from jeonju.response.journal import SYSTEM, Journal
from jeonju.storage.port import Store

# So long the alerts of closed incidents are remembered over a restart, lest they open new ones.
REMEMBERED: Final = timedelta(days=7)


class Robots(Protocol):
    """What incidents need of fleet control (`response.fleet.control.FleetControl`)."""

    def wants_map(self, incident: str) -> bool:
        """Whether a new map of an incident would move a robot now."""

    def handle_map(self, incident: str, found: SourceMap) -> None:
        """Send a robot to an incident, or on, by its newest map."""

    def end_missions(self, incident: str) -> None:
        """Call robots off an incident that is closed."""

    def missions(self, incident: str) -> list[dict[str, Any]]:
        """Return what became of the missions to an incident."""


class IncidentService:
    """Safe to use from several threads: detection's, the web server's and its tracer's. `publish` takes each record that was stored."""

    def __init__(
        self,
        site: Site,
        store: Store,
        now: Callable[[], datetime],
        publish: Callable[[IncidentRecord], None],
        robots: Robots,
    ) -> None:
        self._site, self._store, self._now, self._publish, self._robots = site, store, now, publish, robots
        self._labels = Labels(site)
        self._journal = Journal(site.name, store, now)
        self._tracker = IncidentTracker(site)
        self._lock = threading.RLock()
        self._tracer = SourceTracer(site, store, self._subject, self._handle_trace)

    @property
    def is_alive(self) -> bool:
        """Whether sources are traced."""
        return self._tracer.is_alive

    def start(self) -> None:
        """Begin to trace."""
        self._tracer.start()

    def stop(self) -> None:
        """Finish the map at hand and leave."""
        self._tracer.stop()

    def restore(self) -> None:
        """Go on with the incidents that the store holds. Raises UnavailableError while the store is away."""
        records = self._store.incidents(self._site.name, since=self._now() - REMEMBERED)
        since = min((record.opened_at for record in records), default=self._now())
        alerts = {alert.id: alert for alert in self._store.alerts(self._site.name, since=since)} if records else {}
        with self._lock:
            self._tracker = IncidentTracker(self._site, [incident_of(record, alerts) for record in records])

    def handle(self, alerts: Iterable[AlertRecord], places: Mapping[str, LatLon], seen_until: datetime) -> None:
        """Handle alerts that changed, where each device is, and up to when readings are there. Raises UnavailableError while the store is away."""
        with self._lock:
            changed = self._tracker.add(alerts, places)
            over = self._tracker.close_idle(seen_until)
            for incident in over:
                self._end_missions(incident)
            self._keep([*changed, *over, *self._with_new_missions()])
            details = {"reason": "nothing seen any more"}
            self._journal.write(
                *(self._journal.entry("close", incident.id, SYSTEM, details=details) for incident in over)
            )
            for incident in self._tracker.open.values():
                self._tracer.request(incident.id, incident.opened_at, seen_until, self._robots.wants_map)

    def act(self, incident_id: str, action: Action, who: str, note: str = "", assignee: str = "") -> IncidentRecord:
        """Record what an operator does; it is in the journal when this returns. `assignee` is who is to look after it, of `assign`.

        Raises UserError for what the state of the incident does not allow, UnavailableError while the store is away.
        """
        with self._lock:
            before = self._tracker.open.get(incident_id)
            kept = replace(before) if before is not None else None
            incident = self._tracker.act(incident_id, action, self._now())
            try:
                if action == "assign":
                    incident.assignee = assignee
                said = {"note": note} if note else {}
                said |= {"assignee": assignee} if action == "assign" else {}
                self._journal.write(self._journal.entry(action, incident_id, who, said))
                if incident_id not in self._tracker.open:
                    self._end_missions(incident)
                return self._keep([incident])[0]
            except UnavailableError:
                # What was not written down was not done.
                if kept is not None:
                    self._tracker.open[incident_id] = kept
                raise

    def find(self, incident_id: str) -> Incident | None:
        """Return an open incident."""
        return self._tracker.open.get(incident_id)

    def _end_missions(self, incident: Incident) -> None:
        self._robots.end_missions(incident.id)
        incident.missions = self._robots.missions(incident.id) or incident.missions

    def _with_new_missions(self) -> list[Incident]:
        """Return the open incidents whose missions have gone on."""
        found = [(incident, self._robots.missions(incident.id)) for incident in self._tracker.open.values()]
        changed = [(incident, missions) for incident, missions in found if missions and missions != incident.missions]
        for incident, missions in changed:
            incident.missions = missions
        return [incident for incident, _ in changed]

    def _subject(self, incident_id: str) -> Subject | None:
        with self._lock:
            incident = self._tracker.open.get(incident_id)
            return None if incident is None else Subject(incident.opened_at, tuple(incident.alerts.values()))

    def _handle_trace(self, incident_id: str, found: Trace) -> None:
        self._robots.handle_map(incident_id, found.map)
        with self._lock:
            incident = self._tracker.open.get(incident_id)
            if incident is not None:
                incident.source, incident.downwind = found.source, found.downwind
                incident.add_estimate(found.source)
                incident.missions = self._robots.missions(incident_id) or incident.missions
                self._keep([incident])

    def _keep(self, incidents: list[Incident]) -> list[IncidentRecord]:
        """Put the facts into words, store and publish them."""
        records = [self._with_words(record_of(incident)) for incident in incidents]
        if records:
            self._store.write_incidents(records)
        for record in records:
            self._publish(record)
        return records

    def _with_words(self, record: IncidentRecord) -> IncidentRecord:
        korean, english = summaries(record, self._labels)
        return record._replace(summary_ko=korean, summary_en=english)
