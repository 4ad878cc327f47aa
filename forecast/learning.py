"""Forecasts learnt from a panel: a mean by gradient-boosted trees, its spread and the probability to warn at by months left out."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.forecast.panel import HORIZONS_H, Bools, Cases, Inputs, Panel, all_cases, happened, lone
from jeonju.forecast.regressors import Both, Lines, Regressor, best_shares, mixed, trees
from jeonju.forecast.spread import Spread, learn_spread, probability_above
from jeonju.forecast.warning_level import Warnings, learn_warnings

# Time-blocked cross validation: the time is cut into so many pieces; what lies near a piece is left out with it, as it holds the same air.
BLOCKS: Final = 4
APART_H: Final = 72
# More cases say little that is new and cost time: some are drawn.
MOST_CASES: Final = 36_000
SEED: Final = 1
# A ratio to a forecast of nearly nothing says nothing: the floor is this share of the limit that is warned of.
FLOOR_SHARE: Final = 0.02
# Learning is spoilt by what is rarer than one in this many cases; higher values are cut.
CUT: Final = 0.9995


class Learnt(NamedTuple):
    """A forecast of one quantity: the mean, its spread, and when it warns of a bad hour."""

    regressor: Regressor
    spread: Spread
    warnings: Warnings


def learn(panel: Panel, bad_above: float, horizons_h: tuple[int, ...] = HORIZONS_H, until: int | None = None) -> Learnt:
    """Return what is learnt from the hours of a panel before number `until`; a bad hour is one above `bad_above` (stored units)."""
    inputs = Inputs(panel)
    cases = drawn(learnable(panel, horizons_h, until))
    given, measured = inputs.of(cases), happened(panel, cases)
    tame = np.minimum(measured, np.quantile(measured, CUT))
    ahead_h = cases.ahead_h.astype(np.float64)
    by_trees, by_lines = (left_out(cases, given, tame, make) for make in (trees, lambda: Lines(inputs.ahead_column)))
    known = np.isfinite(by_trees)
    shares = best_shares(by_trees[known], by_lines[known], tame[known], ahead_h[known])
    mean = mixed(by_trees[known], by_lines[known], ahead_h[known], shares)
    cases, measured = cases.where(known), measured[known]
    spread = learn_spread(mean, measured, cases.ahead_h, FLOOR_SHARE * bad_above)
    probability = probability_above(spread.points(mean, cases.ahead_h), bad_above)
    warnings = learn_warnings(panel, cases, probability, bad_above, BLOCKS)
    return Learnt(Both(inputs.ahead_column, shares).fit(given, tame), spread, warnings)


def left_out(cases: Cases, given: Any, measured: Floats, make: Callable[[], Regressor]) -> Floats:
    """Return what is forecast for each case by what was learnt from other months."""
    out = np.full(len(measured), np.nan)
    for train, test in blocks(cases):
        regressor = make()
        regressor.fit(given[train], measured[train])
        out[test] = regressor.predict(given[test])
    return out


def learnable(panel: Panel, horizons_h: tuple[int, ...], until: int | None) -> Cases:
    """Return the cases whose outcome is known, is air, and lies before hour number `until`."""
    cases = all_cases(panel, horizons_h)
    end = panel.own.shape[1] if until is None else until
    cases = cases.where(cases.origin + cases.ahead_h < end)
    is_lone = lone(panel)[cases.station, cases.origin + cases.ahead_h]
    return cases.where(np.isfinite(happened(panel, cases)) & ~is_lone)


def drawn(cases: Cases, most: int = MOST_CASES) -> Cases:
    """Return at most so many of the cases, in their order."""
    if len(cases.origin) <= most:
        return cases
    return cases.where(np.sort(np.random.default_rng(SEED).choice(len(cases.origin), most, replace=False)))


def blocks(cases: Cases) -> Iterator[tuple[Bools, Bools]]:
    """Return, for each block of time, the cases to learn from and those to be forecast."""
    first, last = cases.origin.min(), cases.origin.max() + 1
    edges = np.linspace(first, last, BLOCKS + 1)
    for begin, end in pairwise(edges):
        test = (cases.origin >= begin) & (cases.origin < end)
        train = (cases.origin < begin - APART_H) | (cases.origin >= end + APART_H)
        if test.any() and train.any():
            yield train, test
