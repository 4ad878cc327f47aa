"""A finished run of half an hour with a fire, behind a real api."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from jeonju.contract.events import Fire
from jeonju.contract.site import Site
from jeonju.evaluation.offline import OfflineRun
from jeonju.stack.http_server import HttpSettings
from jeonju.stack.shown_run import shown_run
from tests.api.test_living_city import STATION, STEADY


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory, jeonju: Site) -> Path:
    folder = tmp_path_factory.mktemp("run")
    station = next(one for one in jeonju.stations if one.name == STATION)
    fire = Fire(
        kind="fire",
        after=600,
        lat=station.lat,
        lon=station.lon - 0.0028,
        fuel="mixed-waste",
        smoulder=1200,
        smoulder_kg_s=0.05,
    )
    OfflineRun(STEADY.model_copy(update={"duration": 1800, "events": [fire]}), folder).run()
    return folder


@pytest.fixture(scope="package")
def url(run: Path) -> Iterator[str]:
    with shown_run(run, HttpSettings(port=0)) as address:
        yield address
