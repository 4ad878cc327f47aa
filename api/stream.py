"""Server-sent events: one bounded queue for each listener; who cannot follow is dropped, and may come back.

Not by sse-starlette: it would save the line that frames an event and the heartbeat, but runs four tasks for each listener, puts itself in the
place of uvicorn's signal handler when it is imported, and cuts streams off at a signal, where this module ends them properly.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson
import pyarrow as pa

from jeonju.api.reading_json import reading_json

HEARTBEAT_S: Final = 15.0
MOST_WAITING: Final = 200
MOST_LISTENERS: Final = 500


class Stream:
    """Distributes events from any thread to all listeners on the server's loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self.dropped = 0

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    @property
    def is_full(self) -> bool:
        """Whether no more listeners are taken."""
        return len(self._listeners) >= MOST_LISTENERS

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Say on which loop the listeners are."""
        self._loop = loop

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
        for listener in list(self._listeners):
            self._end(listener)

    async def listen(self) -> AsyncIterator[bytes]:
        """Yield events until the listener leaves or is dropped."""
        listener: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)
        self._listeners.add(listener)
        try:
            yield b": welcome\n\n"
            while True:
                try:
                    message = await asyncio.wait_for(listener.get(), HEARTBEAT_S)
                except TimeoutError:
                    message = b": still here\n\n"
                if message is None:
                    return
                yield message
        finally:
            self._listeners.discard(listener)

    def _distribute(self, message: bytes) -> None:
        for listener in list(self._listeners):
            try:
                listener.put_nowait(message)
            except asyncio.QueueFull:
                self.dropped += 1
                self._end(listener)

    def _end(self, listener: asyncio.Queue[bytes | None]) -> None:
        """Make room for the last word and stop sending."""
        self._listeners.discard(listener)
        if listener.full():
            listener.get_nowait()
        listener.put_nowait(None)
