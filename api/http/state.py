"""What every route needs, made once for the application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from jeonju.api.live import Live
from jeonju.api.stream import Stream
from jeonju.contract.site import Site
from jeonju.response.service import ResponseService
from jeonju.storage.port import Store


@dataclass(frozen=True, kw_only=True)
class State:
    """The site, its store and the live side."""

    site: Site
    store: Store
    live: Live
    stream: Stream
    now: Callable[[], datetime]

    @property
    def response(self) -> ResponseService:
        """What is done about alerts."""
        return self.live.response


def _state(request: Request) -> State:
    state: State = request.app.state.air
    return state


Air = Annotated[State, Depends(_state)]
