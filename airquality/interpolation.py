"""What lies between instruments: ordinary kriging with the standard error of every place, its covariance weighed by the values themselves.

Values are carried into a scale on which an instrument errs alike everywhere: one that errs by `level + share · value` does so by `share` in
log(value + level / share) (the transform that stabilises the variance, Bartlett 1947, Biometrics 3, 39). There the field is an unknown mean plus
departures with the correlation (1 + d/L)·exp(−d/L) (Thiébaux and Pedder 1987), seen through instruments with independent errors. Neither L nor how
large departures are is known: all of a few are tried, and count as far as the values make them probable (Handcock and Stein 1993, Technometrics 35,
403). The errors of instruments are known about as well as `KNOWN_AS` measurements of them would tell.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from jeonju.common.arrays import Floats

# Two lengths of one city may differ tenfold: a street's plume, and the air of a valley.
LENGTHS_M: Final = (400.0, 800.0, 1600.0, 3200.0, 6400.0, 12_800.0)
# Departures, as multiples of the errors of instruments.
DEPARTURES: Final = (0.1, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)
KNOWN_AS: Final = 6.0
# What is less probable than this of all pairs of length and departures does not count.
LEAST_SHARE: Final = 0.02
# Fewer say nothing of what is between them.
LEAST_DEVICES: Final = 3
# Their number cubed is the work; of more, these many stand for all.
MOST_DEVICES: Final = 150
# 5 and 95 % points of a normal distribution.
NINETY: Final = 1.645


class Accuracy(NamedTuple):
    """By how much a value differs from the air around the instrument: a standard deviation of `level + share · value` in the quantity's unit.

    `common` is an error of all instruments alike, on top, relative to the value: no number of them averages it out.
    """

    level: float
    share: float
    common: float = 0.0


# Counters of one make side by side agree with each other far better than with a reference: a microgram of another, or of a damp aerosol scatters
# another amount of light. Above 8 µg/m³ the logarithm of their ratio to a reference is 0.39 to 0.55 off (root mean square of 661 and 742 hours of
# QUANT, Diez et al. 2022, and of 3108 days of PurpleAirs), of which their own part is 0.15 to 0.2.
_COMMON: Final = 0.4
_COUNTER: Final = Accuracy(1.5, 0.15, _COMMON)
# Particles: spread between calibrated counters of one make (Diez et al. 2022, AMT 15, 4091; Barkjohn et al. 2021, AMT 14, 4617 for many). Gases: data
# sheets of Alphasense's B4 cells and differences between units (Mead et al. 2013, Atmos. Environ. 70, 186). The rest: data sheets. A street's own air
# near the mast is part of it.
ACCURACY: Final[Mapping[str, Accuracy]] = {
    "pm1": _COUNTER,
    "pm25": _COUNTER,
    "pm10": Accuracy(3.0, 0.2, _COMMON),
    "so2": Accuracy(0.002, 0.15),
    "no2": Accuracy(0.004, 0.2),
    "o3": Accuracy(0.005, 0.1),
    "co": Accuracy(0.06, 0.12),
    "nh3": Accuracy(0.02, 0.15),
    "h2s": Accuracy(0.002, 0.15),
    "co2": Accuracy(15.0, 0.03),
    "ch4": Accuracy(0.05, 0.03),
    "tvoc": Accuracy(15.0, 0.2),
    "temperature": Accuracy(0.3, 0.0),
    "humidity": Accuracy(2.0, 0.0),
}


class Between(NamedTuple):
    """What lies at places: the middle (median), and the 5 and 95 % points, in the quantity's unit; all of one shape.

    `error` is the standard error on the scale on which instruments err alike, without what all of them have in common.
    """

    value: Floats
    low: Floats
    high: Floats
    error: Floats


class TooFewError(ValueError):
    """Fewer values than say anything of what is between them."""


def interpolate(values: Floats, at_m: Floats, places_m: Floats, accuracy: Accuracy) -> Between:
    """Return what lies at `places_m` (places, 2), from the `values` (devices,) that were measured `at_m` (devices, 2).

    It is said of the air itself; an instrument there would differ from it by its own error, too. Raises TooFewError for fewer than
    `LEAST_DEVICES` finite values.
    """
    known = np.isfinite(values) & np.isfinite(at_m).all(axis=1)
    values, at_m = _some(values[known]), _some(at_m[known])
    if len(values) < LEAST_DEVICES:
        raise TooFewError(
            f"{len(values)} devices measure it now; {LEAST_DEVICES} are needed to say what is between them"
        )
    seen, error = _stabilised(values, accuracy)
    middle, spread = _krige(seen, at_m, places_m, error)
    return _between(middle, spread, _common(middle, accuracy), accuracy)


def with_instrument(between: Between, accuracy: Accuracy) -> Between:
    """Return what an instrument of the same kind would show there, as when one that was left out is compared."""
    middle, error = _stabilised(between.value, accuracy)
    return _between(middle, np.hypot(between.error, error), np.zeros_like(middle), accuracy)


def _between(middle: Floats, error: Floats, common: Floats, accuracy: Accuracy) -> Between:
    spread = np.hypot(error, common)
    low, mid, high = (_natural(middle + sign * NINETY * spread, accuracy) for sign in (-1, 0, 1))
    return Between(mid, low, high, error)


def _common(middle: Floats, accuracy: Accuracy) -> Floats:
    """Return the error that all have in common on the scale on which instruments err alike: there a share of the value is one of value and offset."""
    if not accuracy.common:
        return np.zeros_like(middle)
    value = _natural(middle, accuracy)
    return np.asarray(accuracy.common * value / (value + accuracy.level / accuracy.share))


def _some(rows: Floats) -> Floats:
    if len(rows) <= MOST_DEVICES:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, MOST_DEVICES).round().astype(int)], dtype=np.float64)


def _stabilised(values: Floats, accuracy: Accuracy) -> tuple[Floats, float]:
    """Return values on the scale on which the instruments' error is the same for all, and that error."""
    if not accuracy.share:
        return values, accuracy.level
    offset = accuracy.level / accuracy.share
    # Cells read below zero around their zero point.
    return np.log(np.maximum(values, -offset / 2) + offset), accuracy.share


