"""When a forecast warns: the threshold of left-out months, and how often hours were bad recently."""

import numpy as np
import pytest

from jeonju.common.arrays import Floats
from jeonju.forecast.panel import Bools
from jeonju.forecast.warning_level import LEAST_SHARE, RECENT_H, Issued, Warnings, balanced

AHEAD_H = 6
THRESHOLD = 0.5


def issued(probability: Floats, was_bad: Bools, first: int = 0) -> Issued:
    """Return forecasts of successive hours."""
    number = len(probability)
    return Issued(first + np.arange(number), np.full(number, AHEAD_H), probability, was_bad)


def warnings(probability: Floats, was_bad: Bools) -> Warnings:
    return Warnings(issued(probability, was_bad), {AHEAD_H: THRESHOLD})


def test_threshold_leads_over_persistence_where_it_was_chosen() -> None:
    rng = np.random.default_rng(3)
    chance = rng.uniform(0, 1, 4000) ** 2
    bad = rng.uniform(size=4000) < chance
    persisting = np.where(rng.uniform(size=4000) < 0.2, bad, rng.uniform(size=4000) < 0.3)
    block = np.arange(4000) // 1000
    at = balanced(chance, bad, persisting, block)
    warned = chance >= at
    assert (warned & bad).sum() > (persisting & bad).sum()
    assert (warned & ~bad).sum() < (persisting & ~bad).sum()
    assert balanced(chance, np.zeros(4000, bool), persisting, block) == 0.5


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_it_warns_as_often_as_hours_were_bad_recently(share: float) -> None:
    rng = np.random.default_rng(1)
    chance, was_bad = rng.uniform(0.4, 1, RECENT_H), rng.uniform(size=RECENT_H) < share
    at = warnings(chance, was_bad).level(AHEAD_H, RECENT_H)
    assert (chance >= at).sum() == was_bad.sum()


def test_what_is_hardly_probable_is_not_warned_of_however_often_hours_were_bad() -> None:
    chance = np.linspace(0.0, 0.3, RECENT_H)
    assert warnings(chance, np.ones(RECENT_H, bool)).level(AHEAD_H, RECENT_H) == LEAST_SHARE * THRESHOLD


def test_after_months_without_a_bad_hour_it_warns_of_what_is_more_probable_than_anything_since() -> None:
    chance = np.linspace(0.0, 0.6, RECENT_H)
    assert warnings(chance, np.zeros(RECENT_H, bool)).level(AHEAD_H, RECENT_H) == 0.6


def test_only_what_was_forecast_before_counts_and_what_was_long_ago_is_forgotten() -> None:
    known = warnings(np.full(RECENT_H, 0.9), np.ones(RECENT_H, bool))
    since = issued(np.full(2 * RECENT_H, 0.4), np.zeros(2 * RECENT_H, bool), first=RECENT_H)
    assert known.level(AHEAD_H, RECENT_H, since) == 0.9
    assert known.level(AHEAD_H, 3 * RECENT_H, since) == 0.4
    # Where nothing was forecast recently, it is the threshold.
    assert known.level(AHEAD_H, 9 * RECENT_H, since) == THRESHOLD
