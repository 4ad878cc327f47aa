"""How good distributions of hours to come were: error, CRPS, reliability, hits and false alarms."""

from itertools import pairwise
from typing import Any, Final

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.forecast.panel import Bools
from jeonju.forecast.spread import LEVELS, level, probability_above

TENTHS: Final = np.linspace(0.0, 1.0, 11)
# Between these the points lie evenly: the mean of their pinball losses, doubled, is the CRPS (Gneiting and Ranjan 2011) but for the outermost tails.
EVEN: Final = (LEVELS > 0.009) & (LEVELS < 0.991)


def scores(
    mean: Floats, points: Floats, measured: Floats, is_air: Bools, bad_above: float, warned: Bools
) -> dict[str, Any]:
    """Return the scores of forecasts: means, distributions (forecasts, LEVELS), and which of them warned of an hour above `bad_above`."""
    is_bad = measured > bad_above
    chance = probability_above(points, bad_above)
    return {
        "hours": len(measured),
        "rmse": _short(_rmse(mean, measured)),
        "rmse_without_lone_hours": _short(_rmse(mean[is_air], measured[is_air])),
        "crps": _short(crps(points, measured)),
        "coverage_50": _share((measured >= level(points, 0.25)) & (measured <= level(points, 0.75))),
        "coverage_90": _share((measured >= level(points, 0.05)) & (measured <= level(points, 0.95))),
        "error_in_worst_percent": _share_of_worst(mean, measured),
        "brier_bad": _short(float(np.mean((chance - is_bad) ** 2))),
        "bad_hours": int(is_bad.sum()),
        "hits": int((warned & is_bad).sum()),
        "false_alarms": int((warned & ~is_bad).sum()),
    }


def reliability(points: Floats, measured: Floats, bad_above: float) -> dict[str, Any]:
    """Return how often bad hours came where they were so probable, and the share of hours in each tenth of their distribution (PIT)."""
    chance, is_bad = probability_above(points, bad_above), measured > bad_above
    rank = np.array([np.interp(value, row, LEVELS) for value, row in zip(measured, points, strict=True)])
    bins = []
    for low, high in pairwise(TENTHS):
        here = (chance >= low) & ((chance < high) | (high == 1.0))
        if here.any():
            bins.append({"said": _short(chance[here].mean()), "came": _share(is_bad[here]), "hours": int(here.sum())})
    counts, _ = np.histogram(rank, TENTHS)
    return {"bad": bins, "pit": [round(float(share), 3) for share in counts / len(rank)]}


def crps(points: Floats, measured: Floats) -> float:
    """Return the continuous ranked probability score, in the unit of what was measured."""
    apart = measured[:, None] - points[:, EVEN]
    levels = LEVELS[EVEN]
    return float(2 * np.mean(np.maximum(levels * apart, (levels - 1) * apart)))


def _rmse(mean: Floats, measured: Floats) -> float:
    return float(np.sqrt(np.mean((mean - measured) ** 2)))


def _share_of_worst(mean: Floats, measured: Floats) -> float:
    """Return how much of the squared error lies in the worst hundredth of the hours."""
    squared = np.sort((mean - measured) ** 2)
    return round(float(squared[-max(len(squared) // 100, 1) :].sum() / max(float(squared.sum()), 1e-300)), 3)


def _share(which: Any) -> float:
    return round(float(np.mean(which)), 3)


def _short(value: float) -> float:
    return float(f"{value:.4g}")
