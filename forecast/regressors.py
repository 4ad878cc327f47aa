"""What says the mean of an hour to come: boosted trees, and a straight line for each number of hours ahead."""

from typing import Any, Final, Protocol, Self

import numpy as np

from jeonju.common.arrays import Floats

SEED: Final = 1
TREES: Final = 150
# How strongly the slopes of a line are held small, per case; inputs are standardized.
RIDGE: Final = 0.003


class Regressor(Protocol):
    """Says the mean of what comes, from inputs (cases, inputs) in which NaN is what is not known."""

    def fit(self, inputs: Any, measured: Floats) -> Any:
        """Learn."""

    def predict(self, inputs: Any) -> Floats:
        """Return the mean of each case."""


def trees() -> Regressor:
    """Return trees that know all hours ahead at once, boosted on the likelihood of a value that is never below zero."""
    # It takes a second to import, and 175 MB: only who learns needs it.
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="poisson",
        max_iter=TREES,
        learning_rate=0.05,
        max_leaf_nodes=12,
        min_samples_leaf=80,
        l2_regularization=10.0,
        max_features=0.2,
        early_stopping=False,
        random_state=SEED,
    )


class Line:
    """Ridge regression on standardized inputs; what is missing is as usual."""

    def __init__(self, ridge: float = RIDGE) -> None:
        self._ridge = ridge

    def fit(self, inputs: Any, measured: Floats) -> Self:
        """Learn."""
        given = np.asarray(inputs, np.float64)
        known = np.isfinite(given)
        number = np.maximum(known.sum(axis=0), 1)
        self._mean = np.where(known, given, 0.0).sum(axis=0) / number
        width = np.sqrt((np.where(known, given - self._mean, 0.0) ** 2).sum(axis=0) / number)
        self._width = np.where(width > 0, width, 1.0)
        scaled = self._scaled(given)
        self._level = float(measured.mean())
        held = scaled.T @ scaled + self._ridge * len(scaled) * np.eye(scaled.shape[1])
        self._slopes = np.linalg.solve(held, scaled.T @ (measured - self._level))
        return self

    def predict(self, inputs: Any) -> Floats:
        """Return the mean of each case."""
        return np.asarray(self._level + self._scaled(np.asarray(inputs, np.float64)) @ self._slopes)

    def _scaled(self, given: Floats) -> Floats:
        return np.nan_to_num((given - self._mean) / self._width)


class Lines:
    """A line for each number of hours ahead, learnt from this and the nearest ones; `ahead` is its column among the inputs."""

    def __init__(self, ahead: int) -> None:
        self._ahead = ahead
        self._lines: dict[float, Line] = {}

    def fit(self, inputs: Any, measured: Floats) -> Self:
        """Learn."""
        ahead_h = inputs[:, self._ahead]
        for hours in np.unique(ahead_h):
            near = np.abs(ahead_h - hours) <= hours // 6
            self._lines[float(hours)] = Line().fit(inputs[near], measured[near])
        return self

    def predict(self, inputs: Any) -> Floats:
        """Return the mean of each case; of hours ahead that were not learnt, by the nearest that were."""
        out = np.empty(len(inputs))
        ahead_h = inputs[:, self._ahead]
        for hours in np.unique(ahead_h):
            rows = ahead_h == hours
            nearest = min(self._lines, key=lambda learnt: abs(learnt - hours))
            out[rows] = self._lines[nearest].predict(inputs[rows])
        return out


class Both:
    """Trees and lines, each with the share that left-out months gave it for the hours ahead.

    Trees say nothing beyond what they were shown and blur the next hours, lines see no bends.
    """

    def __init__(self, ahead: int, share_of_trees: dict[float, float]) -> None:
        self._ahead, self._share = ahead, share_of_trees
        self._trees, self._lines = trees(), Lines(ahead)

    def fit(self, inputs: Any, measured: Floats) -> Self:
        """Learn."""
        self._trees.fit(inputs, np.maximum(measured, 0.0))
        self._lines.fit(inputs, measured)
        return self

    def predict(self, inputs: Any) -> Floats:
        """Return the mean of each case, never below zero."""
        return mixed(self._trees.predict(inputs), self._lines.predict(inputs), inputs[:, self._ahead], self._share)


def mixed(by_trees: Floats, by_lines: Floats, ahead_h: Floats, share_of_trees: dict[float, float]) -> Floats:
    """Return the mean of both by their shares."""
    hours = np.array(sorted(share_of_trees))
    share = np.interp(ahead_h, hours, [share_of_trees[float(hour)] for hour in hours])
    return np.maximum(share * by_trees + (1 - share) * by_lines, 0.0)


def best_shares(by_trees: Floats, by_lines: Floats, measured: Floats, ahead_h: Floats) -> dict[float, float]:
    """Return, for each number of hours ahead, the share of the trees with the smallest error."""
    shares = {}
    for hours in np.unique(ahead_h):
        near = np.abs(ahead_h - hours) <= hours // 6
        apart = by_trees[near] - by_lines[near]
        best = (apart @ (measured[near] - by_lines[near])) / max(float(apart @ apart), 1e-12)
        shares[float(hours)] = float(np.clip(best, 0.0, 1.0))
    return shares
