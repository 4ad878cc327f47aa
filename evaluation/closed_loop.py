"""Robots that go and look, offline: what the simulated robots tell reaches the dispatcher, and its orders reach them, all in one SimPy run."""

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from jeonju.airquality.thermal import is_fire
from jeonju.contract import topics
from jeonju.contract.records import AlertRecord
from jeonju.contract.site import Site
from jeonju.localization.source_map import BASELINE_MIN, DETECTION_LEVEL, LEAD_MIN, MINUTE_S, SourceMap, locate_source
from jeonju.response.fleet.dispatcher import Dispatcher
from jeonju.response.fleet.visit import Visit
from jeonju.simulator.block import Block, Sink

KINDS: Final = ("smoke", "release", "dust")
COLUMNS: Final = ("device", "time", "lat", "lon", "wind_speed", "wind_direction", "temperature", "thermal_max")
# Alerts that begin within this time of the first belong to the same incident.
SAME_INCIDENT_S: Final = 1800.0
REMEMBERED_S: Final = MINUTE_S * (BASELINE_MIN + LEAD_MIN) + 2 * 3600.0


@dataclass
class Look:
    """What was thought of an incident's place when a robot was sent, and when its visit was over."""

    visit: Visit
    before: SourceMap
    after: SourceMap | None = None
    without_visit: SourceMap | None = None


@dataclass
class ClosedLoop:
    """Follows one run block by block: a sink between the simulator and another one. There is one incident, that of the first local alert.

    `send_order` takes robot, kind and message.
    """

    site: Site
    sink: Sink
    send_order: Callable[[str, str, bytes], None] = lambda _robot, _kind, _payload: None
    dispatcher: Dispatcher = field(init=False)
    looks: list[Look] = field(default_factory=list)
    _recent: deque[pa.RecordBatch] = field(default_factory=deque)
    _alerts: list[AlertRecord] = field(default_factory=list)
    _sees_fire: int = 0  # for how many blocks

    def __post_init__(self) -> None:
        """Know the robots of the site."""
        self.dispatcher = Dispatcher(self.site)
        self._identity_of = {robot.name: robot.identity for robot in self.site.robots}
        self._robot_of = {robot.identity: robot.name for robot in self.site.robots}

    def take(self, readings: pa.RecordBatch, alerts: Sequence[AlertRecord]) -> None:
        """Take the readings of a block and the alerts that changed with them."""
        self._recent.append(readings)
        thermal, air = (readings[key].to_numpy(zero_copy_only=False) for key in ("thermal_max", "temperature"))
        self._sees_fire = (
            self._sees_fire + 1 if self._sees_fire or (self._alerts and is_fire(thermal, air).any()) else 0
        )
        self._alerts += [
            one for one in alerts if one.kind in KINDS and one.id not in {known.id for known in self._alerts}
        ]
        until = pc.max(readings["time"]).as_py()
        while until is not None and (until - pc.max(self._recent[0]["time"]).as_py()).total_seconds() > REMEMBERED_S:
            self._recent.popleft()

    def send(self, block: Block) -> None:
        """Pass a block on; then let the dispatcher hear the robots, look at the incident, and speak."""
        self.sink.send(block)
        now_s = float(block.true_times_s[-1])
        now = datetime.fromtimestamp(now_s, UTC)
        for message in block.messages:
            topic = topics.vda5050(self._identity_of[message.robot], message.kind)
            self.dispatcher.fleet.take(topic, message.payload, now)
        if not self._alerts:
            return
        incident = self._alerts[0].id
        # A fire that is seen for the first time may lie on the way.
        if self.dispatcher.wants_map(incident) or self._sees_fire == 1:
            found = self._locate(now_s)
            known = len(self.dispatcher.visits)
            messages = self.dispatcher.step(incident, found, now)
            if len(self.dispatcher.visits) > known:
                self.looks.append(Look(self.dispatcher.visits[-1], found))
        else:
            messages = self.dispatcher.follow(now)
        for topic, payload in messages:
            robot, kind = topics.robot_and_kind(topic) or ("", "")
            self.send_order(self._robot_of[robot], kind, payload)
        self._conclude(now_s)

    def close(self) -> None:
        """Finish what was begun."""
        self.sink.close()

    @property
    def incident(self) -> str | None:
        """The alert that opened the incident."""
        return self._alerts[0].id if self._alerts else None

    def _conclude(self, now_s: float) -> None:
        for look in self.looks:
            if look.visit.ended_at is not None and look.after is None:
                look.after = self._locate(now_s)
                look.without_visit = self._locate(now_s, without=look.visit)

    def _locate(self, until_s: float, without: Visit | None = None) -> SourceMap:
        """Ask the source finder; `without` leaves out what a robot measured on its visit."""
        first = self._alerts[0]
        noticed_s = first.started_at.timestamp()
        quantity = first.quantity if first.quantity in DETECTION_LEVEL else "pm25"
        readings = pa.Table.from_batches([batch.select([*COLUMNS, quantity]) for batch in self._recent])
        if without is not None:
            late = pc.greater_equal(readings["time"], pa.scalar(without.sent_at, readings["time"].type))
            readings = readings.filter(
                pc.invert(pc.and_(late, pc.equal(readings["device"].cast(pa.string()), without.robot)))
            )
        within = [one for one in self._alerts if one.started_at.timestamp() <= noticed_s + SAME_INCIDENT_S]
        noticed_by = {one.device for one in within if one.device}
        return locate_source(self.site, readings, quantity, noticed_s=noticed_s, until_s=until_s, noticed_by=noticed_by)


def score_look(look: Look, true_m: tuple[float, float] | None) -> dict[str, Any]:
    """Return how far from the true place the source finder pointed before and after a visit, and without what the robot measured on it."""
    visit = look.visit

    def off_m(found: SourceMap | None) -> int | None:
        return None if found is None or true_m is None else round(math.dist(found.best_m, true_m))

    return {
        "robot": visit.robot,
        "sent_at": visit.sent_at.isoformat(),
        "ended_at": visit.ended_at.isoformat() if visit.ended_at else None,
        "outcome": visit.outcome,
        "stops": len(visit.places),
        "nearest_stop_m": round(min(math.dist(stop[:2], true_m) for stop in visit.places)) if true_m else None,
        "error_before_m": off_m(look.before),
        "error_after_m": off_m(look.after),
        "error_without_visit_m": off_m(look.without_visit),
    }
