"""The forecast of a city that has stored little: what is measured now goes back to what is usual at that hour."""

from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.forecast.learning import FLOOR_SHARE
from jeonju.forecast.panel import HORIZONS_H, Cases, Integers, Panel, all_cases, happened
from jeonju.forecast.spread import Spread, learn_spread

# From so many days on an hour of the day has a mean of its own.
DAYS_FOR_DAILY: Final = 5


class Persistence(NamedTuple):
    """`usual` (stations, hours of the day) in stored units; `kept` is the share of the distance from it that is left after 1, 2, … 24 hours."""

    usual: Floats
    kept: Floats
    spread: Spread

    def mean(self, panel: Panel, cases: Cases) -> Floats:
        """Return the mean of each case; a station that is silent now is as usual."""
        return _mean(self.usual, self.kept, panel, cases)


def learn_persistence(panel: Panel, bad_above: float) -> Persistence:
    """Return what the hours of a panel show of how long the air stays as it is."""
    cases = all_cases(panel)
    cases = cases.where(np.isfinite(happened(panel, cases)))
    usual, measured = _usual(panel), happened(panel, cases)
    now, then = cases.origin % 24, (cases.origin + cases.ahead_h) % 24
    apart_now = panel.own[cases.station, cases.origin] - usual[cases.station, now]
    apart_then = measured - usual[cases.station, then]
    kept = np.array([_kept(apart_now, apart_then, cases.ahead_h == ahead_h) for ahead_h in HORIZONS_H])
    kept = np.minimum.accumulate(np.clip(np.nan_to_num(kept), 0.0, 1.0))
    spread = learn_spread(_mean(usual, kept, panel, cases), measured, cases.ahead_h, FLOOR_SHARE * bad_above)
    return Persistence(usual, kept, spread)


def _mean(usual: Floats, kept: Floats, panel: Panel, cases: Cases) -> Floats:
    now, then = cases.origin % 24, (cases.origin + cases.ahead_h) % 24
    apart = np.nan_to_num(panel.own[cases.station, cases.origin] - usual[cases.station, now])
    return np.asarray(np.maximum(usual[cases.station, then] + kept[cases.ahead_h - 1] * apart, 0.0))


def _usual(panel: Panel) -> Floats:
    """Return the mean of each hour of the day, or of all hours where there are too few days; that of the city where a station has none."""
    hours = panel.own.shape[1]
    days = hours // 24
    over_all = np.nanmean(panel.own)
    of_station = np.array([np.nanmean(row) if np.isfinite(row).any() else over_all for row in panel.own])
    usual = np.repeat(of_station[:, None], 24, axis=1)
    if days < DAYS_FOR_DAILY:
        return usual
    of_day: Integers = np.arange(hours) % 24
    for hour in range(24):
        here = panel.own[:, of_day == hour]
        known = np.isfinite(here)
        mean = np.where(known, here, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        usual[:, hour] = np.where(known.sum(axis=1) >= DAYS_FOR_DAILY, mean, usual[:, hour])
    return usual


def _kept(now: Floats, then: Floats, rows: Floats) -> float:
    return float((now[rows] @ then[rows]) / max(float(now[rows] @ now[rows]), 1e-12)) if rows.any() else np.nan
