"""Tiles under the map: off by default; where they are set, the policy is opened for exactly their server."""

import pytest

from jeonju.api.access.tiles import Tiles
from jeonju.common.errors import UserError
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client

URL = "https://tiles.example.org:8443/{z}/{x}/{y}.png?style=a"


def test_policy_is_opened_for_the_server_of_the_tiles_alone(jeonju: Site, store: DuckDBStore) -> None:
    tiles = Tiles.of(URL, "© contributors")
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", tiles=tiles)) as client:
        answer = client.get("/api/v1/tiles")
    assert answer.json() == {"url": URL, "attribution": "© contributors"}
    policy = answer.headers["content-security-policy"]
    assert "img-src 'self' data: https://tiles.example.org:8443;" in policy
    assert "connect-src 'self' https://tiles.example.org:8443;" in policy
    assert policy.startswith("default-src 'self';")
    assert answer.headers["referrer-policy"] == "strict-origin"


def test_without_the_setting_nothing_comes_from_elsewhere(jeonju: Site, store: DuckDBStore) -> None:
    assert Tiles.of("", "") is None
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as client:
        answer = client.get("/api/v1/tiles")
    assert answer.json() is None
    assert "http" not in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "url",
    [
        "tiles.example.org/{z}/{x}/{y}.png",
        "https://tiles.example.org/{z}/{x}.png",
        "https://tiles.example.org; script-src *//{z}/{x}/{y}",
        "https://{s}.example.org/{z}/{x}/{y}.png",
        "javascript:alert(1)/{z}/{x}/{y}",
        "https://a.example/{z}/{x}/{y}/" + 500 * "a",
    ],
)
def test_what_is_no_address_of_tiles_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="is no address of tiles"):
        Tiles.of(url, "© contributors")


def test_tiles_without_their_attribution_are_refused() -> None:
    with pytest.raises(UserError, match="--map-attribution"):
        Tiles.of(URL, "")
