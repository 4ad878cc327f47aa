"""A finished run of half an hour with a fire, behind a real api."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jeonju.contract.site import Site
from jeonju.stack.http_server import HttpSettings
from jeonju.stack.shown_run import shown_run
from tests.finished_run import finished_run


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory, jeonju: Site) -> Path:
    return finished_run(jeonju, tmp_path_factory)


@pytest.fixture(scope="package")
def url(run: Path) -> Iterator[str]:
    with shown_run(run, HttpSettings(port=0)) as address:
        yield address
