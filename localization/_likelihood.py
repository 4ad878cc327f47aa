"""The loops over candidates and rates: the likelihood of a block, and how the rate of each candidate goes on."""

from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

# An outlier may have any value within so many e-folds.
E_FOLDS: Final = 7.0
# Below this share of the detection level a modelled value cannot be distinguished from zero.
NEGLIGIBLE: Final = 0.02
STEPS_BETWEEN_RATES: Final = 8


@njit(cache=True, nogil=True, error_model="numpy")
def log_density(residual: float, spread: float, outliers: float) -> float:
    """Return the logarithm of the density of a residual: normal, with a share of uniform outliers."""
    core = np.exp(-0.5 * (residual / spread) ** 2) / (spread * np.sqrt(2.0 * np.pi))
    return float(np.log((1.0 - outliers) * core + outliers / E_FOLDS))


@njit(cache=True, nogil=True, error_model="numpy")
def _tables(
    measured: Floats,
    weight: Floats,
    outliers: Floats,
    errors: tuple[float, float],
    lowest: float,
    step: float,
    many: int,
) -> Floats:
    """Return for each sensor the log density of ln(1 + y/level) given ln(f), f = Q·g/level, relative to f = 0, at many steps of ln(f).

    A plume by itself is wrong by factors, what a sensor shows without it is not: the spread grows from `noise` to `model` with the plume's share.
    """
    noise, model = errors
    out = np.empty((measured.shape[0], many))
    for r in range(measured.shape[0]):
        nothing = log_density(measured[r], noise, outliers[r])
        for k in range(many):
            plume = np.exp(lowest + k * step)
            spread = np.sqrt(noise * noise + (model * plume / (1.0 + plume)) ** 2)
            out[r, k] = weight[r] * (log_density(measured[r] - np.log1p(plume), spread, outliers[r]) - nothing)
    return out


@njit(cache=True, nogil=True, error_model="numpy")
def add_block(
    measured: Floats,
    response: Floats,
    rows: NDArray[np.int64],
    rates: Floats,
    weight: Floats,
    outliers: Floats,
    errors: tuple[float, float],
    course: tuple[float, float],
    going: Floats,
    ended: Floats,
    log_scale: Floats,
    reached: Floats,
) -> None:
    """Add one block to the probabilities of each candidate and rate; `rows` of `response` are those that were measured, `rates` in levels.

    `reached` is added to: how many candidates reach each of these sensors with more than the level, each by the share of its rates that do.

    The density depends on ln(Q·g) alone, and the rates are equally spaced in their logarithm: so it is tabulated once for each sensor and looked up.
    A candidate whose plume touches no sensor stays as it is.
    """
    many = rates.shape[0]
    step = (np.log(rates[-1]) - np.log(rates[0])) / max(many - 1, 1) / STEPS_BETWEEN_RATES if many > 1 else 0.1
    strongest = 0.0
    for r in range(rows.shape[0]):
        strongest = max(strongest, response[rows[r]].max())
    least = NEGLIGIBLE / rates[-1]
    lowest, highest = np.log(NEGLIGIBLE), np.log(strongest * rates[-1] + NEGLIGIBLE) + step
    table = _tables(measured, weight, outliers, errors, lowest, step, int((highest - lowest) / step) + 3)
    moves, ends = course
    found, moved = np.empty(many), np.empty(many)
    at_level = -lowest / step
    for c in range(response.shape[1]):
        touched = False
        for r in range(rows.shape[0]):
            if response[rows[r], c] < least:
                continue
            if not touched:
                touched = True
                found[:] = 0.0
            place = (np.log(response[rows[r], c] * rates[0]) - lowest) / step
            below = max(int(np.ceil((at_level - place) / STEPS_BETWEEN_RATES)), 0)
            reached[r] += max(many - below, 0) / many
            first = 0 if place >= 0.0 else int(np.ceil(-place / STEPS_BETWEEN_RATES))
            for q in range(first, many):
                here = place + q * STEPS_BETWEEN_RATES
                low = int(here)
                found[q] += table[r, low] + (here - low) * (table[r, low + 1] - table[r, low])
        if touched:
            log_scale[c] += _follow(going[c], ended[c], found, moved, moves, ends)


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(going: Floats, ended: Floats, found: Floats, moved: Floats, moves: float, ends: float) -> float:
    """Let the rate of one candidate move and its release end, weigh it with what was `found`, and return the logarithm of the factor taken out."""
    many = going.shape[0]
    for q in range(many):
        below, above = (moves if q > 0 else 0.0), (moves if q + 1 < many else 0.0)
        moved[q] = going[q] * (1.0 - below - above)
        if q > 0:
            moved[q] += going[q - 1] * moves
        if q + 1 < many:
            moved[q] += going[q + 1] * moves
    top = max(found.max(), 0.0)
    rest = np.exp(-top)
    total = 0.0
    for q in range(many):
        ended[q] = (ended[q] + ends * going[q]) * rest
        going[q] = (1.0 - ends) * moved[q] * np.exp(found[q] - top)
        total += ended[q] + going[q]
    for q in range(many):
        going[q] /= total
        ended[q] /= total
    return float(top + np.log(total))
