"""A tracer released between tall buildings at night (Joint Urban 2003): the puffs of a downtown beside samplers in its streets.

The wind was measured above the roofs. One release with a handful of samplers shows gross errors; it cannot tell a good model from a fair one.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability, Surroundings
from jeonju.airquality.dispersion.puffs import Puffs
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.metrics import agreement
from jeonju.evaluation.tables import Row, read_table

SAMPLERS: Final = "samplers.csv"
RUN_COLUMNS: Final = (
    "run",
    "source_rate_g_s",
    "source_height_m",
    "wind_from_deg",
    "wind_speed_45m_m_s",
    "wind_height_m",
)
SAMPLER_COLUMNS: Final = ("run", "sampler", "x_m", "y_m", "duration_s", "sf6_ppt")
TICK_S: Final = 5.0
AVERAGING_S: Final = 900.0
RECEPTOR_HEIGHT_M: Final = 1.5
MIXING_HEIGHT_M: Final = 500.0
# High-rise districts: 2 m and more (Grimmond and Oke 1999, J. Appl. Meteorol. 38, 1262, table 6).
ROUGHNESS_M: Final = 2.0
# The air between tall buildings at night is at most slightly stable.
STABILITY: Final = Stability.E
TEMPERATURE_K: Final = 300.0
SF6_NG_M3_PER_PPT: Final = 5.7
# With fewer places than this a score says little: one of them turns FAC2 by several hundredths.
ENOUGH: Final = 30


def evaluate_street_tracer(folder: Path, surroundings: Surroundings = "downtown") -> dict[str, Any]:
    """Predict the mean of each sampler over all its values of a run; return the score, and whether the places are enough to conclude anything.

    Raises UserError for files, columns or numbers that are missing.
    """
    rows = read_table(folder, SAMPLERS, SAMPLER_COLUMNS)
    measured: list[float] = []
    predicted: list[float] = []
    values = 0
    for run in read_table(folder, "runs.csv", RUN_COLUMNS):
        mine = [row for row in rows if row.text("run") == run.text("run") and row.optional("sf6_ppt") is not None]
        names = list(dict.fromkeys(row.text("sampler") for row in mine))
        of = [[row for row in mine if row.text("sampler") == name] for name in names]
        values += len(mine)
        if not of:
            continue
        measured += [_mean_ppt(each) for each in of]
        predicted += _predict_ppt(
            run, np.array([[e[0].number("x_m"), e[0].number("y_m")] for e in of]), surroundings
        ).tolist()
    if not measured:
        raise UserError(f"{folder / SAMPLERS}: no line belongs to a run of runs.csv")
    agreed = agreement(np.array(measured), np.array(predicted))
    return {
        "pairs": len(measured),
        "values": values,
        **{key: agreed[key] for key in ("fac2", "fb", "nmse")},
        "surroundings": surroundings,
        "note": "enough places for a score"
        if len(measured) >= ENOUGH
        else f"{len(measured)} places: too few to conclude",
    }


def _mean_ppt(rows: list[Row]) -> float:
    lasting_s = [row.number("duration_s") for row in rows]
    return float(np.average([row.number("sf6_ppt") for row in rows], weights=lasting_s))


def _predict_ppt(run: Row, places_m: Floats, surroundings: Surroundings) -> Floats:
    """Return the steady concentration at places (n, 2) relative to the source."""
    speed_m_s = run.number("wind_speed_45m_m_s")
    if speed_m_s <= 0:
        raise UserError(f"{run.where}: wind_speed_45m_m_s must be above zero")
    air = Meteorology(
        wind_speed_m_s=speed_m_s,
        wind_from_deg=run.number("wind_from_deg"),
        wind_height_m=run.number("wind_height_m"),
        stability=STABILITY,
        temperature_k=TEMPERATURE_K,
        mixing_height_m=MIXING_HEIGHT_M,
        roughness_m=ROUGHNESS_M,
    )
    reach_m = 2.0 * float(np.hypot(*places_m.T).max()) + 500.0
    puffs = Puffs(
        n_sources=1,
        box_m=(-reach_m, -reach_m, reach_m, reach_m),
        surroundings=surroundings,
        averaging_time_s=AVERAGING_S,
    )
    ticks = round(3600.0 / TICK_S)
    mass_ng = 1e9 * run.number("source_rate_g_s") * TICK_S
    for tick in range(ticks):
        puffs.release(0, x_m=0.0, y_m=0.0, z_m=run.number("source_height_m"), mass=mass_ng, tick=tick)
    receptors = np.column_stack([places_m, np.full(len(places_m), RECEPTOR_HEIGHT_M)])
    steady = puffs.march(TICK_S, [air] * ticks, receptors[None])[-1, :, 0, 0]
    return np.asarray(steady) / SF6_NG_M3_PER_PPT
