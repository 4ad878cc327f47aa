"""How predicted and measured concentrations are compared (Chang and Hanna 2004, Meteorol. Atmos. Phys. 87, 167)."""

from typing import Any

import numpy as np

from jeonju.common.arrays import Floats


def agreement(measured: Floats, predicted: Floats) -> dict[str, Any]:
    """Return fac2, fb, nmse, mg and vg; pairs of which one is not above zero count for fac2, fb and nmse only.

    `fb` is 2(Ō − P̄)/(Ō + P̄), positive when the prediction is too low; `mg` exp of the mean of ln(O/P), `vg` exp of the mean of its square.
    """
    within = (predicted >= 0.5 * measured) & (predicted <= 2.0 * measured)
    mean_measured, mean_predicted = float(measured.mean()), float(predicted.mean())
    both = (measured > 0) & (predicted > 0)
    logs = np.log(measured[both] / predicted[both])
    return {
        "fac2": _rounded(within.mean()),
        "fb": _rounded(2 * (mean_measured - mean_predicted) / max(mean_measured + mean_predicted, 1e-300)),
        "nmse": _rounded(((measured - predicted) ** 2).mean() / max(mean_measured * mean_predicted, 1e-300)),
        "mg": _rounded(np.exp(logs.mean())) if len(logs) else None,
        "vg": _rounded(np.exp((logs**2).mean())) if len(logs) else None,
    }


def _rounded(value: float) -> float:
    return round(float(value), 4)
