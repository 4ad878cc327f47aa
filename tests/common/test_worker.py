"""The thread behind services: whatever happens to one piece of work, the next is done."""

import logging
import threading
from functools import partial

import pytest

from jeonju.common import worker as module
from jeonju.common.errors import UnavailableError
from jeonju.common.worker import Worker


def fail() -> None:
    raise ValueError("a fault")


def find_the_store_away() -> None:
    raise UnavailableError("the store is away")


def test_worker_survives_faults_and_reports_what_is_unavailable(caplog: pytest.LogCaptureFixture) -> None:
    done, away = list[str](), list[str]()
    worker = Worker("some", always=(lambda: done.append("always"),), on_unavailable=lambda why: away.append(str(why)))
    worker.put(fail)
    worker.put(find_the_store_away)
    worker.put(lambda: done.append("last"))
    with caplog.at_level(logging.ERROR):
        worker.start()
        assert worker.is_alive
        worker.stop()
    assert done == ["always", "always", "last", "always"]
    assert away == ["the store is away"]
    assert "a fault" in caplog.text
    assert not worker.is_alive


def test_what_is_always_done_is_done_without_work() -> None:
    done = threading.Event()
    worker = Worker("some", always=(done.set,), idle_s=0.01)
    worker.start()
    assert done.wait(60)
    worker.stop()


def test_too_much_work_is_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    worker, done = Worker("some"), list[int]()
    for number in range(5):
        worker.put(partial(done.append, number))
    assert worker.dropped == 3
    worker.start()
    worker.stop()
    assert done == [0, 1]
