"""Korea's comprehensive air-quality index (CAI, 통합대기환경지수).

Breakpoints, formula and the moving average are AirKorea's (airkorea.or.kr, CAI calculator). That the surcharge starts at "bad" in the present
four-class scheme is inferred from the older six-class wording; the sum is cut at 500 for display.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from jeonju.common.arrays import Floats

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
# Added to the highest sub-index where exactly two, and where three or more pollutants are bad or worse.
SURCHARGE_TWO: Final = 50.0
SURCHARGE_THREE: Final = 75.0

# From how much on a rising or falling hour counts one to one, and otherwise three quarters (24-hour forecast-moving value).
MOVING_FROM_UG_M3: Final = {"pm10": 70.0, "pm25": 30.0}
MOVING_RATIO: Final = (0.9, 1.7)
MOVING_WEIGHT: Final = 0.75
# Hours that must be valid: three quarters, as is usual for Korean averages (from memory, not found in print).
LEAST_OF_12_H: Final = 9
LEAST_OF_4_H: Final = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Grade:
    """A class of an index. Colours of the CAI follow AirKorea's order (blue, green, yellow, red); official hexadecimal values were not found."""

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


def sub_index(pollutant: str, concentration: ArrayLike) -> Floats:
    """Return the sub-index (0 to 500) of one pollutant, of a number or an array.

    Ip = (I_high − I_low)/(C_high − C_low)·(C − C_low) + I_low within the class of the rounded concentration; NaN stays NaN.
    """
    step = STEP[pollutant]
    # Halves are rounded up, as people do.
    steps = np.floor(np.asarray(concentration, dtype=float) / step + 0.5)
    return np.minimum(within_classes(steps, np.array(UPPER[pollutant]) / step, np.array(INDEX_UPPER)), HIGHEST)


def within_classes(steps: Floats, upper: Floats, index_upper: Floats) -> Floats:
    """Return the index in proportion between the ends of a class; concentrations and upper ends are counted in whole steps of their precision.

    So no edge is missed by a rounding error. A class begins one step after the one before; beyond the last one its line goes on.
    """
    steps, upper = np.maximum(steps, 0.0), np.rint(upper)
    low, index_low = (np.append(0.0, ends[:-1] + 1) for ends in (upper, index_upper))
    at = np.minimum(np.searchsorted(upper, steps), len(upper) - 1)
    return np.asarray(((index_upper - index_low) / (upper - low))[at] * (steps - low[at]) + index_low[at])


def moving_24h(hourly_ug_m3: ArrayLike, pollutant: str) -> Floats:
    """Return the moving 24-hour value [µg/m³] of PM from at least the last 12 hourly means along the last axis, the present hour last.

    C24 = (12·C12 + 12·C4)/24, where C12 is the mean of the last 12 hours and C4 that of the last 4 with hours above a limit M weighted by 0.75
    unless they stand out from C12 (ratio below 0.9 or above 1.7). NaN where fewer than 9 of 12 or 3 of 4 hours are valid.
    """
    last_12 = np.asarray(hourly_ug_m3, dtype=float)[..., -12:]
    last_4 = last_12[..., -4:]
    mean_12, valid_12 = _mean(last_12)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = last_4 / mean_12[..., None]
    steady = (ratio >= MOVING_RATIO[0]) & (ratio <= MOVING_RATIO[1])
    damped = np.where((last_4 >= MOVING_FROM_UG_M3[pollutant]) & steady, MOVING_WEIGHT * last_4, last_4)
    mean_4, valid_4 = _mean(damped)
    enough = (valid_12 >= LEAST_OF_12_H) & (valid_4 >= LEAST_OF_4_H)
    return np.asarray(np.where(enough, (12 * mean_12 + 12 * mean_4) / 24, np.nan))


def grade(index: float) -> Grade:
    """Return the class of an index."""
    return GRADES[bisect_left(INDEX_UPPER[:3], round(index))]


def cai(concentrations: dict[str, float]) -> Cai | None:
    """Return the index from each pollutant's value (gases: 1-hour mean [ppm]; PM: moving 24-hour value [µg/m³]).

    The highest sub-index counts, plus 50 where exactly two are bad or worse, plus 75 where three or more are. None where PM10, PM2.5, NO₂ or O₃
    is missing.
    """
    return _cai({key: float(sub_index(key, concentrations.get(key, np.nan))) for key in POLLUTANTS})


def cai_of_hours(hours: Floats) -> list[Cai | None]:
    """Return the index of every place from hourly means (places, hours, pollutants in the order of POLLUTANTS), the present hour last."""
    values = hours[:, -1].copy()
    for key in MOVING_FROM_UG_M3:
        column = POLLUTANTS.index(key)
        values[:, column] = moving_24h(hours[:, :, column], key)
    subs = np.column_stack([sub_index(key, values[:, column]) for column, key in enumerate(POLLUTANTS)])
    return [_cai(dict(zip(POLLUTANTS, row, strict=True))) for row in subs.tolist()]


def _cai(all_subs: dict[str, float]) -> Cai | None:
    subs = {key: value for key, value in all_subs.items() if value == value}
    if any(key not in subs for key in REQUIRED):
        return None
    worst = max(subs, key=lambda key: subs[key])
    bad = sum(round(value) > INDEX_UPPER[1] for value in subs.values())
    surcharge = SURCHARGE_THREE if bad > 2 else SURCHARGE_TWO if bad == 2 else 0.0
    value = min(subs[worst] + surcharge, HIGHEST)
    return Cai(value, grade(value), worst, subs)


def _mean(values: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Return the mean of what is valid along the last axis, and how much of it is."""
    valid = np.isfinite(values).sum(axis=-1)
    return np.asarray(np.nansum(values, axis=-1) / np.maximum(valid, 1)), valid
