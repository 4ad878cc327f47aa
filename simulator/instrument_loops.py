"""The loops of instruments, compiled. A signal is (times, pairs): a pair is a device and an instrument that it has, nothing else is computed."""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.simulator.instrument_errors import LEAST_SENSITIVITY

Numbers = NDArray[np.int64]

# No error with memory takes more than nine tenths of a reading.
LEAST_FACTOR = 0.1
# Growth of particles in humid air, C = 1 + (κ/1.65)/(1/aw − 1) (κ-Köhler; Crilley et al. 2018), held constant outside 40 to 97 %.
PARTICLE_DENSITY_G_CM3 = 1.65
LOWEST_ACTIVITY, HIGHEST_ACTIVITY = 0.40, 0.97
# Optical counters see coarse dust badly: share of PM10 − PM2.5 that they report.
COARSE_EFFICIENCY = 0.65
# The VOC index is 100 at the mean of the last day (Sensirion's definition); its answer to a change is damped.
VOC_INDEX_EXPONENT = 0.9
DAYS_A_YEAR = 365.25
# What temperature and humidity do to an instrument is zero here [°C, %].
CALIBRATED_AT = (20.0, 50.0)

# Rows of what a unit has of its own, and of what all of its make have.
GAIN, OFFSET, PER_DAY, LOSS_PER_YEAR, AGE_YEARS, PER_KELVIN, PER_PERCENT = range(7)
FAST_LEVEL, SLOW_LEVEL, FAST_SHARE, SLOW_SHARE, NOISE, NOISE_SHARE = range(7, 13)
UNIT_ROWS = 13


@njit(cache=True, nogil=True)
def gather(air: Floats, column: Numbers, device: Numbers, other: Numbers, share: Floats) -> Floats:
    """Return the air (columns, times, devices) as pairs see it; each also sees a share of another column, where `other` is not below zero."""
    signal = np.empty((air.shape[1], len(column)))
    for t in range(signal.shape[0]):
        for p in range(signal.shape[1]):
            signal[t, p] = air[column[p], t, device[p]]
            if other[p] >= 0:
                signal[t, p] += share[p] * air[other[p], t, device[p]]
    return signal


@njit(cache=True, nogil=True)
def count_particles(
    signal: Floats,
    counters: Numbers,
    device: Numbers,
    humidity: Floats,
    drying: Floats,
    kappa: Floats,
    unseen: Floats,
    light: Floats,
) -> None:
    """Apply what optical counters do, in place: growth in humid air, poor counting of coarse and of the finest particles, light by kind of aerosol.

    `counters` (3, counters) are the pairs of PM1, PM2.5 and PM10, `device` (counters) whose they are, `humidity` and `light` (times, devices).
    """
    for t in range(signal.shape[0]):
        for n in range(len(device)):
            d = device[n]
            small, fine, coarse = counters[0, n], counters[1, n], counters[2, n]
            activity = min(max(humidity[t, d] * drying[d] / 100.0, LOWEST_ACTIVITY), HIGHEST_ACTIVITY)
            factor = light[t, d] * (1.0 + kappa[d] / PARTICLE_DENSITY_G_CM3 / (1.0 / activity - 1.0))
            if unseen[d] > 0.0:
                factor *= signal[t, fine] / max(signal[t, fine] + unseen[d], 1e-9)
            missed = (1.0 - COARSE_EFFICIENCY) * (signal[t, coarse] - signal[t, fine])
            signal[t, coarse] = factor * (signal[t, coarse] - missed)
            signal[t, fine] *= factor
            signal[t, small] *= factor


@njit(cache=True, nogil=True)
def respond(signal: Floats, keep: Floats, state: Floats) -> None:
    """Apply first-order response in place; `state` (pairs) is the last value of each, NaN before the first."""
    for p in range(signal.shape[1]):
        if np.isnan(state[p]):
            state[p] = signal[0, p]
    for t in range(signal.shape[0]):
        for p in range(signal.shape[1]):
            state[p] = keep[p] * state[p] + (1.0 - keep[p]) * signal[t, p]
            signal[t, p] = state[p]


