"""Environmental standards: means over set times that the air should not exceed, and the odour limits at a plant's boundary."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np

from jeonju.airquality.index import POLLUTANTS
from jeonju.common.arrays import Floats

YEAR_H: Final = 8760
YEAR_D: Final = 365
Body = Literal["korea", "who", "eu", "us"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Standard:
    """A mean over `hours` should be at most `limit`, in the quantity's stored unit."""

    quantity: str
    body: Body
    hours: int
    limit: float
    of_year: float | None = None

    @property
    def percentile(self) -> float:
        """Of all means of a year this percentile must keep the limit; of a year's mean there is only one.

        Korea: 1 h 99.9, 8 h and 24 h 99 (환경정책기본법 시행령 별표 1). WHO: 99, three to four days a year. Others say it with each limit.
        """
        if self.of_year is not None:
            return self.of_year
        return 100.0 if self.hours == YEAR_H else 99.9 if self.hours == 1 else 99.0


def _korea(quantity: str, limits: dict[int, float]) -> list[Standard]:
    return [Standard(quantity=quantity, body="korea", hours=hours, limit=limit) for hours, limit in limits.items()]


def _who(quantity: str, limits: dict[int, float], *, ug_m3_per_ppb: float | None = None) -> list[Standard]:
    scale = 1.0 if ug_m3_per_ppb is None else 1000 * ug_m3_per_ppb
    return [
        Standard(quantity=quantity, body="who", hours=hours, limit=round(limit / scale, 4))
        for hours, limit in limits.items()
    ]


# 환경정책기본법 시행령 별표 1 (decree of 2023-07-04): gases [ppm], PM [µg/m³]. Lead and benzene are not measured here.
# WHO global air quality guidelines 2021 [µg/m³], made ppm at 25 °C and 1 atm: 1 ppb NO₂ = 1.88, O₃ = 1.96, SO₂ = 2.62, CO = 1.15 µg/m³.
# SO₂ of 24 h is 40 µg/m³ (a table with 50 prints the interim target); the peak season of O₃ (60 µg/m³ over six months) is not judged.
KOREAN_STANDARDS: Final[tuple[Standard, ...]] = (
    *_korea("so2", {1: 0.15, 24: 0.05, YEAR_H: 0.02}),
    *_korea("co", {1: 25.0, 8: 9.0}),
    *_korea("no2", {1: 0.10, 24: 0.06, YEAR_H: 0.03}),
    *_korea("o3", {1: 0.10, 8: 0.06}),
    *_korea("pm10", {24: 100.0, YEAR_H: 50.0}),
    *_korea("pm25", {24: 35.0, YEAR_H: 15.0}),
)
WHO_STANDARDS: Final[tuple[Standard, ...]] = (
    *_who("so2", {24: 40.0}, ug_m3_per_ppb=2.62),
    *_who("co", {24: 4000.0}, ug_m3_per_ppb=1.15),
    *_who("no2", {24: 25.0, YEAR_H: 10.0}, ug_m3_per_ppb=1.88),
    *_who("o3", {8: 100.0}, ug_m3_per_ppb=1.96),
    *_who("pm10", {24: 45.0, YEAR_H: 15.0}),
    *_who("pm25", {24: 15.0, YEAR_H: 5.0}),
)
STANDARDS: Final[tuple[Standard, ...]] = (*KOREAN_STANDARDS, *WHO_STANDARDS)


def _all_but(exceedances: int, means: int) -> float:
    """Return the percentile of a year of means that keeps a limit which so many of them may exceed; cut, so that none of these counts."""
    return math.floor(1e6 * (means - 1 - exceedances) / (means - 1)) / 1e4


def _eu(quantity: str, limits: dict[int, tuple[float, float]], *, ug_m3_per_ppb: float | None = None) -> list[Standard]:
    scale = 1.0 if ug_m3_per_ppb is None else 1000 * ug_m3_per_ppb
    return [
        Standard(quantity=quantity, body="eu", hours=hours, limit=round(limit / scale, 4), of_year=of_year)
        for hours, (limit, of_year) in limits.items()
    ]


def _us(quantity: str, limits: dict[int, tuple[float, float]]) -> list[Standard]:
    return [
        Standard(quantity=quantity, body="us", hours=hours, limit=limit, of_year=of_year)
        for hours, (limit, of_year) in limits.items()
    ]


