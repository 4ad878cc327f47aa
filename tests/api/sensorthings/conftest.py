"""An api over half an hour of a small city, asked as clients of the standard ask."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from tests.api.small_city import NOW, half_an_hour
from tests.api.small_stores import KINDS, opened
from tests.clients import local_client

Get = Callable[..., Any]


@pytest.fixture(scope="package", params=KINDS)
def client(
    request: pytest.FixtureRequest, jeonju: Site, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    with opened(request.param, tmp_path_factory.mktemp("sta")) as store:
        store.write(half_an_hour())
        with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
            yield started


@pytest.fixture(scope="package")
def get(client: TestClient) -> Get:
    """Ask for a path with query options, named without their dollar."""

    def get(path: str, **options: Any) -> Any:
        answer = client.get(f"/sta/v1.1/{path}", params={f"${name}": value for name, value in options.items()} or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return get
