"""What every route needs, made once for the application."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request

from airquality.site import Site
from api.live import Live
from api.stream import Stream
from storage.port import Store


@dataclass(frozen=True, kw_only=True)
class State:
    """The site, its store and the live side."""

    site: Site
    store: Store
    live: Live
    stream: Stream
    now: Callable[[], datetime]


def _state(request: Request) -> State:
    state: State = request.app.state.air
    return state


Air = Annotated[State, Depends(_state)]
