"""What routes may use, made once for the application: the store, snapshots to read, and services to give orders to. Nothing else of other rooms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Protocol

from fastapi import Depends, HTTPException, Request

from jeonju.api.http.kept import Kept
from jeonju.api.http.readiness import Readiness
from jeonju.api.http.turns import AllTurns
from jeonju.api.simulated import Simulated
from jeonju.api.stream import Stream
from jeonju.api.what_ifs import WhatIfs
from jeonju.broker.connection import ConnectionState
from jeonju.contract.site import Site
from jeonju.detection.snapshot import DetectionSnapshot
from jeonju.ingest.last_messages import LastMessage
from jeonju.response.fleet.control import FleetControl
from jeonju.response.incidents.service import IncidentService
from jeonju.response.notify.outbox import Outbox
from jeonju.response.snapshot import ResponseSnapshot
from jeonju.response.triage import AlertService
from jeonju.storage.port import Store


class Detection(Protocol):
    """Detection in this process or in another one."""

    @property
    def snapshot(self) -> DetectionSnapshot:
        """What it knows now."""

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""

    def refresh_known_sources(self) -> None:
        """Let it know soon which places people have marked."""


class Response(Protocol):
    """What is done about alerts."""

    @property
    def snapshot(self) -> ResponseSnapshot:
        """How it is doing now."""

    @property
    def is_alive(self) -> bool:
        """Whether its threads run."""


class Broker(Protocol):
    """The connection to the broker."""

    @property
    def state(self) -> ConnectionState:
        """How it is now."""

    def send(self, topic: str, payload: bytes) -> None:
        """Publish now. Raises UnavailableError while the broker is away."""


@dataclass(frozen=True, kw_only=True)
class State:
    """`alerts` takes what people do about alerts; `incident_service` and `fleet_control` are None where another process responds."""

    site: Site
    store: Store
    now: Callable[[], datetime]
    stream: Stream
    broker: Broker
    detection: Detection
    response: Response
    alerts: AlertService
    incident_service: IncidentService | None
    fleet_control: FleetControl | None
    # The channels of notification, where this process sends.
    outboxes: Sequence[Outbox] = ()
    # What goes wrong at the broker, in lines for people.
    notices: Callable[[], list[str]] = list
    # Why a device that publishes now is not heard, or what it says is not stored.
    trouble_of_publishers: Callable[[], str | None] = lambda: None
    # None where the simulator, or ingest, is another process.
    simulated: Simulated | None = None
    last_messages: Callable[[str], list[LastMessage]] | None = None
    what_ifs: WhatIfs | None = None
    turns: AllTurns = field(default_factory=AllTurns)
    plumes: Kept = field(default_factory=Kept)
    readiness: Readiness = field(default_factory=Readiness)

    @property
    def incidents(self) -> IncidentService:
        """The service that handles what people do about an incident. Raises HTTPException 409 where another process responds."""
        if self.incident_service is None:
            raise HTTPException(409, ELSEWHERE)
        return self.incident_service

    @property
    def fleet(self) -> FleetControl:
        """The service that sends robots. Raises HTTPException 409 where another process responds."""
        if self.fleet_control is None:
            raise HTTPException(409, ELSEWHERE)
        return self.fleet_control


ELSEWHERE: Final = "this api runs with --no-respond: incidents and robots are worked at the one that responds"


# Not in a thread, as everything that is not `async` would be.
async def _state(request: Request) -> State:
    state: State = request.app.state.air
    return state


Air = Annotated[State, Depends(_state)]
