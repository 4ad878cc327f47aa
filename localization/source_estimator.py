"""Source estimate: Bayes' rule over candidate sources and emission rates, with "none of these" among the answers.

A block is a stretch of minutes: the mean excess at each sensor, and what each candidate would add there at unit rate (`footprints`). Measured and
modelled values are compared as logarithms, because a plume model is wrong by factors; a small share of outliers
keeps single blocks from deciding everything.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from jeonju.common.arrays import Floats

# A good dispersion model is within a factor of two for half of the pairs (Chang and Hanna 2004), so e-fold errors are usual.
MODEL_ERROR_LOG: Final = 1.0
# Probability of an outlier, a value that no plume explains: a gust, a building in the way, a fault.
OUTLIERS: Final = 0.01
# A source that is not among the candidates reaches any sensor in any block with this probability, at any level within seven e-folds.
ELSEWHERE_REACHES: Final = 0.1
E_FOLDS: Final = 7.0
ELSEWHERE_PRIOR: Final = 0.1
# Minutes close together share their errors: a stretch of this length counts as one observation.
INDEPENDENT_AFTER_S: Final = 600.0
# Below this probability of the best candidate (or of the best neighbourhood) the answer is "unsure".
SURE_FROM: Final = 0.5
INTERVAL: Final = (0.05, 0.5, 0.95)
# Below this share of the detection level a modelled value cannot be distinguished from zero.
NEGLIGIBLE: Final = 0.02
STEPS_BETWEEN_RATES: Final = 8


@dataclass(frozen=True)
class SourceEstimate:
    """The posterior of the source.

    `probability` has one value for each candidate; the rest to 1 is `elsewhere`: a source that is not among them. `rates` are the 5 %, 50 % and 95 %
    points of the emission rate of each candidate, in the unit that the dilution was scaled with. `blocks` is the number of independent stretches it
    rests on, `log_evidence` the log likelihood ratio of all answers together to "nothing was released".
    """

    probability: Floats
    elsewhere: float
    rates: Floats
    blocks: float
    log_evidence: float

    @property
    def best(self) -> int:
        """The most probable candidate."""
        return int(self.probability.argmax())

    def is_unsure(self, near: NDArray[np.bool_] | None = None) -> bool:
        """Whether no candidate (or no neighbourhood `near` the best one) holds half of the probability."""
        share = self.probability[self.best] if near is None else self.probability[near].sum()
        return bool(share < SURE_FROM)


class SourceEstimator:
    """Accumulates evidence block by block; `estimate` may be called at any time.

    `detection_level` is the smallest excess that a sensor can distinguish from zero, in the sensors' unit; `rates` are the possible emission rates
    (ascending, equally spaced in their logarithm, which is also the prior).
    """

    def __init__(
        self, n_candidates: int, *, rates: Floats, detection_level: float, prior: Floats | None = None
    ) -> None:
        weights = np.ones(n_candidates) if prior is None else np.asarray(prior, dtype=float)
        with np.errstate(divide="ignore"):
            self._log_prior = np.log((1 - ELSEWHERE_PRIOR) * weights / weights.sum() / len(rates))
        self._rates = np.ascontiguousarray(rates, dtype=np.float64)
        self._level = detection_level
        # Relative to "nothing was released".
        self._log_likelihood = np.zeros((n_candidates, len(rates)))
        self._log_elsewhere = 0.0
        self._blocks = 0.0

    def add(self, excess: Floats, response: Floats, duration_s: float, *, outliers: Floats | float = OUTLIERS) -> None:
        """Add one block: the mean excess of each sensor (NaN: unknown), and what each candidate adds there at unit rate (sensors, candidates).

        `outliers` is the probability of an outlier, of each sensor or of all.
        """
        known = np.isfinite(excess) & np.isfinite(response).all(axis=1)
        if not known.any():
            return
        share = min(duration_s / INDEPENDENT_AFTER_S, 1.0)
        wrong = np.broadcast_to(np.asarray(outliers, dtype=float), excess.shape)[known]
        measured = np.log1p(np.maximum(excess[known], 0.0) / self._level)
        at_unit_rate = np.ascontiguousarray(response[known]) / self._level
        _add_block(measured, at_unit_rate, self._rates, share, wrong, self._log_likelihood)
        self._log_elsewhere += share * float(_log_elsewhere_ratio(measured, wrong).sum())
        self._blocks += share

    def add_evidence(self, log_ratio: Floats) -> None:
        """Add evidence of another kind: the log likelihood ratio of each candidate to "none of these"."""
        self._log_likelihood += log_ratio[:, None]

    def rate_of(self, candidates: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Return the 5 %, 50 % and 95 % points of the emission rate if the source is one of these candidates."""
        joint = (self._log_likelihood + self._log_prior[:, None])[candidates]
        low, middle, high = _quantiles(np.exp(joint - joint.max()).sum(axis=0, keepdims=True), self._rates)[0]
        return float(low), float(middle), float(high)

    def estimate(self) -> SourceEstimate:
        """Return the posterior from all blocks so far."""
        joint = self._log_likelihood + self._log_prior[:, None]
        elsewhere = self._log_elsewhere + np.log(ELSEWHERE_PRIOR)
        top = max(float(joint.max()), elsewhere)
        weights = np.exp(joint - top)
        total = float(weights.sum() + np.exp(elsewhere - top))
        return SourceEstimate(
            probability=weights.sum(axis=1) / total,
            elsewhere=float(np.exp(elsewhere - top)) / total,
            rates=_quantiles(np.exp(joint - joint.max(axis=1, keepdims=True)), self._rates),
            blocks=self._blocks,
            log_evidence=top + float(np.log(total)),
        )


