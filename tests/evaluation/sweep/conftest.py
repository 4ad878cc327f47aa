"""A scenario that is played in a second."""

from pathlib import Path

import pytest

from jeonju.simulator.scenario import Scenario, load_scenario

SHORT = """
title_ko = "짧은 화재"
title_en = "A short fire"
start = 2026-04-10T10:00:00+09:00
duration = "5m"
[weather]
wind_speed_m_s = 3
wind_from_deg = 270
[[events]]
kind = "fire"
after = "1m"
lat = 35.8552
lon = 127.0925
fuel = "wood"
peak_heat_mw = 5
"""


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    file = tmp_path / "short.toml"
    file.write_text(SHORT)
    return file


@pytest.fixture
def scenario(scenario_file: Path) -> Scenario:
    return load_scenario(scenario_file)
