"""A simulated year beside a measured one: the figures, and what is refused."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from jeonju.common.errors import UserError
from jeonju.evaluation.weather import (
    COLUMNS,
    Hours,
    as_far_as_measured,
    figures,
    lone_hours,
    measured_hours,
    simulated_hours,
    through_gauge,
)

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


def hours(time_s: list[float], **columns: list[float]) -> Hours:
    nothing = np.full(len(time_s), np.nan)
    values = {name: np.array(columns.get(name, nothing), dtype=float) for name in Hours._fields[1:]}
    return Hours(np.array(time_s), **values)


def test_an_hour_that_does_not_follow_is_no_pair() -> None:
    found = figures(hours([0.0, 7200.0, 14400.0, 21600.0], pm10_ug_m3=[1.0, 2.0, 50.0, 3.0]))
    assert found["pm10_lag_1"] is None
    assert found["calm"] is None
    assert found["wind_from_n"] is None
    assert found["wind_keeps_its_sector"] is None


def test_winds_are_counted_by_sector_and_season(tmp_path: Path) -> None:
    folder = table(
        tmp_path,
        "2020-02-29T00:00:00Z,90,2.0,,,,",  # a year that begins in a leap day
        "2020-02-29T01:00:00Z,140,2.0,,,,",
        "2020-02-29T15:00:00Z,270,2.0,,,,",  # the first of March in Korea
        "2020-02-29T16:00:00Z,270,0.2,,,,",  # calm: no direction counts
    )
    found = figures(measured_hours(folder))
    assert found["wind_from_e_in_winter"] == found["wind_from_se_in_winter"] == 0.5
    assert found["wind_from_w_in_spring"] == 1.0
    assert found["wind_from_w_in_summer"] is None
    assert found["wind_from_e_and_se"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["wind_keeps_its_sector"] == 0.0


def test_a_lone_hour_is_left_out_of_the_second_memory() -> None:
    one = hours([3600.0 * k for k in range(6)], pm10_ug_m3=[10.0, 12.0, 700.0, 14.0, 16.0, 18.0])
    assert list(lone_hours(one)) == [False, False, True, False, False, False]
    assert figures(one)["pm10_lag_1_without_lone_hours"] == pytest.approx(1.0)
    assert figures(one)["pm10_lag_1"] < 0  # type: ignore[operator]


def test_simulated_hours_have_no_value_where_the_station_has_none() -> None:
    measured = hours([0.0, 3600.0], wind_speed_m_s=[0.1, np.nan], pm10_ug_m3=[np.nan, 20.0])
    seen = hours([0.0, 3600.0], wind_from_deg=[90.0, 90.0], wind_speed_m_s=[2.0, 2.0], pm10_ug_m3=[30.0, 40.0])
    kept = as_far_as_measured(seen, measured)
    np.testing.assert_array_equal(kept.wind_from_deg, [90.0, np.nan])
    np.testing.assert_array_equal(kept.pm10_ug_m3, [np.nan, 40.0])


def test_a_gauge_adds_noise_and_lone_spikes_and_is_never_negative() -> None:
    air = np.concatenate([np.full(100_000, 20.0), [np.nan], np.full(1000, 1.0)])
    read = through_gauge(air, np.random.default_rng(3))
    assert np.isnan(read[100_000])
    ordinary = read[:100_000][read[:100_000] < 60]
    assert ordinary.std() == pytest.approx(4.0, rel=0.05)
    assert 30 < (read[:100_000] > 90).sum() < 85
    assert np.nanmin(read) == 0.0


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
    # Over the end of a leap day, with a gap as in a record.
    times_s = datetime(2020, 2, 29, tzinfo=UTC).timestamp() + 3600.0 * np.array([*range(20), *range(30, 48)])
    first, second = simulated_hours(times_s), simulated_hours(times_s)
    for one, other in zip(first, second, strict=True):
        assert len(one) == len(times_s)
        assert np.isfinite(one).all()
        np.testing.assert_array_equal(one, other)
    assert (first.wind_speed_m_s > 0).all()
    assert ((first.humidity_percent > 0) & (first.humidity_percent <= 100)).all()
    assert set(first.wind_from_deg) <= {0, 20, 50, 70, 90, 110, 140, 160, 180, 200, 230, 250, 270, 290, 320, 340, 360}
    assert figures(first)["wind_from_n"] is not None
