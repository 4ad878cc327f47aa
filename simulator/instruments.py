"""Models of instruments: response time, noise, drift, humidity effect, cross-sensitivity, and differences between units.

What data sheets say of each is in `instrument_table`, what they keep for hours, weeks and years in `instrument_errors`.
"""

from itertools import pairwise
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.airquality.pollutants import KEYS, QUANTITY
from jeonju.common.arrays import Floats, unknown_by_column
from jeonju.simulator.carbon_dioxide import CarbonDioxide
from jeonju.simulator.instrument_errors import (
    AEROSOL_FAST,
    AEROSOL_MEMORY_S,
    AEROSOL_SLOW,
    COUNTED,
    DAY_S,
    GRADES,
    LEAST_SENSITIVITY,
    UnitErrors,
    drying,
    memory_s,
    wandering,
)
from jeonju.simulator.instrument_table import INSTRUMENTS, MEASURED
from jeonju.simulator.wander import Wander

_COLUMN: Final = np.array([KEYS.index(key) for key in MEASURED])
_TENS: Final = 10.0 ** np.array([max(QUANTITY[key].decimals, 1) for key in MEASURED])
_COUNTERS: Final = [MEASURED.index(key) for key in COUNTED]
_CLIMATE: Final = [KEYS.index("temperature"), KEYS.index("humidity")]

# Growth of particles in humid air, C = 1 + (κ/1.65)/(1/aw − 1) (κ-Köhler; Crilley et al. 2018), held constant outside 40 to 97 %.
PARTICLE_DENSITY_G_CM3: Final = 1.65
# Optical counters see coarse dust badly: share of PM10 − PM2.5 that they report.
COARSE_EFFICIENCY: Final = 0.65
# The VOC index is 100 at the mean of the last day (Sensirion's definition); its answer to a change is damped.
VOC_INDEX_EXPONENT: Final = 0.9


@njit(cache=True, nogil=True)
def _respond(signal: Floats, used: NDArray[np.bool_], keep: Floats, state: Floats) -> None:
    """Apply first-order response to the signal (times, devices, instruments) in place; `state` is the last value of each instrument."""
    for t in range(signal.shape[0]):
        for d in range(signal.shape[1]):
            for k in range(signal.shape[2]):
                if not used[d, k]:
                    continue
                last = state[d, k]
                value = signal[t, d, k] if np.isnan(last) else keep[k] * last + (1.0 - keep[k]) * signal[t, d, k]
                state[d, k] = value
                signal[t, d, k] = value


@njit(cache=True, nogil=True)
def _voc_index(tvoc: Floats, learn: float, baseline: Floats, out: Floats) -> None:
    """Write to `out` the VOC index of each VOC reading (times, devices) relative to the slowly learnt baseline of its device."""
    for t in range(tvoc.shape[0]):
        for d in range(tvoc.shape[1]):
            if np.isnan(baseline[d]):
                baseline[d] = max(tvoc[t, d], 1.0)
            baseline[d] += learn * (tvoc[t, d] - baseline[d])
            out[t, d] = 100.0 * (max(tvoc[t, d], 1.0) / max(baseline[d], 1.0)) ** VOC_INDEX_EXPONENT


@njit(cache=True, nogil=True)
def _round(
    signal: Floats,
    used: NDArray[np.bool_],
    resolution: Floats,
    lowest: Floats,
    highest: Floats,
    tens: Floats,
    column: NDArray[np.int64],
    out: Floats,
) -> None:
    """Write the signal (times, devices, instruments) to `out` (columns, times, devices) in steps of the resolution, within the range."""
    for t in range(signal.shape[0]):
        for d in range(signal.shape[1]):
            for k in range(signal.shape[2]):
                if used[d, k]:
                    value = np.rint(signal[t, d, k] / resolution[k]) * resolution[k]
                    value = lowest[k] if value < lowest[k] else min(value, highest[k])
                    # Decimals: 0.1 · 233 is not 23.3 in binary, so round again to what a person would write.
                    out[column[k], t, d] = np.rint(value * tens[k]) / tens[k]