# Directive 2008/50/EC, annexes XI, XIV and VII, in force until the limits of (EU) 2024/2881 in 2030, in µg/m³ at 20 °C (1 ppb NO₂ = 1.91, O₃ = 2.00,
# SO₂ = 2.66, CO = 1.16), with the percentile that the allowed exceedances of a year make: NO₂ 18 h, SO₂ 24 h and 3 days, PM10 35 and O₃ 25 days.
# Every level and number of exceedances agrees with the pages of the European Environment Agency on each ("Air quality zones", 2010); its "90.41
# percentile corresponding with the 36th highest daily value" is 90.38 here, as `numpy.percentile` counts. From 2030 on (annex I, table 1; a table of
# airclim.org, and for NO₂ a quotation of the annex): PM2.5 10 a year and 25 a day, PM10 20 and 45, NO₂ 20, 50 a day (18 times) and 200 an hour (3
# times). Those of SO₂ and CO were not found.
EU_STANDARDS: Final[tuple[Standard, ...]] = (
    *_eu("so2", {1: (350.0, _all_but(24, YEAR_H)), 24: (125.0, _all_but(3, YEAR_D))}, ug_m3_per_ppb=2.66),
    *_eu("co", {8: (10_000.0, 100.0)}, ug_m3_per_ppb=1.16),
    *_eu("no2", {1: (200.0, _all_but(18, YEAR_H)), YEAR_H: (40.0, 100.0)}, ug_m3_per_ppb=1.91),
    *_eu("o3", {8: (120.0, _all_but(25, YEAR_D))}, ug_m3_per_ppb=2.00),
    *_eu("pm10", {24: (50.0, _all_but(35, YEAR_D)), YEAR_H: (40.0, 100.0)}),
    *_eu("pm25", {YEAR_H: (25.0, 100.0)}),
)
# NAAQS, 40 CFR 50 (PM2.5 of 2024) [ppm, µg/m³]; levels and forms as the table "NAAQS Compliance" of Alaska's Department of Environmental Conservation
# has them. The law judges means of three years and of NO₂, SO₂ and O₃ the highest of each day; here all means of one year at the law's percentile are
# compared, which is laxer for these.
US_STANDARDS: Final[tuple[Standard, ...]] = (
    *_us("so2", {1: (0.075, 99.0)}),
    *_us("co", {1: (35.0, _all_but(1, YEAR_H)), 8: (9.0, _all_but(1, YEAR_H))}),
    *_us("no2", {1: (0.100, 98.0), YEAR_H: (0.053, 100.0)}),
    *_us("o3", {8: (0.070, _all_but(3, YEAR_D))}),
    *_us("pm10", {24: (150.0, _all_but(1, YEAR_D))}),
    *_us("pm25", {24: (35.0, 98.0), YEAR_H: (9.0, 100.0)}),
)
EVERY_STANDARD: Final[tuple[Standard, ...]] = (*STANDARDS, *EU_STANDARDS, *US_STANDARDS)
# Three quarters of the hours must be known, as is usual for Korean averages.
LEAST_SHARE: Final = 0.75


class Judged(NamedTuple):
    """A standard beside what was measured: `mean` is the last one, or the year's percentile, or its mean."""

    standard: Standard
    mean: float

    @property
    def is_exceeded(self) -> bool:
        """Whether the limit is not kept; a missing mean (NaN) exceeds nothing."""
        return self.mean > self.standard.limit


def mean_of_last(hours: Floats, length_h: int) -> Floats:
    """Return the mean of the last `length_h` hours along the first axis; NaN where fewer than three quarters are known."""
    last = hours[-length_h:]
    known = np.isfinite(last)
    count = known.sum(axis=0)
    mean = np.where(known, last, 0.0).sum(axis=0) / np.maximum(count, 1)
    return np.asarray(np.where(count >= LEAST_SHARE * length_h, mean, np.nan))


