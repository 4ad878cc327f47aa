"""The puff kernel: 1 source, 26 receptors in 4 × 4 km, 1 hour, one puff and one evaluation every 5 s and every 1 s, one core."""

import time
from typing import Any

import numpy as np

from jeonju.airquality.dispersion._kernels import CULL_SIGMAS, MERGE_SIGMAS
from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.puffs import Puffs

HOUR_S = 3600
# Puffs are followed as far as they reach a receptor.
BOX_M = (-3500.0, -3500.0, 3500.0, 3500.0)
REPEATS = 5


def simulate(interval_s: float, *, exact: bool) -> tuple[float, np.ndarray[Any, np.dtype[np.float64]]]:
    """Return the seconds it took, and the field (ticks, receptors)."""
    rng = np.random.default_rng(1)
    receptors = np.column_stack([rng.uniform(-2000, 2000, (26, 2)), np.full(26, 3.0)])
    turns = 10 * np.sin(np.arange(int(HOUR_S / interval_s)) * interval_s / 300)
    cull, merge = (np.inf, 0.0) if exact else (CULL_SIGMAS, MERGE_SIGMAS)
    begun = time.perf_counter()
    puffs = Puffs(n_sources=1, box_m=BOX_M)
    airs = [
        Meteorology(
            wind_speed_m_s=3.0,
            wind_from_deg=250.0 + turn,
            stability=Stability.D,
            mixing_height_m=800.0,
            temperature_k=290.0,
        )
        for turn in turns
    ]
    for tick in range(len(airs)):
        puffs.release(0, x_m=-1000.0, y_m=0.0, z_m=5.0, mass=interval_s, tick=tick)
    field = puffs.march(interval_s, airs, receptors[None], cull_sigmas=cull, merge_sigmas=merge)
    return time.perf_counter() - begun, field[:, :, 0, 0]


def run() -> dict[str, Any]:
    """Return times real time and the largest error against the sum over every puff, relative to the strongest receptor."""
    simulate(5.0, exact=False)
    results: dict[str, Any] = {}
    for interval_s in (5.0, 1.0):
        seconds, quick = min((simulate(interval_s, exact=False) for _ in range(REPEATS)), key=lambda pair: pair[0])
        _, full = simulate(interval_s, exact=True)
        results[f"puff_every_{interval_s:.0f}_s"] = {
            "times_real_time": round(HOUR_S / seconds),
            "error_percent": round(float(np.abs(quick - full).max() / full.max() * 100), 4),
        }
    return results
