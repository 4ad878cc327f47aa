"""Every store, freshly made."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from jeonju.storage.open import open_store
from jeonju.storage.port import Store
from tests.storage.influx.servers import Influxd, StandIn, real_influxdb_2


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """One InfluxDB 1.x for all tests; each takes a database of its own."""
    with Influxd(tmp_path_factory.mktemp("influxd")) as server:
        yield server


@pytest.fixture(scope="session")
def stand_in(influxd: Influxd) -> Iterator[StandIn]:
    server = StandIn(influxd)
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def new_influxd(tmp_path: Path) -> Iterator[Callable[..., Influxd]]:
    """Start an InfluxDB 1.x that the test may kill or configure."""
    with ExitStack() as stack:

        def start(**options: bool) -> Influxd:
            return stack.enter_context(Influxd(tmp_path / "influxd", **options))

        yield start


@pytest.fixture
def database() -> str:
    """A name that no other test uses."""
    return f"test{secrets.token_hex(6)}"


@pytest.fixture(params=["duckdb", "influxdb1", "influxdb2-stand-in", "influxdb2"])
def open_named(request: pytest.FixtureRequest, tmp_path: Path, database: str) -> Iterator[Callable[[str], Store]]:
    """Open the store of a name; the same name is the same store. Whatever is still open is closed after the test."""
    with ExitStack() as stack:

        def open_it(name: str) -> Store:
            store = open_store(_url(request, tmp_path, f"{database}{name}"))
            stack.callback(store.close)
            return store

        yield open_it


@pytest.fixture
def store(open_named: Callable[[str], Store]) -> Store:
    return open_named("air")


def _url(request: pytest.FixtureRequest, folder: Path, name: str) -> str:
    if request.param == "duckdb":
        return f"duckdb://{folder / name}.duckdb"
    if request.param == "influxdb1":
        return str(request.getfixturevalue("influxd").url(name))
    if request.param == "influxdb2-stand-in":
        return str(request.getfixturevalue("stand_in").url(name))
    address, options = real_influxdb_2().split("?", 1)
    return f"{address}{name}?{options}"
