"""Requests that schemathesis generates from the description of the api, with and without keys: whatever is asked, nothing fails (5xx)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.schemas import BaseSchema

from jeonju.api.access.guard import OPEN_PATHS
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.public.snapshot import PATH as PUBLIC
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.columns import readings_table
from jeonju.contract.records import AlertRecord, DeadLetter, DeviceRecord, IncidentRecord
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.clients import Wire, served
from tests.waiting import wait_until

NOW = datetime.now(UTC).replace(microsecond=0)
# An answer without an end.
ENDLESS = "/api/v1/stream"
EXAMPLES = settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass(frozen=True)
class Target:
    """A running api and the key that opens it, if it takes keys."""

    wire: Wire
    key: str | None

    @property
    def schema(self) -> BaseSchema:
        description = schemathesis.openapi.from_url(f"http://127.0.0.1:{self.wire.port}/openapi.json")
        return description.exclude(path=ENDLESS)

    def ask(self, case: Case[Any], *, with_key: bool = True) -> int:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key and with_key else {}
        response = case.call(headers=headers, timeout=60)
        assert response.status_code < 500, (case.as_curl_command(), response.status_code, response.text[:500])
        return response.status_code


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker"), port=0) as running:
        yield running


def filled(path: Path) -> DuckDBStore:
    """Return a store with one of everything, named as the examples of the description name them."""
    store = DuckDBStore(path)
    alert = AlertRecord(
        "jeonju-smoke-palbok-03-20231005T040520",
        "jeonju",
        "smoke",
        "critical",
        "palbok-03",
        "palbok",
        NOW,
        NOW,
        None,
        90.0,
        None,
        "pm25",
        "연기",
        "smoke",
        "{}",
    )
    incident = IncidentRecord(
        "jeonju-20231005T040520-palbok-03",
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
        "불",
        "fire",
        "{}",
    )
    row = {"site": "jeonju", "device": "balcony", "time": NOW, "received_at": NOW, "pm25": 4.2}
    store.write(
        Commit(
            readings=readings_table([row]),
            devices=[DeviceRecord("jeonju", "balcony", "", "", "real", "online", NOW)],
            dead_letters=[DeadLetter(NOW, "air/x", b"{", "is not JSON")],
        )
    )
    store.write_alerts([alert])
    store.write_incidents([incident])
    return store


@pytest.fixture(scope="module", params=["with keys", "without keys"])
def target(
    request: pytest.FixtureRequest, jeonju: Site, broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("generated")
    keys, store = folder / "keys.json", filled(folder / "air.duckdb")
    key = KeyFile(keys).add("kim", Role.ADMIN, NOW) if request.param == "with keys" else None
    app = api_app(jeonju, store, broker.url, keys=keys, public_page=True)
    with served(app, keys=keys) as wire:
        wait_until(lambda: wire.ask("GET", "/readyz").status == 200, what="readiness")
        yield Target(wire, key)
    store.close()


def test_no_route_fails_whatever_it_is_asked(target: Target) -> None:
    asked, statuses = set[str](), set[int]()
    for found in target.schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        asked.add(operation.path)

        def check(case: Case[Any]) -> None:
            statuses.add(target.ask(case))
            if target.key and case.path not in OPEN_PATHS | {PUBLIC}:
                assert target.ask(case, with_key=False) in (401, 413, 429)

        given(operation.as_strategy())(EXAMPLES(check))()
    assert len(asked) > 35
    assert PUBLIC in asked
    assert {200, 404, 422} <= statuses


def test_no_route_fails_in_the_course_of_requests_that_follow_from_each_other(target: Target) -> None:
    machine = target.schema.as_state_machine()
    key = target.key

    class Requests(machine):  # type: ignore[misc, valid-type]
        def get_call_kwargs(self, case: Case[Any]) -> dict[str, object]:
            return {"headers": {"Authorization": f"Bearer {key}"} if key else {}, "timeout": 60}

        def validate_response(self, response: object, case: Case[Any], **_: object) -> None:
            status = response.status_code  # type: ignore[attr-defined]
            assert status < 500, (case.as_curl_command(), status)

    Requests.run(settings=settings(EXAMPLES, max_examples=8, stateful_step_count=6))