def _natural(stabilised: Floats, accuracy: Accuracy) -> Floats:
    if not accuracy.share:
        return stabilised
    return np.maximum(np.exp(np.minimum(stabilised, 50.0)) - accuracy.level / accuracy.share, 0.0)


class _Model(NamedTuple):
    """One pair of length and departures, fitted: how probable the values are with it, and what predicts from it."""

    log_probability: float
    length_m: float
    ratio: float
    root: Floats  # lower Cholesky factor of the covariance in units of the instruments' variance
    mean: float
    mean_variance: float
    scale: float  # variance of the instruments


def _krige(seen: Floats, at_m: Floats, places_m: Floats, error: float) -> tuple[Floats, Floats]:
    """Return the mean and the standard deviation at places, over all models as far as they are probable."""
    models = [_fitted(seen, at_m, length, ratio, error) for length in LENGTHS_M for ratio in DEPARTURES]
    logs = np.array([model.log_probability for model in models])
    shares = np.exp(logs - logs.max())
    shares /= shares.sum()
    mean, square, total = np.zeros(len(places_m)), np.zeros(len(places_m)), 0.0
    for model, share in zip(models, shares, strict=True):
        if share < LEAST_SHARE:
            continue
        middle, variance = _predicted(model, seen, at_m, places_m)
        mean, square, total = mean + share * middle, square + share * (variance + middle**2), total + share
    mean = mean / total
    return mean, np.sqrt(np.maximum(square / total - mean**2, 0.0))


def _fitted(seen: Floats, at_m: Floats, length_m: float, ratio: float, error: float) -> _Model:
    count = len(seen)
    root = np.asarray(
        np.linalg.cholesky(ratio**2 * correlation(at_m, at_m, length_m) + np.eye(count)), dtype=np.float64
    )
    ones, values = np.linalg.solve(root, np.column_stack([np.ones(count), seen])).T
    weight = float(ones @ ones)
    mean = float(ones @ values) / weight
    left = float(((values - mean * ones) ** 2).sum())
    # The mean and the instruments' variance are integrated out, the latter under a scaled inverse χ² of KNOWN_AS degrees of freedom.
    freedom = KNOWN_AS + count - 1
    squares = KNOWN_AS * error**2 + left
    log_probability = -np.log(np.diag(root)).sum() - 0.5 * np.log(weight) - 0.5 * freedom * np.log(squares)
    return _Model(float(log_probability), length_m, ratio, root, mean, 1 / weight, squares / (freedom - 2))


def _predicted(model: _Model, seen: Floats, at_m: Floats, places_m: Floats) -> tuple[Floats, Floats]:
    between = model.ratio**2 * correlation(at_m, places_m, model.length_m)
    solved = np.linalg.solve(model.root, np.column_stack([between, np.ones(len(seen)), seen - model.mean]))
    towards, ones, departures = solved[:, :-2], solved[:, -2], solved[:, -1]
    middle = model.mean + towards.T @ departures
    variance = model.ratio**2 - (towards**2).sum(axis=0) + (1 - towards.T @ ones) ** 2 * model.mean_variance
    return middle, model.scale * np.maximum(variance, 0.0)


def correlation(one_m: Floats, other_m: Floats, length_m: float) -> Floats:
    """Return the correlation (ones, others) of departures at places (…, 2): (1 + d/L)·exp(−d/L), a second-order autoregression."""
    ratio = np.hypot(*(one_m[:, None] - other_m[None]).transpose(2, 0, 1)) / length_m
    return np.asarray((1 + ratio) * np.exp(-ratio))
