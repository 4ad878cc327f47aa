"""A finished run of half an hour with a fire beside a station, made once for all processes of the tests; only to be read."""

import fcntl
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from jeonju.contract.events import Fire
from jeonju.contract.site import Site
from jeonju.evaluation.offline import OfflineRun
from jeonju.simulator.scenario import Scenario
from jeonju.simulator.weather import WeatherOverrides

# In a steady west wind: what burns west of a station is smelt there.
STEADY: Final = Scenario(
    title_ko="서풍",
    title_en="West wind",
    start=datetime(2026, 3, 4, 12, tzinfo=UTC),
    duration=86_400,
    weather=WeatherOverrides(wind_speed_m_s=2.0, wind_from_deg=270, meander="none", stability="D", mixing_height_m=800),
)
STATION: Final = "palbok-03"


def finished_run(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the run."""
    own = tmp_path_factory.getbasetemp()
    # Where there are several processes, each has a folder in that of all.
    common = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    folder, done = common / "finished-run", common / "finished-run.done"
    with (common / "finished-run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            OfflineRun(_with_a_fire(site), folder).run()
            done.touch()
    return folder


def _with_a_fire(site: Site) -> Scenario:
    station = next(one for one in site.stations if one.name == STATION)
    west = station.lon - 0.0028
    fire = Fire(
        kind="fire", after=600, lat=station.lat, lon=west, fuel="mixed-waste", smoulder=1200, smoulder_kg_s=0.05
    )
    return STEADY.model_copy(update={"duration": 1800, "events": [fire]})
