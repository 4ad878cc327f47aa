"""The validation page: what stands in it is what the project measures today."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.evaluation.release_score import evaluate_releases
from tests.conftest import SHARED_DATA

ROOT = Path(__file__).parents[2]
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
BENCHMARKS = {
    "dispersion": {"puff_every_5_s": PUFFS, "puff_every_1_s": PUFFS},
    "incidents": {"first_map_s": 1.0, "smouldering-heap": FIRES, "all": FIRES},
}


@pytest.mark.skipif(not SHARED_DATA.exists(), reason="the measurements are not beside the project (../shared/data)")
def test_tables_of_the_page_are_those_of_today(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the measured releases, which take the longest, are found within the targets."""
    scores: list[dict[str, Any]] = []

    def remembered(folder: Path, on_progress: Callable[[float], None]) -> Any:
        result = evaluate_releases(folder, on_progress)
        scores.append(result[0])
        return result

    monkeypatch.setattr("jeonju.evaluation.report.evaluate_releases", remembered)
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
    of_today = [line for line in written.partition("## The same estimator")[0].splitlines() if line.startswith("|")]
    assert len(of_today) > 20
    assert [line for line in of_today if line not in committed] == []
    for picture in ("validation-arcs.png", "validation-releases.png"):
        assert (tmp_path / "images" / picture).read_bytes().startswith(b"\x89PNG")
    (score,) = scores
    assert (score["releases"], score["detected"]) == (7, 7)
    assert score["false_events"] <= 2
    assert score["localized_fraction"] >= 0.85
    assert score["rate_within_x2"] >= 0.60
    assert 0 <= score["median_delay_min"] <= 10


@pytest.mark.parametrize(("content", "message"), [("{", "cannot be read"), ('{"incidents": {}}', "has no dispersion")])
def test_benchmarks_that_are_not_there_are_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "b.json").write_text(content)
    done = CliRunner().invoke(app, ["evaluate", "report", str(tmp_path), "--benchmarks", str(tmp_path / "b.json")])
    assert message in str(done.exception)
    assert "python -m benchmarks dispersion incidents" in str(done.exception)