@njit(cache=True, nogil=True)
def index_voc(signal: Floats, tvoc: Numbers, index: Numbers, learn: float, baseline: Floats) -> None:
    """Write the VOC index of the pairs `tvoc` to the pairs `index`, relative to the slowly learnt baseline of each."""
    for t in range(signal.shape[0]):
        for n in range(len(index)):
            value = signal[t, tvoc[n]]
            if np.isnan(baseline[n]):
                baseline[n] = max(value, 1.0)
            baseline[n] += learn * (value - baseline[n])
            signal[t, index[n]] = 100.0 * (max(value, 1.0) / max(baseline[n], 1.0)) ** VOC_INDEX_EXPONENT


class Wanders(NamedTuple):
    """How units wander: `grid` (steps, devices, processes), `days` (steps) after they began; each time is `ahead` of a `step` by a share of the way.

    `processes` (2, pairs) are the fast and the slow one of each pair.
    """

    processes: Numbers
    days: Floats
    grid: Floats
    step: Numbers
    ahead: Floats


@njit(cache=True, nogil=True)
def _unit_at(wanders: Wanders, step: int, device: Numbers, units: Floats, gain: Floats, zero: Floats) -> None:
    """Write the gain and the zero of each pair at a step of the grid."""
    days, grid, processes = wanders.days[step], wanders.grid[step], wanders.processes
    for p in range(len(device)):
        fast, slow = grid[device[p], processes[0, p]], grid[device[p], processes[1, p]]
        years = units[AGE_YEARS, p] + days / DAYS_A_YEAR
        left = max(1.0 - units[LOSS_PER_YEAR, p] * years, LEAST_SENSITIVITY)
        factor = max(1.0 + units[FAST_SHARE, p] * fast + units[SLOW_SHARE, p] * slow, LEAST_FACTOR)
        gain[p] = units[GAIN, p] * left * factor
        zero[p] = units[OFFSET, p] + units[PER_DAY, p] * days
        zero[p] += units[FAST_LEVEL, p] * fast + units[SLOW_LEVEL, p] * slow


@njit(cache=True, nogil=True)
def err(
    signal: Floats, device: Numbers, row: Numbers, units: Floats, wanders: Wanders, climate: Floats, noise: Floats
) -> None:
    """Apply in place what units do to a signal: gain, age, zero, climate, wander and noise.

    `units` (UNIT_ROWS, pairs) are named above, `climate` (2, times, devices) is temperature and humidity, `noise` (devices, times, instruments)
    normal, of which a pair has the `row`.
    """
    gain, zero = np.empty((2, len(device))), np.empty((2, len(device)))
    last = -1
    for t in range(signal.shape[0]):
        if wanders.step[t] != last:
            last = wanders.step[t]
            for side in range(2):
                _unit_at(wanders, last + side, device, units, gain[side], zero[side])
        ahead = wanders.ahead[t]
        for p in range(len(device)):
            d = device[p]
            value = signal[t, p] * (gain[0, p] + ahead * (gain[1, p] - gain[0, p]))
            value += zero[0, p] + ahead * (zero[1, p] - zero[0, p])
            value += units[PER_KELVIN, p] * (climate[0, t, d] - CALIBRATED_AT[0])
            value += units[PER_PERCENT, p] * (climate[1, t, d] - CALIBRATED_AT[1])
            signal[t, p] = value + noise[d, t, row[p]] * (units[NOISE, p] + units[NOISE_SHARE, p] * abs(value))


@njit(cache=True, nogil=True)
def display(
    signal: Floats, column: Numbers, device: Numbers, resolution: Floats, limits: Floats, tens: Floats, out: Floats
) -> None:
    """Write the signal to `out` (columns, times, devices) in steps of the resolution, within the limits (2, pairs)."""
    for t in range(signal.shape[0]):
        for p in range(signal.shape[1]):
            value = np.rint(signal[t, p] / resolution[p]) * resolution[p]
            value = max(value, limits[0, p])
            value = min(value, limits[1, p])
            # Decimals: 0.1 · 233 is not 23.3 in binary, so round again to what a person would write.
            signal[t, p] = np.rint(value * tens[p]) / tens[p]
        for p in range(signal.shape[1]):
            out[column[p], t, device[p]] = signal[t, p]
