"""What a forecast knows, what it learns, and that it says how sure it is."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jeonju.common.arrays import Floats
from jeonju.forecast import learning
from jeonju.forecast.learning import blocks, learn, learnable
from jeonju.forecast.panel import Cases, Inputs, Panel, all_cases, happened, lone, on_grid, wind_parts
from jeonju.forecast.persistence import learn_persistence
from jeonju.forecast.spread import LEVELS, learn_spread, level, probability_above
from tests.forecast.panels import T0_S, air, panel

HORIZONS = (1, 6, 24)
Judged = tuple[Panel, Cases, Floats, learning.Learnt]


@given(origin=st.integers(100, 300), ahead_h=st.integers(1, 24), seed=st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_no_input_knows_an_hour_after_the_last_one(origin: int, ahead_h: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    series = {name: rng.standard_normal(330) for name in ("weather", "beside", "upwind")}
    before = panel(330, seed, stations=2, **{name: {"x": values} for name, values in series.items()})
    later = np.arange(330) > origin
    changed = {name: {"x": np.where(later, 99.0, values)} for name, values in series.items()}
    after = replace(
        before,
        own=np.where(later, rng.uniform(0, 900, before.own.shape), before.own),
        weather=changed["weather"],
        beside=changed["beside"],
        upwind=changed["upwind"],
    )
    case = Cases(*(np.array([number]) for number in (1, origin, ahead_h)))
    assert np.array_equal(Inputs(before).of(case), Inputs(after).of(case), equal_nan=True)


def test_a_lone_hour_is_told_from_air_and_cut_while_it_is_the_newest() -> None:
    city = panel(200)
    own = city.own.copy()
    own[0, 100], own[0, 150:152] = 900.0, 900.0
    spoilt = replace(city, own=own)
    assert np.flatnonzero(lone(spoilt)[0]).tolist() == [100]
    newest = Inputs(spoilt).of(Cases(np.array([0]), np.array([100]), np.array([1])))[0, 0]
    assert newest == pytest.approx(3 * max(own[0, 98:100]) + 30, rel=1e-5)
    # It is neither learnt nor remembered.
    assert 100 not in (learnable(spoilt, (1,), None).origin + 1)
    assert np.isnan(Inputs(spoilt).of(Cases(np.array([0]), np.array([101]), np.array([1])))[0, 1])


def test_weather_that_is_forecast_is_that_of_the_hour_and_the_mean_on_the_way() -> None:
    city = panel(100, ahead={"rain": np.arange(100.0)})
    found = Inputs(city).of(Cases(np.array([0]), np.array([50]), np.array([4])))[0]
    assert found[-2:].tolist() == [54.0, 52.5]


def test_blocks_of_time_are_apart() -> None:
    cases = all_cases(panel(1000), (24,))
    for train, test in blocks(cases):
        apart = np.abs(cases.origin[train][:, None] - cases.origin[test][None, :]).min()
        assert apart >= learning.APART_H
    assert sum(test.sum() for _, test in blocks(cases)) == len(cases.origin)


@pytest.fixture(scope="module")
def judged() -> Judged:
    city = panel(4000, stations=1)
    learnt = learn(city, 80.0, HORIZONS, until=2900)
    cases = all_cases(city, HORIZONS)
    cases = cases.where((cases.origin >= 2900) & np.isfinite(happened(city, cases)))
    return city, cases, learnt.regressor.predict(Inputs(city).of(cases)), learnt


def test_learnt_forecast_is_nearer_than_persistence_and_its_intervals_hold(judged: Judged) -> None:
    city, cases, mean, learnt = judged
    measured = happened(city, cases)
    points = learnt.spread.points(mean, cases.ahead_h)
    for ahead_h in (6, 24):
        rows = cases.ahead_h == ahead_h
        now = city.own[cases.station, cases.origin][rows]
        assert np.mean((mean[rows] - measured[rows]) ** 2) < 0.8 * np.mean((now - measured[rows]) ** 2)
    held = (measured >= level(points, 0.05)) & (measured <= level(points, 0.95))
    assert 0.82 < held.mean() < 0.97
    chance = probability_above(points, 80.0)
    assert chance.mean() == pytest.approx((measured > 80).mean(), abs=0.04)
    assert (mean >= 0).all()
    assert (np.diff(points, axis=1) >= 0).all()


def test_spread_is_that_of_the_errors() -> None:
    rng = np.random.default_rng(1)
    mean = rng.uniform(10, 100, 20_000)
    measured = mean * rng.lognormal(0, 0.3, 20_000)
    ahead_h = np.full(20_000, 6)
    points = learn_spread(mean, measured, ahead_h, 1.0).points(np.array([20.0, 80.0]), np.array([6, 6]))
    assert level(points, 0.5) == pytest.approx([20, 80], rel=0.05)
    assert level(points, 0.95) / level(points, 0.5) == pytest.approx([1.64, 1.64], rel=0.05)
    assert probability_above(points, 80.0) == pytest.approx([0.0, 0.5], abs=0.03)
    assert probability_above(points, 1e6).tolist() == [0.0, 0.0]
    assert probability_above(points, -1.0).tolist() == [1.0, 1.0]
    assert points.shape == (2, len(LEVELS))


def test_persistence_of_little_history_goes_back_to_what_is_usual() -> None:
    city = panel(6 * 24, stations=2)
    little = learn_persistence(city, 80.0)
    assert (np.diff(little.kept) <= 0).all()
    assert 0 <= little.kept[23] < little.kept[0] <= 1
    last = city.own.shape[1] - 1
    cases = Cases(np.zeros(24, int), np.full(24, last), np.arange(1, 25))
    mean = little.mean(city, cases)
    usual, now = little.usual[0, last % 24], city.own[0, last]
    assert mean[0] == pytest.approx(little.usual[0, (last + 1) % 24] + little.kept[0] * (now - usual))
    assert np.isfinite(little.spread.points(mean, cases.ahead_h)).all()


def test_hours_are_laid_on_their_grid_and_a_calm_has_no_direction() -> None:
    grid = T0_S + 3600 * np.arange(5.0)
    values = on_grid(grid, grid[[0, 3]] + [0, 0], np.array([1.0, 2.0]))
    assert np.array_equal(values, [1, np.nan, np.nan, 2, np.nan], equal_nan=True)
    west = wind_parts(np.array([270.0, np.nan]), np.array([2.0, 0.0]))
    assert west["wind_east"] == pytest.approx([2.0, 0.0])
    assert air(10).shape == (1, 10)
