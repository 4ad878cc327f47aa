"""An api over half an hour of a small city with two alerts, asked as clients of NGSI-LD ask."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from tests.api.small_city import NOW, half_an_hour
from tests.api.small_stores import KINDS, opened
from tests.clients import local_client
from tests.response.notifying import alert

Get = Callable[..., Any]
ROOT = "/ngsi-ld/v1"


@pytest.fixture(scope="package", params=KINDS)
def client(
    request: pytest.FixtureRequest, jeonju: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    with opened(request.param, tmp_path_factory.mktemp("ngsi")) as store:
        store.write(half_an_hour())
        store.write_alerts(
            [
                alert("smoke-1", started_at=NOW - timedelta(minutes=5)),
                alert("pm10-1", "pm10-advisory", "warning", device=None, ended_at=NOW),
                alert("silent-1", "silent", "info", device="palbok-05"),
            ]
        )
        with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
            yield started


@pytest.fixture(scope="package")
def get(client: TestClient) -> Get:
    """Ask for a path."""

    def get(path: str, **query: Any) -> Any:
        answer = client.get(f"{ROOT}/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get
