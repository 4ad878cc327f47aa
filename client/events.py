"""The live stream of events, each once: a broken connection is made again, and goes on after the last event that was received."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import httpx2 as httpx
import msgspec

from jeonju.client.connection import ApiError, Connection

PATH: Final = "/api/v1/stream"
LONGEST_WAIT_S: Final = 30.0
_FIRST_WAIT_S: Final = 0.5
_LARGEST_BYTES: Final = 32 * 1024 * 1024


class Event(NamedTuple):
    """Something that happened: `readings` (a list, as `latest`), `alert`, `incident`, or `reset`.

    `reset` comes first, and whenever it is not known what was missed (after two minutes away, or a new start of the api): ask for the state
    of all. `id` goes on from there, in another process too.
    """

    kind: str
    data: Any
    id: str


def events(
    connection: Connection, last_event_id: str | None = None, wait: Callable[[float], object] = time.sleep
) -> Iterator[Event]:
    """Yield events for ever, in order, none twice.

    `wait` is called with seconds before each new attempt. Raises ApiError for what waiting does not mend, such as a key that is not taken.
    """
    last, wait_s = last_event_id, _FIRST_WAIT_S
    while True:
        try:
            for event in _received(connection, last):
                wait_s = _FIRST_WAIT_S
                if event.id and event.id == last and event.kind != "reset":
                    continue
                last = event.id or last
                yield event
        except ApiError as error:
            if not error.is_temporary:
                raise
            wait_s = max(wait_s, error.retry_after_s or 0.0)
        wait(min(wait_s, LONGEST_WAIT_S))
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _received(connection: Connection, last: str | None) -> Iterator[Event]:
    """Yield the events of one connection until it ends."""
    headers = {} if last is None else {"Last-Event-ID": last}
    with connection.asked(PATH, headers=headers) as answer:
        for told in httpx.EventSource(answer, max_event_size=_LARGEST_BYTES):
            try:
                yield Event(told.event, msgspec.json.decode(told.data), told.id or "")
            except msgspec.DecodeError:
                # The beginning of an event at the end of a connection: it comes whole the next time.
                return
