"""Low-cost instruments beside references: the figures, what is left out and counted, and what is refused."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from jeonju.cli.app import app
from jeonju.common.errors import UserError
from jeonju.evaluation.colocations import read_recordings
from jeonju.evaluation.instruments import as_table, evaluate_instruments, figures_of
from tests.conftest import SHARED_DATA

DATA = SHARED_DATA / "lowcost"
START = datetime(2021, 7, 1, tzinfo=UTC)


def hours(count: int = 120, seed: int = 1) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return times, a reference and an instrument that reads 1.5 times as much with an error that lasts for hours."""
    rng = np.random.default_rng(seed)
    times = [(START + timedelta(hours=hour)).isoformat() for hour in range(count)]
    reference = 12 + 6 * np.sin(np.arange(count) / 7) + rng.normal(0, 1, count)
    error = np.zeros(count)
    for hour in range(1, count):
        error[hour] = 0.85 * error[hour - 1] + rng.normal(0, 1)
    return times, reference, 1.5 * reference + error


def write(folder: Path, head: str, rows: Sequence[tuple[object, ...]], name: str = "pm.csv") -> Path:
    folder.mkdir(exist_ok=True)
    lines = [head, *(",".join(str(value) for value in row) for row in rows)]
    (folder / name).write_text("\n".join(lines) + "\n")
    return folder


def colocation(folder: Path, change: Callable[[list[list[object]]], None] = lambda _: None, count: int = 120) -> Path:
    rows: list[list[object]] = [list(row) for row in zip(*hours(count), strict=True)]
    change(rows)
    return write(folder, "time,ref_pm25,unit_pm25", [tuple(row) for row in rows])


def test_figures_are_those_of_the_line_and_of_hours_that_follow() -> None:
    reference = np.array([1.0, 2.0, 3.0, 4.0, np.nan, 6.0, 7.0, 8.0, 9.0])
    reading = 2 * reference + 1 + np.array([0.1, 0.1, -0.1, -0.1, 0, 0.1, 0.1, -0.1, -0.1])
    follows = np.array([False, *[True] * 8])
    found = figures_of(reference, reading, follows)
    assert found["slope"] == pytest.approx(2.0, abs=0.05)
    assert found["r2"] == pytest.approx(1.0, abs=0.01)
    assert found["lag_1"] is not None
    assert figures_of(reference, 2 * reference, follows)["lag_1"] is None


def test_real_and_simulated_stand_side_by_side_and_gaps_are_counted(tmp_path: Path) -> None:
    def change(rows: list[list[object]]) -> None:
        rows[3][1] = rows[10][2] = ""
        rows[20][2] = -1.0
        rows[30][1] = -999
        rows[40][2] = 65535
        rows[50][2] = "inf"
        del rows[60]

    result = evaluate_instruments(colocation(tmp_path, change), sets=4)
    (row,) = result["colocations"]
    assert (row["gaps"], row["negative_left_out"], row["beyond_range_left_out"]) == (3, 2, 2)
    assert row["values"] == 120 - 7
    assert row["slope"]["real"] == pytest.approx(1.5, abs=0.1)
    assert 0 < row["slope"]["simulated"] < 4
    assert row["lag_1"]["range"][0] <= row["lag_1"]["simulated"] <= row["lag_1"]["range"][1]
    json.dumps(result, allow_nan=False)
    assert "pm25   slope" in as_table(result)
    assert result == evaluate_instruments(tmp_path, sets=4)


def in_milligrams(rows: list[list[object]]) -> None:
    for row in rows:
        row[2] = float(row[2]) / 1000  # type: ignore[arg-type]


def one_day_in_milligrams(rows: list[list[object]]) -> None:
    in_milligrams(rows[48:72])


def both_in_milligrams(rows: list[list[object]]) -> None:
    in_milligrams(rows)
    for row in rows:
        row[1] = float(row[1]) / 1000  # type: ignore[arg-type]


def backwards(rows: list[list[object]]) -> None:
    rows[1][0], rows[2][0] = rows[2][0], rows[1][0]


def never_together(rows: list[list[object]]) -> None:
    for at, row in enumerate(rows):
        row[1 + at % 2] = ""


def a_word(rows: list[list[object]]) -> None:
    rows[5][2] = "n/a"