def judge_last(hours: Floats, standards: Sequence[Standard] = STANDARDS) -> list[Judged]:
    """Compare the last 1, 8 and 24 of hourly means (hours, POLLUTANTS) with the standards for these times.

    A single mean above a limit does not break the standard yet (see `Standard.percentile`).
    """
    means = {length_h: mean_of_last(hours, length_h) for length_h in (1, 8, 24)}
    return [
        Judged(standard, float(means[standard.hours][POLLUTANTS.index(standard.quantity)]))
        for standard in standards
        if standard.hours in means
    ]


class YearJudged(NamedTuple):
    """A standard over a year: its percentile or mean, how many means exceed the limit, and how many there are."""

    judged: Judged
    exceeded: int
    known: int


def judge_year(hours: Floats, standards: Sequence[Standard] = STANDARDS) -> list[YearJudged]:
    """Compare a year of hourly means (hours from the first midnight on, POLLUTANTS) with the standards.

    Means of 8 h are moving ones, those of 24 h are of calendar days. NaN where three quarters of the hours are not known; the year may be unfinished.
    """
    found = []
    for standard in standards:
        column = hours[:, POLLUTANTS.index(standard.quantity)]
        if standard.hours == YEAR_H:
            mean = float(mean_of_last(column, max(len(column), 1)))
            found.append(YearJudged(Judged(standard, mean), int(mean > standard.limit), int(np.isfinite(column).sum())))
            continue
        means = _means(column, standard.hours)
        known = means[np.isfinite(means)]
        value = float(np.percentile(known, standard.percentile)) if len(known) else float("nan")
        found.append(YearJudged(Judged(standard, value), int((known > standard.limit).sum()), len(known)))
    return found


def _means(column: Floats, length_h: int) -> Floats:
    if len(column) < length_h:
        return np.empty(0)
    if length_h == 24:
        return mean_of_last(column[: len(column) // 24 * 24].reshape(-1, 24).T, 24)
    return mean_of_last(np.lib.stride_tricks.sliding_window_view(column, length_h).T, length_h)


@dataclass(frozen=True, kw_only=True, slots=True)
class OdourLimit:
    """What a designated odour may be at the boundary of a site in an industrial area, and in any other area [ppm]."""

    key: str
    label_ko: str
    label_en: str
    industrial_ppm: float
    other_ppm: float


# 악취방지법 시행규칙 별표 3, those of which the limits are known to us (22 are designated). The dilution of composite odour (20 industrial, 15 other)
# is smelt, not measured.

ODOUR_LIMITS: Final[tuple[OdourLimit, ...]] = (
    OdourLimit(key="nh3", label_ko="암모니아", label_en="ammonia", industrial_ppm=2, other_ppm=1),
    OdourLimit(key="h2s", label_ko="황화수소", label_en="hydrogen sulphide", industrial_ppm=0.06, other_ppm=0.02),
    OdourLimit(
        key="methyl_mercaptan",
        label_ko="메틸메르캅탄",
        label_en="methyl mercaptan",
        industrial_ppm=0.004,
        other_ppm=0.002,
    ),
    OdourLimit(
        key="dimethyl_sulphide",
        label_ko="다이메틸설파이드",
        label_en="dimethyl sulphide",
        industrial_ppm=0.05,
        other_ppm=0.01,
    ),
    OdourLimit(
        key="dimethyl_disulphide",
        label_ko="다이메틸다이설파이드",
        label_en="dimethyl disulphide",
        industrial_ppm=0.03,
        other_ppm=0.009,
    ),
    OdourLimit(
        key="trimethylamine", label_ko="트라이메틸아민", label_en="trimethylamine", industrial_ppm=0.02, other_ppm=0.005
    ),
    OdourLimit(
        key="acetaldehyde", label_ko="아세트알데하이드", label_en="acetaldehyde", industrial_ppm=0.1, other_ppm=0.05
    ),
    OdourLimit(key="styrene", label_ko="스타이렌", label_en="styrene", industrial_ppm=0.8, other_ppm=0.4),
    OdourLimit(key="toluene", label_ko="톨루엔", label_en="toluene", industrial_ppm=30, other_ppm=10),
    OdourLimit(key="xylene", label_ko="자일렌", label_en="xylene", industrial_ppm=2, other_ppm=1),
    OdourLimit(
        key="methyl_ethyl_ketone",
        label_ko="메틸에틸케톤",
        label_en="methyl ethyl ketone",
        industrial_ppm=35,
        other_ppm=13,
    ),
)
