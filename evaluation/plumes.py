"""Methane from one known source beside point instruments (Ginninderra, 2015): the puffs against every instrument, and the rate of each half day.

The place of the source is known and its rate is not: what is scored is how far the errors of a plume model and of the wind let a rate be known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from jeonju.airquality.dispersion.meteorology import Meteorology, Stability
from jeonju.airquality.dispersion.surface_layer import surface_layer_of
from jeonju.common.arrays import Floats
from jeonju.common.errors import UserError
from jeonju.evaluation.metrics import agreement
from jeonju.evaluation.named_sources import Candidate, NamedSources
from jeonju.evaluation.street_tracer import SAMPLERS, evaluate_street_tracer
from jeonju.evaluation.tables import Row, read_table
from jeonju.localization.baseline import mean_of_known
from jeonju.localization.source_estimator import SourceEstimator, observations_in

COLUMNS: Final = (
    "time",
    "release_g_min",
    "wind_from_deg",
    "wind_speed_m_s",
    "wind_along_std_m_s",
    "obukhov_length_m",
    "temperature_k",
    "pressure_pa",
)
STEP_S: Final = 300.0
TICK_S: Final = 3.0
# Grazing land; the wind was measured beside the lowest instruments.
ROUGHNESS_M: Final = 0.02
WIND_HEIGHT_M: Final = 2.5
LEAST_WIND_M_S: Final = 0.3
# The wind across its mean direction swings less than along it: σv/σu in neutral air near the ground (Panofsky and Dutton 1984).
ACROSS_PER_ALONG: Final = 0.8
# Obukhov lengths nearer to zero are those of calms, in which they mean nothing.
LEAST_OBUKHOV_M: Final = 2.0
MIXING_HEIGHT_M: Final = 800.0
# An instrument's background is a low quantile of its window; compared are means over half an hour that are above it by so much.
BACKGROUND_QUANTILE: Final = 0.1
PAIR_S: Final = 1800.0
LEAST_PPM: Final = 0.1
DETECTION_LEVEL_PPM: Final = 0.05
WINDOW_S: Final = 43_200.0
LEAST_RELEASE_S: Final = 7200.0
RATES_G_MIN: Final = np.geomspace(0.05, 500.0, 61)
RELEASING_FROM_G_MIN: Final = 0.1
METHANE_G_MOL: Final = 16.04
GAS_CONSTANT: Final = 8.314
Lines = NDArray[np.int64]


@dataclass(frozen=True)
class Recording:
    """Point instruments, one source, and a line for each 5 minutes: what was released, measured (lines, instruments), and modelled at 1 g/min."""

    times_s: Floats
    released_g_min: Floats
    excess_ppm: Floats
    response_ppm: Floats

    def windows(self) -> list[Lines]:
        """Return the lines of each 12 hours from the first on that the source released for at least two hours, those in which it released."""
        number = ((self.times_s - self.times_s[0]) // WINDOW_S).astype(int)
        on = self.released_g_min > RELEASING_FROM_G_MIN
        lines = [np.flatnonzero(on & (number == each)) for each in np.unique(number)]
        return [each for each in lines if len(each) * STEP_S >= LEAST_RELEASE_S]


def evaluate_plumes(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> dict[str, Any]:
    """Run the puffs from the known source over a folder of measurements, and infer the rate of each window.

    A folder with samplers.csv holds a tracer in streets: there the puffs of a downtown are compared, and no rate is inferred.
    Raises UserError for files, columns or numbers that are missing.
    """
    if (folder / SAMPLERS).exists():
        return evaluate_street_tracer(folder)
    recording = read_recording(folder, on_progress)
    windows = [_rate(recording, lines) for lines in recording.windows()]
    measured, predicted = _pairs(recording)
    if not len(measured):
        raise UserError(f"{folder} has no half hour in which an instrument shows {LEAST_PPM} ppm over its background")
    agreed = agreement(measured, predicted)
    inside = [low <= truth <= high for truth, (low, _, high) in windows]
    errors = [abs(middle / truth - 1.0) for truth, (_, middle, _) in windows]
    return {
        "pairs": len(measured),
        **{key: agreed[key] for key in ("fac2", "fb", "nmse")},
        "windows": len(windows),
        "windows_inside": int(sum(inside)),
        "rate_coverage_90": round(float(np.mean(inside)), 4) if windows else None,
        "median_rate_error": round(float(np.median(errors)), 4) if windows else None,
        "window_list": [
            {"released_g_min": round(truth, 2), "rate_g_min": [round(float(value), 2) for value in found]}
            for truth, found in windows
        ],
    }


def read_recording(folder: Path, on_progress: Callable[[float], None] = lambda _: None) -> Recording:
    """Read the instruments, the source and the observations of a folder, and run the puffs over them."""
    instruments = [
        row
        for row in read_table(folder, "instruments.csv", ("name", "height_m", "x1_m", "y1_m", "x2_m", "y2_m"))
        if row.optional("x2_m") is None
    ]
    if not instruments:
        raise UserError(f"{folder / 'instruments.csv'} has no point instrument: one without x2_m and y2_m")
    (source,) = read_table(folder, "source.csv", ("name", "x_m", "y_m", "height_m"))[:1]
    names = [row.text("name") for row in instruments]
    rows = read_table(folder, "observations.csv", (*COLUMNS, *names))
    values = np.array([[_or_nan(row.optional(name)) for name in names] for row in rows])
    times_s = np.array([row.instant("time") for row in rows])
    places = np.array([[row.number(key) for key in ("x1_m", "y1_m", "height_m")] for row in instruments])
    candidate = Candidate(source.text("name"), *(source.number(key) for key in ("x_m", "y_m", "height_m")))
    plumes = NamedSources([candidate], surroundings="open", averaging_time_s=STEP_S, max_age_s=2 * STEP_S)
    response = np.full(values.shape, np.nan)
    for number, row in enumerate(rows):
        if number and times_s[number] - times_s[number - 1] > 1.5 * STEP_S:
            plumes.forget()
        airs = [_air(row)] * round(STEP_S / TICK_S)
        response[number] = plumes.respond(TICK_S, airs, places[None])[:, 0] * _ppm_per_g_min(row)
        on_progress(number / len(rows))
    released = np.array([_or_nan(row.optional("release_g_min")) for row in rows])
    return Recording(times_s, released, values - _background(times_s, values), response)


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def _ppm_per_g_min(row: Row) -> float:
    """Return the ppm that 1 g/min adds where the dilution is 1 s/m³."""
    moles_m3 = row.number("pressure_pa") / (GAS_CONSTANT * row.number("temperature_k"))
    return 1e6 / METHANE_G_MOL / moles_m3 / 60.0


def _air(row: Row) -> Meteorology:
    speed = max(row.number("wind_speed_m_s"), LEAST_WIND_M_S)
    length_m = row.number("obukhov_length_m")
    length_m = float(np.copysign(max(abs(length_m), LEAST_OBUKHOV_M), length_m))
    return Meteorology(
        wind_speed_m_s=speed,
        wind_from_deg=row.number("wind_from_deg"),
        wind_height_m=WIND_HEIGHT_M,
        # With a measured surface layer the class decides nothing.
        stability=Stability.D,
        temperature_k=row.number("temperature_k"),
        mixing_height_m=MIXING_HEIGHT_M,
        roughness_m=ROUGHNESS_M,
        surface=surface_layer_of(speed, WIND_HEIGHT_M, length_m, ROUGHNESS_M),
        direction_std_deg=float(np.degrees(ACROSS_PER_ALONG * row.number("wind_along_std_m_s") / speed)),
    )


def _background(times_s: Floats, values: Floats) -> Floats:
    """Return the background of each instrument: a low quantile of its values in the same window."""
    number = ((times_s - times_s[0]) // WINDOW_S).astype(int)
    out = np.full(values.shape, np.nan)
    for window in np.unique(number):
        lines = number == window
        for column in range(values.shape[1]):
            known = values[lines, column][np.isfinite(values[lines, column])]
            if len(known):
                out[lines, column] = np.quantile(known, BACKGROUND_QUANTILE)
    return out


def _blocks(recording: Recording, lines: Lines) -> list[Lines]:
    """Return the lines of each half hour."""
    number = ((recording.times_s[lines] - recording.times_s[0]) // PAIR_S).astype(int)
    return [lines[number == each] for each in np.unique(number)]


def _pairs(recording: Recording) -> tuple[Floats, Floats]:
    """Return the measured and the modelled excess of each half hour and instrument in which the former is above `LEAST_PPM`."""
    measured, predicted = [], []
    on = np.flatnonzero(recording.released_g_min > RELEASING_FROM_G_MIN)
    for lines in _blocks(recording, on):
        model = recording.response_ppm[lines] * recording.released_g_min[lines, None]
        model[~np.isfinite(recording.excess_ppm[lines])] = np.nan
        measured.append(mean_of_known(recording.excess_ppm[lines], least=3))
        predicted.append(mean_of_known(model, least=3))
    seen, modelled = np.array(measured).ravel(), np.array(predicted).ravel()
    high = np.isfinite(seen) & (seen > LEAST_PPM)
    return seen[high], modelled[high]


def _rate(recording: Recording, lines: Lines) -> tuple[float, Floats]:
    """Return what was released on average, and the 5 %, 50 % and 95 % points of what is inferred."""
    estimator = SourceEstimator(1, rates=RATES_G_MIN, detection_level=DETECTION_LEVEL_PPM)
    for block in _blocks(recording, lines):
        known = np.where(np.isfinite(recording.excess_ppm[block]), recording.response_ppm[block], np.nan)
        estimator.add(
            mean_of_known(recording.excess_ppm[block], least=1),
            mean_of_known(known, least=1)[:, None],
            STEP_S * len(block),
            counts=observations_in(STEP_S * len(lines)) * len(block) / len(lines),
        )
    return float(recording.released_g_min[lines].mean()), estimator.estimate().rates[0]
