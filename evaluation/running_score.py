"""What happens in a simulated city, beside what its network has found of it so far: the score of `jeonju run`, while the city runs."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from jeonju.contract.as_json import details_of
from jeonju.contract.events import Dust, Fire, Leak
from jeonju.contract.records import AlertRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.evaluation.score import fitting, score
from jeonju.simulator.exposure import EventExposure, Happening
from jeonju.storage.port import Store

# Of what was let happen; the newest.
MOST_SHOWN: Final = 200


@dataclass(frozen=True)
class RunningScore:
    """`happenings` are those of the simulated world, `since` is when it began. Called, it returns what `GET /api/v1/simulation` answers."""

    site: Site
    store: Store
    happenings: Callable[[], Sequence[Happening]]
    since: datetime

    def __call__(self) -> dict[str, Any]:
        """Return `happened`, the newest last, each with its `result` where it releases something, and the `score` of all of them."""
        happened = self.happenings()
        released = [happening.exposure for happening in happened if happening.exposure is not None]
        alerts = self.store.alerts(self.site.name, since=self.since)
        # An alert that was there before the world began is none of its doing.
        alerts = [alert for alert in alerts if alert.started_at >= self.since]
        incidents = self.store.incidents(self.site.name, since=self.since)
        scored = score(released, alerts)
        results = iter(scored["events"])
        shown = []
        for happening in happened:
            result = None
            if (exposure := happening.exposure) is not None:
                result = next(results) | self._located(exposure, alerts, incidents)
            shown.append(in_short(happening) | {"result": result})
        return {
            "happened": shown[-MOST_SHOWN:],
            "happened_total": len(shown),
            "score": {key: scored[key] for key in ("detected", "reached", "cannot_be_seen", "false_alarms")}
            | {"released": len(released)},
        }

    def _located(
        self, exposure: EventExposure, alerts: Sequence[AlertRecord], incidents: Sequence[IncidentRecord]
    ) -> dict[str, Any]:
        """Return which incident holds an event's alerts, and how far off its map is [m] where it says something."""
        raised = {alert.id for alert in fitting(exposure, alerts)}
        holding = (incident for incident in reversed(incidents) if raised.intersection(details_of(incident)["alerts"]))
        found = next(holding, None)
        if found is None:
            return {"incident": None, "location_error_m": None}
        return {"incident": found.id, "location_error_m": off_m(self.site, exposure, found.lat, found.lon)}


def off_m(site: Site, exposure: EventExposure, lat: float | None, lon: float | None) -> int | None:
    """Return how far a place is from that of an event [m]; None without a place, or for an event without a single one."""
    event = exposure.event
    if lat is None or lon is None or not isinstance(event, Fire | Leak | Dust):
        return None
    true_m, found_m = (site.map.to_xy(*place) for place in ((event.lat, event.lon), (lat, lon)))
    return round(math.dist([float(value) for value in true_m], [float(value) for value in found_m]))


def in_short(happening: Happening) -> dict[str, Any]:
    """Return what the api says of an event."""
    exposure = happening.exposure
    return {
        **json.loads(happening.event.model_dump_json(exclude={"after"})),
        "started_at": _instant(happening.start_s),
        "ends_at": None if exposure is None else _instant(exposure.end_s),
        "reached": {} if exposure is None else {name: _instant(at_s) for name, at_s in exposure.reached_s.items()},
    }


def _instant(posix_s: float) -> datetime:
    return datetime.fromtimestamp(posix_s, UTC)
