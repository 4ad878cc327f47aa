"""Sending a finished run to the api: what is refused, and that nothing of it is left."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from jeonju.api.access.bodies import MOST_RUN_BYTES
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.app import create_app
from jeonju.contract.site import Site
from jeonju.stack.services import api_services
from jeonju.stack.shown_run import services_of_run
from jeonju.storage.duckdb.store import DuckDBStore
from tests.response.notifying import NOW

RUNS = "/api/v1/runs"


@contextmanager
def sending(site: Site, store: DuckDBStore, folder: Path, role: Role, *, opens: bool = True) -> Iterator[TestClient]:
    keys = folder / "keys.json"
    key = KeyFile(keys).add("who", role, NOW)
    services = api_services(site, store, "mqtt://127.0.0.1:1", now=lambda: NOW)
    app = create_app(services, keys=keys, opens_run=services_of_run if opens else None)
    yield TestClient(app, base_url="http://127.0.0.1:8000", headers={"Authorization": f"Bearer {key}"})


@pytest.mark.parametrize(
    ("parts", "body", "status", "said"),
    [
        (["events.json:2"], b"{}", 422, "the folder is no finished run: readings.parquet is missing"),
        (["events.json:3"], b"{}", 422, "body: ends within events.json"),
        (["events.json:1"], b"{}", 422, "body: is longer than its parts"),
        (["../events.json:2"], b"{}", 422, "part: is NAME:BYTES"),
        (["events.json:1", "events.json:1"], b"{}", 422, "each name once"),
        ([f"readings.parquet:{MOST_RUN_BYTES + 1}"], b"{}", 413, "jeonju show DIR"),
    ],
)
def test_what_is_no_run_or_too_large_is_refused_and_nothing_of_it_stays(
    jeonju: Site,
    store: DuckDBStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    parts: list[str],
    body: bytes,
    status: int,
    said: str,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with sending(jeonju, store, tmp_path, Role.ADMIN) as client:
        refused = client.post(RUNS, params={"part": parts}, content=body)
    assert (refused.status_code, refused.headers["content-type"]) == (status, "application/problem+json")
    assert said in refused.json()["detail"]
    assert list(scratch.iterdir()) == []


def test_only_administrators_open_runs_and_only_where_the_city_takes_them(
    jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    params = {"part": ["events.json:2"]}
    with sending(jeonju, store, tmp_path, Role.OPERATOR) as client:
        assert client.post(RUNS, params=params, content=b"{}").status_code == 403
        gone = client.get("/runs/none/api/v1/state")
    assert (gone.status_code, "not open any more" in gone.json()["detail"]) == (404, True)
    (tmp_path / "other").mkdir()
    with sending(jeonju, store, tmp_path / "other", Role.ADMIN, opens=False) as client:
        assert client.post(RUNS, params=params, content=b"{}").status_code == 409
