"""Fleet control at work: one thread at a time; its messages are published, and what becomes of missions is written down."""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from jeonju.common.errors import RejectedError, UnavailableError
from jeonju.contract.journal import JournalAction
from jeonju.contract.records import JournalEntry
from jeonju.contract.site import Robot, Site
from jeonju.contract.vda5050 import State, Stop
from jeonju.localization.source_map import SourceMap
from jeonju.response.fleet.dispatcher import Dispatcher
from jeonju.response.fleet.mission import Mission
from jeonju.response.fleet.mission_log import DISABLE, ENABLE, MissionLog
from jeonju.response.fleet.orders import Message
from jeonju.response.journal import Journal
from jeonju.storage.port import Store

log = logging.getLogger(__name__)

Work = Callable[[Dispatcher, datetime], list[Message]]


@dataclass(frozen=True, kw_only=True)
class RobotStatus:
    """One robot at one instant. `state` is its last in VDA 5050, `place_m` where it is [m], `mission` what it is on."""

    robot: Robot
    state: State | None
    state_at: datetime | None
    place_m: tuple[float, float] | None
    is_online: bool
    is_disabled: bool
    unavailable_because: str | None
    mission: Mission | None


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
        self._journal = Journal(site.name, store, now)
        self._log = MissionLog(site, self._journal)

    def status(self) -> list[RobotStatus]:
        """Return how every robot of the site is now."""
        with self._lock:
            now, missions = self._now(), self._dispatcher.missions
            under_way = {
                mission.robot: msgspec.structs.replace(mission) for mission in missions if not mission.ended_at
            }
            return [
                RobotStatus(
                    robot=robot.robot,
                    state=robot.state,
                    state_at=robot.state_at,
                    place_m=robot.place_m,
                    is_online=robot.is_online(now),
                    is_disabled=robot.is_disabled,
                    unavailable_because=robot.unavailable_because(now),
                    mission=under_way.get(name),
                )
                for name, robot in self._dispatcher.fleet.robots.items()
            ]

    def restore(self) -> None:
        """Go on with the missions of before, and know which robots are disabled. Raises UnavailableError while the store is away."""
        with self._lock:
            self._log.restore(self._dispatcher, self._now())

    def leave(self) -> None:
        """Send nothing any more: another process does."""
        with self._lock:
            self._log.leave()

    def look(self) -> None:
        """Know what another process sends robots to. Raises UnavailableError while the store is away."""
        with self._lock:
            if not self._log.is_read:
                self._log.look(self._dispatcher, self._now())

    def send(self, robot: str, stops: Sequence[Stop], who: str) -> None:
        """Send a robot to places. Raises UserError where it cannot go, UnavailableError while the broker or the store is away."""
        self._operate("send", robot, who, lambda dispatcher, now: dispatcher.send(robot, stops, now))

    def recall(self, robot: str, who: str) -> None:
        """Call a robot back. Raises UserError where it is on no order, UnavailableError while the broker is away."""
        self._operate("recall", robot, who, lambda dispatcher, now: dispatcher.recall(robot, now))

    def disable(self, robot: str, who: str) -> None:
        """Send a robot nowhere until it is enabled again. Raises UnavailableError while the broker is away."""
        self._operate(DISABLE, robot, who, lambda dispatcher, now: dispatcher.disable(robot, now))

    def enable(self, robot: str, who: str) -> None:
        """Let a robot be sent again. Raises UnavailableError while the broker is away."""
        self._operate(ENABLE, robot, who, lambda dispatcher, _now: dispatcher.enable(robot))

    def handle_message(self, topic: str, payload: bytes) -> None:
        """Handle a message of a robot; answer what it needs to know."""
        try:
            with self._lock:
                self._dispatcher.fleet.handle(topic, payload, self._now())
                if self._log.is_read:
                    self._do(lambda dispatcher, now: dispatcher.follow(now))
        except (RejectedError, UnavailableError) as error:
            log.warning("%s: %s", topic, error)

    def wants_map(self, incident: str) -> bool:
        """Whether a new map of an incident would move a robot now."""
        with self._lock:
            if not self._automatic or not self._dispatcher.wants_map(incident):
                return False
            mission, now = self._dispatcher.mission_to(incident), self._now()
            is_under_way = mission is not None and mission.ended_at is None
            robots = self._dispatcher.fleet.robots.values()
            return is_under_way or any(robot.unavailable_because(now) is None for robot in robots)

    def handle_map(self, incident: str, found: SourceMap) -> None:
        """Send a robot where an incident's newest map is narrowed most, or send the one that is there on."""
        if not self._automatic:
            return
        try:
            self._do(lambda dispatcher, now: dispatcher.step(incident, found, now))
        except UnavailableError as error:
            # What did not arrive is sent again, as is what was lost on the way.
            log.warning("no robot is sent to %s for now: %s", incident, error)

    def end_missions(self, incident: str) -> None:
        """Call robots off an incident that is closed."""
        try:
            self._do(lambda dispatcher, now: dispatcher.end_missions(incident, now))
        except UnavailableError as error:
            # A robot that waits for nothing is called back at its next state.
            log.warning("robots are called off %s later: %s", incident, error)

    def missions(self, incident: str) -> list[dict[str, Any]]:
        """Return what became of the missions to an incident, as people read it."""
        with self._lock:
            of_incident = [mission for mission in self._dispatcher.missions if mission.incident == incident]
            return [mission.to_json(self._site) for mission in of_incident]

    def _operate(self, action: JournalAction, robot: str, who: str, work: Work) -> None:
        """Do what an operator wants, and write it down."""
        # Nothing is begun while the broker is away.
        self._publish([])
        self._do(work, [self._journal.entry(action, robot, who)])

    def _do(self, work: Work, operated: Sequence[JournalEntry] = ()) -> None:
        with self._lock:
            dispatcher, now = self._dispatcher, self._now()
            before = [
                mission if mission.ended_at else msgspec.structs.replace(mission, stops=[*mission.stops])
                for mission in dispatcher.missions
            ]
            messages = work(dispatcher, now)
            calls = [message for message in messages if not message.is_order]
            try:
                # No order leaves that a restart would forget; calling back waits for nothing.
                self._log.keep(dispatcher.missions, operated, first=len(calls) < len(messages))
            except UnavailableError:
                dispatcher.missions = before
                self._publish(calls)
                raise
            self._publish(messages)
