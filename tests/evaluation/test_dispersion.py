"""The Prairie Grass evaluation: its score on the measured runs, its arithmetic, and what it says of broken files."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.airquality.dispersion.sigmas import open_coefficients
from jeonju.cli.app import app
from jeonju.evaluation.dispersion import RUN_COLUMNS, evaluate_dispersion, predict
from jeonju.evaluation.metrics import agreement
from jeonju.evaluation.tables import Row
from tests.conftest import SHARED_DATA

PRAIRIE_GRASS = SHARED_DATA / "prairie_grass"
RUN = {
    "run": "1",
    "source_rate_g_s": "100",
    "source_height_m": "0.46",
    "receptor_height_m": "1.5",
    "obukhov_length_m": "-30",
    "friction_velocity_m_s": "0.4",
    "mixing_height_m": "800",
    "wind_from_deg": "180",
    "wind_from_std_deg": "10",
    "roughness_m": "0.008",
}


def folder_with(tmp_path: Path, runs: list[dict[str, str]], arcs: str) -> Path:
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, runs[0])
        writer.writeheader()
        writer.writerows(runs)
    (tmp_path / "arcs.csv").write_text("run,arc_m,azimuth_deg,concentration_mg_m3\n" + arcs)
    return tmp_path


@pytest.mark.skipif(
    not PRAIRIE_GRASS.exists(), reason="the measured runs are not beside the project (../shared/data/prairie_grass)"
)
def test_measured_runs_are_predicted_within_the_targets(tmp_path: Path) -> None:
    picture = tmp_path / "arcs.png"
    done = CliRunner().invoke(app, ["evaluate", "dispersion", str(PRAIRIE_GRASS), "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    score = json.loads(done.stdout)
    assert score["n_arcs"] == 135
    assert score["fac2"] >= 0.90
    assert abs(score["fb"]) <= 0.15
    assert score["nmse"] <= 0.35
    assert all(0.85 <= ratio <= 1.15 for ratio in score["median_ratio"].values())
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_plume_axis_lies_downwind_and_its_flux_is_the_source_rate() -> None:
    """All that is released passes every plane across the wind: ∬ C·u dy dz = Q, here with the wind at the height of each receptor's puff."""
    run = Row({**RUN, "obukhov_length_m": "1e9"}, "here")
    across, up = np.linspace(-60, 60, 61), np.linspace(0.5, 39.5, 40)
    y, z = (axis.ravel() for axis in np.meshgrid(across, up))
    crosswise = predict(run, np.column_stack([y, np.full(y.size, 200.0), z])).reshape(40, 61)
    assert abs(across[crosswise[0].argmax()]) <= 2.0
    assert np.allclose(crosswise, crosswise[:, ::-1], rtol=1e-6)
    # The mean height of the plume says how fast it is carried.
    mean_height_m = (crosswise.sum(axis=1) * up).sum() / crosswise.sum()
    carried_m_s = 0.4 / 0.4 * np.log(mean_height_m / 0.008)
    flux_g_s = crosswise.sum() * 2.0 * 1.0 * carried_m_s / 1000.0
    assert flux_g_s == pytest.approx(100.0, rel=0.05)


def test_crosswind_spread_is_that_of_the_measured_wind() -> None:
    run = Row(RUN, "here")
    azimuth = np.radians(np.arange(-60, 60.5, 0.5))
    on_arc = predict(run, np.column_stack([100 * np.sin(azimuth), 100 * np.cos(azimuth), np.full(azimuth.size, 1.5)]))
    across = 100 * np.sin(azimuth)
    spread_m = np.sqrt((on_arc * across**2).sum() / on_arc.sum())
    a, b, c = open_coefficients(np.radians(10.0), 800.0)[0]
    assert spread_m == pytest.approx(a * 100 * (1 + b * 100) ** c, rel=0.05)


def test_metrics_of_a_worked_example() -> None:
    # O = 1, 2, 4; P = 1, 5, 2: two of three within a factor of two; Ō = 7/3, P̄ = 8/3; squares 0, 9, 4.
    score = agreement(np.array([1.0, 2.0, 4.0]), np.array([1.0, 5.0, 2.0]))
    assert score["fac2"] == pytest.approx(2 / 3, abs=1e-4)
    assert score["fb"] == pytest.approx(2 * (7 - 8) / 15, abs=1e-4)
    assert score["nmse"] == pytest.approx((13 / 3) / (56 / 9), abs=1e-4)
    assert score["mg"] == pytest.approx(np.exp((0 + np.log(0.4) + np.log(2)) / 3), abs=1e-4)


def test_arc_where_nothing_was_measured_counts_and_leaves_no_nan(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [RUN], "1,100,0,50\n1,100,90,0\n1,200,0,0\n")
    score, arcs = evaluate_dispersion(folder)
    assert score["n_arcs"] == len(arcs) == 2
    assert "nan" not in json.dumps(score).lower()


@pytest.mark.parametrize("column", RUN_COLUMNS)
def test_missing_column_is_named(tmp_path: Path, column: str) -> None:
    folder = folder_with(tmp_path, [{key: value for key, value in RUN.items() if key != column}], "1,100,0,50\n")
    done = CliRunner().invoke(app, ["evaluate", "dispersion", str(folder)])
    assert done.exit_code != 0
    assert f"runs.csv has no column {column}" in str(done.exception)


@pytest.mark.parametrize(
    ("changes", "arcs", "message"),
    [
        (
            {"friction_velocity_m_s": "fast"},
            "1,100,0,50\n",
            r"runs\.csv:2: friction_velocity_m_s is 'fast', which is no number",
        ),
        ({"source_rate_g_s": ""}, "1,100,0,50\n", r"runs\.csv:2: source_rate_g_s is empty"),
        ({"friction_velocity_m_s": "0"}, "1,100,0,50\n", r"runs\.csv:2: friction_velocity_m_s must be above zero"),
        ({"obukhov_length_m": "0"}, "1,100,0,50\n", r"runs\.csv:2: obukhov_length_m must not be zero"),
        ({}, "1,100,0,\n", r"arcs\.csv:2: concentration_mg_m3 is empty"),
        ({}, "9,100,0,50\n", r"arcs\.csv: no line belongs to a run"),
        ({}, "", r"arcs\.csv has no lines"),
    ],
)
def test_broken_number_is_named_with_its_line(tmp_path: Path, changes: dict[str, str], arcs: str, message: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", "dispersion", str(folder_with(tmp_path, [{**RUN, **changes}], arcs))])
    assert done.exit_code != 0
    assert done.exception is not None
    assert re.search(message, str(done.exception)), done.exception


def test_folder_that_is_not_there_is_one_clear_line() -> None:
    done = CliRunner().invoke(app, ["evaluate", "dispersion", "nowhere"])
    assert "nowhere/runs.csv: cannot be read: No such file or directory" in str(done.exception)


def test_particles_agree_with_the_puffs_near_the_ground_within_their_scatter(tmp_path: Path) -> None:
    # Two models without a coefficient in common: over all 27 runs the medians of their arcs differ by up to 1.8 (decision 36).
    folder = folder_with(tmp_path, [RUN], "1,50,0,100\n1,50,10,1\n1,100,0,50\n")
    _, puffs = evaluate_dispersion(folder)
    _, particles = evaluate_dispersion(folder, nature="particles")
    for one, other in zip(puffs, particles, strict=True):
        assert 0.5 < other.predicted / one.predicted < 1.6
