"""Server-sent events: one bounded queue for each listener; who cannot follow is dropped, and may come back.

Not by sse-starlette: it would save the line that frames an event and the heartbeat, but runs four tasks for each listener, puts itself in the
place of uvicorn's signal handler when it is imported, and cuts streams off at a signal, where this module ends them properly.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pyarrow as pa
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from jeonju.api.reading_json import reading_json

log = logging.getLogger(__name__)

HEARTBEAT_S: Final = 15.0
MOST_WAITING: Final = 200
MOST_LISTENERS: Final = 500
MOST_OF_A_KEY: Final = 100
# Who takes nothing for so long does not read.
STALLED_S: Final = 20.0
LOOK_EVERY_S: Final = 0.5
# Where a server leaves the way to end a connection at once (`jeonju.stack.http_server`): what is only closed waits until the client has read.
ABORT: Final = "jeonju.abort"


class TooManyError(Exception):
    """No more listeners are taken now."""


@dataclass(eq=False)
class Listener:
    """One open stream: who asked for it, whether that may still listen, and what waits to be sent."""

    who: str
    is_allowed: Callable[[], bool]
    waiting: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    abort: Callable[[], None] = lambda: None
    sending_since_s: float | None = None
    is_ending: bool = False


class Stream:
    """Distributes events from any thread to all listeners on the server's loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._listeners: set[Listener] = set()
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
        if self._listeners and (newest := {row["device"]: row for row in table.to_pylist()}):
            self.send("readings", [reading_json(row) for row in newest.values()])

    def send(self, event: str, data: Any) -> None:
        """Publish an event to all listeners, from any thread."""
        if self._loop is not None and self._listeners:
            message = b"event: %s\ndata: %s\n\n" % (event.encode(), orjson.dumps(data))
            self._loop.call_soon_threadsafe(self._distribute, message)

    def close(self) -> None:
        """End every stream."""
        if self._looking is not None:
            self._looking.cancel()
        for listener in list(self._listeners):
            self._end(listener)

    def join(self, who: str, is_allowed: Callable[[], bool], *, is_counted: bool = True) -> Listener:
        """Take a listener, whose place is kept until `leave`; `is_counted` says whether `who` is a key, which gets only so many.

        Raises TooManyError.
        """
        if len(self._listeners) >= MOST_LISTENERS:
            raise TooManyError(f"{MOST_LISTENERS} listen already; try again later")
        if is_counted and sum(listener.who == who for listener in self._listeners) >= MOST_OF_A_KEY:
            raise TooManyError(f"{MOST_OF_A_KEY} listen with the key {who!r} already; try again later")
        listener = Listener(who, is_allowed)
        self._listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """Give a listener's place back."""
        self._listeners.discard(listener)

    async def events(self, listener: Listener) -> AsyncIterator[bytes]:
        """Yield events until the listener leaves, is dropped, or may not listen any more."""
        yield b": welcome\n\n"
        while True:
            try:
                message = await asyncio.wait_for(listener.waiting.get(), HEARTBEAT_S)
            except TimeoutError:
                message = b": still here\n\n"
            if message is None:
                return
            yield message

    def _distribute(self, message: bytes) -> None:
        for listener in list(self._listeners):
            if listener.is_ending:
                continue
            try:
                listener.waiting.put_nowait(message)
            except asyncio.QueueFull:
                self._drop(listener)

    async def _look(self) -> None:
        """End streams that nobody reads, and those whose key or session has ended."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            now_s = asyncio.get_running_loop().time()
            for listener in list(self._listeners):
                try:
                    if listener.sending_since_s is not None and now_s - listener.sending_since_s > STALLED_S:
                        self._drop(listener)
                    elif not listener.is_ending and not listener.is_allowed():
                        self._end(listener)
                except Exception:
                    log.exception("a stream of %s could not be looked after; it ends", listener.who)
                    self._end(listener)

    def _drop(self, listener: Listener) -> None:
        self.dropped += not listener.is_ending
        self._end(listener)

    def _end(self, listener: Listener) -> None:
        """Make room for the last word and stop sending; who does not even take that is cut off."""
        listener.is_ending = True
        if listener.waiting.full():
            listener.waiting.get_nowait()
        listener.waiting.put_nowait(None)
        if listener.sending_since_s is not None:
            listener.abort()


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
            listener.sending_since_s = None

        try:
            await super().__call__(scope, receive, timed)
        finally:
            self._stream.leave(listener)
