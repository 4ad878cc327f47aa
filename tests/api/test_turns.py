"""Work that takes long: it waits for its turn, is refused when too much waits, and keeps nobody else from an answer."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from jeonju.contract.records import IncidentRecord
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import Answer, Wire, served
from tests.waiting import wait_until

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
def wire(jeonju: Site, store: DuckDBStore) -> Iterator[Wire]:
    store.write_incidents(
        [
            IncidentRecord(
                "one",
                "jeonju",
                "closed",
                "fire",
                "critical",
                "palbok",
                NOW,
                NOW,
                NOW,
                None,
                None,
                None,
                None,
                None,
                "가",
                "a",
                "{}",
            )
        ]
    )
    with served(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as running:
        yield running


class Gate:
    """Work that waits until it is let go, and counts how much of it runs at once."""

    def __init__(self) -> None:
        self.opened, self._lock = threading.Event(), threading.Lock()
        self.running = self.most = 0

    def __call__(self, *_args: object, **_options: object) -> bytes:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.opened.wait(60)
        with self._lock:
            self.running -= 1
        return b"%PDF"


def test_sixty_reports_at_once_are_made_one_by_one_or_refused_and_health_is_answered(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate()
    monkeypatch.setattr("jeonju.api.http.incidents.as_pdf", gate)
    with ThreadPoolExecutor(60) as clients:
        asked = [clients.submit(wire.ask, "GET", "/api/v1/incidents/one/report.pdf") for _ in range(60)]
        # All that are refused are refused at once, while the first report is still being made.
        wait_until(lambda: sum(answer.done() for answer in asked) == 51, what="the refusals")
        assert wire.ask("GET", "/healthz").status == 200
        assert wire.ask("GET", "/api/v1/incidents/one").status == 200
        gate.opened.set()
        answers = [answer.result() for answer in asked]
    assert sorted(answer.status for answer in answers) == [200] * 9 + [429] * 51
    assert all(answer.headers["retry-after"] for answer in answers if answer.status == 429)
    assert gate.most == 1


@pytest.mark.parametrize(
    ("path", "method", "at_once", "taken"),
    [
        ("/api/v1/series", "readings", 2, 32),
        ("/api/v1/standards/palbok-01", "readings", 2, 32),
        ("/api/v1/dead-letters", "dead_letters", 2, 32),
    ],
)
def test_large_reads_have_turns_of_their_own(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, path: str, method: str, at_once: int, taken: int
) -> None:
    gate, store = Gate(), wire.app.state.air.store
    real = getattr(store, method)
    monkeypatch.setattr(store, method, lambda *args, **options: (gate(), real(*args, **options))[1])
    with ThreadPoolExecutor(taken + 5) as clients:
        # Who asks the same shares one turn.
        asked = [clients.submit(wire.ask, "GET", f"{path}?number={number}") for number in range(taken + 5)]
        wait_until(lambda: sum(answer.done() for answer in asked) == 5, what="the refusals")
        assert wire.ask("GET", "/api/v1/latest").status == 200
        gate.opened.set()
        assert sorted(answer.result().status for answer in asked) == [200] * taken + [429] * 5
    assert gate.most == at_once


def test_health_and_the_page_are_answered_while_every_thread_for_requests_waits_for_the_store(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, store = Gate(), wire.app.state.air.store
    monkeypatch.setattr(store, "devices", lambda _site: [gate() for _ in ()] if gate() else [])
    with ThreadPoolExecutor(50) as clients:
        asked: list[object] = [clients.submit(wire.ask, "GET", "/api/v1/devices") for _ in range(50)]
        wait_until(lambda: gate.running == 40, what="every thread")
        for path in ("/healthz", "/readyz", "/api/v1/session", "/api/v1/site", "/api/v1/cai"):
            answer: Answer = wire.ask("GET", path)
            assert answer.status in (200, 503), path
        gate.opened.set()
    assert len(asked) == 50


def test_backups_are_made_one_at_a_time_and_leave_nothing(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, store = Gate(), wire.app.state.air.store
    real = store.back_up
    monkeypatch.setattr(store, "back_up", lambda folder: (gate(), real(folder))[1])
    with ThreadPoolExecutor(1) as clients:
        first = clients.submit(wire.ask, "POST", "/api/v1/backup")
        wait_until(lambda: gate.running == 1, what="the first backup")
        assert wire.ask("POST", "/api/v1/backup").status == 429
        gate.opened.set()
        assert first.result().status == 200
    # The place is free once the copy is removed, which is after its last byte was read here.
    wait_until(lambda: wire.ask("POST", "/api/v1/backup").status == 200, what="the next backup")
