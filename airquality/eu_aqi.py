"""The European Air Quality Index of the European Environment Agency, with the bands of 2025, which follow the WHO's guidelines of 2021.

Bands: ETC HE Report 2024/17, "EEA's revision of the European air quality index bands", table 5.2, all of hourly means, as eight public programs and
texts that name it agree on them; colours likewise.

The EEA gives classes from hourly means and no number. A number is needed to compare and to keep: here each class counts 20, in proportion within it,
and what is beyond the last band goes on up to 120. That scale is the one which CAMS and others use; the proportion within a class is our choice.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from jeonju.airquality.index import POLLUTANTS, Cai, Grade, within_classes
from jeonju.airquality.units import ppm_per_ug_m3_20c
from jeonju.common.arrays import Floats

# Upper ends of the classes [µg/m³], hourly means; the last one is where the scale ends, not a band of the EEA.
UPPER_UG_M3: Final[dict[str, tuple[float, ...]]] = {
    "pm25": (5, 15, 50, 90, 140, 800),
    "pm10": (15, 45, 120, 195, 270, 1200),
    "no2": (10, 25, 60, 100, 150, 1000),
    "o3": (60, 100, 120, 160, 180, 800),
    "so2": (20, 40, 125, 190, 275, 1250),
}
INDEX_UPPER: Final = (20.0, 40.0, 60.0, 80.0, 100.0, 120.0)
# Given where NO₂ and particles are known: what the EEA asks of stations at a road, the least it asks of any.
_ONE_OF: Final = ("pm25", "pm10")

GRADES: Final[tuple[Grade, ...]] = (
    Grade(key="good", label_ko="좋음", label_en="Good", colour="#50f0e6"),
    Grade(key="fair", label_ko="양호", label_en="Fair", colour="#50ccaa"),
    Grade(key="moderate", label_ko="보통", label_en="Moderate", colour="#f0e641"),
    Grade(key="poor", label_ko="나쁨", label_en="Poor", colour="#ff5050"),
    Grade(key="very-poor", label_ko="매우나쁨", label_en="Very poor", colour="#960032"),
    Grade(key="extremely-poor", label_ko="극히나쁨", label_en="Extremely poor", colour="#7d2181"),
)


def per_stored(pollutant: str) -> float:
    """Return the µg/m³ (20 °C, 1 atm, as EU law counts gases) of one stored unit."""
    return 1.0 if pollutant.startswith("pm") else 1.0 / ppm_per_ug_m3_20c(pollutant)


def sub_index(pollutant: str, concentration: ArrayLike) -> Floats:
    """Return the sub-index (0 to 120) of an hourly mean in its stored unit; NaN stays NaN. Classes begin one µg/m³ above the last."""
    whole = np.floor(np.asarray(concentration, dtype=float) * per_stored(pollutant) + 0.5)
    upper = np.array(UPPER_UG_M3[pollutant], dtype=float)
    return np.minimum(within_classes(whole, upper, np.array(INDEX_UPPER)), INDEX_UPPER[-1])


def grade(index: float) -> Grade:
    """Return the class of an index."""
    return GRADES[min(int(np.searchsorted(INDEX_UPPER[:-1], round(index))), len(GRADES) - 1)]


def eu_aqi_of_hours(hours: Floats) -> list[Cai | None]:
    """Return the index of every place from hourly means (places, hours, POLLUTANTS), the present hour last, of which alone it is made."""
    columns = {key: sub_index(key, hours[:, -1, POLLUTANTS.index(key)]).tolist() for key in UPPER_UG_M3}
    return [_of(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]


def _of(every: dict[str, float]) -> Cai | None:
    subs = {key: value for key, value in every.items() if value == value}
    if "no2" not in subs or not any(key in subs for key in _ONE_OF):
        return None
    worst = max(subs, key=lambda key: subs[key])
    return Cai(subs[worst], grade(subs[worst]), worst, subs)
