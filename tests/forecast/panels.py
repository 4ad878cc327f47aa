"""Air of a made-up city, hour by hour: it keeps to its level, changes with the hour of the day, and is sometimes bad."""

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.forecast.panel import HOUR_S, Panel

T0_S = 1_772_323_200.0  # 2026-03-01T00:00:00Z


def air(hours: int, seed: int = 1, stations: int = 1) -> Floats:
    """Return (stations, hours) of a lognormal that forgets within a day, µg/m³."""
    rng = np.random.default_rng(seed)
    level = np.zeros(hours)
    for hour in range(1, hours):
        level[hour] = 0.95 * level[hour - 1] + 0.25 * rng.standard_normal()
    of_day = 0.3 * np.sin(2 * np.pi * np.arange(hours) / 24)
    return np.exp(3.4 + level + of_day + 0.05 * rng.standard_normal((stations, hours)))


def panel(hours: int, seed: int = 1, stations: int = 1, **given: dict[str, Floats]) -> Panel:
    """Return a panel of PM10."""
    time_s = T0_S + HOUR_S * np.arange(hours, dtype=np.float64)
    return Panel(time_s=time_s, own=air(hours, seed, stations), timezone="Asia/Seoul", lone_above=30.0, **given)
