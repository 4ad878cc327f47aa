"""The evaluation of plumes from a known source, on a recording made with the same puffs."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.airquality.dispersion.meteorology import Meteorology
from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.evaluation import plumes
from jeonju.evaluation.street_tracer import evaluate_street_tracer
from jeonju.evaluation.tables import read_table
from tests.conftest import SHARED_DATA

MEASURED = SHARED_DATA / "ginninderra"
DOWNTOWN = SHARED_DATA / "ju2003_iop9"


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def recording(folder: Path, rate_g_min: float = 6.0, lines: int = 40) -> Path:
    """A source south-west of two instruments, a wind that takes its plume to one of them and away again."""
    places = {"A": (0.0, 0.0), "B": (25.0, 25.0)}
    _write(
        folder / "instruments.csv",
        [{"name": n, "height_m": 2.0, "x1_m": x, "y1_m": y, "x2_m": "", "y2_m": ""} for n, (x, y) in places.items()]
        + [{"name": "P1", "height_m": 1.5, "x1_m": 0, "y1_m": 0, "x2_m": 9, "y2_m": 9}],
    )
    _write(folder / "source.csv", [{"name": "source", "x_m": -25.0, "y_m": -25.0, "height_m": 0.3}])
    rows: list[dict[str, object]] = [
        {
            "time": f"2015-05-21T{6 + number // 12:02d}:{5 * (number % 12):02d}:00Z",
            "release_g_min": rate_g_min,
            "wind_from_deg": 225 + 60 * np.sin(number / 3),
            "wind_speed_m_s": 2.5,
            "wind_along_std_m_s": 0.6,
            "obukhov_length_m": -50.0,
            "temperature_k": 288.0,
            "pressure_pa": 95000.0,
            "A": 1.8,
            "B": 1.8,
        }
        for number in range(lines)
    ]
    _write(folder / "observations.csv", rows)
    made = plumes.read_recording(folder)
    for number, row in enumerate(rows):
        for column, name in enumerate(places):
            row[name] = 1.8 + rate_g_min * made.response_ppm[number, column]
    _write(folder / "observations.csv", rows)
    return folder


def test_plumes_of_the_same_puffs_agree_and_the_rate_is_found(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "plumes", str(recording(tmp_path))])
    assert done.exit_code == 0, done.output
    score = json.loads(done.stdout)
    assert score["fac2"] > 0.9
    assert abs(score["fb"]) < 0.2
    assert (score["windows"], score["windows_inside"]) == (1, 1)
    assert score["median_rate_error"] < 0.4


def test_calm_and_missing_values_are_taken(tmp_path: Path) -> None:
    recording(tmp_path)
    with (tmp_path / "observations.csv").open() as file:
        rows: list[dict[str, object]] = [dict(row) for row in csv.DictReader(file)]
    for row in rows[::3]:
        row |= {"B": "", "obukhov_length_m": "0.1", "wind_speed_m_s": "0.0"}
    _write(tmp_path / "observations.csv", rows)
    score = plumes.evaluate_plumes(tmp_path)
    assert score["windows"] == 1
    assert np.isfinite(score["median_rate_error"])


def test_recording_without_point_instruments_is_refused_in_one_line(tmp_path: Path) -> None:
    recording(tmp_path, lines=3)
    _write(tmp_path / "instruments.csv", [{"name": "P", "height_m": 1, "x1_m": 0, "y1_m": 0, "x2_m": 5, "y2_m": 5}])
    with pytest.raises(UserError, match="no point instrument"):
        plumes.read_recording(tmp_path)


def test_wind_measured_as_calm_still_has_a_surface_layer(tmp_path: Path) -> None:
    recording(tmp_path, lines=3)
    air: Meteorology = plumes._air(read_table(tmp_path, "observations.csv", plumes.COLUMNS)[0])
    assert np.isfinite(air.surface_layer().friction_velocity_m_s)


@pytest.mark.skipif(not MEASURED.exists(), reason="the measurements are not beside the project (../shared/data)")
def test_measured_windows_hold_the_rate_as_often_as_they_say() -> None:
    score = plumes.evaluate_plumes(MEASURED)
    assert score["rate_coverage_90"] >= 0.85
    assert score["median_rate_error"] <= 0.36
    assert score["fac2"] > 0.5
    assert abs(score["fb"]) < 0.3


def street_tracer(folder: Path, *, places: int = 7) -> Path:
    _write(
        folder / "runs.csv",
        [
            {
                "run": "1",
                "source_rate_g_s": 2.0,
                "source_height_m": 0,
                "wind_from_deg": 180,
                "wind_speed_45m_m_s": 6.0,
                "wind_height_m": 45,
            }
        ],
    )
    _write(
        folder / "samplers.csv",
        [
            {"run": "1", "sampler": f"{n}", "x_m": 10 * n, "y_m": 150 + 40 * n, "duration_s": s, "sf6_ppt": ppt}
            for n in range(places)
            for s, ppt in ((900, 4000 / (1 + n)), (1800, 5000 / (1 + n)), (900, ""))
        ],
    )
    return folder


def test_tracer_in_streets_is_scored_and_few_places_are_said_to_be_few(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["evaluate", "plumes", str(street_tracer(tmp_path))])
    assert done.exit_code == 0, done.output
    score = json.loads(done.stdout)
    assert (score["pairs"], score["values"], score["surroundings"]) == (7, 14, "downtown")
    assert score["note"] == "7 places: too few to conclude"
    assert 0 <= score["fac2"] <= 1


def test_tracer_in_streets_of_another_run_is_refused(tmp_path: Path) -> None:
    street_tracer(tmp_path)
    text = (tmp_path / "samplers.csv").read_text().replace("\n1,", "\n2,")
    (tmp_path / "samplers.csv").write_text(text)
    with pytest.raises(UserError, match=r"samplers\.csv: no line belongs to a run"):
        plumes.evaluate_plumes(tmp_path)


@pytest.mark.skipif(
    not DOWNTOWN.exists(), reason="the measured tracer is not beside the project (../shared/data/ju2003_iop9)"
)
def test_measured_tracer_of_a_downtown_is_predicted_as_well_as_published_models_do() -> None:
    downtown, city = (evaluate_street_tracer(DOWNTOWN, each) for each in ("downtown", "urban"))
    assert downtown["fac2"] >= 0.5 > city["fac2"]
    assert abs(downtown["fb"]) < 0.5
    assert downtown["nmse"] < 1.1 < city["nmse"]
