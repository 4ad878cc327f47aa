"""Kriging between instruments: closed cases, honest errors on draws from its own model and on others, and values that cannot be used."""

import numpy as np
import pytest

from jeonju.airquality.interpolation import ACCURACY, Accuracy, TooFewError, correlation, interpolate, with_instrument

PM25, TEMPERATURE = ACCURACY["pm25"], ACCURACY["temperature"]
RNG = np.random.default_rng(7)
PLACES = RNG.uniform(-3000, 3000, (26, 2))
ORIGIN = np.zeros((1, 2))


def drawn(rng: np.random.Generator, at_m: np.ndarray, length_m: float, departures: float) -> np.ndarray:
    """A field with the model's correlation at places, with a mean of its own."""
    covariance = correlation(at_m, at_m, length_m) + 1e-9 * np.eye(len(at_m))
    return 10.0 + departures * np.linalg.cholesky(covariance) @ rng.standard_normal(len(at_m))


def test_alike_everywhere_is_the_same_between_and_as_sure_as_so_many_instruments_are() -> None:
    found = interpolate(np.full(26, 20.0), PLACES, ORIGIN, TEMPERATURE)
    assert found.value == pytest.approx(20.0)
    assert TEMPERATURE.level / np.sqrt(26) * 0.4 < found.error[0] < TEMPERATURE.level


def test_what_neighbours_agree_on_is_followed_and_far_from_all_less_is_known() -> None:
    values = np.where(PLACES[:, 0] > 0, 90.0, 15.0)
    places = np.array([[1500.0, 0.0], [-1500.0, 0.0], [20_000.0, 0.0]])
    found = interpolate(values, PLACES, places, PM25)
    assert found.value[0] > 60
    assert found.value[1] < 25
    assert found.error[2] > 2 * found.error[0]


def test_a_lone_high_value_says_little_of_its_surroundings_and_makes_all_less_sure() -> None:
    values = np.full(26, 15.0)
    calm = interpolate(values, PLACES, ORIGIN, PM25)
    values[3] = 300.0
    found = interpolate(values, PLACES, ORIGIN, PM25)
    assert found.value < 25
    assert found.error > 1.5 * calm.error


@pytest.mark.parametrize(("length_m", "departures"), [(500.0, 1.0), (1500.0, 2.0), (5000.0, 0.5), (1500.0, 0.05)])
def test_nine_of_ten_true_values_lie_between_the_5_and_the_95_percent_point(length_m: float, departures: float) -> None:
    rng = np.random.default_rng(11)
    inside, off, off_of_mean = [], [], []
    for _ in range(150):
        at_m = rng.uniform(-3000, 3000, (30, 2))
        truth = drawn(rng, at_m, length_m, departures)
        seen = truth[:25] + TEMPERATURE.level * rng.standard_normal(25)
        found = interpolate(seen, at_m[:25], at_m[25:], TEMPERATURE)
        inside.append((found.low <= truth[25:]) & (truth[25:] <= found.high))
        off.append(found.value - truth[25:])
        off_of_mean.append(seen.mean() - truth[25:])
    # Where the air hardly differs from place to place, it is taken to differ by more.
    assert 0.85 < np.mean(inside) < (0.97 if departures > 0.1 else 1.0)
    assert np.std(off) < (1.0 if departures > 0.1 else 1.2) * np.std(off_of_mean)


def test_known_error_of_all_instruments_alike_stays_however_many_there_are() -> None:
    alone = interpolate(np.full(26, 60.0), PLACES, ORIGIN, Accuracy(1.5, 0.15))
    common = interpolate(np.full(26, 60.0), PLACES, ORIGIN, Accuracy(1.5, 0.15, 0.25))
    assert common.high[0] / common.value[0] > 1.35 > 1.15 > alone.high[0] / alone.value[0]
    # One more of the same kind errs alike, and by itself.
    shown = with_instrument(common, PM25)
    assert 1.2 < shown.high[0] / shown.value[0] < 1.4


def test_unusable_values_are_left_out_and_two_say_nothing() -> None:
    values, places = np.array([5.0, np.nan, 7.0, 6.0, 8.0]), PLACES[:5].copy()
    places[4] = np.nan
    assert interpolate(values, places, ORIGIN, PM25).value == pytest.approx(6.0, abs=0.5)
    with pytest.raises(TooFewError, match="2 devices"):
        interpolate(values[:3], places[:3], ORIGIN, PM25)


def test_extremes_give_finite_figures() -> None:
    for accuracy in ACCURACY.values():
        for values in (np.zeros(5), np.full(5, -0.04), np.array([0.0, 1e4, 0.0, 5e3, 1.0]), np.full(5, 60.0)):
            for places in (PLACES[:5], np.zeros((5, 2))):
                assert all(np.isfinite(part).all() for part in interpolate(values, places, PLACES[:9], accuracy))


def test_no_more_devices_are_worked_with_than_the_bound() -> None:
    at_m = RNG.uniform(-5000, 5000, (2000, 2))
    found = interpolate(at_m[:, 0] / 1000, at_m, np.array([[3000.0, 0.0]]), TEMPERATURE)
    assert found.value == pytest.approx(3.0, abs=0.3)
