"""A thread that does one piece of work after another."""

import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final

from jeonju.common.errors import UnavailableError

log = logging.getLogger(__name__)

Work = Callable[[], None]

MOST_WAITING: Final = 5000
IDLE_S: Final = 5.0


class Worker:
    """Does what is put into its queue, in order, in one thread; after each piece, and at least every `idle_s`, also all of `always`.

    Whatever fails is logged, and the next is done: a store or broker that is away goes to `on_unavailable` instead.
    """

    def __init__(
        self,
        name: str,
        *,
        always: Sequence[Work] = (),
        on_unavailable: Callable[[UnavailableError], None] | None = None,
        idle_s: float = IDLE_S,
    ) -> None:
        self._always, self._idle_s = tuple(always), idle_s
        self._on_unavailable = on_unavailable or (lambda error: log.warning("%s", error))
        self._waiting: queue.Queue[Work | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.dropped = 0

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what was put so far, and end."""
        self._waiting.put(None)
        self._thread.join()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be done."""
        return self._waiting.empty()

    def put(self, work: Work) -> None:
        """Add a piece of work, from any thread and without waiting; where too much waits already, it is dropped and counted."""
        try:
            self._waiting.put_nowait(work)
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while True:
            try:
                work = self._waiting.get(timeout=self._idle_s)
            except queue.Empty:
                work = _nothing
            if work is None:
                return
            for step in (work, *self._always):
                try:
                    step()
                except UnavailableError as error:
                    self._on_unavailable(error)
                except Exception:
                    # The one supervisor of this thread: a fault in one piece of work must not end all that come after it.
                    log.exception("a piece of work of %s failed", self._thread.name)


class WorkerService:
    """A service whose work a worker does."""

    _worker: Worker

    def start(self) -> None:
        """Begin to work."""
        self._worker.start()

    def stop(self) -> None:
        """Finish what has arrived, and end."""
        self._worker.stop()

    @property
    def is_alive(self) -> bool:
        """Whether the worker runs."""
        return self._worker.is_alive


def _nothing() -> None:
    """Do nothing; what is always done follows."""
