"""How often sources are traced: the first map of an incident at once, all others so rarely that they take a fifth of a core at most."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pytest

from jeonju.contract.site import Site
from jeonju.response.incidents import tracing
from jeonju.response.incidents.tracing import SourceTracer, Subject
from jeonju.storage.duckdb.store import DuckDBStore

OPENED: Final = datetime(2026, 1, 15, tzinfo=UTC)
TAKES_S: Final = 0.2


class Traced:
    """Stands for maps that take a while: which were made, up to when, and at what time they were begun."""

    def __init__(self) -> None:
        self.maps: list[tuple[str, datetime, float]] = []
        self.changed = threading.Condition()
        self.begun, self.may_end = threading.Event(), threading.Event()

    def wait_for(self, number: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.maps) >= number, timeout=30)


@contextmanager
def tracer(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SourceTracer, Traced]]:
    traced, at_work = Traced(), []

    def subject(incident: str) -> Subject:
        at_work.append(incident)
        return Subject(OPENED, ())

    def make(_site: Site, _opened: datetime, _alerts: Any, _readings: pa.Table, until: datetime) -> None:
        begun_s = time.monotonic()
        traced.begun.set()
        assert traced.may_end.wait(30)
        time.sleep(TAKES_S)  # the map takes so long; nothing is waited for
        with traced.changed:
            traced.maps.append((at_work[-1], until, begun_s))
            traced.changed.notify_all()

    monkeypatch.setattr(tracing, "trace", make)
    store = DuckDBStore(":memory:")
    made = SourceTracer(site, store, subject, lambda _incident, _trace: None)
    made.start()
    try:
        yield made, traced
    finally:
        made.stop()
        store.close()


def test_maps_of_hours_that_come_in_seconds_take_a_fifth_of_the_time(
    jeonju: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tracer(jeonju, monkeypatch) as (made, traced):
        made.request("a", OPENED, OPENED, lambda _incident: False)
        assert traced.begun.wait(30)
        for minutes in (2, 4, 6):
            made.request("a", OPENED, OPENED + timedelta(minutes=minutes), lambda _incident: False)
        traced.may_end.set()
        traced.wait_for(2)
    (_, _, first_s), (_, until, second_s) = traced.maps
    assert second_s - first_s >= (1 + tracing.RESTS) * TAKES_S
    assert until == OPENED + timedelta(minutes=6)


def test_first_map_of_another_incident_waits_for_nothing(jeonju: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with tracer(jeonju, monkeypatch) as (made, traced):
        made.request("a", OPENED, OPENED, lambda _incident: False)
        assert traced.begun.wait(30)
        made.request("a", OPENED, OPENED + timedelta(minutes=2), lambda _incident: False)
        made.request("b", OPENED, OPENED + timedelta(minutes=2), lambda _incident: False)
        traced.may_end.set()
        traced.wait_for(3)
    assert [incident for incident, _, _ in traced.maps] == ["a", "b", "a"]