@njit(cache=True, nogil=True)
def _err(
    signal: Floats,
    used: NDArray[np.bool_],
    gain: Floats,
    offset: Floats,
    per_day: Floats,
    loss_per_year: Floats,
    age_years: Floats,
    climate: Floats,
    per_kelvin: Floats,
    per_percent: Floats,
    days: Floats,
    levels: Floats,
    shares: Floats,
    whose: NDArray[np.int64],
    step: NDArray[np.int64],
    ahead: Floats,
    wander: Floats,
    noise: Floats,
    level_noise: Floats,
    share_noise: Floats,
) -> None:
    """Apply in place to the signal (times, devices, instruments) what units do to it: gain, age, zero, climate, wander and noise."""
    instruments = signal.shape[2]
    for t in range(signal.shape[0]):
        i, w = step[t], ahead[t]
        for d in range(signal.shape[1]):
            years = age_years[d] + days[t] / 365.25
            for k in range(instruments):
                if not used[d, k]:
                    continue
                fast = (1.0 - w) * wander[i, d, whose[k]] + w * wander[i + 1, d, whose[k]]
                at = instruments + whose[k]
                slow = (1.0 - w) * wander[i, d, at] + w * wander[i + 1, d, at]
                left = max(1.0 - loss_per_year[d, k] * years, LEAST_SENSITIVITY)
                factor = max(1.0 + shares[0, k] * fast + shares[1, k] * slow, 0.1)
                value = signal[t, d, k] * gain[d, k] * left * factor
                value += offset[d, k] + per_day[d, k] * days[t] + levels[0, k] * fast + levels[1, k] * slow
                value += per_kelvin[d, k] * (climate[t, d, 0] - 20.0) + per_percent[d, k] * (climate[t, d, 1] - 50.0)
                signal[t, d, k] = value + noise[d, t, k] * (level_noise[k] + share_noise[k] * abs(value))


