"""What routes may use, made once for the application: the store, snapshots to read, and services to give orders to. Nothing else of other rooms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
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
from jeonju.forecast.service import ForecastService
from jeonju.ingest.last_messages import LastMessage
from jeonju.response.notify.outbox import Outbox
from jeonju.response.orders import Orders
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

    @property
    def responds(self) -> bool:
        """Whether incidents, robots and channels are worked here now."""

    @property
    def orders(self) -> Orders | None:
        """Who takes what people order about incidents and robots."""

    @property
    def outboxes(self) -> Sequence[Outbox]:
        """The channels of notification, where this process sends."""


class Broker(Protocol):
    """The connection to the broker."""

    @property
    def state(self) -> ConnectionState:
        """How it is now."""

    def send(self, topic: str, payload: bytes) -> None:
        """Publish now. Raises UnavailableError while the broker is away."""


@dataclass(frozen=True, kw_only=True)
class State:
    """`alerts` takes what people do about alerts."""

    site: Site
    store: Store
    now: Callable[[], datetime]
    stream: Stream
    broker: Broker
    detection: Detection
    response: Response
    alerts: AlertService
    forecast: ForecastService
    # What goes wrong at the broker, in lines for people.
    notices: Callable[[], list[str]] = list
    # Why a device that publishes now is not heard, or what it says is not stored.
    trouble_of_publishers: Callable[[], str | None] = lambda: None
    # None where the simulator, or ingest, is another process.
    simulated: Simulated | None = None
    last_messages: Callable[[str], list[LastMessage]] | None = None
    what_ifs: WhatIfs | None = None
    # Where commands keep official forecasts and their counts of calls; None where they are kept nowhere.
    data: Path | None = None
    turns: AllTurns = field(default_factory=AllTurns)
    plumes: Kept = field(default_factory=Kept)
    readiness: Readiness = field(default_factory=Readiness)

    @property
    def orders(self) -> Orders:
        """Who takes what people order about incidents and robots. Raises HTTPException 409 where another process does, and cannot be asked."""
        if (orders := self.response.orders) is None:
            raise HTTPException(409, ELSEWHERE)
        return orders


ELSEWHERE: Final = "this api runs with --no-respond: incidents and robots are worked at the one that responds; with --leases it would pass orders on"


# Not in a thread, as everything that is not `async` would be.
async def _state(request: Request) -> State:
    state: State = request.app.state.air
    return state


Air = Annotated[State, Depends(_state)]
