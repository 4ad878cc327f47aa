"""Messages that have arrived and wait for their commit: a bounded queue between the network's threads and the committer's."""

import queue
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from jeonju.decoders.message import Message
from jeonju.ingest.receiver import Published
from jeonju.ingest.session import Session

# Messages are gathered this long before a commit, unless there are many: a commit costs milliseconds, whatever its size.
GATHER_S: Final = 0.05
WAIT_S: Final = 0.5
MOST_IN_A_COMMIT: Final = 5000
# Batches may hold many readings: a commit takes no more than this in bytes of messages.
LARGEST_COMMIT_BYTES: Final = 4 * 1024 * 1024
# More than the brokers of ours deliver unacknowledged; beyond it the network thread waits, and so does the sender.
MOST_WAITING: Final = 20_000
MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
FULL_PAUSE_S: Final = 0.01


class Arrived(NamedTuple):
    """A message, and what is needed to acknowledge it: its session, the number of the connection, and its own in it (0: QoS 0)."""

    message: Message
    session: Session
    connection: int
    mid: int


class Inbox:
    """Takes messages of several sessions, gives them to one committer. `bytes_in` tells how much has come over all sessions."""

    def __init__(self, bytes_in: Callable[[], int], now: Callable[[], datetime], stopping: threading.Event) -> None:
        # A queue with a bound of its own takes ten times as long for a message.
        self._queue: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._bytes_in = bytes_in
        # Counted by one thread alone, as what came over each session is, so that neither needs a lock.
        self._bytes_out = 0
        self._now = now
        self._stopping = stopping

    def __len__(self) -> int:
        return self._queue.qsize()

    def put(self, session: Session, message: Published) -> None:
        """Add a message; waits while there is no room."""
        while self._is_full() and not self._stopping.wait(FULL_PAUSE_S):
            pass
        payload = bytes(message.payload)
        session.bytes_in += len(payload)
        mid = message.mid if message.qos else 0
        arrived = Message(message.topic, payload, self._now(), bool(message.retain))
        self._queue.put(Arrived(arrived, session, session.connection, mid))

    def gather(self) -> list[Arrived]:
        """Wait for a message, then gather what comes within a moment of its arrival; empty when none came."""
        try:
            gathered = [self._queue.get(timeout=WAIT_S)]
        except queue.Empty:
            return []
        # One sleep for all that comes: to be woken by each costs more than to decode it.
        if self._queue.qsize() < MOST_IN_A_COMMIT:
            age_s = (self._now() - gathered[0].message.received_at).total_seconds()
            self._stopping.wait(min(max(GATHER_S - age_s, 0.0), GATHER_S))
        size = len(gathered[0].message.payload)
        while len(gathered) < MOST_IN_A_COMMIT and size < LARGEST_COMMIT_BYTES:
            try:
                gathered.append(self._queue.get_nowait())
            except queue.Empty:
                break
            size += len(gathered[-1].message.payload)
        self._bytes_out += size
        return gathered

    def _is_full(self) -> bool:
        return self._queue.qsize() >= MOST_WAITING or self._bytes_in() - self._bytes_out >= MOST_WAITING_BYTES
