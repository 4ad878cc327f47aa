"""Hours of the week as people write them, where a holiday is a day of its own."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday"]
DAYS: Final[tuple[Day, ...]] = get_args(Day)
WEEKDAYS: Final = DAYS[:7]
DAY_MIN: Final = 24 * 60


def _minute(text: Any) -> int:
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    hour, colon, minute = text.partition(":") if isinstance(text, str) else ("", "", "")
    is_clock = len(hour) == len(minute) == 2 and colon and (hour + minute).isascii() and (hour + minute).isdigit()
    found = 60 * int(hour) + int(minute) if is_clock and int(minute) < 60 else DAY_MIN + 1
    if found > DAY_MIN:
        raise ValueError("is no time of day; write it like '08:30', at most '24:00'")
    return found


def _begin(text: Any) -> int:
    if (minute := _minute(text)) == DAY_MIN:
        raise ValueError("is the end of a day, at which no hours begin; write '00:00'")
    return minute


Begin = Annotated[int, BeforeValidator(_begin), Field(ge=0, lt=DAY_MIN)]
End = Annotated[int, BeforeValidator(_minute), Field(ge=0, le=DAY_MIN)]


class Hours(BaseModel):
    """From one time of day to another, local time, on some days; over midnight where `to` is not later than `from`.

    Hours over midnight belong to the day on which they begin. A date among the holidays is `holiday`, and no other day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    days: Annotated[tuple[Day, ...], Field(min_length=1)] = DAYS
    begin: Annotated[Begin, Field(alias="from")] = 0
    end: Annotated[End, Field(alias="to")] = DAY_MIN

    @property
    def lasts_min(self) -> int:
        """How long they are."""
        return (self.end - self.begin - 1) % DAY_MIN + 1

    def hold(self, today: Day, yesterday: Day, minute: int) -> bool:
        """Return whether a minute of today lies in them."""
        if self.begin < self.end:
            return today in self.days and self.begin <= minute < self.end
        return (today in self.days and minute >= self.begin) or (yesterday in self.days and minute < self.end)

    def cover(self, local: datetime, holidays: Collection[date]) -> bool:
        """Return whether a local time lies in them."""
        today = local.date()
        before = today - timedelta(days=1)
        return self.hold(day_of(today, holidays), day_of(before, holidays), 60 * local.hour + local.minute)


def day_of(day: date, holidays: Collection[date]) -> Day:
    """Return what a date is."""
    return "holiday" if day in holidays else DAYS[day.weekday()]


def first_free(spans: Sequence[Hours]) -> str | None:
    """Return the first time of a week without holidays that is outside all of them, such as `sat 00:00`; None where there is none."""
    edges = sorted({0, *(edge % DAY_MIN for span in spans for edge in (span.begin, span.end))})
    for number, today in enumerate(WEEKDAYS):
        for minute in edges:
            if not any(span.hold(today, WEEKDAYS[number - 1], minute) for span in spans):
                return f"{today} {minute // 60:02}:{minute % 60:02}"
    return None
