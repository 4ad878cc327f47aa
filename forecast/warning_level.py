"""When a forecast warns: as often as hours were bad recently, and from a threshold that left-out months gave.

A forecast that warns as often as "it stays as it is" does, and ranks hours better, has more hits and fewer false alarms at once. One level for all
seasons does not: in a year with half as many bad hours it warned too often, or of too few of them.
"""

from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.forecast.panel import Bools, Cases, Integers, Panel, happened

# Levels at which a warning may be given, and how many hits and false alarms persistence must have had in a block of time to be compared with.
TRIED: Final = np.arange(0.02, 0.99, 0.01)
LEAST_ALARMS: Final = 15
# Bad hours are counted over so many hours: of 30 to 90 days, and of shares from 0.5 to 1, 45 and 60 days with 0.7 led over persistence by most in
# left-out months (docs/decisions/0047-forecast.md).
RECENT_H: Final = 60 * 24
# However often hours were bad recently, it warns of nothing that is less probable than this share of the threshold.
LEAST_SHARE: Final = 0.7


class Issued(NamedTuple):
    """Forecasts that were made: at which hour, how far ahead, how probable they said a bad hour to be, and whether the hour itself was bad."""

    origin: Integers
    ahead_h: Integers
    probability: Floats
    was_bad: Bools

    def near(self, ahead_h: int) -> "Issued":
        """Return those for about as many hours ahead."""
        return self.where(near_horizon(self.ahead_h, ahead_h))

    def where(self, chosen: Bools) -> "Issued":
        """Return some of them."""
        return Issued(self.origin[chosen], self.ahead_h[chosen], self.probability[chosen], self.was_bad[chosen])

    def joined(self, more: "Issued") -> "Issued":
        """Return both."""
        return Issued(*(np.concatenate(columns) for columns in zip(self, more, strict=True)))


class Warnings(NamedTuple):
    """What is known of warnings: forecasts of left-out months, and for each number of hours ahead the threshold that led over persistence in them."""

    issued: Issued
    thresholds: dict[int, float]

    def level(self, ahead_h: int, hour: int, since: Issued | None = None) -> float:
        """Return how probable a bad hour must be for a warning at an hour, by forecasts before it; `since` are those made since learning.

        At that level there would have been as many warnings recently as hours were bad, one at least.
        """
        made = self.issued.near(ahead_h)
        if since is not None:
            made = made.joined(since.near(ahead_h))
        recent = made.where((made.origin >= hour - RECENT_H) & (made.origin < hour))
        least = LEAST_SHARE * self.thresholds[ahead_h]
        count = len(recent.probability)
        if not count:
            return self.thresholds[ahead_h]
        rank = count - min(max(int(recent.was_bad.sum()), 1), count)
        return max(float(np.partition(recent.probability, rank)[rank]), least)


def near_horizon(ahead_h: Integers, wanted_h: int) -> Bools:
    """Return which are about as many hours ahead: neighbouring hours have more bad ones to learn from, and nearly the same chances."""
    return np.asarray(np.abs(ahead_h - wanted_h) <= max(1, wanted_h // 6))


def learn_warnings(panel: Panel, cases: Cases, probability: Floats, bad_above: float, blocks: int) -> Warnings:
    """Return what forecasts of left-out months say of warnings; thresholds are compared in so many blocks of time."""
    was_bad = panel.own[cases.station, cases.origin] > bad_above
    issued = Issued(cases.origin, cases.ahead_h, probability, was_bad)
    is_bad = happened(panel, cases) > bad_above
    edges = np.linspace(cases.origin.min(), cases.origin.max() + 1, blocks + 1)
    block = np.searchsorted(edges, cases.origin, side="right")
    thresholds: dict[int, float] = {}
    for ahead_h in np.unique(cases.ahead_h):
        rows = near_horizon(cases.ahead_h, int(ahead_h))
        thresholds[int(ahead_h)] = balanced(probability[rows], is_bad[rows], was_bad[rows], block[rows])
    return Warnings(issued, thresholds)


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
