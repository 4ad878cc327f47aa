"""The air-quality index of the United States (US EPA, in force since May 2024), given beside the Korean one for comparison.

Breakpoints: EPA-454/B-24-002 (May 2024), table 6, as a dozen public programs that name it agree on them, PM2.5 up to 325.4 included; some older ones
end PM2.5 at 500.4 or keep 12.0 and 150.4. Truncation and rounding: 40 CFR 58, appendix G. From means over the standard's
own time; NowCast, which some sites show for the present hour instead, is not used.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jeonju.airquality.index import Grade, within_classes
from jeonju.common.arrays import Floats


@dataclass(frozen=True, kw_only=True, slots=True)
class Breakpoints:
    """Upper ends of the classes of one pollutant, in `per_stored` times its stored unit, as means over `hours`, truncated to `step`."""

    hours: int
    per_stored: float
    step: float
    upper: tuple[float, ...]


# PM [µg/m³]; O₃, NO₂, SO₂ [ppb]; CO [ppm].
# Ozone over 8 hours ends with index 300; higher ones are defined by means over 1 hour, which are not judged here.
BREAKPOINTS: Final[dict[str, Breakpoints]] = {
    "pm25": Breakpoints(hours=24, per_stored=1, step=0.1, upper=(9.0, 35.4, 55.4, 125.4, 225.4, 325.4)),
    "pm10": Breakpoints(hours=24, per_stored=1, step=1, upper=(54, 154, 254, 354, 424, 604)),
    "o3": Breakpoints(hours=8, per_stored=1000, step=1, upper=(54, 70, 85, 105, 200)),
    "no2": Breakpoints(hours=1, per_stored=1000, step=1, upper=(53, 100, 360, 649, 1249, 2049)),
    "so2": Breakpoints(hours=1, per_stored=1000, step=1, upper=(35, 75, 185, 304, 604, 1004)),
    "co": Breakpoints(hours=8, per_stored=1, step=0.1, upper=(4.4, 9.4, 12.4, 15.4, 30.4, 50.4)),
}
INDEX_UPPER: Final = (50.0, 100.0, 150.0, 200.0, 300.0, 500.0)
HIGHEST: Final = 500.0

GRADES: Final[tuple[Grade, ...]] = (
    Grade(key="good", label_ko="좋음", label_en="Good", colour="#00e400"),
    Grade(key="moderate", label_ko="보통", label_en="Moderate", colour="#ffff00"),
    Grade(key="sensitive", label_ko="민감군 나쁨", label_en="Unhealthy for sensitive groups", colour="#ff7e00"),
    Grade(key="unhealthy", label_ko="나쁨", label_en="Unhealthy", colour="#ff0000"),
    Grade(key="very-unhealthy", label_ko="매우나쁨", label_en="Very unhealthy", colour="#8f3f97"),
    Grade(key="hazardous", label_ko="위험", label_en="Hazardous", colour="#7e0023"),
)


class UsAqi(NamedTuple):
    """The index, its class, the pollutant that decides it, and every sub-index."""

    value: float
    grade: Grade
    pollutant: str
    sub_indices: dict[str, float]


def sub_index(pollutant: str, concentration: ArrayLike) -> Floats:
    """Return the sub-index (0 to 500, whole) of one pollutant in its stored unit, as a mean over its breakpoints' hours; NaN stays NaN."""
    row = BREAKPOINTS[pollutant]
    # Truncated, not rounded; a hair above, so that 35.4 counts as 354 steps and not as 353.
    steps = np.floor(np.asarray(concentration, dtype=float) * row.per_stored / row.step + 1e-6)
    index_upper = np.array(INDEX_UPPER[: len(row.upper)])
    index = within_classes(steps, np.array(row.upper) / row.step, index_upper)
    return np.minimum(np.floor(index + 0.5), index_upper[-1])


def grade(index: float) -> Grade:
    """Return the class of an index."""
    return GRADES[bisect_left(INDEX_UPPER[:-1], round(index))]


def us_aqi(means: dict[str, float]) -> UsAqi | None:
    """Return the index from the mean of each pollutant over its breakpoints' hours, in stored units; None where all are missing."""
    every = {key: float(sub_index(key, means.get(key, np.nan))) for key in BREAKPOINTS}
    return of_sub_indices(every)


def of_sub_indices(every: dict[str, float]) -> UsAqi | None:
    """Return the index from sub-indices, NaN where one is missing; the highest counts."""
    subs = {key: value for key, value in every.items() if value == value}
    if not subs:
        return None
    worst = max(subs, key=lambda key: subs[key])
    return UsAqi(subs[worst], grade(subs[worst]), worst, subs)
