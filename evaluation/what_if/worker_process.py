"""Keeps one process for forks, from the first question until nobody has asked for a while; one that takes too long is killed."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import Any, Final

from jeonju.common.errors import UnavailableError, UserError
from jeonju.evaluation.what_if.worker import PROGRESS, REFUSAL

# After so long without a question it ends, and gives its memory back.
IDLE_S: Final = 600.0
STOPS_WITHIN_S: Final = 5.0
# Each library would take all cores for itself.
ONE_CORE: Final = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "ARROW_IO_THREADS"), "1"
)


class WorkerProcess:
    """To be used from several threads; one question is answered at a time."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._retires: threading.Timer | None = None
        self._is_stopped = False

    @property
    def pid(self) -> int | None:
        """The id of the process, None while there is none."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    def warm_up(self) -> None:
        """Start the process if there is none, in a thread of its own: a question is probably coming."""
        if self.pid is None and not self._lock.locked():
            threading.Thread(target=self._warm, name="what-if", daemon=True).start()

    def ask(self, work: Any, *, within_s: float, on_progress: Callable[[float], None]) -> Any:
        """Return the answer to a question. Raises UserError for what it refuses, UnavailableError where it takes too long or dies."""
        with self._lock:
            if self._is_stopped:
                raise UnavailableError("this service is ending")
            try:
                return self._answer(work, within_s, on_progress)
            except (EOFError, OSError) as error:
                self._end()
                raise UnavailableError(
                    "the process of the fork died; ask again, for fewer hours if that repeats itself"
                ) from error
            finally:
                self._retire_later()

    def stop(self) -> None:
        """End the process at once; nothing is answered any more."""
        self._is_stopped = True
        process = self._process
        if process is not None:
            process.kill()
        with self._lock:
            self._end()
            if self._retires is not None:
                self._retires.cancel()

    def _warm(self) -> None:
        try:
            self.ask(None, within_s=60.0, on_progress=lambda _share: None)
        except (UserError, UnavailableError):
            # Who asks in earnest is told.
            return

    def _answer(self, work: Any, within_s: float, on_progress: Callable[[float], None]) -> Any:
        if self.pid is None:
            self._begin()
        assert self._connection is not None  # noqa: S101  (for the type checker)
        until = time.monotonic() + within_s
        self._connection.send(work)
        while self._connection.poll(max(until - time.monotonic(), 0.0)):
            kind, content = self._connection.recv()
            if kind == PROGRESS:
                on_progress(content)
            elif kind == REFUSAL:
                raise UserError(content)
            else:
                return content
        self._end()
        raise UnavailableError(
            f"the fork took longer than {within_s:.0f} s and was ended; ask for fewer hours, or when there is less to do"
        )

    def _begin(self) -> None:
        self._end()
        self._connection, theirs = Pipe()
        self._process = subprocess.Popen(  # noqa: S603  (our own module)
            [sys.executable, "-m", "jeonju.evaluation.what_if.worker", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            env={**os.environ, **ONE_CORE},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait(STOPS_WITHIN_S)
        self._process = self._connection = None

    def _retire_later(self) -> None:
        if self._retires is not None:
            self._retires.cancel()
        self._retires = threading.Timer(self._idle_s, self._retire)
        self._retires.daemon = True
        self._retires.start()

    def _retire(self) -> None:
        # One that is at work is not idle.
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()
