"""The validation page: what stands in it is what the project measures today."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.evaluation.instruments import evaluate_instruments
from jeonju.evaluation.release_score import evaluate_releases
from jeonju.evaluation.smoke_score import evaluate_smoke
from tests.conftest import SHARED_DATA

ROOT = Path(__file__).parents[2]
NUMBER = re.compile(r"\d+(?:\.\d+)?")
PUFFS = {"times_real_time": 100_000, "error_percent": 0.07}
FIRES = {
    "fires": 2,
    "reached": 2,
    "located": 1,
    "median_error_m": 80,
    "p90_error_m": 90,
    "within_300_m": 1.0,
    "sure": 1,
    "median_error_when_sure_m": 80,
    "rate_within_x2": 1.0,
}
FOUND = {
    "drawn": 4,
    "affected": 3,
    "detected": 3,
    "share_of_affected": 1.0,
    "share_of_drawn": 0.75,
    "median_delay_s": 36,
    "p90_delay_s": 104,
}
QUIET = {"days": 6.2, "smoke": 1, "dust": 3, "release": 0, "smoke_per_week": 1.13}
DETECTION = {
    "blind_seeds": [9000, 9003],
    "flaming": {"winter-day": FOUND, "all": FOUND},
    "smouldering": {"winter-day": FOUND, "all": FOUND},
    "quiet": {"rush-hours": QUIET, "all": QUIET},
    "missed": [{"kind": "flaming", "peak_pm25": 31.2}, {"kind": "smouldering", "peak_pm25": 27.0}],
    "confusion": {"fire": {"fire": 6, "nothing": 1}, "dust": {"fire": 1, "dust": 2}},
    "false_smoke_beside_events": 5,
}
AT = {
    "location_error_m": 77,
    "naive_error_m": 99,
    "area_share": 0.001,
    "in_50": 0.5,
    "in_90": 0.75,
    "area_90_km2": 0.31,
    "sure": 3,
    "sure_and_right": 2,
}
NATURE = {
    **FOUND,
    "median_peak_pm25": 41.5,
    "maps": 4,
    **{f"{minutes} min": AT for minutes in (2, 5, 10, 30)},
}
BENCHMARKS = {
    "two_natures": {
        "puffs": NATURE,
        "particles": {**NATURE, "detected": 2},
        "located_in_both": {"puffs": NATURE, "particles": {**NATURE, "30 min": {**AT, "location_error_m": 333}}},
    },
    "detection_particles": DETECTION,
    "detection": DETECTION,
    "dispersion": {"puff_every_5_s": PUFFS, "puff_every_1_s": PUFFS},
    "incidents": {"first_map_s": 1.0, "smouldering-heap": FIRES, "all": FIRES},
}


def _stands_in(line: str, page: str) -> bool:
    """Whether the page has this line; a figure may differ in its last digit, as processors round differently."""
    return any(_alike(line, other) for other in page.splitlines() if other.startswith("|"))


def _alike(line: str, other: str) -> bool:
    if NUMBER.sub("", line) != NUMBER.sub("", other):
        return False
    pairs = zip(NUMBER.findall(line), NUMBER.findall(other), strict=True)
    return all(abs(float(a) - float(b)) <= 1.01 * 10.0 ** -len(a.partition(".")[2]) for a, b in pairs)


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the measurements are not beside the project (../shared/data)")
def test_tables_of_the_page_are_those_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the measured releases and the smoke of a real network are found within the targets."""
    scores: list[dict[str, Any]] = []

    def remembered(folder: Path, on_progress: Callable[[float], None]) -> Any:
        result = evaluate_releases(folder, on_progress)
        scores.append(result[0])
        return result

    def remembered_smoke(folder: Path, on_progress: Callable[[float], None]) -> dict[str, Any]:
        scores.append(evaluate_smoke(folder, on_progress))
        return scores[-1]

    # Three simulated years take a minute and are scored elsewhere.
    figures = {"calm": 0.08, "wind_from_e_in_winter": 0.1}
    weather = {
        "real": figures,
        "simulated": {"calm": 0.2},
        "not_within_a_third": ["calm"],
        "real_years": {"2018": figures},
    }
    monkeypatch.setattr("jeonju.evaluation.report.evaluate_weather", lambda _folder, _progress: weather)

    def few_instruments(folder: Path) -> dict[str, Any]:
        return evaluate_instruments(folder, sets=1)

    monkeypatch.setattr("jeonju.evaluation.report.evaluate_instruments", few_instruments)
    monkeypatch.setattr("jeonju.evaluation.report.evaluate_releases", remembered)
    monkeypatch.setattr("jeonju.evaluation.report.evaluate_smoke", remembered_smoke)
    benchmarks = tmp_path / "benchmarks.json"
    benchmarks.write_text(json.dumps(BENCHMARKS))
    page = tmp_path / "validation.md"
    done = CliRunner().invoke(
        app, ["evaluate", "report", str(SHARED_DATA), "--benchmarks", str(benchmarks), "--out", str(page)]
    )
    assert done.exit_code == 0, done.exception
    written, committed = page.read_text(), (ROOT / "docs/validation.md").read_text()
    assert "$" not in written
    assert "| smouldering-heap | 2 | 1 | 80 |" in written
    assert "| 30 min | particles | 333 (99) | 0.10 % | 75 % (0.31 km²) | 50 % | 3, 2 |" in written
    # What benchmarks print is not measured here.
    of_today = [line for line in written.partition("The same drawn fires")[0].splitlines() if line.startswith("|")]
    assert "| calm | 0.08 | 0.08 to 0.08 | 0.2 (!) |" in written
    assert "| manchester_lcs_pm25, 742 h (quant_pm_autumn.csv) | " in written
    assert "| 9 units, pm25 (purpleair_daily.csv) | " in written
    assert len(of_today) > 20
    assert [line for line in of_today if not _stands_in(line, committed)] == []
    for picture in ("validation-arcs.png", "validation-releases.png"):
        assert (tmp_path / "images" / picture).read_bytes().startswith(b"\x89PNG")
    score, of_smoke = scores
    smoke = (tmp_path / "smoke.md").read_text()
    assert "$" not in smoke
    assert "| winter-day | 3 / 3 / 4 | 36 s, 104 s | 3 / 3 / 4 | 36 s, 104 s |" in smoke
    assert "| particles | 2 / 3 / 4 | 36 s, 104 s | 41.5 |" in smoke
    of_the_real = smoke.partition("## A real network")[2].partition("## The simulated city")[0]
    assert of_the_real.strip() in (ROOT / "docs/smoke.md").read_text()
    assert (score["releases"], score["detected"]) == (7, 7)
    assert score["false_events"] <= 2
    assert score["localized_fraction"] >= 0.85
    assert score["rate_within_x2"] >= 0.60
    assert 0 <= score["median_delay_min"] <= 10
    assert (of_smoke["events"], of_smoke["detected"]) == (1, 1)
    assert of_smoke["delay_min"] <= 10
    assert of_smoke["false_per_26_device_weeks"] < 3


@pytest.mark.parametrize(
    ("content", "message"), [("{", "cannot be read"), ('{"incidents": {}}', "has no detection and no dispersion")]
)
def test_benchmarks_that_are_not_there_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "b.json").write_text(content)
    done = CliRunner().invoke(app, ["evaluate", "report", str(tmp_path), "--benchmarks", str(tmp_path / "b.json")])
    assert message in str(done.exception)
    assert "python -m benchmarks dispersion incidents detection" in str(done.exception)
