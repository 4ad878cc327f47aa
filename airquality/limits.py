"""Limits that the law and health bodies set, as rows with their source."""

from dataclasses import dataclass
from math import isnan
from typing import Final, NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """One level of an air-pollution advisory: issued after `hours` hourly means of at least `issue_at`, lifted or stepped down below `end_below`."""

    quantity: str
    key: str
    label_ko: str
    label_en: str
    issue_at: float
    end_below: float
    hours: int


# 대기환경보전법 시행규칙 별표 7 (Enforcement Rule of the Clean Air Conservation Act, table 7). PM [µg/m³], O₃ [ppm]; ascending per quantity.
ADVISORY_LEVELS: Final[dict[str, tuple[Level, ...]]] = {
    "pm10": (
        Level(
            quantity="pm10",
            key="advisory",
            label_ko="주의보",
            label_en="advisory",
            issue_at=150,
            end_below=100,
            hours=2,
        ),
        Level(
            quantity="pm10", key="warning", label_ko="경보", label_en="warning", issue_at=300, end_below=150, hours=2
        ),
    ),
    "pm25": (
        Level(
            quantity="pm25", key="advisory", label_ko="주의보", label_en="advisory", issue_at=75, end_below=35, hours=2
        ),
        Level(quantity="pm25", key="warning", label_ko="경보", label_en="warning", issue_at=150, end_below=75, hours=2),
    ),
    "o3": (
        Level(
            quantity="o3",
            key="advisory",
            label_ko="주의보",
            label_en="advisory",
            issue_at=0.12,
            end_below=0.12,
            hours=1,
        ),
        Level(quantity="o3", key="warning", label_ko="경보", label_en="warning", issue_at=0.3, end_below=0.3, hours=1),
        Level(
            quantity="o3",
            key="serious-warning",
            label_ko="중대경보",
            label_en="serious warning",
            issue_at=0.5,
            end_below=0.5,
            hours=1,
        ),
    ),
}


class AdvisoryState(NamedTuple):
    """Where the advisory of one quantity at one place stands: `level` counts from 0 (none), `hours_above` per level."""

    level: int = 0
    hours_above: tuple[int, ...] = ()


def next_advisory_state(quantity: str, state: AdvisoryState, hourly_mean: float) -> AdvisoryState:
    """Return the state after one more hourly mean; an hour without data (NaN) neither issues nor lifts anything.

    A level is issued after its hours in a row; below the end of a level the state steps down to the next lower one whose end is not yet reached.
    """
    levels = ADVISORY_LEVELS[quantity]
    if isnan(hourly_mean):
        return AdvisoryState(state.level, (0,) * len(levels))
    before = state.hours_above or (0,) * len(levels)
    hours = tuple(
        count + 1 if hourly_mean >= level.issue_at else 0 for count, level in zip(before, levels, strict=True)
    )
    kept = state.level
    while kept > 0 and hourly_mean < levels[kept - 1].end_below:
        kept -= 1
    issued = max(
        (
            number
            for number, (count, level) in enumerate(zip(hours, levels, strict=True), start=1)
            if count >= level.hours
        ),
        default=0,
    )
    return AdvisoryState(max(kept, issued), hours)


@dataclass(frozen=True, kw_only=True, slots=True)
class Standard:
    """An ambient standard: mean over `hours` of at most `limit`."""

    quantity: str
    body: str
    hours: int
    limit: float


YEAR_H: Final = 8760
# 환경정책기본법 시행령 별표 1 (decree of 2023-07-04): gases [ppm], PM [µg/m³]. WHO global air quality guidelines 2021: PM [µg/m³].
STANDARDS: Final[tuple[Standard, ...]] = (
    Standard(quantity="so2", body="Korea", hours=1, limit=0.15),
    Standard(quantity="so2", body="Korea", hours=24, limit=0.05),
    Standard(quantity="so2", body="Korea", hours=YEAR_H, limit=0.02),
    Standard(quantity="co", body="Korea", hours=1, limit=25.0),
    Standard(quantity="co", body="Korea", hours=8, limit=9.0),
    Standard(quantity="no2", body="Korea", hours=1, limit=0.10),
    Standard(quantity="no2", body="Korea", hours=24, limit=0.06),
    Standard(quantity="no2", body="Korea", hours=YEAR_H, limit=0.03),
    Standard(quantity="o3", body="Korea", hours=1, limit=0.10),
    Standard(quantity="o3", body="Korea", hours=8, limit=0.06),
    Standard(quantity="pm10", body="Korea", hours=24, limit=100.0),
    Standard(quantity="pm10", body="Korea", hours=YEAR_H, limit=50.0),
    Standard(quantity="pm25", body="Korea", hours=24, limit=35.0),
    Standard(quantity="pm25", body="Korea", hours=YEAR_H, limit=15.0),
    Standard(quantity="pm10", body="WHO", hours=24, limit=45.0),
    Standard(quantity="pm10", body="WHO", hours=YEAR_H, limit=15.0),
    Standard(quantity="pm25", body="WHO", hours=24, limit=15.0),
    Standard(quantity="pm25", body="WHO", hours=YEAR_H, limit=5.0),
)
