"""Server-sent events: encoded once for all listeners, who go on by the id of the last event they had; who cannot follow is dropped.

Not by sse-starlette: it would save the line that frames an event and the heartbeat, but runs four tasks for each listener, puts itself in the
place of uvicorn's signal handler when it is imported, and cuts streams off at a signal, where this module ends them properly.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pyarrow as pa
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from jeonju.api.event_ring import KEPT_S, EventRing
from jeonju.api.reading_json import reading_json

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 15.0
MOST_WAITING: Final = 200
MOST_LISTENERS: Final = 500
MOST_OF_A_KEY: Final = 100
# Who takes nothing for so long does not read.
STALLED_S: Final = 20.0
LOOK_EVERY_S: Final = 0.5
# What was missed is sent in parts of about this size, so that also a slow client is seen to read.
PART_BYTES: Final = 64 * 1024
# Where a server leaves the way to end a connection at once (`jeonju.stack.http_server`): what is only closed waits until the client has read.
ABORT: Final = "jeonju.abort"
_HEARTBEAT: Final = b": still here\n\n"


class TooManyError(Exception):
    """No more listeners are taken now."""


@dataclass(eq=False)
class Listener:
    """One open stream: who asked for it, whether that may still listen, how it begins, and what waits to be sent."""

    who: str
    is_allowed: Callable[[], bool]
    begins_with: list[bytes]
    waiting: deque[bytes] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    abort: Callable[[], None] = lambda: None
    sending_since_s: float | None = None
    sent_at_s: float = 0.0
    is_ending: bool = False

    def give(self, message: bytes) -> None:
        """Let something be sent as soon as what was given before is."""
        self.waiting.append(message)
        self.woken.set()


class Stream:
    """Distributes events from any thread to all listeners on the server's loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._listeners: set[Listener] = set()
        self._ring = EventRing()
        # While nobody listens, nor can come back to what was missed, nothing is encoded.
        self._is_idle, self._left_s = True, 0.0
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many streams are open, also those that are ending."""
        return len(self._listeners)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say on which loop the listeners are, on that loop; from then on it is looked whether they read and may listen."""
        self._loop = loop
        self._looking = loop.create_task(self._look())

    def send_readings(self, table: pa.Table) -> None:
        """Publish the newest reading of every device in a batch (READINGS), from any thread."""
        if not self._is_idle and (newest := {row["device"]: row for row in table.to_pylist()}):
            self.send("readings", [reading_json(row) for row in newest.values()])

    def send(self, event: str, data: Any) -> None:
        """Publish an event to all listeners, from any thread."""
        if self._loop is not None and not self._is_idle:
            message = b"event: %s\ndata: %s\n\n" % (event.encode(), orjson.dumps(data))
            self._loop.call_soon_threadsafe(self._distribute, message)

    def close(self) -> None:
        """End every stream."""
        if self._looking is not None:
            self._looking.cancel()
        for listener in list(self._listeners):
            self._end(listener)

    def join(
        self, who: str, is_allowed: Callable[[], bool], *, is_counted: bool = True, last_event_id: str | None = None
    ) -> Listener:
        """Take a listener, whose place is kept until `leave`; `is_counted` says whether `who` is a key, which gets only so many.

        It begins with what followed `last_event_id`, or with the event `reset` where that is not known. Raises TooManyError.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyError(f"{MOST_LISTENERS} listen already; try again later")
        if is_counted and sum(listener.who == who for listener in self._listeners) >= MOST_OF_A_KEY:
            raise TooManyError(f"{MOST_OF_A_KEY} listen with the key {who!r} already; try again later")
        self._is_idle = False
        missed = None if last_event_id is None else self._ring.since(last_event_id)
        if missed is None:
            missed = [b"id: %s\nevent: reset\ndata: {}\n\n" % self._ring.newest_id.encode()]
        # No event comes between what it begins with and what it is given from now on.
        listener = Listener(who, is_allowed, [b": welcome\n\n", *missed])
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Give a listener's place back."""
        self._listeners.discard(listener)
        self._left_s = _now_s()

    async def events(self, listener: Listener) -> AsyncIterator[bytes]:
        """Yield events until the listener leaves, is dropped, or may not listen any more."""
        for part in _parts(listener.begins_with):
            yield part
        listener.begins_with.clear()
        while not listener.is_ending or listener.waiting:
            await listener.woken.wait()
            listener.woken.clear()
            for part in _parts(_taken(listener.waiting)):
                yield part

    def _distribute(self, event: bytes) -> None:
        message = self._ring.add(event)
        for listener in list(self._listeners):
            if listener.is_ending:
                continue
            if len(listener.waiting) >= MOST_WAITING:
                self._drop(listener)
            else:
                listener.give(message)

    async def _look(self) -> None:
        """End streams that nobody reads, and those whose key or session has ended; let the others know that we are there."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            if not self._is_idle and not self._listeners and _now_s() - self._left_s > KEPT_S:
                self._is_idle = True
                self._ring.begin()
            for listener in list(self._listeners):
                try:
                    self._look_after(listener, _now_s())
                except Exception:
                    log.exception("a stream of %s could not be looked after; it ends", listener.who)
                    self._end(listener)

    def _look_after(self, listener: Listener, now_s: float) -> None:
        if listener.sending_since_s is not None:
            if now_s - listener.sending_since_s > STALLED_S:
                self._drop(listener)
        elif not listener.is_ending and now_s - listener.sent_at_s > HEARTBEAT_S:
            listener.give(_HEARTBEAT)
        if not listener.is_ending and not listener.is_allowed():
            self._end(listener)

    def _drop(self, listener: Listener) -> None:
        self.dropped += not listener.is_ending
        self._end(listener)

    def _end(self, listener: Listener) -> None:
        """Let it send what waits, and no more; who does not even take what is sent now is cut off."""
        listener.is_ending = True
        listener.woken.set()
        if listener.sending_since_s is not None:
            listener.abort()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _taken(waiting: deque[bytes]) -> Iterator[bytes]:
    while waiting:
        yield waiting.popleft()


def _parts(messages: Iterable[bytes]) -> Iterator[bytes]:
    """Yield messages together, in parts of about `PART_BYTES`."""
    part, size = list[bytes](), 0
    for message in messages:
        part.append(message)
        size += len(message)
        if size >= PART_BYTES:
            yield b"".join(part)
            part, size = [], 0
    if part:
        yield b"".join(part)


class EventResponse(StreamingResponse):
    """The answer to one listener; its place is free when the connection is."""

    def __init__(self, stream: Stream, listener: Listener) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(stream.events(listener), headers=headers, media_type="text/event-stream")
        self._stream, self._listener = stream, listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until one side ends it."""
        listener, loop = self._listener, asyncio.get_running_loop()
        listener.abort = scope.get("extensions", {}).get(ABORT, listener.abort)

        async def timed(message: Message) -> None:
            listener.sending_since_s = loop.time()
            await send(message)
            listener.sending_since_s, listener.sent_at_s = None, loop.time()

        try:
            await super().__call__(scope, receive, timed)
        finally:
            self._stream.leave(listener)
