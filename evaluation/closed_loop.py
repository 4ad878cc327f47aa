"""The closed loop offline: alerts open incidents, a robot is sent to measure, the source map improves, all within one SimPy run.

Incidents, maps and orders come from the code that serves live: `response.incidents.tracker`, `localization.trace`, `response.fleet.dispatcher`.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.airquality.thermal import is_fire
from jeonju.contract import topics
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.localization.hypotheses import BASELINE_MIN, DETECTION_LEVEL, LEAD_MIN
from jeonju.localization.source_map import SourceMap
from jeonju.localization.trace import LONGEST_S, source_map, span_of
from jeonju.response.fleet.dispatcher import Dispatcher
from jeonju.response.fleet.mission import Mission
from jeonju.response.fleet.orders import Message
from jeonju.response.incidents.incident import Incident, LatLon
from jeonju.response.incidents.tracker import IncidentTracker
from jeonju.simulator.block import Block, Sink

COLUMNS: Final = ("device", "time", "lat", "lon", "wind_speed", "wind_direction", "temperature", "thermal_max")
# A map needs the readings from before the incident up to two hours after its beginning.
REMEMBERED: Final = timedelta(minutes=BASELINE_MIN + LEAD_MIN, seconds=LONGEST_S)


@dataclass
class ScoredVisit:
    """A robot's visit to an incident, and the source map when it was sent and when it ended."""

    visit: Mission
    before: SourceMap
    after: SourceMap | None = None
    without_visit: SourceMap | None = None  # the map at the end without what the robot measured on it


@dataclass
class ClosedLoop:
    """Follows one run block by block, as a sink between the world and another one; `handle` gets each block's readings while that one writes them.

    `send_order` is called with robot, kind and payload of each VDA 5050 message to a robot.
    """

    site: Site
    sink: Sink
    send_order: Callable[[str, str, bytes], None] = lambda _robot, _kind, _payload: None
    visits: list[ScoredVisit] = field(default_factory=list)
    incidents: dict[str, Incident] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Start without incidents, and with the robots of the site."""
        self._dispatcher = Dispatcher(self.site)
        self._tracker = IncidentTracker(self.site)
        self._identity_of = {robot.name: robot.identity for robot in self.site.robots}
        self._robot_of = {robot.identity: robot.name for robot in self.site.robots}
        self._recent: deque[pa.RecordBatch] = deque()
        self._places: dict[str, LatLon] = {}
        self._seen_hot_blocks = 0

    def handle(self, readings: pa.RecordBatch, alerts: Sequence[AlertRecord]) -> None:
        """Handle the readings of a block and the alerts that changed with them."""
        if not readings.num_rows:
            return
        self._recent.append(readings)
        newest = pc.max(readings["time"]).as_py()
        while newest - pc.max(self._recent[0]["time"]).as_py() > REMEMBERED:
            self._recent.popleft()
        columns = (readings[name].to_pylist() for name in ("device", "lat", "lon"))
        self._places |= {device: (lat, lon) for device, lat, lon in zip(*columns, strict=True)}
        changed = self._tracker.add(alerts, self._places)
        self.incidents |= {incident.id: incident for incident in changed}
        thermal, air = (readings[key].to_numpy(zero_copy_only=False) for key in ("thermal_max", "temperature"))
        if self._seen_hot_blocks or (self.incidents and is_fire(thermal, air).any()):
            self._seen_hot_blocks += 1

    def send(self, block: Block) -> None:
        """Pass a block on; then give the dispatcher the robots' messages and new maps, and send the robots its orders."""
        self.sink.send(block)
        now = datetime.fromtimestamp(float(block.true_times_s[-1]), UTC)
        for message in block.messages:
            topic = topics.vda5050(self._identity_of[message.robot], message.kind)
            self._dispatcher.fleet.handle(topic, message.payload, now)
        for incident in self._tracker.close_idle(now):
            self.incidents[incident.id] = incident
            self._publish(self._dispatcher.end_missions(incident.id, now))
        open_incidents = [incident for incident in self.incidents.values() if incident.closed_at is None]
        mapped = [self._map_and_step(incident, now) for incident in open_incidents]
        if self.incidents and not any(mapped):
            self._publish(self._dispatcher.follow(now))
        self._conclude(now)

    def close(self) -> None:
        """Close the other sink."""
        self.sink.close()

    def _map_and_step(self, incident: Incident, now: datetime) -> bool:
        """Give the dispatcher a new map of an incident where it would use one; return whether it did."""
        # A fire that a camera sees for the first time may lie on a robot's way.
        is_due = self._dispatcher.wants_map(incident.id) or self._seen_hot_blocks == 1
        if not is_due or now - incident.opened_at > timedelta(seconds=LONGEST_S):
            return False
        found = self._locate(incident, now)
        known = len(self._dispatcher.missions)
        self._publish(self._dispatcher.step(incident.id, found, now))
        self.visits += [ScoredVisit(visit, found) for visit in self._dispatcher.missions[known:]]
        return True

    def _publish(self, messages: Sequence[Message]) -> None:
        for topic, payload in messages:
            robot, kind = topics.robot_and_kind(topic) or ("", "")
            self.send_order(self._robot_of[robot], kind, payload)

    def _conclude(self, now: datetime) -> None:
        for scored in self.visits:
            if scored.visit.ended_at is not None and scored.after is None:
                incident = self.incidents[scored.visit.incident]
                scored.after = self._locate(incident, now)
                scored.without_visit = self._locate(incident, now, without=scored.visit)

    def _locate(self, incident: Incident, now: datetime, without: Mission | None = None) -> SourceMap:
        """Return the source map of an incident from the readings so far; `without` leaves out what a robot measured on its visit."""
        quantities = [key for key in DETECTION_LEVEL if key in self._recent[0].schema.names]
        readings = pa.Table.from_batches([batch.select([*COLUMNS, *quantities]) for batch in self._recent])
        if without is not None:
            late = pc.greater_equal(readings["time"], pa.scalar(without.sent_at, readings["time"].type))
            readings = readings.filter(
                pc.invert(pc.and_(late, pc.equal(readings["device"].cast(pa.string()), without.robot)))
            )
        _, until = span_of(incident.opened_at, now)
        return source_map(self.site, incident.opened_at, incident.alerts.values(), readings, until)


def score_visit(scored: ScoredVisit, true_m: tuple[float, float] | None) -> dict[str, Any]:
    """Return how far the source map was off before and after a visit, and without what the robot measured on it."""
    visit = scored.visit

    def off_m(found: SourceMap | None) -> int | None:
        return None if found is None or true_m is None else round(math.dist(found.best_m, true_m))

    return {
        "robot": visit.robot,
        "sent_at": visit.sent_at.isoformat(),
        "ended_at": visit.ended_at.isoformat() if visit.ended_at else None,
        "outcome": visit.outcome,
        "stops": len(visit.stops),
        "nearest_stop_m": round(min(math.dist(stop[:2], true_m) for stop in visit.stops)) if true_m else None,
        "error_before_m": off_m(scored.before),
        "error_after_m": off_m(scored.after),
        "error_without_visit_m": off_m(scored.without_visit),
    }
