"""Scores of forecasts by hand-made numbers, and the command over made-up years."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.evaluation import forecast as evaluation
from jeonju.evaluation import forecast_data
from jeonju.evaluation.forecast import evaluate_forecast
from jeonju.evaluation.forecast_data import LEAST_HOURS, all_series
from jeonju.evaluation.forecast_score import crps, reliability, scores
from jeonju.forecast import learning, regressors
from jeonju.forecast.spread import LEVELS
from tests.forecast.panels import air


def test_scores_of_a_distribution_that_is_right() -> None:
    rng = np.random.default_rng(1)
    measured = rng.uniform(0, 100, 4000)
    points = np.broadcast_to(100 * LEVELS, (4000, len(LEVELS)))
    mean, is_air, warned = np.full(4000, 50.0), measured < 99, measured > 90
    found = scores(mean, points, measured, is_air, 80.0, warned)
    # A uniform forecast of a uniform value: CRPS a sixth of the range, RMSE the range over the root of 12.
    assert found["crps"] == pytest.approx(100 / 6, rel=0.03)
    assert found["rmse"] == pytest.approx(100 / 12**0.5, rel=0.03)
    assert found["rmse_without_lone_hours"] < found["rmse"]
    assert found["coverage_90"] == pytest.approx(0.9, abs=0.02)
    assert found["coverage_50"] == pytest.approx(0.5, abs=0.03)
    assert (found["bad_hours"], found["hits"], found["false_alarms"]) == (
        (measured > 80).sum(),
        (measured > 90).sum(),
        0,
    )
    seen = reliability(points, measured, 80.0)
    assert seen["pit"] == pytest.approx([0.1] * 10, abs=0.02)
    assert seen["bad"] == [{"said": 0.2, "came": pytest.approx(0.2, abs=0.03), "hours": 4000}]
    assert crps(np.full((1, len(LEVELS)), 7.0), np.array([10.0])) == pytest.approx(3.0)


def records(folder: Path, hours: int) -> Path:
    """Write two stations that are alike, hour by hour, from October 2018 on."""
    first = datetime(2018, 10, 1, tzinfo=UTC).timestamp()
    values = air(hours)[0]
    (folder / "jeonju_hourly").mkdir()
    (folder / "korea_hourly").mkdir()
    times = [datetime.fromtimestamp(first + 3600 * hour, UTC).isoformat() for hour in range(hours)]
    head = "time,wind_from_deg,wind_speed_m_s,temperature_c,humidity_pct,pressure_hpa,rain_mm,cloud_tenths,visibility_m,pm10_ug_m3"
    lines = [f"{at},270,2.0,10,60,1013,0,5,20000,{value:.1f}" for at, value in zip(times, values, strict=True)]
    # What is empty and what cannot be are no values.
    lines[5], lines[6] = f"{times[5]},,,,,,,,,", f"{times[6]},270,2.0,99,60,1013,0,5,20000,20000"
    (folder / "jeonju_hourly/hourly.csv").write_text("\n".join([head, *lines]) + "\n")
    lines = [f"{at},{value:.1f},{0.6 * value:.1f}" for at, value in zip(times, values, strict=True)]
    (folder / "korea_hourly/seoul.csv").write_text("\n".join(["time,pm10_ug_m3,pm25_ug_m3", *lines]) + "\n")
    return folder


def test_command_judges_the_last_year_and_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "MOST_CASES", 1000)
    monkeypatch.setattr(regressors, "TREES", 30)
    monkeypatch.setattr(forecast_data, "LEAST_HOURS", 1000)
    monkeypatch.setattr(evaluation, "HORIZONS_H", (6, 24))
    page = tmp_path / "out/forecast.md"
    folder = records(tmp_path, 3700) / "jeonju_hourly"
    done = CliRunner().invoke(app, ["evaluate", "forecast", str(folder), "--page", str(page)], catch_exceptions=False)
    result = json.loads(done.stdout)
    assert [series["inputs"] for series in result["series"]][:3] == ["own", "own, weather", "own, weather, upwind"]
    assert {series["judged_year"] for series in result["series"]} == {2019}
    ours = result["series"][0]["hours_ahead"]["6"]
    persistence = result["baselines"][0]["hours_ahead"]["6"]["persistence"]
    assert ours["hours"] == persistence["hours"] > 1400
    assert ours["rmse"] < persistence["rmse"]
    assert {row["hours_ahead"] for row in result["target"]} == {6, 24}
    text = page.read_text(encoding="utf-8")
    assert "| jeonju pm10: persistence | 6 |" in text
    assert "$" not in text
    assert (page.parent / "images/forecast-reliability.png").stat().st_size > 10_000


def test_folder_that_cannot_be_judged_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds neither jeonju_hourly"):
        evaluate_forecast(tmp_path)
    folder = records(tmp_path, 2300)
    with pytest.raises(UserError, match=f"has 1 year.s. of at least {LEAST_HOURS} hours"):
        list(all_series(folder))
    (folder / "korea_hourly/seoul.csv").write_text("time,pm10_ug_m3\n2018-01-01T00:00:00Z,much\n")
    with pytest.raises(UserError, match=r"seoul.csv:2: pm10_ug_m3 is 'much', which is no number"):
        list(all_series(folder))
