"""Levels at which the law acts upon hourly means: advisories of air pollution, and the stages of an Asian dust crisis."""

from dataclasses import dataclass
from math import isnan
from typing import Final, NamedTuple


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """One level: issued after `hours` hourly means in a row of at least `issue_at`, lifted or stepped down below `end_below`."""

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
# Directive (EU) 2024/2881, annex I, section 4 (as 2008/50/EC, annex XII, before): information and alert thresholds of ozone, 180 and 240 µg/m³ at
# 20 °C. Of others they are means over three hours in a large area, which a network of low-cost stations does not judge.
EU_LEVELS: Final[dict[str, tuple[Level, ...]]] = {
    "o3": (
        Level(
            quantity="o3",
            key="information",
            label_ko="정보 기준 초과",
            label_en="information threshold",
            issue_at=0.0902,
            end_below=0.0902,
            hours=1,
        ),
        Level(
            quantity="o3",
            key="alert",
            label_ko="경보 기준 초과",
            label_en="alert threshold",
            issue_at=0.1203,
            end_below=0.1203,
            hours=1,
        ),
    ),
}
# 황사 위기경보 (crisis stages of Asian dust), PM10 [µg/m³]. The second has the level of the weather service's 황사경보. No end is laid
# down: half of the level is our choice. That it is dust and not haze is judged by `DUST_MOST_FINE`.
DUST_STAGES: Final[tuple[Level, ...]] = (
    Level(quantity="pm10", key="caution", label_ko="주의", label_en="caution", issue_at=300, end_below=150, hours=2),
    Level(quantity="pm10", key="alert", label_ko="경계", label_en="alert", issue_at=800, end_below=400, hours=2),
)

# Asian dust is coarse: PM2.5 is at most this share of PM10; of haze it is 0.6 and more. Our choice.
DUST_MOST_FINE: Final = 0.5

# The law says nothing of missing values. So long [h] a level stays in force without any; longer, nothing is known and it ends. Our choice.
LONGEST_WITHOUT_DATA_H: Final = 6


class AdvisoryState(NamedTuple):
    """Where one quantity at one place stands: `level` counts from 0 (none), `hours_above` per level, `hours_missing` since the last value."""

    level: int = 0
    hours_above: tuple[int, ...] = ()
    hours_missing: int = 0


def next_state(levels: tuple[Level, ...], state: AdvisoryState, hourly_mean: float) -> AdvisoryState:
    """Return the state after one more hourly mean; an hour without data (NaN) neither issues nor lifts anything.

    A level is issued after its hours in a row; below the end of a level the state steps down to the next lower one whose end is not yet reached.
    """
    if isnan(hourly_mean):
        missing = state.hours_missing + 1
        return AdvisoryState(state.level if missing <= LONGEST_WITHOUT_DATA_H else 0, (0,) * len(levels), missing)
    before = state.hours_above or (0,) * len(levels)
    hours = tuple(
        count + 1 if hourly_mean >= level.issue_at else 0 for count, level in zip(before, levels, strict=True)
    )
    kept = state.level
    while kept > 0 and hourly_mean < levels[kept - 1].end_below:
        kept -= 1
    issued = max(
        (number for number, (count, level) in enumerate(zip(hours, levels, strict=True), 1) if count >= level.hours),
        default=0,
    )
    return AdvisoryState(max(kept, issued), hours)


def is_dust(pm10_ug_m3: float, pm25_ug_m3: float) -> bool:
    """Return whether particles are coarse enough for Asian dust; where PM2.5 is missing (NaN) they may be."""
    return isnan(pm25_ug_m3) or pm25_ug_m3 <= DUST_MOST_FINE * pm10_ug_m3
