"""Forecasts learnt from a panel: a mean by gradient-boosted trees, its spread and the probability to warn at by months left out."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.forecast.panel import HORIZONS_H, Bools, Cases, Inputs, Integers, Panel, all_cases, happened, lone
from jeonju.forecast.regressors import Both, Lines, Regressor, best_shares, mixed, trees
from jeonju.forecast.spread import Spread, learn_spread, probability_above

# Time-blocked cross validation: the time is cut into so many pieces; what lies near a piece is left out with it, as it holds the same air.
BLOCKS: Final = 4
APART_H: Final = 72
# More cases say little that is new and cost time: some are drawn.
MOST_CASES: Final = 36_000
SEED: Final = 1
# A ratio to a forecast of nearly nothing says nothing: the floor is this share of the limit that is warned of.
FLOOR_SHARE: Final = 0.02
# Levels at which a warning may be given, and how many hits and false alarms persistence must have had in a block of time to be compared with.
TRIED: Final = np.arange(0.02, 0.99, 0.01)
LEAST_ALARMS: Final = 15
# Learning is spoilt by what is rarer than one in this many cases; higher values are cut.
CUT: Final = 0.9995


class Learnt(NamedTuple):
    """A forecast of one quantity: the mean, its spread, and how probable a bad hour must be for a warning."""

    regressor: Regressor
    spread: Spread
    warn_at: dict[int, float]  # hours ahead → probability


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
    warn_at = warning_levels(panel, cases, spread.points(mean, cases.ahead_h), bad_above)
    return Learnt(Both(inputs.ahead_column, shares).fit(given, tame), spread, warn_at)


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


def warning_levels(panel: Panel, cases: Cases, points: Floats, bad_above: float) -> dict[int, float]:
    """Return for each number of hours ahead the probability to warn at, by forecasts of months that were left out."""
    probability, is_bad = probability_above(points, bad_above), happened(panel, cases) > bad_above
    now_bad = panel.own[cases.station, cases.origin] > bad_above
    edges = np.linspace(cases.origin.min(), cases.origin.max() + 1, BLOCKS + 1)
    block = np.searchsorted(edges, cases.origin, side="right")
    found: dict[int, float] = {}
    for ahead_h in np.unique(cases.ahead_h):
        # Neighbouring hours have more bad hours to learn from, and nearly the same chances.
        rows = np.abs(cases.ahead_h - ahead_h) <= max(1, ahead_h // 6)
        found[int(ahead_h)] = balanced(probability[rows], is_bad[rows], now_bad[rows], block[rows])
    return found


def balanced(probability: Floats, is_bad: Bools, persisting: Bools, block: Integers) -> float:
    """Return the probability from which on a warning has more hits and fewer false alarms than persistence.

    Of the levels that are tried, it is the one whose lead is largest where it is smallest: in hits or in false alarms, in any block of time that has
    enough of both. 0.5 where none has, for then nothing can be learnt.
    """
    lead = np.full(len(TRIED), np.inf)
    for number in np.unique(block):
        here = block == number
        bad, persisted = is_bad[here], persisting[here]
        hits, false = int((persisted & bad).sum()), int((persisted & ~bad).sum())
        if min(hits, false) < LEAST_ALARMS:
            continue
        warned = probability[here] >= TRIED[:, None]
        more = (warned & bad).sum(axis=1) / hits - 1
        fewer = 1 - (warned & ~bad).sum(axis=1) / false
        lead = np.minimum(lead, np.minimum(more, fewer))
    return float(TRIED[np.argmax(lead)]) if np.isfinite(lead).all() else 0.5
