"""What hypotheses are worth before the data, and what the blocks of each device are worth as evidence."""

import numpy as np
import pytest

from jeonju.localization.hypotheses import RATES_G_S, counts_of, rate_prior


def of_device(touched: list[int]) -> np.ndarray:
    return counts_of(np.array(touched, dtype=bool)[:, None])[:, 0]


def test_stretches_with_and_without_a_plume_count_each_for_itself() -> None:
    """Four minutes of plume stay one observation however long the air is clean before and after."""
    counts = of_device([0] * 5 + [1, 1] + [0] * 15)
    assert counts[:5].sum() == pytest.approx(1.0)
    assert counts[5:7].sum() == pytest.approx(1.0)
    assert 1.5 < counts[7:].sum() < 2.5


def test_plume_that_comes_back_within_ten_minutes_had_not_left() -> None:
    assert of_device([0, 0, 1, 0, 0, 1, 0, 0])[2:6].sum() == pytest.approx(1.0)
    assert of_device([1] + [0] * 10 + [1]).sum() > 3.0


def test_device_without_a_plume_has_one_stretch() -> None:
    counts = of_device([0] * 10)
    assert np.allclose(counts, counts[0])


def test_large_releases_are_rarer_and_what_rises_releases_what_fires_do() -> None:
    still, small, *_, large = rate_prior("pm25", 4)
    assert np.all(np.diff(still) < 0)
    assert RATES_G_S[large.argmax()] > 5 * RATES_G_S[small.argmax()]
    assert np.allclose([still.sum(), small.sum(), large.sum()], 1.0)
