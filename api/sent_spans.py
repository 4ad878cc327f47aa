"""Spans of any length, sent as they are read: one piece is in memory, and a client that stops reading stops the reading.

What goes wrong half-way breaks the answer off without its end, which HTTP clients report; a Parquet file has no footer then, and cannot be read.
"""

import io
import logging
from collections.abc import AsyncIterator, Generator, Iterable
from typing import Final

import pyarrow as pa
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from jeonju.api.http.state import State
from jeonju.api.stream import ABORT
from jeonju.common.errors import JeonjuError
from jeonju.export.rows import About
from jeonju.export.writers import MEDIA_TYPES, Kind, stream_writer

log = logging.getLogger(__name__)

# What is written is sent in parts of at most about this size.
_PART_BYTES: Final = 64 * 1024

Parts = Generator[bytes, None, None]


def parts_of(tables: Iterable[pa.Table | None], schema: pa.Schema, kind: Kind, about: About) -> Parts:
    """Yield a file in parts, after each table what there is by then, which may be nothing."""
    outbox = _Outbox()
    writer = stream_writer(kind)(outbox, schema, about)  # type: ignore[arg-type]
    for table in tables:
        if table is not None:
            writer.write(table)
        yield outbox.take()
    writer.close()
    yield outbox.take()


class SpanResponse(StreamingResponse):
    """The answer to one export, which has a place among `turns.spans` until it was sent or broken off."""

    def __init__(self, air: State, parts: Parts, begun: bytes, kind: Kind, name: str) -> None:
        headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{name}"'}
        super().__init__(self._body(begun), headers=headers, media_type=MEDIA_TYPES[kind])
        self._turns, self._parts = air.turns.spans, parts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        try:
            await super().__call__(scope, receive, send)
        except JeonjuError as error:
            log.warning("an export was broken off: %s", error)
            abort = scope.get("extensions", {}).get(ABORT)
            if abort is None:
                raise
            # An answer that ends as if it were whole would be taken for a whole file.
            abort()
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._parts.close()
            self._turns.leave()

    async def _body(self, begun: bytes) -> AsyncIterator[bytes]:
        part: bytes | None = begun
        while part is not None:
            for first in range(0, len(part), _PART_BYTES):
                yield part[first : first + _PART_BYTES]
            part = await self._turns.in_thread(lambda: next(self._parts, None))


class _Outbox(io.RawIOBase):
    """A file that keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._waiting = list[bytes]()
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._waiting.append(bytes(data))
        self._written += len(data)
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken = b"".join(self._waiting)
        self._waiting.clear()
        return taken
