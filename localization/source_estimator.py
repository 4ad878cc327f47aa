"""Source estimate: Bayes' rule over candidate sources and emission rates, with "none of these" among the answers.

A block is a stretch of minutes: the mean excess at each sensor, and what each candidate would add there at unit rate (`footprints`). Measured and
modelled values are compared as logarithms, because a plume model is wrong by factors; a small share of outliers
keeps single blocks from deciding everything. The rate may drift and the release may end: both are followed from block to block.
"""

from dataclasses import dataclass
from math import erf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats, Singles
from jeonju.localization._likelihood import E_FOLDS, add_block, log_density

# Errors of ten minutes at one sensor [e-folds], measured at METEC and Ginninderra: without a plume, and of a plume by itself (docs/decisions/0032).
NOISE_LOG: Final = 0.36
MODEL_ERROR_LOG: Final = 1.0
# What tells two places apart within ten minutes and within those t later has a correlation of 0.45·exp(−t/20 min), measured at METEC.
BLOCK_S: Final = 600.0
LASTING_SHARE: Final = 0.45
LASTING_S: Final = 1200.0
# Probability of an outlier, a value that no plume explains: a gust, a building in the way, a fault.
OUTLIERS: Final = 0.01
# A source that is not among the candidates reaches a sensor as often as those that are, but not less often than this, at any level.
ELSEWHERE_REACHES: Final = 0.001
ELSEWHERE_PRIOR: Final = 0.1
# What is wrong for hours is wrong with every block alike: the rate is known no better than to this many e-folds,
# the scatter of the best common factor between events, measured there as well.
RATE_ERROR_LOG: Final = 0.55
# One event of sixteen at both sites was not explained by the model at all: with this probability an answer is worth no more than what was known
# before it.
FAILS: Final = 1 / 16
# Below this probability of the best candidate (or of the best neighbourhood) the answer is "unsure".
SURE_FROM: Final = 0.5
INTERVAL: Final = (0.05, 0.5, 0.95)


@dataclass(frozen=True)
class Course:
    """How a release may go on: standard deviation of the logarithm of its rate after an hour, and the probability that it ends within an hour."""

    drift_log_per_hour: float = 0.0
    ends_per_hour: float = 0.0

    def over(self, duration_s: float, rates: Floats) -> tuple[float, float]:
        """Return the probability that the rate moves to the next step up, and as much down, and that the release ends, within a block."""
        hours = duration_s / 3600.0
        step = float(np.log(rates[-1] / rates[0])) / max(len(rates) - 1, 1)
        moves = 0.5 * (self.drift_log_per_hour / step) ** 2 * hours if len(rates) > 1 else 0.0
        return min(moves, 0.45), 1.0 - float(np.exp(-self.ends_per_hour * hours))


STEADY: Final = Course()


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


def observations_in(duration_s: float) -> float:
    """Return how many independent observations the values of one sensor over a stretch of time are worth: one at least, for errors last."""
    n = max(duration_s / BLOCK_S, 1.0)
    later = np.arange(1, int(np.ceil(n)))
    common = LASTING_SHARE * np.exp(-later * BLOCK_S / LASTING_S)
    return n / (1.0 + 2.0 * float(((1.0 - later / n) * common).sum()))


