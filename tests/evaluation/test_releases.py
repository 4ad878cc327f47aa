"""The METEC evaluation: its score on the measured releases, and what it makes of broken or poor data."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.evaluation.release_score import evaluate_releases

SENSORS = {"N": (0.0, 30.0), "E": (30.0, 0.0), "S": (0.0, -30.0), "W": (-30.0, 0.0)}
SOURCES = {"Tank": (5.0, 0.0), "Shed": (-10.0, 5.0)}
Change = Callable[[dict[str, str], int], None]


def recording(folder: Path, change: Change = lambda row, minute: None, minutes: int = 360) -> Path:
    """Two hours of quiet air, two of a plume from the tank that the west wind takes to the east, two quiet ones."""
    rng = np.random.default_rng(3)
    rows = []
    for minute in range(minutes):
        row = {
            "time": f"2022-05-09T{minute // 60:02d}:{minute % 60:02d}:00Z",
            **{name: f"{2 + 0.01 * rng.standard_normal():.3f}" for name in SENSORS},
        }
        if 120 <= minute < 240 and rng.random() > 0.4:
            row["E"] = f"{4 + rng.random():.3f}"
        row |= {"wind_from_deg": f"{270 + 10 * rng.standard_normal():.1f}", "wind_speed_m_s": "3.0"}
        change(row, minute)
        rows.append(row)
    _write(folder / "observations.csv", rows)
    places = [
        {"name": n, "lat": "40.6", "lon": "-105.1", "x_m": x, "y_m": y, "height_m": "2.4"}
        for n, (x, y) in SENSORS.items()
    ]
    _write(folder / "sensors.csv", places)
    _write(
        folder / "sources.csv", [{"name": n, "x_m": x, "y_m": y, "height_m": "2.0"} for n, (x, y) in SOURCES.items()]
    )
    _write(
        folder / "releases.csv",
        [{"start": "2022-05-09T02:00:00Z", "end": "2022-05-09T04:00:00Z", "source": "Tank", "rate_kg_h": "1.0"}],
    )
    return folder


def _write(path: Path, rows: list[dict[str, object]] | list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_recording_that_follows_the_name_of_its_wind_column_is_read_so(tmp_path: Path) -> None:
    """The score of the measured releases is tested with the page that shows it (test_report.py)."""
    picture = tmp_path / "releases.png"
    done = CliRunner().invoke(app, ["evaluate", "releases", str(recording(tmp_path)), "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    score = json.loads(done.stdout)
    assert score["wind_read_as"] == "from, clockwise from north"
    assert (score["detected"], score["localized"], score["false_events"]) == (1, 1, 0)
    assert 0 <= score["median_delay_min"] <= 12
    assert picture.read_bytes().startswith(b"\x89PNG")


def _wind_missing(row: dict[str, str], minute: int) -> None:
    if 150 <= minute < 210:
        row["wind_from_deg"] = row["wind_speed_m_s"] = ""


def _calm(row: dict[str, str], minute: int) -> None:
    row["wind_speed_m_s"] = "0"


def _silent_sensor(row: dict[str, str], minute: int) -> None:
    row["N"] = ""


def _gaps(row: dict[str, str], minute: int) -> None:
    if minute % 7 == 0:
        row.update(dict.fromkeys((*SENSORS, "wind_from_deg"), ""))


def _nan_and_no_wind_at_all(row: dict[str, str], minute: int) -> None:
    row.update({"S": "nan", "wind_from_deg": "", "wind_speed_m_s": ""})


@pytest.mark.parametrize("change", [_wind_missing, _calm, _silent_sensor, _gaps, _nan_and_no_wind_at_all])
def test_poor_data_still_gets_an_answer_without_nan(tmp_path: Path, change: Change) -> None:
    score, found, _ = evaluate_releases(recording(tmp_path, change))
    assert score["detected"] == 1
    assert "NaN" not in json.dumps(score)
    for item in found:
        assert item.estimate.probability.sum() + item.estimate.elsewhere == pytest.approx(1.0)


def test_without_any_wind_the_source_stays_open(tmp_path: Path) -> None:
    score, _, _ = evaluate_releases(recording(tmp_path, _nan_and_no_wind_at_all))
    assert score["event_list"][0]["unsure"]


def test_quiet_recording_has_no_events(tmp_path: Path) -> None:
    def nothing(row: dict[str, str], minute: int) -> None:
        row["E"] = "2.0"

    score, _, _ = evaluate_releases(recording(tmp_path, nothing))
    assert (score["events"], score["localized_fraction"], score["median_delay_min"]) == (0, None, None)


def test_missing_minutes_are_gaps_and_time_that_goes_back_is_named(tmp_path: Path) -> None:
    def skip(row: dict[str, str], minute: int) -> None:
        row["time"] = f"2022-05-09T{(minute * 2) // 60:02d}:{(minute * 2) % 60:02d}:00Z"

    recording(tmp_path, skip)
    evaluate_releases(tmp_path)

    def back(row: dict[str, str], minute: int) -> None:
        if minute == 10:
            row["time"] = "2022-05-09T00:01:00Z"

    done = CliRunner().invoke(app, ["evaluate", "releases", str(recording(tmp_path, back))])
    assert "observations.csv:12: 2022-05-09T00:01:00Z does not come after the line before" in str(done.exception)


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("observations.csv", ",E,", ",East,", "observations.csv has no column E"),
        ("observations.csv", "wind_speed_m_s", "wind", "observations.csv has no column wind_speed_m_s"),
        (
            "observations.csv",
            "2022-05-09T00:00:00Z",
            "yesterday",
            "observations.csv:2: time is 'yesterday', which is no time",
        ),
        (
            "observations.csv",
            "2022-05-09T00:00:00Z",
            "2022-05-09T00:00:00",
            "observations.csv:2: time has no time zone",
        ),
        ("sources.csv", "Tank,5.0", "Tank,east", "sources.csv:2: x_m is 'east', which is no number"),
        ("releases.csv", "Tank", "Barn", "names Barn, which sources.csv does not have"),
        ("sensors.csv", "height_m", "height", "sensors.csv has no column height_m"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    path = recording(tmp_path) / file
    path.write_text(path.read_text().replace(old, new))
    done = CliRunner().invoke(app, ["evaluate", "releases", str(tmp_path)])
    assert done.exit_code != 0
    assert message in str(done.exception)


def test_sensors_of_unknown_places_are_scored_for_detection_alone(tmp_path: Path) -> None:
    """Times without a zone are UTC there."""
    recording(tmp_path)
    for name in ("sensors.csv", "sources.csv"):
        (tmp_path / name).unlink()
    _write(
        tmp_path / "releases.csv", [{"start": "2022-05-09 02:00:00", "end": "2022-05-09 04:00:00", "rate_kg_h": "1.0"}]
    )
    done = CliRunner().invoke(app, ["evaluate", "releases", str(tmp_path)])
    assert done.exit_code == 0, done.output
    score = json.loads(done.stdout)
    assert (score["releases"], score["detected"], score["events"], score["false_events"]) == (1, 1, 1, 0)
    assert 0 <= score["median_delay_min"] <= 12
    assert "log_score" not in score


def test_picture_of_sensors_of_unknown_places_is_refused_in_one_line(tmp_path: Path) -> None:
    recording(tmp_path, minutes=3)
    for name in ("sensors.csv", "sources.csv"):
        (tmp_path / name).unlink()
    done = CliRunner().invoke(app, ["evaluate", "releases", str(tmp_path), "--plot", str(tmp_path / "a.png")])
    assert isinstance(done.exception, UserError)
    assert "leave out --plot" in str(done.exception)
