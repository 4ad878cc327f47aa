"""Humid air: particles take up water, and a counter without a heated inlet takes the water for dust."""

from collections.abc import Iterator
from functools import cache

import numpy as np

from jeonju.common.arrays import Floats
from jeonju.contract.quality import Flag
from jeonju.ingest.quality.flags import Finding
from jeonju.ingest.quality.thresholds import FOG_PERCENT, HUMID_PERCENT, KAPPA, PARTICLE_DENSITY_G_CM3


def overreading(humidity_percent: float, kappa: float) -> float:
    """Return how many times too much a counter reads that was calibrated with dry particles.

    κ-Köhler: particles grow in volume by gf³ = 1 + κ · aw / (1 − aw), with aw = humidity / 100. What they take up is water of 1 g/cm³, so
    the mass grows by C = 1 + (gf³ − 1) / density (Crilley et al. 2018). Valid from 40 to 95 %.
    """
    activity = humidity_percent / 100
    volume_growth = 1 + kappa * activity / (1 - activity)
    return 1 + (volume_growth - 1) / PARTICLE_DENSITY_G_CM3


def judge(values: dict[str, Floats]) -> Iterator[Finding]:
    """Flag particles that were measured in humid air."""
    humidity = values.get("humidity")
    if humidity is None or not (humid := humidity >= HUMID_PERCENT).any():
        return
    for key in KAPPA.keys() & values.keys():
        rows = np.flatnonzero(humid & np.isfinite(values[key]))
        if len(rows):
            percents, which = np.unique(np.floor(humidity[rows]).astype(np.int64), return_inverse=True)
            yield Finding(rows, key, [_flag(key, percent) for percent in percents.tolist()], which)


@cache
def _flag(key: str, percent: int) -> Flag:
    if percent > FOG_PERCENT:
        factor = overreading(FOG_PERCENT, KAPPA[key])
        return Flag.of("suspect", "fog", percent=percent, factor=round(factor, 1))
    factor = overreading(percent, KAPPA[key])
    return Flag.of("suspect", "humid", percent=percent, factor=round(factor, 1))
