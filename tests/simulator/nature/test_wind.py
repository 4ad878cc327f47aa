"""The wind over the city: no air is made, eddies have their strength, and devices measure what is where they are."""

import numpy as np
import pytest

from jeonju.simulator.nature.fires import Unsteadiness
from jeonju.simulator.nature.wind import CELL_M, CityWind, drainage_m_s, drainage_share

BOX = (-5000.0, -4000.0, 5000.0, 4000.0)
NOON_S = 1_772_593_200.0


def test_eddies_make_no_air() -> None:
    wind = CityWind(BOX, seed=1, start_s=NOON_S)
    east, north = wind.eddies(NOON_S + 30.0)
    divergence = (np.gradient(east, CELL_M, axis=0) + np.gradient(north, CELL_M, axis=1))[1:-1, 1:-1]
    shear = np.gradient(east, CELL_M, axis=1)[1:-1, 1:-1]
    assert np.sqrt(np.mean(divergence**2)) < 0.1 * np.sqrt(np.mean(shear**2))


def test_eddies_have_a_strength_of_one_differ_over_the_city_and_change_within_the_hour() -> None:
    fields = [CityWind(BOX, seed=seed, start_s=NOON_S).eddies(NOON_S) for seed in range(20)]
    assert np.sqrt(np.mean(np.square(fields))) == pytest.approx(1.0, rel=0.15)
    wind = CityWind(BOX, seed=3, start_s=NOON_S)
    first, soon, late = (wind.eddies(NOON_S + after) for after in (0.0, 60.0, 7200.0))
    assert np.corrcoef(first.ravel(), soon.ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(first.ravel(), late.ravel())[0, 1]) < 0.6


def test_the_grid_is_the_wind_at_its_places() -> None:
    wind = CityWind(BOX, seed=4, start_s=NOON_S)
    places = np.array([[[wind.x_m[5], wind.y_m[7]], [wind.x_m[30], wind.y_m[40]]]])
    there = wind.eddies_at(np.array([NOON_S + 100.0]), places)[0]
    grid = wind.eddies(NOON_S + 100.0)
    assert there == pytest.approx(np.array([grid[:, 5, 7], grid[:, 30, 40]]))


def test_air_flows_off_the_slopes_on_clear_quiet_nights_only() -> None:
    speed = drainage_m_s(np.array([0.5, 0.5, 0.5, 8.0]), np.array([-30.0, 30.0, -30.0, -30.0]), np.array([0, 0, 1, 0]))
    assert speed[0] > 0.5
    assert speed[1] == 0
    assert speed[2] < 0.2
    assert speed[3] < 0.01
    assert drainage_share(np.zeros((1, 2)))[0] == pytest.approx(1.0)


def test_fires_flare_up_around_their_mean() -> None:
    unsteady = Unsteadiness(1, 2)
    factors = np.array([unsteady.factor(5.0) for _ in range(20_000)])
    assert factors.mean() == pytest.approx(1.0, abs=0.05)
    assert np.log(factors).std() == pytest.approx(0.4, abs=0.04)
    late_s = (np.arange(1000) + 0.5) / 200
    moved = unsteady.puffed(late_s, 0.0, 4.0)
    assert (moved >= 0).all()
    assert (moved <= 5.0).all()
    # 1.5/√4 Hz: within 5 s the crowd comes four times.
    counts, _ = np.histogram(moved, np.linspace(0, 5, 41))
    assert counts.max() > 1.5 * counts.min() + 1
