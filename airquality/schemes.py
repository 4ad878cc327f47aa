"""By what the air of a city is judged: the index, standards and levels of its country, as its site file chooses."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from jeonju.airquality import eu_aqi, index, us_aqi
from jeonju.airquality.index import POLLUTANTS, Cai, Grade
from jeonju.airquality.limits import ADVISORY_LEVELS, EU_LEVELS, Level
from jeonju.airquality.standards import EU_STANDARDS, STANDARDS, US_STANDARDS, WHO_STANDARDS, Standard, mean_of_last
from jeonju.common.arrays import Floats

SchemeName = Literal["cai", "us", "eu"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Scheme:
    """An index with its classes, and what is judged beside it.

    `upper` are the ends of the classes by pollutant in stored units, `index_upper` those of the index. From class
    number `bad_from` on the air is bad, from `very_bad_from` on it is critical; `of_hours` takes hourly means (places, hours, POLLUTANTS).
    """

    key: SchemeName
    label_ko: str
    label_en: str
    long_ko: str
    long_en: str
    grades: tuple[Grade, ...]
    index_upper: tuple[float, ...]
    upper: dict[str, tuple[float, ...]]
    bad_from: int
    very_bad_from: int
    of_hours: Callable[[Floats], list[Cai | None]]
    standards: tuple[Standard, ...]
    advisories: dict[str, tuple[Level, ...]] = field(default_factory=dict)
    # Stages of Asian dust are issued in Korea only.
    has_asian_dust: bool = False

    @property
    def bad_above(self) -> float:
        """The index above which the air is bad."""
        return self.index_upper[self.bad_from - 1]

    def class_of(self, grade: Grade) -> int:
        """Return the number of a class, 0 the best."""
        return self.grades.index(grade)

    def advice_of(self, grade: Grade) -> str:
        """Return the class of the CAI whose advice to people fits this class."""
        number = self.class_of(grade)
        if number >= self.bad_from:
            return "very-bad" if number >= self.very_bad_from else "bad"
        return "moderate" if number else "good"


def us_aqi_of_hours(hours: Floats) -> list[Cai | None]:
    """Return the US index of every place from hourly means (places, hours, POLLUTANTS), the present hour last."""
    by_hour = np.swapaxes(hours, 0, 1)
    subs = {
        key: us_aqi.sub_index(key, mean_of_last(by_hour, row.hours)[:, POLLUTANTS.index(key)]).tolist()
        for key, row in us_aqi.BREAKPOINTS.items()
    }
    every = (dict(zip(subs, row, strict=True)) for row in zip(*subs.values(), strict=True))
    return [None if (found := us_aqi.of_sub_indices(each)) is None else Cai(*found) for each in every]


SCHEMES: Final[dict[str, Scheme]] = {
    scheme.key: scheme
    for scheme in (
        Scheme(
            key="cai",
            label_ko="통합대기환경지수",
            label_en="CAI",
            long_ko="통합대기환경지수(CAI)",
            long_en="Korea's comprehensive air-quality index (CAI)",
            grades=index.GRADES,
            index_upper=index.INDEX_UPPER,
            upper=dict(index.UPPER),
            bad_from=2,
            very_bad_from=3,
            of_hours=index.cai_of_hours,
            standards=STANDARDS,
            advisories=ADVISORY_LEVELS,
            has_asian_dust=True,
        ),
        # Orange (sensitive groups) is when the EPA calls for action, purple when everybody is warned of serious effects.
        Scheme(
            key="us",
            label_ko="미국 AQI",
            label_en="US AQI",
            long_ko="미국 대기질지수(US AQI)",
            long_en="The air-quality index of the United States (US AQI)",
            grades=us_aqi.GRADES,
            index_upper=us_aqi.INDEX_UPPER,
            upper={key: tuple(end / row.per_stored for end in row.upper) for key, row in us_aqi.BREAKPOINTS.items()},
            bad_from=2,
            very_bad_from=4,
            of_hours=us_aqi_of_hours,
            standards=(*US_STANDARDS, *WHO_STANDARDS),
        ),
        Scheme(
            key="eu",
            label_ko="유럽 AQI",
            label_en="European AQI",
            long_ko="유럽 대기질지수(European AQI)",
            long_en="The European Air Quality Index (European AQI)",
            grades=eu_aqi.GRADES,
            index_upper=eu_aqi.INDEX_UPPER,
            upper={
                key: tuple(end / eu_aqi.per_stored(key) for end in upper) for key, upper in eu_aqi.UPPER_UG_M3.items()
            },
            bad_from=3,
            very_bad_from=4,
            of_hours=eu_aqi.eu_aqi_of_hours,
            standards=(*EU_STANDARDS, *WHO_STANDARDS),
            advisories=EU_LEVELS,
        ),
    )
}
# Which of them a new city gets, by its country (ISO 3166); all others the US index, which is the best known abroad.
_EU: Final = (
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO CH GB AL BA ME MK RS XK"
)
# Whom one calls where it burns, by country; 112 is answered in Europe, and by mobile telephones almost everywhere.
EMERGENCY_NUMBER: Final = {
    "KR": "119",
    "JP": "119",
    "TW": "119",
    "CN": "119",
    "US": "911",
    "CA": "911",
    "MX": "911",
    "AU": "000",
    "NZ": "111",
}
USUAL_EMERGENCY_NUMBER: Final = "112"
SCHEME_OF_COUNTRY: Final[dict[str, SchemeName]] = {"KR": "cai", **dict.fromkeys(_EU.split(), "eu")}
