"""A simulated year beside a measured one: the figures, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from jeonju.common.errors import UserError
from jeonju.evaluation.weather import COLUMNS, Hours, figures, measured_hours, simulated_hours

HEAD = ",".join(COLUMNS)


def table(folder: Path, *lines: str) -> Path:
    (folder / "hourly.csv").write_text("\n".join([HEAD, *lines]) + "\n")
    return folder


def test_figures_are_of_the_hours_that_have_a_value(tmp_path: Path) -> None:
    folder = table(
        tmp_path,
        "2019-01-01T00:00:00Z,90,2.0,96,0.0,800,200",
        "2019-01-01T01:00:00Z,320,1.0,94,0.5,12000,20",
        "2019-01-01T02:00:00Z,,0.2,,,,40",
        "2019-01-01T09:00:00Z,90,4.0,98,0.0,,",
    )
    found = figures(measured_hours(folder))
    assert found["wind_from_e"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["wind_from_nw"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["calm"] == 0.25
    assert found["humidity_from_95_percent"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["fog_h_a_year"] == 8766 / 2
    assert found["pm10_above_150_h_a_year"] == 8766 / 3
    assert found["pm10_lag_1"] == pytest.approx(-1.0)


def test_an_hour_that_does_not_follow_is_no_pair() -> None:
    nothing = np.full(4, np.nan)
    hours = Hours(nothing, nothing, nothing, nothing, nothing, np.array([1.0, 2.0, 50.0, 3.0]), np.array([False] * 4))
    found = figures(hours)
    assert found["pm10_lag_1"] is None
    assert found["calm"] is None
    assert found["wind_from_n"] is None


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2019-01-01T00:00:00Z,90,2.0,0.96,0.0,800,9000", "pm10_ug_m3 is 9000, beyond 0 to 5000"),
        ("2019-01-01T00:00:00Z,90,2.0,-1,0.0,800,20", "humidity_pct is -1, beyond"),
        ("2019-01-01T00:00:00Z,90,fast,96,0.0,800,20", "wind_speed_m_s is 'fast', which is no number"),
        ("2019-01-01,90,2.0,96,0.0,800,20", "has no time zone"),
    ],
)
def test_wrong_values_are_refused_with_their_line(line: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=says) as caught:
        measured_hours(table(tmp_path, line))
    assert "hourly.csv:2" in str(caught.value)


def test_hours_out_of_order_are_refused(tmp_path: Path) -> None:
    folder = table(tmp_path, "2019-01-01T01:00:00Z,,,,,,20", "2019-01-01T00:00:00Z,,,,,,20")
    with pytest.raises(UserError, match="sort the file"):
        measured_hours(folder)


def test_simulated_hours_are_the_same_at_each_run_and_can_be() -> None:
    first, second = simulated_hours(2), simulated_hours(2)
    assert len(first.pm10_ug_m3) == 48
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (first.wind_speed_m_s > 0).all()
    assert ((first.humidity_percent > 0) & (first.humidity_percent <= 100)).all()
    assert figures(first)["wind_from_n"] is not None
