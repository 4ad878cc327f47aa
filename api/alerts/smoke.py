"""Smoke, dust and gas releases: a local rise against the device's own baseline and against the network.

For each device and quantity a baseline and its scatter are learnt slowly. What counts is the rise above that baseline less the median rise of the
whole network, so that Asian dust, haze and rush hours, which rise everywhere, do not count. The rise is summed up over time (CUSUM), so that a
weak plume that stays is found as well as a strong one that passes. Which quantities rise together tells what it is.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from api.alerts.bins import BIN_S, QUANTITIES

Floats = NDArray[np.float64]

# What is watched, and the least scatter that is believed for a 10 s mean: instrument noise and the unrest of clean city air.
WATCHED: Final = ("pm25", "pm10", "co", "tvoc", "h2s", "nh3")
LEAST_SCATTER: Final = np.array([2.5, 5.0, 0.015, 6.0, 0.0008, 0.02])
# No alert below this rise, whatever the scatter: a smoke plume at a few hundred metres adds tens of µg/m³.
LEAST_RISE: Final = np.array([25.0, 200.0, 0.04, 300.0, 0.012, 0.4])
_PM25, _PM10, _CO, _TVOC, _H2S, _NH3 = range(len(WATCHED))

# Units differ in gain and in what humidity does to them: of a rise that all share, some show half as much again.
WEATHER_GAIN: Final = 1.5

BASELINE_S: Final = 1800.0
SCATTER_S: Final = 6 * 3600.0
# Before this the baseline is not known well enough.
WARM_UP_S: Final = 900.0
# CUSUM: rises below `SLACK` scatters count against, the sum raises above `RAISE`. 10 s means are correlated, so it is larger than the
# 4 to 5 of textbooks.
SLACK: Final = 3.0
RAISE: Final = 12.0
HIGHEST_SUM: Final = 40.0
# A single bin is capped, so that one outlier alone cannot raise anything.
MOST_PER_BIN: Final = 8.0
# The baseline hardly learns while something is going on.
LEARN_WHILE_RAISED: Final = 0.05
CLEAR_AFTER_S: Final = 600.0
CLEAR_BELOW: Final = 0.4  # of LEAST_RISE
# Rises below this share of LEAST_RISE are not worth naming as a reason.
NAMED_FROM: Final = 0.15

# Combustion: CO per PM2.5 [ppm per µg/m³]. 2 to 20 g CO per g PM2.5 (building to straw, smouldering) is 0.0017 to 0.017; engines give above 0.04.
SMOKE_CO_PER_PM25: Final = (0.0008, 0.03)
LEAST_SMOKE_CO: Final = 0.025
# Smoke is fine: PM10 rises 1.1 to 1.5 times as much as PM2.5; above this most of it is dust.
SMOKE_PM10_PER_PM25: Final = 2.2
# Dust is coarse: PM10 rises at least this many times as much as PM2.5, as low-cost counters see it.
DUST_PM10_PER_PM25: Final = 3.0
FOG_HUMIDITY: Final = 96.0
# A thermal camera above this and this far above the air sees fire; roofs in the sun stay below 75 °C.
FLAME_C: Final = 85.0
FLAME_ABOVE_AIR_C: Final = 50.0


class Finding(NamedTuple):
    """What a device shows now: the kind, what decides it, and every rise."""

    kind: str  # smoke, dust or release
    quantity: str
    value: float
    rises: dict[str, float]


@dataclass
class SmokeDetector:
    """State of all devices; give it every bin in order."""

    _baseline: Floats = field(default_factory=lambda: np.empty((0, len(WATCHED))))
    _scatter: Floats = field(default_factory=lambda: np.empty((0, len(WATCHED))))
    _sum: Floats = field(default_factory=lambda: np.empty((0, len(WATCHED))))
    _learnt_s: Floats = field(default_factory=lambda: np.empty(0))
    _quiet_s: Floats = field(default_factory=lambda: np.empty(0))
    _raised: list[Finding | None] = field(default_factory=list)

    def step(self, means: Floats) -> list[Finding | None]:
        """Take one bin (devices, QUANTITIES); return what each device shows, None for nothing."""
        self._grow(len(means))
        x = means[:, [QUANTITIES.index(key) for key in WATCHED]]
        rise = x - self._baseline
        # The median over a network says what the weather does; with fewer than four devices there is none.
        heard = np.isfinite(rise).sum(axis=0)
        with np.errstate(all="ignore"):
            weather = np.where(heard >= 4, np.nan_to_num(_median(rise)), 0.0)
        local = np.nan_to_num(rise - WEATHER_GAIN * np.maximum(weather, 0.0))
        local[self._learnt_s < WARM_UP_S] = 0.0
        z = local / np.maximum(self._scatter, LEAST_SCATTER)
        present = np.isfinite(x)
        self._sum = np.where(
            present, np.clip(self._sum + np.minimum(z, MOST_PER_BIN + SLACK) - SLACK, 0.0, HIGHEST_SUM), self._sum
        )
        strong = (self._sum > RAISE) & (local > LEAST_RISE)
        self._learn(x, rise, np.asarray(strong.any(axis=1)))
        for device in np.flatnonzero(
            strong.any(axis=1) | self._is_hot(means) | np.array([f is not None for f in self._raised])
        ):
            self._judge(int(device), means[device], local[device], strong[device])
        return list(self._raised)

    def _grow(self, devices: int) -> None:
        more = devices - len(self._raised)
        if more > 0:
            self._baseline = np.concatenate([self._baseline, np.full((more, len(WATCHED)), np.nan)])
            self._scatter = np.concatenate([self._scatter, np.tile(LEAST_SCATTER, (more, 1))])
            self._sum = np.concatenate([self._sum, np.zeros((more, len(WATCHED)))])
            self._learnt_s = np.concatenate([self._learnt_s, np.zeros(more)])
            self._quiet_s = np.concatenate([self._quiet_s, np.zeros(more)])
            self._raised += [None] * more

    def _learn(self, x: Floats, rise: Floats, busy: NDArray[np.bool_]) -> None:
        """Follow the level and its scatter slowly and robustly: one bin moves them by at most a few scatters."""
        first = np.isnan(self._baseline) & np.isfinite(x)
        self._baseline[first] = x[first]
        self._learnt_s += np.where(np.isfinite(x).any(axis=1), BIN_S, 0.0)
        # Young baselines learn faster, like a mean of all that was heard.
        weight = np.maximum(BIN_S / BASELINE_S, BIN_S / np.maximum(self._learnt_s, BIN_S))[:, None]
        weight = weight * np.where(busy, LEARN_WHILE_RAISED, 1.0)[:, None]
        limit = 3.0 * np.maximum(self._scatter, LEAST_SCATTER)
        step = np.clip(np.nan_to_num(rise), -limit, limit)
        self._baseline += weight * step
        share = weight * (BASELINE_S / SCATTER_S)
        # The mean of |x| of a normal variable is 0.8 of its standard deviation.
        self._scatter += np.where(np.isfinite(x), share * (np.abs(step) / 0.8 - self._scatter), 0.0)

    @staticmethod
    def _is_hot(means: Floats) -> NDArray[np.bool_]:
        hot, air = means[:, QUANTITIES.index("thermal_max")], means[:, QUANTITIES.index("temperature")]
        return np.nan_to_num(hot) > np.maximum(FLAME_C, np.nan_to_num(air) + FLAME_ABOVE_AIR_C)

    def _judge(self, device: int, means: Floats, local: Floats, strong: NDArray[np.bool_]) -> None:
        """Raise, keep, change or clear what one device shows."""
        clear = local > NAMED_FROM * LEAST_RISE
        rises = {key: round(float(value), 4) for key, value, seen in zip(WATCHED, local, clear, strict=True) if seen}
        finding = None
        if self._is_hot(means[None, :])[0]:
            hottest = float(means[QUANTITIES.index("thermal_max")])
            finding = Finding("smoke", "thermal_max", hottest, {**rises, "thermal_max": hottest})
        elif (kind := _kind(local, strong, float(means[QUANTITIES.index("humidity")]))) is not None:
            finding = Finding(kind[0], WATCHED[kind[1]], float(local[kind[1]]), rises)
        before = self._raised[device]
        if finding is not None:
            self._quiet_s[device] = 0.0
            # Smoke stays smoke while it thins out, and anything may become smoke.
            if before is None or finding.kind in (before.kind, "smoke"):
                self._raised[device] = finding
        elif before is not None:
            self._quiet_s[device] = self._quiet_s[device] + BIN_S if np.all(local < CLEAR_BELOW * LEAST_RISE) else 0.0
            if self._quiet_s[device] >= CLEAR_AFTER_S:
                self._raised[device] = None
                self._sum[device] = 0.0


def _kind(local: Floats, strong: NDArray[np.bool_], humidity: float) -> tuple[str, int] | None:
    """Return what a set of rises means and which decides, or None: engines, fog and rises that fit nothing are no alert."""
    pm25, pm10, co = local[_PM25], local[_PM10], local[_CO]
    if strong[_PM25]:
        low, high = SMOKE_CO_PER_PM25
        fine = pm10 < SMOKE_PM10_PER_PM25 * pm25
        if fine and max(low * pm25, LEAST_SMOKE_CO) <= co <= high * pm25:
            return "smoke", _PM25
        if strong[_TVOC] and co > 0:
            return "smoke", _PM25
    if strong[_PM10] and pm10 > DUST_PM10_PER_PM25 * max(pm25, 1.0) and not humidity > FOG_HUMIDITY:
        return "dust", _PM10
    for gas in (_H2S, _NH3, _TVOC):
        if strong[gas] and pm25 < LEAST_RISE[_PM25]:
            return "release", gas
    return None


def _median(values: Floats) -> Floats:
    """Return the median over devices, NaN where none is heard."""
    out = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        known = values[:, column][np.isfinite(values[:, column])]
        if len(known):
            out[column] = np.median(known)
    return out
