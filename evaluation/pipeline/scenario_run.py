"""One run of a scenario: the platform, its listeners, and what went wrong with senders."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from jeonju.common.errors import JeonjuError, UnavailableError
from jeonju.evaluation.pipeline.clients import Listener, Outgoing, send
from jeonju.evaluation.pipeline.expectations import Check
from jeonju.evaluation.pipeline.found import find
from jeonju.evaluation.pipeline.platform_process import Platform

HOLDS_WITHIN_S: Final = 10.0
# A second copy of a message may come after the first one.
HOLDS_FOR_S: Final = 1.0
POLL_S: Final = 0.2


class ScenarioRun:
    """Ends what was started when it is left. `notes` say which steps did not go as they should: they explain what is missing then."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._listeners: list[Listener] = []
        self.notes: list[str] = []

    def send(self, messages: Sequence[Outgoing], qos: int) -> None:
        """Publish over one connection of its own."""
        try:
            send(self._platform.broker_url, messages, qos)
        except JeonjuError as error:
            self.notes.append(str(error))

    def listen(self, topic_filter: str) -> None:
        """Keep what comes on a filter from here on."""
        listener = Listener(self._platform.broker_url, topic_filter)
        self._listeners.append(listener)
        self._wait_until_subscribed(listener)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._platform.wait(seconds)

    def stop(self) -> None:
        """End the platform."""
        self._platform.stop()

    def restart(self) -> None:
        """End the platform and start it on the same data; listeners listen again when this returns."""
        for listener in self._listeners:
            listener.expect_restart()
        self._platform.stop()
        self._platform.start()
        for listener in self._listeners:
            self._wait_until_subscribed(listener)

    def problems(self, checks: Sequence[Check]) -> list[str]:
        """Return what does not hold: nothing as soon as all holds for a while, else what is still missing after some time."""
        deadline, held_since = time.monotonic() + HOLDS_WITHIN_S, None
        while True:
            missing = self._problems_now(checks)
            now = time.monotonic()
            if missing and (now >= deadline or self._platform.is_stopped or self._platform.failure):
                return missing
            held_since = None if missing else held_since or now
            if held_since is not None and (self._platform.is_stopped or now - held_since >= HOLDS_FOR_S):
                return []
            time.sleep(POLL_S)

    def __enter__(self) -> Self:
        self._platform.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for listener in self._listeners:
            listener.close()
        self._platform.stop()

    def _problems_now(self, checks: Sequence[Check]) -> list[str]:
        if (failure := self._platform.failure) is not None:
            return [failure]
        try:
            found = find(self._platform, tuple(heard for listener in self._listeners for heard in listener.heard))
            return [why for check in checks if (why := check(found)) is not None]
        except JeonjuError as error:
            return [self._platform.failure or str(error)]

    def _wait_until_subscribed(self, listener: Listener) -> None:
        try:
            listener.wait_until_subscribed()
        except UnavailableError as error:
            self.notes.append(str(error))