class SourceEstimator:
    """Accumulates evidence block by block; `estimate` may be called at any time.

    `detection_level` is the smallest excess that a sensor can distinguish from zero, in the sensors' unit; `rates` are the possible emission rates
    (ascending, equally spaced in their logarithm, which is also the prior). `prior` (rows) or (rows, rates) is another one, in any scale; each row is
    of as many candidates, one after the other.
    """

    def __init__(
        self,
        n_candidates: int,
        *,
        rates: Floats,
        detection_level: float,
        prior: Floats | None = None,
        course: Course = STEADY,
    ) -> None:
        weights = np.ones((1, 1)) if prior is None else np.reshape(np.asarray(prior, dtype=float), (len(prior), -1))
        weights = np.broadcast_to(weights, (len(weights), len(rates)))
        in_row = n_candidates // len(weights)
        weights = (1 - ELSEWHERE_PRIOR) / in_row * weights / weights.sum()
        # Of each candidate and rate: the probability that it is still releasing, that it has ended; and the logarithm of their common factor.
        self._going: Singles = np.repeat(weights.astype(np.float32), in_row, axis=0)
        self._ended = np.zeros_like(self._going)
        self._prior = np.repeat(weights.sum(axis=1), in_row)
        self._log_scale = np.zeros(n_candidates)
        self._evidence = np.zeros(n_candidates)
        self._rates = np.ascontiguousarray(rates, dtype=np.float64)
        self._level = detection_level
        self._course = course
        self._log_elsewhere = 0.0
        self._blocks = 0.0

    def add(
        self,
        excess: Floats,
        response: Floats | Singles,
        duration_s: float,
        *,
        counts: Floats | float | None = None,
        outliers: Floats | float = OUTLIERS,
        per_rate: float = 1.0,
    ) -> None:
        """Add one block: the mean excess of each sensor (NaN: unknown), and what each candidate adds there at unit rate (sensors,
        candidates), or (groups, sensors, candidates) where the candidates come in groups of one size.

        `counts` is how many observations each sensor's value is worth, its part of `observations_in` a longer stretch; by default ten
        minutes are worth one. `outliers` is the probability of an outlier, of each sensor or of all; `per_rate` what a response of 1 adds at
        unit rate, in the sensors' unit.
        """
        groups = response.reshape(-1, *response.shape[-2:])
        known = np.flatnonzero(np.isfinite(excess) & np.isfinite(groups.sum(axis=(0, 2))))
        if not len(known):
            return
        share = min(duration_s / BLOCK_S, 1.0) if counts is None else counts
        weight = np.broadcast_to(np.asarray(share, dtype=float), excess.shape)[known]
        wrong = np.broadcast_to(np.asarray(outliers, dtype=float), excess.shape)[known]
        measured = np.log1p(np.maximum(excess[known], 0.0) / self._level)
        reached = np.zeros(len(known))
        for number, group in enumerate(groups):
            mine = slice(number * group.shape[1], (number + 1) * group.shape[1])
            add_block(
                measured,
                group,
                known,
                self._rates * per_rate / self._level,
                weight,
                wrong,
                (NOISE_LOG, MODEL_ERROR_LOG),
                self._course.over(duration_s, self._rates),
                self._going[mine],
                self._ended[mine],
                self._log_scale[mine],
                reached,
            )
        reaches = max(float(reached.mean()) / len(self._prior), ELSEWHERE_REACHES)
        self._log_elsewhere += float((weight * _log_elsewhere_ratio(measured, wrong, reaches)).sum())
        self._blocks += float(weight.max())

    def add_evidence(self, log_ratio: Floats) -> None:
        """Add evidence of another kind: the log likelihood ratio of each candidate to "none of these"."""
        self._evidence += log_ratio

    def rate_of(self, candidates: NDArray[np.bool_]) -> tuple[float, float, float]:
        """Return the 5 %, 50 % and 95 % points of the emission rate if the source is one of these candidates."""
        scale = (self._log_scale + self._evidence)[candidates]
        joint = (self._going[candidates] + self._ended[candidates]) * np.exp(scale - scale.max())[:, None]
        low, middle, high = _quantiles(joint.sum(axis=0, keepdims=True), self._rates)[0]
        return float(low), float(middle), float(high)

    def estimate(self, *, with_rates: bool = True) -> SourceEstimate:
        """Return the posterior from all blocks so far; without `with_rates` it has no rates, which take long for many candidates."""
        both = self._going.sum(axis=1, dtype=np.float64) + self._ended.sum(axis=1, dtype=np.float64)
        with np.errstate(divide="ignore"):
            log_joint = np.log(both) + self._log_scale + self._evidence
        share, among, log_evidence = _normalised(log_joint, self._log_elsewhere + float(np.log(ELSEWHERE_PRIOR)))
        # The plume model was seen to fail at sources that were among the candidates: then only evidence of another kind says where they are.
        open_share, open_among, _ = _normalised(np.log(self._prior) + self._evidence, float(np.log(ELSEWHERE_PRIOR)))
        is_among = (1 - FAILS) * among + FAILS * open_among
        of_rates = len(both) if with_rates else 0
        return SourceEstimate(
            probability=is_among * ((1 - FAILS) * share + FAILS * open_share),
            elsewhere=1.0 - is_among,
            rates=_quantiles(self._going[:of_rates] + self._ended[:of_rates], self._rates),
            blocks=self._blocks,
            log_evidence=log_evidence,
        )


def _normalised(log_weights: Floats, log_elsewhere: float) -> tuple[Floats, float, float]:
    """Return the share of each candidate, the probability that the source is among them, and the logarithm of the sum of all weights."""
    top = float(log_weights.max())
    weights = np.exp(log_weights - top)
    log_among = top + float(np.log(weights.sum()))
    log_all = float(np.logaddexp(log_among, log_elsewhere))
    return weights / weights.sum(), float(np.exp(log_among - log_all)), log_all


def _log_elsewhere_ratio(measured: Floats, outliers: Floats, reaches: float) -> Floats:
    """Return for each sensor the log likelihood ratio of "a plume from elsewhere reaches it, or not" to "nothing was released"."""
    nothing = np.exp([log_density(value, NOISE_LOG, wrong) for value, wrong in zip(measured, outliers, strict=True)])
    return np.asarray(np.log(1.0 - reaches + reaches / E_FOLDS / nothing))


def _quantiles(weights: Floats | Singles, rates: Floats) -> Floats:
    """Return the rates at the points of `INTERVAL` for each row of weights (rows, 3), widened by what is wrong with all blocks alike."""
    logs = np.log(rates)
    step = float(logs[-1] - logs[0]) / max(len(logs) - 1, 1)
    # A rate of the grid stands for those up to half of the way to the next ones.
    spread = max(float(np.hypot(RATE_ERROR_LOG, step / np.sqrt(12.0))), 1e-6)
    points = np.linspace(logs[0] - 4 * spread, logs[-1] + 4 * spread, 16 * len(logs) + 1)
    below = 0.5 * (1.0 + np.vectorize(erf)((points[:, None] - logs) / (spread * np.sqrt(2.0))))
    heads = weights @ below.T / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300)
    heads = (1 - FAILS) * heads + FAILS * below.mean(axis=1)
    return np.exp([np.interp(INTERVAL, head, points) for head in heads]).reshape(-1, len(INTERVAL))
