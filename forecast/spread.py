"""From one number to a distribution: how far forecasts like this one were from what came, in months that they were not learnt from."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

# Points of the distribution: every fiftieth, and more where rare high values are.
LEVELS: Final = np.concatenate([[0.001, 0.005], np.arange(0.01, 1.0, 0.02), [0.995, 0.999]])
# Forecasts are alike that are as far ahead and of the same seventh of all.
AHEAD_FROM_H: Final = (1, 2, 4, 7, 13)
PARTS: Final = 7
LEAST_IN_PART: Final = 60


class Spread(NamedTuple):
    """Of each group of hours ahead: the middles of its parts, and the points of (measured / forecast) in each part.

    `floor` is the lowest forecast that a ratio is taken of (stored units).
    """

    centres: list[Floats]
    ratios: list[Floats]
    floor: float

    def points(self, mean: Floats, ahead_h: NDArray[np.int64]) -> Floats:
        """Return the distribution of each forecast (forecasts, LEVELS), ascending."""
        mean = np.maximum(mean, self.floor)
        out = np.empty((len(mean), len(LEVELS)))
        group = _group(ahead_h)
        for number, (centres, ratios) in enumerate(zip(self.centres, self.ratios, strict=True)):
            rows = np.flatnonzero(group == number)
            place = np.interp(np.log(mean[rows]), centres, np.arange(len(centres)))
            low = np.minimum(place.astype(int), len(centres) - 1)
            share = (place - low)[:, None]
            out[rows] = (1 - share) * ratios[low] + share * ratios[np.minimum(low + 1, len(centres) - 1)]
        return np.maximum(out, 0.0) * mean[:, None]


def learn_spread(mean: Floats, measured: Floats, ahead_h: NDArray[np.int64], floor: float) -> Spread:
    """Return how measured values lie around forecasts that were made without them."""
    mean, group = np.maximum(mean, floor), _group(ahead_h)
    centres, ratios = [], []
    for number in range(len(AHEAD_FROM_H)):
        rows = group == number
        rows = rows if rows.any() else np.ones_like(rows)
        here, ratio = mean[rows], measured[rows] / mean[rows]
        order = np.argsort(here, kind="stable")
        parts = np.array_split(order, int(np.clip(len(order) // LEAST_IN_PART, 1, PARTS)))
        centres.append(np.array([np.log(here[part]).mean() for part in parts]))
        ratios.append(np.array([np.quantile(ratio[part], LEVELS) for part in parts]))
    return Spread(centres, ratios, floor)


def probability_above(points: Floats, limit: float) -> Floats:
    """Return how probable a value above a limit is, by distributions (forecasts, LEVELS)."""
    below = (points <= limit).sum(axis=1)
    last = len(LEVELS) - 1
    low, high = np.clip(below - 1, 0, last), np.clip(below, 0, last)
    rows = np.arange(len(points))
    width = points[rows, high] - points[rows, low]
    share = np.where(width > 0, (limit - points[rows, low]) / np.where(width > 0, width, 1.0), 0.0)
    inside = LEVELS[low] + share * (LEVELS[high] - LEVELS[low])
    # Beyond the outermost points lies nothing that was ever seen.
    return 1.0 - np.where(below == 0, 0.0, np.where(below > last, 1.0, inside))


def level(points: Floats, wanted: float) -> Floats:
    """Return the value that is not exceeded with a probability."""
    at = int(np.searchsorted(LEVELS, wanted))
    low = max(at - 1, 0)
    share = (wanted - LEVELS[low]) / (LEVELS[at] - LEVELS[low]) if at > low else 0.0
    return np.asarray((1 - share) * points[:, low] + share * points[:, at])


def _group(ahead_h: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(AHEAD_FROM_H, ahead_h, side="right") - 1
