"""Real servers and stores for the tests."""

import atexit
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.contract.site import Site, load_site
from jeonju.storage.duckdb.store import DuckDBStore

# Nothing is timed in a test: how long an example takes, or is made, says more about the machine than about the code.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED_DATA = Path(__file__).parents[1] / "../shared/data"


def pytest_unconfigure() -> None:
    """DuckDB's binding lists types that hypothesis still knows as leaks when Python ends; that list would bury the result."""
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))


def need_broker(kind: Kind) -> None:
    """Skip, saying why, where a broker's program is missing."""
    if kind == "mosquitto" and not (shutil.which("mosquitto") or Path("/usr/sbin/mosquitto").exists()):
        pytest.skip("mosquitto is not installed (apt-get install mosquitto)")


@pytest.fixture(params=["embedded", "mosquitto"])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of each kind on a free port."""
    need_broker(request.param)
    with EmbeddedBroker(tmp_path, kind=request.param, port=0) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "air.duckdb")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def jeonju() -> Site:
    return load_site("jeonju")