class Instruments:
    """The instruments of all devices of a site; `fitted` (devices, len(KEYS)) says which a device has. One generator per device.

    `kinds` are the devices' grades (GRADES). `aerosol` has a generator for every place with an aerosol of its own, `place` says which is a
    device's; a city is one place. With `is_steady` their errors do not wander.
    """

    def __init__(
        self,
        kinds: list[str],
        fitted: NDArray[np.bool_],
        *,
        start_s: float,
        rngs: list[np.random.Generator],
        aerosol: list[np.random.Generator],
        place: NDArray[np.int64] | None = None,
        is_steady: bool = False,
    ) -> None:
        self._rngs = rngs
        self._start_s = start_s
        self._used = _used(fitted[:, _COLUMN])
        # What is fitted is made of these, but the device does not report them.
        self._inputs_only = np.zeros_like(fitted)
        self._inputs_only[:, _COLUMN] = self._used & ~fitted[:, _COLUMN]
        shape = (len(kinds), len(INSTRUMENTS))
        grades = [GRADES[kind] for kind in kinds]
        own = [rng.spawn(1)[0] for rng in rngs]
        units = np.stack([rng.standard_normal((4, len(INSTRUMENTS))) for rng in rngs], axis=1)
        self._co2 = CarbonDioxide(fitted[:, KEYS.index("co2")], [rng.spawn(1)[0] for rng in rngs])
        self._units = UnitErrors(MEASURED, grades, own)
        self._offset = units[0] * _row("offset_spread")
        self._gain = _gains(units[1])
        self._drift = units[2] * _row("drift_spread_per_day")
        self._cross = units[3]
        self._place = np.zeros(len(kinds), dtype=np.int64) if place is None else place
        usual = np.array([rng.spawn(1)[0].standard_normal() for rng in aerosol])[self._place]
        bought = np.array([(grade.counter_gain, grade.place_spread) for grade in grades]).T
        self._gain[:, _COUNTERS] *= (bought[0] * np.exp(bought[1] * usual))[:, None]
        self._wander = Wander(memory_s(MEASURED), start_s=start_s, rngs=own, is_steady=is_steady)
        self._aerosol = Wander(AEROSOL_MEMORY_S, start_s=start_s, rngs=aerosol, is_steady=is_steady)
        self._whose = wandering(MEASURED)
        self._state = np.full(shape, np.nan)
        self._baseline = np.full(len(kinds), np.nan)
        self._kappa = np.array([grade.kappa for grade in grades])
        self._drying = drying(np.array([grade.warmer_k for grade in grades]))
        self._unseen = np.array([grade.unseen_ug_m3 for grade in grades])

    def measure(self, truth: Floats, times_s: Floats, interval_s: float) -> Floats:
        """Return the readings (T, D, len(KEYS)) of the true air (T, D, len(KEYS)); NaN where a device has no such instrument."""
        # In the same order whatever the number of times: numba compiles a function for each order.
        signal = np.ascontiguousarray(truth[:, :, _COLUMN])
        self._count_particles(signal, truth, times_s)
        for k, row in enumerate(INSTRUMENTS):
            if row.cross is not None:
                other, spread = row.cross
                signal[:, :, k] += spread * self._cross[:, k] * truth[:, :, KEYS.index(other)]
        _respond(
            signal,
            self._used,
            np.exp(-interval_s / np.maximum([row.response_s for row in INSTRUMENTS], 1e-9)),
            self._state,
        )
        _voc_index(
            signal[:, :, MEASURED.index("tvoc")],
            interval_s / DAY_S,
            self._baseline,
            signal[:, :, MEASURED.index("voc_index")],
        )
        self._err(signal, truth, times_s)
        out = self._quantize(signal)
        if len(self._co2.fitted):
            at = (slice(None), self._co2.fitted, KEYS.index("co2"))
            out[at] = self._co2.measure(truth[at], interval_s)
        return out

    def _err(self, signal: Floats, truth: Floats, times_s: Floats) -> None:
        units = self._units
        climate = np.ascontiguousarray(truth[:, :, _CLIMATE])
        noise = np.empty((len(self._rngs), len(times_s), len(INSTRUMENTS)))
        for rng, own in zip(self._rngs, noise, strict=True):
            rng.standard_normal(out=own)
        _err(
            signal,
            self._used,
            self._gain,
            self._offset,
            self._drift,
            units.loss_per_year,
            units.age_years,
            climate,
            units.per_kelvin,
            units.per_percent,
            (times_s - self._start_s) / DAY_S,
            units.levels,
            units.shares,
            self._whose,
            *self._wander.at(times_s),
            noise,
            _row("noise"),
            _row("noise_share"),
        )

    def _count_particles(self, signal: Floats, truth: Floats, times_s: Floats) -> None:
        """Apply what optical counters do: growth at high humidity, poor counting of coarse and of the finest particles, light by kind of aerosol."""
        activity = np.clip(truth[:, :, KEYS.index("humidity")] * self._drying, 40.0, 97.0) / 100.0
        growth = 1 + (self._kappa / PARTICLE_DENSITY_G_CM3) / (1 / activity - 1)
        step, ahead, grid = self._aerosol.at(times_s)
        kind = (1 - ahead)[:, None, None] * grid[step] + ahead[:, None, None] * grid[step + 1]
        light = np.exp(kind @ np.array([AEROSOL_FAST, AEROSOL_SLOW]) - (AEROSOL_FAST**2 + AEROSOL_SLOW**2) / 2)
        fine, coarse = MEASURED.index("pm25"), MEASURED.index("pm10")
        seen = np.where(self._unseen > 0, signal[:, :, fine] / np.maximum(signal[:, :, fine] + self._unseen, 1e-9), 1.0)
        missed = (1 - COARSE_EFFICIENCY) * (signal[:, :, coarse] - signal[:, :, fine])
        signal[:, :, coarse] -= missed
        for key in COUNTED:
            signal[:, :, MEASURED.index(key)] *= growth * seen * light[:, self._place]

    def _quantize(self, signal: Floats) -> Floats:
        """Round and clip as the instrument does; NaN where it is not fitted."""
        out = unknown_by_column(*signal.shape[:2], len(KEYS))
        steps, lowest, highest = _row("resolution"), _row("lowest"), _row("highest")
        _round(signal, self._used, steps, lowest, highest, _TENS, _COLUMN, np.moveaxis(out, -1, 0))
        out[:, :, KEYS.index("wind_direction")] %= 360.0
        # A counter adds up its bins of sizes: it never reports less of PM10 than of PM2.5, nor less of that than of PM1.
        for smaller, larger in pairwise(COUNTED):
            larger_column = out[:, :, KEYS.index(larger)]
            np.maximum(larger_column, out[:, :, KEYS.index(smaller)], out=larger_column)
        out[:, self._inputs_only] = np.nan
        return out


def _used(fitted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which signals (devices, instruments) are needed: those of what is fitted, and those that these are made of."""
    used = fitted.copy()
    used[:, _COUNTERS] |= fitted[:, _COUNTERS].any(axis=1, keepdims=True)
    used[:, MEASURED.index("tvoc")] |= fitted[:, MEASURED.index("voc_index")]
    return used


def _gains(drawn: Floats) -> Floats:
    """Return the gains (devices, instruments) of normal numbers. One laser counts all sizes of particles: four fifths of a deviation are common."""
    drawn = drawn.copy()
    fine = drawn[:, MEASURED.index("pm25")]
    for key in ("pm1", "pm10"):
        column = MEASURED.index(key)
        drawn[:, column] = 0.8 * fine + 0.6 * drawn[:, column]
    return np.maximum(1 + drawn * _row("gain_spread"), 0.3)


def _row(name: str) -> Floats:
    return np.array([getattr(row, name) for row in INSTRUMENTS])
