"""Prairie Grass: a tracer released near the ground for ten minutes, sampled on arcs, against the puffs that the simulator uses.

Nothing here knows how a plume spreads: it hands what `runs.csv` says of the air to `jeonju.airquality.dispersion` and asks for concentrations.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.airquality.dispersion.surface_layer import SurfaceLayer, mechanical_mixing_height_m, wind_speed_at
from jeonju.common.errors import UserError
from jeonju.evaluation import particle_arcs
from jeonju.evaluation.metrics import agreement
from jeonju.evaluation.tables import Row, read_table
from jeonju.simulator.nature.names import NatureName

RUN_COLUMNS: Final = (
    "run",
    "source_rate_g_s",
    "source_height_m",
    "receptor_height_m",
    "obukhov_length_m",
    "friction_velocity_m_s",
    "mixing_height_m",
    "wind_from_deg",
    "wind_from_std_deg",
    "roughness_m",
)
ARC_COLUMNS: Final = ("run", "arc_m", "azimuth_deg", "concentration_mg_m3")
# A puff every half second is a smooth plume at the first arc; the train is long enough when the slowest air has passed the last arc twice.
TICK_S: Final = 0.5
PASSES: Final = 2.0
WIND_HEIGHT_M: Final = 2.0
# Air temperature has no part in a release without buoyancy.
ANY_TEMPERATURE_K: Final = 295.0


Predict = Callable[[Row, NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class Arc:
    """The largest ten-minute mean on one arc of one run [mg/m³]."""

    run: str
    distance_m: float
    is_stable: bool
    measured: float
    predicted: float


def evaluate_dispersion(
    folder: Path, on_progress: Callable[[float], None] = lambda _: None, nature: NatureName = "puffs"
) -> tuple[dict[str, Any], list[Arc]]:
    """Predict every sampler of every run by one of the natures; return the score over arc maxima, and the arcs.

    Raises UserError for files, columns or numbers that are missing.
    """
    runs = {row.text("run"): row for row in read_table(folder, "runs.csv", RUN_COLUMNS)}
    samplers: dict[str, list[Row]] = {name: [] for name in runs}
    for row in read_table(folder, "arcs.csv", ARC_COLUMNS):
        if row.text("run") in samplers:
            samplers[row.text("run")].append(row)
    if not any(samplers.values()):
        raise UserError(f"{folder / 'arcs.csv'}: no line belongs to a run of runs.csv")
    arcs: list[Arc] = []
    for number, (name, run) in enumerate(runs.items(), start=1):
        if samplers[name]:
            arcs += _arcs(run, samplers[name], predict if nature == "puffs" else particle_arcs.predict)
        on_progress(number / len(runs))
    measured, predicted = (np.array([getattr(arc, key) for arc in arcs]) for key in ("measured", "predicted"))
    result = {"n_arcs": len(arcs), **agreement(measured, predicted), "median_ratio": _median_ratios(arcs)}
    return result, arcs


def predict(run: Row, receptors_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ten-minute mean [mg/m³] at receptors (n, 3) relative to the foot of the source."""
    layer = _surface_layer(run)
    speed_m_s = wind_speed_at(layer, WIND_HEIGHT_M)
    mixing_m = run.optional("mixing_height_m")
    air = Meteorology(
        wind_speed_m_s=speed_m_s,
        wind_from_deg=run.number("wind_from_deg"),
        wind_height_m=WIND_HEIGHT_M,
        # With a measured surface layer the class decides nothing.
        stability=Stability.D,
        temperature_k=ANY_TEMPERATURE_K,
        mixing_height_m=mechanical_mixing_height_m(layer) if mixing_m is None else mixing_m,
        roughness_m=layer.roughness_m,
        surface=layer,
        direction_std_deg=run.number("wind_from_std_deg"),
    )
    farthest_m = float(np.hypot(receptors_m[:, 0], receptors_m[:, 1]).max())
    box_m = (-1.5 * farthest_m, -1.5 * farthest_m, 1.5 * farthest_m, 1.5 * farthest_m)
    puffs = Puffs(n_sources=1, box_m=box_m, surroundings="open")
    ticks = int(PASSES * farthest_m / max(speed_m_s, 0.5) / TICK_S)
    mass_mg = 1000.0 * run.number("source_rate_g_s") * TICK_S
    for tick in range(ticks):
        puffs.release(0, x_m=0.0, y_m=0.0, z_m=run.number("source_height_m"), mass=mass_mg, tick=tick)
    puffs.march(TICK_S, [air] * ticks)
    return puffs.concentration(receptors_m, cull_sigmas=np.inf)[:, 0, 0]


def _surface_layer(run: Row) -> SurfaceLayer:
    for column in ("friction_velocity_m_s", "roughness_m"):
        if run.number(column) <= 0:
            raise UserError(f"{run.where}: {column} must be above zero")
    if run.number("obukhov_length_m") == 0:
        raise UserError(f"{run.where}: obukhov_length_m must not be zero; neutral air has a very large one")
    return SurfaceLayer(run.number("friction_velocity_m_s"), run.number("obukhov_length_m"), run.number("roughness_m"))


def _arcs(run: Row, samplers: list[Row], predict: Predict) -> list[Arc]:
    distance_m = np.array([row.number("arc_m") for row in samplers])
    azimuth = np.radians([row.number("azimuth_deg") for row in samplers])
    height_m = np.full(len(samplers), run.number("receptor_height_m"))
    predicted = predict(run, np.column_stack([distance_m * np.sin(azimuth), distance_m * np.cos(azimuth), height_m]))
    measured = np.array([row.number("concentration_mg_m3") for row in samplers])
    is_stable = run.number("obukhov_length_m") > 0
    return [
        Arc(run.text("run"), float(at), is_stable, float(measured[on].max()), float(predicted[on].max()))
        for at in np.unique(distance_m)
        for on in [distance_m == at]
    ]


def _median_ratios(arcs: list[Arc]) -> dict[str, float]:
    """Return the median of predicted over measured at each distance where anything was measured."""
    ratios: dict[float, list[float]] = {}
    for arc in arcs:
        if arc.measured > 0:
            ratios.setdefault(arc.distance_m, []).append(arc.predicted / arc.measured)
    return {f"{distance_m:g}_m": round(float(np.median(ratios[distance_m])), 3) for distance_m in sorted(ratios)}
