"""What one process of a site at a time does about alerts: it works incidents, sends robots, notifies through channels."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from jeonju.contract.as_json import incident_json
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Stop
from jeonju.response.fleet.control import FleetControl
from jeonju.response.incidents.incident import Action, LatLon
from jeonju.response.incidents.service import IncidentService
from jeonju.response.notify.channels import open_outboxes
from jeonju.response.triage import AlertService
from jeonju.storage.port import Store

WRITES: Final = "write_"


class ConfirmedStore:
    """A store that is written only after `confirm`, which raises UnavailableError where another process may respond."""

    def __init__(self, store: Store, confirm: Callable[[], None]) -> None:
        self._store, self._confirm = store, confirm

    def __getattr__(self, name: str) -> Any:
        """Return what the store has of that name."""
        if name.startswith(WRITES):
            self._confirm()
        return getattr(self._store, name)


def confirmed(store: Store, confirm: Callable[[], None]) -> Store:
    """Return the store as one that is written only after `confirm`."""
    return cast("Store", ConfirmedStore(store, confirm))


class Responder:
    """Incidents and channels begin and end with it; the robots are known before and after. Safe to use from several threads.

    `confirm` is asked before anything is stored or sent.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        alerts: AlertService,
        fleet: FleetControl,
        now: Callable[[], datetime],
        send: Callable[[str, Any], None],
        confirm: Callable[[], None],
    ) -> None:
        """Raises UserError for a secret of a channel that is missing."""
        self._fleet = fleet
        written = confirmed(store, confirm)
        self.incidents = IncidentService(
            site, written, now, lambda record: send("incident", incident_json(record)), fleet
        )
        self.outboxes = open_outboxes(site, written, alerts, now, confirm)

    def start(self) -> None:
        """Begin with what was left over."""
        self.incidents.start()
        for outbox in self.outboxes:
            outbox.start()

    def stop(self) -> None:
        """Finish what is under way, and end."""
        self.incidents.stop()
        for outbox in self.outboxes:
            outbox.stop()

    def restore(self) -> None:
        """Go on with what the store holds. Raises UnavailableError while the store is away."""
        self.incidents.restore()
        self._fleet.restore()

    def handle(self, alerts: Sequence[AlertRecord], places: Mapping[str, LatLon], seen_until: datetime) -> None:
        """Handle alerts that changed. Raises UnavailableError while the store is away."""
        self.incidents.handle(alerts, places, seen_until)

    # What people order; each raises UserError for what cannot be done now, UnavailableError while the store or the broker is away.

    def act(self, incident_id: str, action: Action, who: str, note: str = "", assignee: str = "") -> IncidentRecord:
        """Record what an operator does about an incident."""
        return self.incidents.act(incident_id, action, who, note, assignee)

    def send(self, robot: str, stops: Sequence[Stop], who: str) -> None:
        """Send a robot to places."""
        self._fleet.send(robot, stops, who)

    def recall(self, robot: str, who: str) -> None:
        """Call a robot back."""
        self._fleet.recall(robot, who)

    def forbid(self, robot: str, who: str) -> None:
        """Send a robot nowhere until it is allowed again."""
        self._fleet.disable(robot, who)

    def allow(self, robot: str, who: str) -> None:
        """Let a robot be sent again."""
        self._fleet.enable(robot, who)