def stuck(rows: list[list[object]]) -> None:
    for row in rows:
        row[2] = 7.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (in_milligrams, r"unit_pm25 is 0.001\d* times its reference"),
        (one_day_in_milligrams, "pm.csv:50: unit_pm25 is 0.0.* on this day .* two units"),
        (both_in_milligrams, "ref_pm25 is 0.0.* in another one"),
        (backwards, "pm.csv:4: the time is not after"),
        (never_together, "0 values in common with its reference, 50 are needed"),
        (a_word, "pm.csv:7: unit_pm25 is 'n/a', which is no number"),
        (stuck, "its instrument never changes"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(
    change: Callable[[list[list[object]]], None], says: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        evaluate_instruments(colocation(tmp_path, change), sets=2)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("time,unit_pm25,x", "no column of a reference"),
        ("time,ref_pm25,x", "no column of a low-cost instrument beside ref_pm25"),
        ("when,ref_pm25,unit_pm25", "there is no column time"),
        ("time,york_ref_pm25,leeds_pm25", "no column of a low-cost instrument beside york_ref_pm25"),
    ],
)
def test_missing_columns_are_named(head: str, says: str, tmp_path: Path) -> None:
    times, reference, reading = hours()
    with pytest.raises(UserError, match=says):
        read_recordings(write(tmp_path, head, list(zip(times, reference, reading, strict=True))))


@pytest.mark.parametrize(("column", "value"), [("ref_rh_pct", 0.6), ("ref_t_c", 290.0)])
def test_humidity_and_temperature_in_another_unit_are_refused(column: str, value: float, tmp_path: Path) -> None:
    times, reference, reading = hours()
    rows = [(*row, value) for row in zip(times, reference, reading, strict=True)]
    with pytest.raises(UserError, match=f"{column} is .* it needs percent or °C"):
        read_recordings(write(tmp_path, f"time,ref_pm25,unit_pm25,{column}", rows))


def test_gases_in_ppm_by_name_are_read_as_ppb(tmp_path: Path) -> None:
    times, reference, reading = hours()
    rows = list(zip(times, reference, reading / 1000, strict=True))
    ((recording,), _) = read_recordings(write(tmp_path, "time,ref_o3_ppb,unit_o3_ppm", rows))
    assert np.nanmax(np.abs(recording.pairs[0].reading - reading)) < 1e-9


def test_instruments_belong_to_the_reference_of_their_place_and_a_monitor_is_none(tmp_path: Path) -> None:
    times, reference, reading = hours()
    rows = list(zip(times, reference, reading, 2 * reference, reading, reading, strict=True))
    head = "time,york_ref_pm25,york_lcs_pm25,leeds_ref_pm25,leeds_lcs_pm25,leeds_bam_pm25"
    recordings, left_out = read_recordings(write(tmp_path, head, rows))
    assert [recording.pairs[0].unit for recording in recordings] == ["york_lcs_pm25", "leeds_lcs_pm25"]
    assert np.nanmedian(recordings[1].truth["pm25"]) == pytest.approx(2 * np.nanmedian(recordings[0].truth["pm25"]))
    assert left_out == ["pm.csv: leeds_bam_pm25 is no low-cost instrument"]


def test_a_folder_without_files_and_no_folder_end_with_one_line(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        result = CliRunner().invoke(app, ["evaluate", "instruments", str(folder)])
        # `jeonju` prints a UserError as one line and ends with 2.
        assert isinstance(result.exception, UserError)
        assert str(folder) in str(result.exception)


@pytest.mark.skipif(not DATA.is_dir(), reason=f"needs the co-locations in {DATA}")
def test_given_colocations_are_met_within_a_fifth(tmp_path: Path) -> None:
    """The gas cells and the counter of QUANT; the daily PurpleAirs take longer and are part of the validation page."""
    for name in ("quant_pm_autumn.csv", "quant_gas.csv"):
        # A month is enough.
        lines = (DATA / name).read_text().splitlines()
        (tmp_path / name).write_text("\n".join(lines[:745]) + "\n")
    result = evaluate_instruments(tmp_path, sets=8)
    pm25 = result["figures"]["pm25"]
    assert pm25["slope"]["real"] == pytest.approx(1.79, abs=0.01)
    assert pm25["lag_1"]["real"] == pytest.approx(0.89, abs=0.01)
    assert not [name for name in result["not_within_a_fifth"] if name.startswith("pm25")]
    assert result["figures"]["no2"]["lag_1"]["simulated"] > 0.5
    assert result["figures"]["o3"]["lag_1"]["simulated"] > 0.8