def _log_elsewhere_ratio(measured: Floats, outliers: Floats) -> Floats:
    """Return for each sensor the log likelihood ratio of "a plume from elsewhere reaches it, or not" to "nothing was released"."""
    nothing = np.exp([_log_density(value, wrong) for value, wrong in zip(measured, outliers, strict=True)])
    return np.asarray(np.log(1.0 - ELSEWHERE_REACHES + ELSEWHERE_REACHES / E_FOLDS / nothing))


def _quantiles(weights: Floats, rates: Floats) -> Floats:
    """Return the rates at the points of `INTERVAL` for each row of weights (rows, 3), between the steps of the grid."""
    heads = np.cumsum(weights, axis=1)
    heads = (heads - 0.5 * weights) / heads[:, -1:]
    logs = np.log(rates)
    return np.exp([np.interp(INTERVAL, head, logs) for head in heads])


@njit(cache=True, nogil=True, error_model="numpy")
def _log_density(residual: float, outliers: float) -> float:
    """Return the logarithm of the density of a residual: normal, with a share of uniform outliers."""
    core = np.exp(-0.5 * (residual / MODEL_ERROR_LOG) ** 2) / (MODEL_ERROR_LOG * np.sqrt(2.0 * np.pi))
    return float(np.log((1.0 - outliers) * core + outliers / E_FOLDS))


@njit(cache=True, nogil=True, error_model="numpy")
def _add_block(measured: Floats, response: Floats, rates: Floats, share: float, outliers: Floats, out: Floats) -> None:
    """Add one block to out[candidate, rate]: the log density of ln((y + level)/(Q·g + level)), relative to Q = 0; `response` is g/level.

    It depends on ln(Q·g) alone, and the rates are equally spaced in their logarithm: so it is tabulated once for each sensor and looked up.
    """
    many = rates.shape[0]
    step = (np.log(rates[-1]) - np.log(rates[0])) / (many - 1) / STEPS_BETWEEN_RATES
    lowest, highest = np.log(NEGLIGIBLE), np.log(response.max() * rates[-1] + NEGLIGIBLE) + step
    table = np.empty(int((highest - lowest) / step) + 3)
    for r in range(measured.shape[0]):
        nothing = _log_density(measured[r], outliers[r])
        for k in range(table.shape[0]):
            table[k] = share * (_log_density(measured[r] - np.log1p(np.exp(lowest + k * step)), outliers[r]) - nothing)
        for c in range(response.shape[1]):
            if response[r, c] * rates[-1] < NEGLIGIBLE:
                continue
            place = (np.log(response[r, c] * rates[0]) - lowest) / step
            for q in range(many):
                here = place + q * STEPS_BETWEEN_RATES
                if here >= 0.0:
                    low = int(here)
                    out[c, q] += table[low] + (here - low) * (table[low + 1] - table[low])
