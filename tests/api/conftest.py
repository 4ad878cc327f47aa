"""The console in a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from jeonju.contract.site import Site
from jeonju.storage.duckdb.store import DuckDBStore
from tests.api.browsing import PLAIN, City, chromium, running_city


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(*PLAIN) as started:
        yield started


@pytest.fixture
def city(jeonju: Site, store: DuckDBStore, tmp_path: Path, browser: Browser) -> Iterator[City]:
    with running_city(jeonju, store, tmp_path, browser) as city:
        yield city
