import numpy as np
import pytest

from jeonju.airquality.index import POLLUTANTS
from jeonju.airquality.standards import (
    EVERY_STANDARD,
    ODOUR_LIMITS,
    STANDARDS,
    US_STANDARDS,
    YEAR_H,
    Standard,
    judge_last,
    judge_year,
    mean_of_last,
)
from jeonju.airquality.units import ppm_per_mg_m3


def standard(quantity: str, body: str, hours: int) -> Standard:
    (found,) = [
        standard
        for standard in STANDARDS
        if (standard.quantity, standard.body, standard.hours) == (quantity, body, hours)
    ]
    return found


def hours_of(quantity: str, values: list[float]) -> np.ndarray:
    hours = np.full((len(values), len(POLLUTANTS)), np.nan)
    hours[:, POLLUTANTS.index(quantity)] = values
    return hours


def test_guidelines_in_ppm_agree_with_the_molar_masses() -> None:
    for quantity, hours, ug_m3 in (
        ("so2", 24, 40),
        ("no2", 24, 25),
        ("no2", YEAR_H, 10),
        ("o3", 8, 100),
        ("co", 24, 4000),
    ):
        expected = ug_m3 / 1000 * ppm_per_mg_m3(quantity)
        assert standard(quantity, "who", hours).limit == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("hours", "body", "percentile"), [(1, "korea", 99.9), (8, "korea", 99.0), (24, "korea", 99.0), (24, "who", 99.0)]
)
def test_share_of_means_that_must_keep_the_limit(hours: int, body: str, percentile: float) -> None:
    assert {standard.percentile for standard in STANDARDS if (standard.hours, standard.body) == (hours, body)} == {
        percentile
    }


@pytest.mark.parametrize(("known", "mean"), [(24, 30.0), (18, 30.0), (17, float("nan"))])
def test_mean_needs_three_quarters_of_its_hours(known: int, mean: float) -> None:
    values = [30.0] * known + [float("nan")] * (24 - known)
    assert float(mean_of_last(np.array(values), 24)) == pytest.approx(mean, nan_ok=True)


@pytest.mark.parametrize(
    ("level", "exceeded"), [(35.0, {"who"}), (35.1, {"who", "korea"}), (15.0, set()), (float("nan"), set())]
)
def test_last_day_is_compared_with_both(level: float, exceeded: set[str]) -> None:
    found = judge_last(hours_of("pm25", [level] * 24))
    assert {verdict.standard.body for verdict in found if verdict.is_exceeded} == exceeded


def test_one_hour_and_eight_hours_are_judged_apart() -> None:
    found = judge_last(hours_of("o3", [0.02] * 23 + [0.11]))
    assert [(verdict.standard.body, verdict.standard.hours) for verdict in found if verdict.is_exceeded] == [
        ("korea", 1)
    ]
    found = judge_last(hours_of("o3", [0.02] * 16 + [0.07] * 8))
    assert {(verdict.standard.body, verdict.standard.hours) for verdict in found if verdict.is_exceeded} == {
        ("korea", 8),
        ("who", 8),
    }


def test_year_is_judged_by_percentile_and_mean() -> None:
    days = np.full(365, 14.0)
    days[:3] = 90.0  # three days of 365 are less than one in a hundred
    year = judge_year(hours_of("pm25", np.repeat(days, 24).tolist()))
    by = {
        (row.judged.standard.body, row.judged.standard.hours): row
        for row in year
        if row.judged.standard.quantity == "pm25"
    }
    assert (by["korea", 24].exceeded, by["korea", 24].known, by["korea", 24].judged.is_exceeded) == (3, 365, False)
    assert not by["korea", YEAR_H].judged.is_exceeded
    assert by["who", YEAR_H].judged.is_exceeded
    days[:5] = 90.0
    worse = judge_year(hours_of("pm25", np.repeat(days, 24).tolist()))
    assert {row.judged.is_exceeded for row in worse if row.judged.standard == standard("pm25", "korea", 24)} == {True}


@pytest.mark.parametrize(
    ("body", "quantity", "hours", "limit", "allowed"),
    [
        # Pages of the European Environment Agency on directive 2008/50/EC, in µg/m³ at 20 °C.
        ("eu", "no2", 1, 200 / 1910, 18),
        ("eu", "so2", 1, 350 / 2660, 24),
        ("eu", "so2", 24, 125 / 2660, 3),
        ("eu", "pm10", 24, 50, 35),
        # "NAAQS Compliance", a table of Alaska's Department of Environmental Conservation.
        ("us", "co", 1, 35, 1),
        ("us", "pm10", 24, 150, 1),
    ],
)
def test_a_limit_may_be_exceeded_as_often_as_the_law_says(
    body: str, quantity: str, hours: int, limit: float, allowed: int
) -> None:
    (law,) = [each for each in EVERY_STANDARD if (each.body, each.quantity, each.hours) == (body, quantity, hours)]
    assert law.limit == pytest.approx(limit, rel=0.002)
    for exceeding in (allowed, allowed + 1):
        means = np.full(YEAR_H // hours, 0.5 * limit)
        means[::10][:exceeding] = 3 * limit
        (found,) = judge_year(hours_of(quantity, np.repeat(means, hours).tolist()), [law])
        assert found.exceeded == exceeding
        assert found.judged.is_exceeded == (exceeding > allowed)


def test_levels_of_the_united_states_are_those_of_their_table() -> None:
    assert {(each.quantity, each.hours): each.limit for each in US_STANDARDS} == {
        ("so2", 1): 0.075,
        ("co", 1): 35,
        ("co", 8): 9,
        ("no2", 1): 0.100,
        ("no2", YEAR_H): 0.053,
        ("o3", 8): 0.070,
        ("pm10", 24): 150,
        ("pm25", 24): 35,
        ("pm25", YEAR_H): 9.0,
    }


def test_year_without_data_breaks_nothing() -> None:
    for hours in (np.empty((0, len(POLLUTANTS))), np.full((30, len(POLLUTANTS)), np.nan)):
        assert not any(row.judged.is_exceeded or row.known for row in judge_year(hours))


def test_odour_limits_are_stricter_outside_industry() -> None:
    assert all(limit.other_ppm < limit.industrial_ppm for limit in ODOUR_LIMITS)
    assert {limit.key: (limit.industrial_ppm, limit.other_ppm) for limit in ODOUR_LIMITS}["h2s"] == (0.06, 0.02)
