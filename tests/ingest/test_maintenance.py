"""The thread that keeps the store in order beside what comes in."""

import logging
import os
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import pytest

from jeonju.common.errors import UnavailableError
from jeonju.ingest import maintenance
from jeonju.storage.port import Store


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a priority is not a thread's own")
def test_only_the_thread_that_gives_way_has_a_lower_priority() -> None:
    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def give_way() -> None:
        maintenance.give_way()
        seen.append(niceness())

    seen, before = list[int](), niceness()
    thread = threading.Thread(target=give_way)
    thread.start()
    thread.join()
    assert seen == [max(before, maintenance.NICENESS)]
    assert niceness() == before


class _Failing:
    """A store whose upkeep fails in one way after the other, then goes through."""

    def __init__(self, done: threading.Event) -> None:
        self._failures: list[Exception] = [
            OverflowError("a value that nobody thought of"),
            UnavailableError("away"),
            KeyError("x"),
        ]
        self._done = done

    def maintenance(self, _now: datetime) -> Iterator[None]:
        yield
        if self._failures:
            raise self._failures.pop(0)
        self._done.set()


def test_whatever_fails_in_the_upkeep_is_said_counted_and_tried_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(maintenance, "EVERY_S", 0.001)
    monkeypatch.setattr(maintenance, "BETWEEN_STEPS_S", 0.001)
    stopping, failed = threading.Event(), list[int]()
    store = cast("Store", _Failing(stopping))
    with caplog.at_level(logging.WARNING):
        maintenance.maintain(store, lambda: datetime(2026, 3, 2, tzinfo=UTC), stopping, lambda: failed.append(1))
    assert len(failed) == 3
    assert len(caplog.records) == 3
    assert all("rolling up and forgetting" in record.getMessage() for record in caplog.records)
