"""Where a robot should measure: places from which its camera and instruments are expected to narrow the source most, outside of danger.

What it will find at a place is one of six outcomes: fire seen or not, and no smoke, some, or much. The best place is the one whose outcome, averaged
over where the source may be, takes most from the entropy of the map (its mutual information), for the time that it costs.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from jeonju.common.arrays import Floats
from jeonju.contract.site import Site
from jeonju.contract.vda5050 import Stop
from jeonju.localization.camera_evidence import seen_from
from jeonju.localization.hypotheses import DETECTION_LEVEL
from jeonju.localization.source_estimator import MODEL_ERROR_LOG
from jeonju.localization.source_map import SourceMap
from jeonju.response.fleet.fleet import SPEED_M_S
from jeonju.response.fleet.search_map import SearchMap

STAY_S: Final = 90.0
# Between no smoke, some and much: this many e-folds above an instrument's detection level.
SMOKE_STEPS: Final = (0.7, 2.5)
# Cells that hold this much of the probability are planned with, and at most so many.
PLANNED_SHARE: Final = 0.98
MOST_CELLS: Final = 600
APART_M: Final = 40.0
# Below this nothing is worth a stop.
LEAST_GAIN_NAT: Final = 0.02


def plan_stops(site: Site, found: SourceMap, here_m: tuple[float, float], *, most: int) -> list[Stop]:
    """Return up to `most` stops for a robot at a place, the next one first; empty where nothing is to be gained.

    Later ones take it that nothing was seen at those before, and are planned again when that is known.
    """
    search = SearchMap(site, found)
    open_cells = search.candidates()
    likely = np.argsort(search.weight, axis=None)[::-1][:MOST_CELLS]
    likely = likely[: int(np.searchsorted(np.cumsum(search.weight.ravel()[likely]), PLANNED_SHARE)) + 1]
    weight = search.weight.ravel()[likely]
    sources = np.column_stack(np.unravel_index(likely, search.weight.shape))
    stops: list[Stop] = []
    for _ in range(most):
        cells = open_cells[search.is_clear(here_m, open_cells)]
        if not len(cells) or weight.sum() <= 0:
            break
        outcome = _outcomes(search, cells, sources)
        gain = _information(weight / weight.sum(), outcome)
        x, y = found.x_m[cells[:, 0]], found.y_m[cells[:, 1]]
        cost_s = STAY_S + np.hypot(x - here_m[0], y - here_m[1]) / SPEED_M_S
        best = int(np.argmax(gain / cost_s))
        if gain[best] < LEAST_GAIN_NAT:
            break
        here_m = float(x[best]), float(y[best])
        stops.append(Stop(*here_m, STAY_S))
        # A second measurement near the first would mostly repeat it.
        east, north = found.x_m[open_cells[:, 0]] - here_m[0], found.y_m[open_cells[:, 1]] - here_m[1]
        open_cells = open_cells[np.hypot(east, north) > APART_M]
        weight = weight * outcome[best, :, :3].sum(axis=1)
    return stops


def _outcomes(search: SearchMap, cells: NDArray[np.int64], sources: NDArray[np.int64]) -> Floats:
    """Return how probable each outcome is at each place for each source (places, sources, 6); the first three are those without sight of fire."""
    found = search.found
    off = sources[None] - cells[:, None]
    distance = found.cell_m * np.hypot(off[..., 0], off[..., 1])
    seen = seen_from(distance)[..., None]
    expected = found.rate_g_s[1] * search.dilution[off[..., 0] + len(found.x_m) - 1, off[..., 1] + len(found.y_m) - 1]
    folds = np.log1p(expected / DETECTION_LEVEL[found.quantity])
    below = [_logistic((step - folds) / MODEL_ERROR_LOG) for step in SMOKE_STEPS]
    smoke = np.stack([below[0], below[1] - below[0], 1.0 - below[1]], axis=-1)
    return np.concatenate([(1.0 - seen) * smoke, seen * smoke], axis=-1)


def _information(weight: Floats, outcome: Floats) -> Floats:
    """Return the mutual information [nat] of source and outcome at each place."""
    together = np.einsum("s,pso->po", weight, outcome)
    return _entropy(together) - np.einsum("s,ps->p", weight, _entropy(outcome))


def _entropy(probability: Floats) -> Floats:
    return -np.asarray((probability * np.log(np.maximum(probability, 1e-12))).sum(axis=-1))


def _logistic(value: Floats) -> Floats:
    """Return the normal distribution function to within 0.01 (Bowling et al. 2009: logistic with 1.702)."""
    return np.asarray(1.0 / (1.0 + np.exp(-1.702 * value)))
