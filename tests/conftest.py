"""Real servers and stores for the tests."""

import atexit
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.contract.site import Site, load_site
from jeonju.storage.duckdb.store import DuckDBStore

# Nothing is timed in a test: how long an example takes, or is made, says more about the machine than about the code.
settings.register_profile("untimed", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

SHARED_DATA = Path(__file__).parents[1] / "../shared/data"
TESTS = Path(__file__).parent
# Folders whose files share a setup of minutes stay in one process.
TOGETHER = ("tests/grafana/",)
# What takes longest, longest first; but while an engine of Docker builds and starts its stacks, no other whole city is to start.
LONGEST = (
    "test_compose_docker.py",
    "evaluation/test_report.py",
    "storage/test_replay.py",
    "storage/test_rollup.py",
    "evaluation/test_pipeline.py",
    "evaluation/test_closed_loop.py",
    "api/test_living_city.py",
    "evaluation/test_what_if.py",
    "jeonju/cli/test_app.py",
    "chaos/test_chaos.py",
    "rules/test_rules.py",
    "ingest/test_service.py",
    "packaging/test_wheel.py",
    "evaluation/sweep/test_sweep.py",
    "api/test_page.py",
    "api/test_console.py",
    "storage/influx/test_rollup.py",
    "jeonju/stack/test_goodbye.py",
    "api/test_http.py",
    "simulator/test_environment.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: _rank(item.path.relative_to(TESTS)))


def _rank(path: Path) -> int:
    return next((rank for rank, name in enumerate(LONGEST) if path.is_relative_to(name)), len(LONGEST))


def pytest_unconfigure() -> None:
    """DuckDB's binding lists types that hypothesis still knows as leaks when Python ends; that list would bury the result."""
    atexit.register(lambda: os.dup2(os.open(os.devnull, os.O_WRONLY), 2))


class ByFile(LoadFileScheduling):
    """Hand out tests to processes by file, or by folder where the files share their setup."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)


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
