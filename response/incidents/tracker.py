"""Which alerts belong together, and when an incident is over. No store, no broker and no clock: live and offline use the same class."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from jeonju.common.errors import UserError
from jeonju.contract.kinds import CLASS_OF_KIND
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.response.incidents.incident import Action, Incident, LatLon

# A plume that one device sees reaches others within this; farther apart, two alerts are two incidents. The same reach as the map of the source.
REACH_M: Final = 2500.0
# An alert joins what was active so long ago at most: a plume wanders off and comes back with the wind.
GAP: Final = timedelta(minutes=30)
# No operator has handled it and no alert is active any more: over.
OVER_AFTER: Final = timedelta(hours=2)


class IncidentTracker:
    """Every incident that is not closed, and the alerts of those that are, which open nothing any more.

    Call `add` with alerts as they change, in the order of time, and `close_idle` with the time of the readings; both return the incidents that
    changed. `open` has what is open, by id, the oldest first. An `Incident` has `opened_at`, `alerts`, `places`, `devices` (who noticed it),
    `classes` and `kind`. Offline that is all there is to it:

        tracker = IncidentTracker(site)
        for alerts, until in steps:
            changed = tracker.add(alerts, places)
            over = tracker.close_idle(until)
        first = next(iter(tracker.open.values()), None)
        quantity = traced_quantity(first.alerts.values())       # jeonju.localization.trace
        locate_source(site, readings, quantity, noticed_s=first.opened_at.timestamp(), noticed_by=first.devices, …)

    `incidents` are those that were known before, such as those of the store.
    """

    def __init__(self, site: Site, incidents: Iterable[Incident] = ()) -> None:
        self._site = site
        self._zone_of = {device.name: device.zone for device in site.devices}
        self.open: dict[str, Incident] = {}
        self._closed_alerts: set[str] = set()
        for incident in incidents:
            if incident.closed_at is not None:
                self._closed_alerts |= incident.alerts.keys()
            elif incident.alerts:
                self.open[incident.id] = incident

    def add(self, alerts: Iterable[AlertRecord], places: Mapping[str, LatLon]) -> list[Incident]:
        """Add alerts that are new or have changed; `places` are where each device is (lat, lon). Return the incidents that changed.

        Alerts of kinds that no source is sought for, those without a device, and those of closed incidents are left out.
        """
        changed = {}
        for alert in sorted(alerts, key=lambda alert: alert.started_at):
            if alert.kind not in CLASS_OF_KIND or alert.device is None or alert.id in self._closed_alerts:
                continue
            incident = self._of(alert) or self._nearest(alert, places.get(alert.device)) or self._opened(alert)
            incident.alerts[alert.id] = alert
            if alert.device in places:
                incident.places.setdefault(alert.id, places[alert.device])
            incident.updated_at = max(incident.updated_at, alert.updated_at)
            changed[incident.id] = incident
        return list(changed.values())

    def act(self, incident_id: str, action: Action, at: datetime) -> Incident:
        """Apply an action of people. Raises UserError for an incident that is not open, or whose state does not allow it."""
        incident = self.open.get(incident_id)
        if incident is None:
            raise UserError(f"no open incident is called {incident_id!r}")
        incident.apply(action, at)
        if incident.closed_at is not None:
            self._close(incident)
        return incident

    def close_idle(self, now: datetime) -> list[Incident]:
        """Close every incident of which nothing was seen for `OVER_AFTER`, and return them; `now` is the time of the readings."""
        over = [
            incident
            for incident in self.open.values()
            if not incident.is_active and now - incident.active_until >= OVER_AFTER
        ]
        for incident in over:
            incident.apply("close", now)
            self._close(incident)
        return over

    def _close(self, incident: Incident) -> None:
        del self.open[incident.id]
        # Alerts that last when people close their incident will still be heard of.
        self._closed_alerts |= {alert_id for alert_id, alert in incident.alerts.items() if alert.ended_at is None}

    def _of(self, alert: AlertRecord) -> Incident | None:
        return next((incident for incident in self.open.values() if alert.id in incident.alerts), None)

    def _nearest(self, alert: AlertRecord, place: LatLon | None) -> Incident | None:
        """Return the nearest incident that an alert may belong to."""
        if place is None:
            return None
        distances = {
            incident.id: self._distance_m(incident, place)
            for incident in self.open.values()
            if incident.is_active or alert.started_at - incident.active_until <= GAP
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
