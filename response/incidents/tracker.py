"""The book of incidents: which alerts belong together, and when an incident is over. No I/O and no clock."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from jeonju.common.errors import UserError
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.messages.alerts import CLASSES
from jeonju.response.incidents.incident import Action, Incident, LatLon

# A plume that one device sees reaches others within this; farther apart, two alerts are two incidents. The same reach as the map of the source.
REACH_M: Final = 2500.0
# An alert joins what was active so long ago at most: a plume wanders off and comes back with the wind.
GAP: Final = timedelta(minutes=30)
# Nobody has looked at it and nothing is seen any more: over.
OVER_AFTER: Final = timedelta(hours=2)


class IncidentBook:
    """Every incident that is not closed, and the alerts of those that are, which open nothing any more."""

    def __init__(self, site: Site, incidents: Iterable[Incident] = ()) -> None:
        self._site = site
        self._zone_of = {device.name: device.zone for device in site.devices}
        self.open: dict[str, Incident] = {}
        self._done: set[str] = set()
        for one in incidents:
            if one.closed_at is not None:
                self._done |= one.alerts.keys()
            elif one.alerts:
                self.open[one.id] = one

    def take(self, alerts: Iterable[AlertRecord], places: Mapping[str, LatLon]) -> list[Incident]:
        """Take alerts that changed, and where each device is; return the incidents that changed by them."""
        changed = {}
        for alert in sorted(alerts, key=lambda one: one.started_at):
            if alert.kind not in CLASSES or alert.device is None or alert.id in self._done:
                continue
            incident = self._of(alert) or self._near(alert, places.get(alert.device)) or self._opened(alert)
            incident.alerts[alert.id] = alert
            if alert.device in places:
                incident.places.setdefault(alert.id, places[alert.device])
            incident.updated_at = max(incident.updated_at, alert.updated_at)
            changed[incident.id] = incident
        return list(changed.values())

    def act(self, incident_id: str, action: Action, at: datetime) -> Incident:
        """Take an action of people. Raises UserError for one that is not open, or whose state does not allow it."""
        incident = self.open.get(incident_id)
        if incident is None:
            raise UserError(f"no open incident is called {incident_id!r}")
        incident.move(action, at)
        if incident.closed_at is not None:
            self._forget(incident)
        return incident

    def end_what_is_over(self, now: datetime) -> list[Incident]:
        """Close every incident that nothing was seen of for `OVER_AFTER`; `now` is the time of the readings."""
        over = [one for one in self.open.values() if not one.is_active and now - one.active_until >= OVER_AFTER]
        for one in over:
            one.move("close", now)
            self._forget(one)
        return over

    def _forget(self, incident: Incident) -> None:
        del self.open[incident.id]
        # Alerts that last when people close their incident will still be heard of.
        self._done |= {key for key, alert in incident.alerts.items() if alert.ended_at is None}

    def _of(self, alert: AlertRecord) -> Incident | None:
        return next((one for one in self.open.values() if alert.id in one.alerts), None)

    def _near(self, alert: AlertRecord, place: LatLon | None) -> Incident | None:
        """Return the nearest incident that an alert may belong to."""
        if place is None:
            return None
        distances = {
            one.id: self._distance_m(one, place)
            for one in self.open.values()
            if one.is_active or alert.started_at - one.active_until <= GAP
        }
        nearest = min(distances, key=lambda key: distances[key], default=None)
        return self.open[nearest] if nearest is not None and distances[nearest] <= REACH_M else None

    def _distance_m(self, incident: Incident, place: LatLon) -> float:
        places = np.array(list(incident.places.values()) or [(np.inf, np.inf)])
        x, y = self._site.map.to_xy(places[:, 0], places[:, 1])
        x0, y0 = self._site.map.to_xy(*place)
        return float(np.hypot(x - x0, y - y0).min())

    def _opened(self, alert: AlertRecord) -> Incident:
        incident = Incident(
            id=f"{alert.site}-{alert.started_at:%Y%m%dT%H%M%S}-{alert.device}",
            site=alert.site,
            opened_at=alert.started_at,
            updated_at=alert.updated_at,
            zone=self._zone_of.get(alert.device or ""),
        )
        self.open[incident.id] = incident
        return incident
