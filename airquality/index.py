"""Korea's comprehensive air-quality index (CAI, 통합대기환경지수).

Breakpoints, formula and the moving average are AirKorea's (airkorea.or.kr, CAI calculator). That the surcharge starts at "bad" in the present
four-class scheme is inferred from the older six-class wording; the sum is cut at 500 for display.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

POLLUTANTS: Final = ("so2", "no2", "co", "o3", "pm10", "pm25")
# The index is only given where these are all valid (AirKorea).
REQUIRED: Final = ("pm10", "pm25", "no2", "o3")

# Upper ends of the four classes; the index runs 0–50, 51–100, 101–250, 251–500 over them.
# Gases: 1-hour means [ppm]; PM: the moving 24-hour value [µg/m³].
UPPER: Final[dict[str, tuple[float, float, float, float]]] = {
    "so2": (0.020, 0.050, 0.150, 1.0),
    "no2": (0.030, 0.060, 0.200, 2.0),
    "co": (2.0, 9.0, 15.0, 50.0),
    "o3": (0.030, 0.090, 0.150, 0.6),
    "pm10": (30.0, 80.0, 150.0, 600.0),
    "pm25": (15.0, 35.0, 75.0, 500.0),
}
# Concentrations are rounded to these steps before the table is entered, and the next class begins one step above the last.
STEP: Final = {"so2": 0.001, "no2": 0.001, "co": 0.01, "o3": 0.001, "pm10": 1.0, "pm25": 1.0}
INDEX_UPPER: Final = (50.0, 100.0, 250.0, 500.0)
HIGHEST: Final = 500.0

# From how much on a rising or falling hour counts one to one, and otherwise three quarters (24-hour forecast-moving value).
MOVING_FROM_UG_M3: Final = {"pm10": 70.0, "pm25": 30.0}
MOVING_RATIO: Final = (0.9, 1.7)
MOVING_WEIGHT: Final = 0.75
# Hours that must be valid: three quarters, as is usual for Korean averages (from memory, not found in print).
LEAST_OF_12_H: Final = 9
LEAST_OF_4_H: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """A class of the index. Colours follow AirKorea's order (blue, green, yellow, red); official hexadecimal values were not found."""

    key: str
    label_ko: str
    label_en: str
    colour: str


GRADES: Final[tuple[Grade, ...]] = (
    Grade(key="good", label_ko="좋음", label_en="Good", colour="#2b7de1"),
    Grade(key="moderate", label_ko="보통", label_en="Moderate", colour="#1fa14a"),
    Grade(key="bad", label_ko="나쁨", label_en="Bad", colour="#e0b000"),
    Grade(key="very-bad", label_ko="매우나쁨", label_en="Very bad", colour="#d7322d"),
)


class Cai(NamedTuple):
    """The index, its class, the pollutant that decides it, and every sub-index."""

    value: float
    grade: Grade
    pollutant: str
    sub_indices: dict[str, float]


def sub_index(pollutant: str, concentration: float) -> float:
    """Return the sub-index (0 to 500) of one pollutant.

    Ip = (I_high − I_low)/(C_high − C_low)·(C − C_low) + I_low within the class of the rounded concentration; NaN stays NaN.
    """
    if np.isnan(concentration):
        return float("nan")
    step = STEP[pollutant]
    rounded = max(round(concentration / step) * step, 0.0)
    low, index_low = 0.0, 0.0
    for high, index_high in zip(UPPER[pollutant], INDEX_UPPER, strict=True):
        if rounded <= high + step / 2:
            return (index_high - index_low) / (high - low) * (min(rounded, high) - low) + index_low
        low, index_low = high + step, index_high + 1
    return HIGHEST


def moving_24h(hourly_ug_m3: Sequence[float], pollutant: str) -> float:
    """Return the moving 24-hour value [µg/m³] of PM from at least the last 12 hourly means, the present hour last.

    C24 = (12·C12 + 12·C4)/24, where C12 is the mean of the last 12 hours and C4 that of the last 4 with hours above a limit M weighted by 0.75
    unless they stand out from C12 (ratio below 0.9 or above 1.7). NaN where fewer than 9 of 12 or 3 of 4 hours are valid.
    """
    last_12 = np.asarray(hourly_ug_m3, dtype=float)[-12:]
    last_4 = last_12[-4:]
    if np.isfinite(last_12).sum() < LEAST_OF_12_H or np.isfinite(last_4).sum() < LEAST_OF_4_H:
        return float("nan")
    mean_12 = float(np.nanmean(last_12))
    ratio = last_4 / mean_12 if mean_12 > 0 else np.ones(4)
    steady = (ratio >= MOVING_RATIO[0]) & (ratio <= MOVING_RATIO[1])
    damped = np.where((last_4 >= MOVING_FROM_UG_M3[pollutant]) & steady, MOVING_WEIGHT * last_4, last_4)
    return (12 * mean_12 + 12 * float(np.nanmean(damped))) / 24


def grade(index: float) -> Grade:
    """Return the class of an index."""
    return GRADES[int(np.searchsorted(INDEX_UPPER[:3], round(index)))]


def cai(concentrations: dict[str, float]) -> Cai | None:
    """Return the index from each pollutant's value (gases: 1-hour mean [ppm]; PM: moving 24-hour value [µg/m³]).

    The highest sub-index counts, plus 50 where exactly two are bad or worse, plus 75 where three or more are. None where PM10, PM2.5, NO₂ or O₃
    is missing.
    """
    subs = {key: sub_index(key, concentrations.get(key, float("nan"))) for key in POLLUTANTS}
    subs = {key: value for key, value in subs.items() if not np.isnan(value)}
    if any(key not in subs for key in REQUIRED):
        return None
    worst = max(subs, key=lambda key: subs[key])
    bad = sum(round(value) > INDEX_UPPER[1] for value in subs.values())
    value = min(subs[worst] + (0 if bad < 2 else 50 if bad == 2 else 75), HIGHEST)
    return Cai(value, grade(value), worst, subs)


def cai_of_hours(hours: NDArray[np.float64]) -> Cai | None:
    """Return the index from hourly means (hours, pollutants in the order of POLLUTANTS), the present hour last."""
    values = {key: float(hours[-1, column]) for column, key in enumerate(POLLUTANTS)}
    for key in MOVING_FROM_UG_M3:
        values[key] = moving_24h(hours[:, POLLUTANTS.index(key)].tolist(), key)
    return cai(values)
