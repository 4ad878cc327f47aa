"""Ask Korea's weather service for the weather of the last full hour and its short-range forecast, of the 5 km cell of a city.

The hour becomes a reading of the device `kma-NX-NY`, which is stored like that of any station. The forecast is no measurement: the newest issue is
kept in a file beside the store (`jeonju.contract.weather_ahead`). The documents of data.go.kr 15084084 are the source of names, codes and times.
"""

import logging
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jeonju.common.errors import JeonjuError, UnavailableError
from jeonju.contract import topics
from jeonju.contract.kept_file import keep
from jeonju.contract.reading import Reading, encode
from jeonju.contract.weather_ahead import HourAhead, WeatherAhead
from jeonju.ingest.daily_calls import SEOUL, DailyCalls
from jeonju.ingest.data_portal import Answer, DataPortal, Service, inner
from jeonju.ingest.kma_grid import cell_at, middle_of

log = logging.getLogger(__name__)

SERVICE: Final = "http://apis.data.go.kr/1360000/VilageFcstInfoService_2.0"
KMA: Final = Service("KMA", "15084084", ("KMA_KEY", "AIRKOREA_KEY"))
# A new key has 10 000 a day. Every ten minutes, both, three times each: 864.
MOST_CALLS: Final = 900
# All categories of 80 hours.
MOST_ROWS: Final = 1000
MEASURED: Final = {"T1H": "temperature", "REH": "humidity", "WSD": "wind_speed", "VEC": "wind_direction"}
AHEAD: Final = {
    "TMP": "temperature",
    "REH": "humidity",
    "WSD": "wind_speed",
    "VEC": "wind_direction",
    "POP": "rain_probability_percent",
}
# "900 and more, -900 and less" stand for no value; -999 and -998.9 are seen.
MISSING_FROM: Final = 900.0
# Issues of the forecast, in hours of the Korean day, and when they are there.
FIRST_ISSUE_H: Final = 2
BETWEEN_ISSUES: Final = timedelta(hours=3)
AFTER_THE_ISSUE: Final = timedelta(minutes=15)


class Kma:
    """The weather service, for the cell of one city."""

    # The documents say 40 minutes; it was seen to take up to 50.
    after_the_hour: Final = timedelta(minutes=52)

    def __init__(
        self,
        site: str,
        place: tuple[float, float],
        key: str,
        ahead: Path,
        *,
        now: Callable[[], datetime],
        service: str = SERVICE,
        calls: DailyCalls | None = None,
    ) -> None:
        self._site, self._ahead, self._now = site, ahead, now
        self.cell = cell_at(*place)
        self.device = f"kma-{self.cell.nx}-{self.cell.ny}"
        self._portal, self._service = DataPortal(KMA, key, calls), service.rstrip("/")
        self.issued: datetime | None = None

    @property
    def topic(self) -> str:
        """Where its hours are published."""
        return topics.readings(self._site, self.device)

    def ask(self) -> Answer:
        """Ask for the hour, and for the forecast where a new one is due; trouble with that one is logged only.

        Raises UserError for what a person must change, UnavailableError for what may pass.
        """
        answer = self._ask_hour()
        try:
            self._ask_ahead()
        except (JeonjuError, OSError) as error:
            log.warning("no new weather forecast: %s", error)
        return answer

    def _ask_hour(self) -> Answer:
        wanted = (self._now() - self.after_the_hour).astimezone(SEOUL).replace(minute=0, second=0, microsecond=0)
        rows = self._rows("getUltraSrtNcst", wanted)
        stamps = {at for row in rows if (at := _stamp(row, "base"))}
        values = {
            key: value
            for row in rows
            if (key := MEASURED.get(str(row.get("category")))) and (value := number(row.get("obsrValue"))) is not None
        }
        if not values or len(stamps) != 1:
            raise UnavailableError(f"KMA gives no values now: none of {wanted:%Y-%m-%d %H:%M} in Korea")
        (at,) = stamps
        reading = Reading(device=self.device, time=at, position=middle_of(self.cell), values=dict(values))
        return Answer(encode(reading), at)

    def _ask_ahead(self) -> None:
        issue = newest_issue(self._now())
        if issue == self.issued:
            return
        rows = self._rows("getVilageFcst", issue)
        hours: dict[datetime, dict[str, float]] = {}
        for row in rows:
            at, key = _stamp(row, "fcst"), AHEAD.get(str(row.get("category")))
            value = number(row.get("fcstValue")) if key else None
            if at is not None and key is not None and value is not None:
                hours.setdefault(at, {})[key] = value
        if not hours:
            raise UnavailableError(f"KMA gives no hours in its forecast of {issue:%Y-%m-%d %H:%M} in Korea")
        forecast = WeatherAhead(
            source="KMA",
            device=self.device,
            issued_at=next((at for row in rows if (at := _stamp(row, "base"))), issue.astimezone(UTC)),
            hours=[HourAhead(at=at, **hours[at]) for at in sorted(hours)],
        )
        keep(forecast, self._ahead)
        self.issued = issue

    def _rows(self, operation: str, base: datetime) -> list[dict[str, Any]]:
        query = f"dataType=JSON&numOfRows={MOST_ROWS}&pageNo=1&base_date={base:%Y%m%d}&base_time={base:%H%M}&nx={self.cell.nx}&ny={self.cell.ny}"
        _, body = self._portal.ask(f"{self._service}/{operation}", query)
        rows = inner(body, "items").get("item")
        return [row for row in rows[:MOST_ROWS] if isinstance(row, dict)] if isinstance(rows, list) else []


def newest_issue(now: datetime) -> datetime:
    """Return the newest forecast that is there, by its time in Korea: 02:00, 05:00, … 23:00, a quarter of an hour later."""
    there = (now - AFTER_THE_ISSUE).astimezone(SEOUL)
    since_first = timedelta(hours=there.hour - FIRST_ISSUE_H, minutes=there.minute, seconds=there.second)
    return there.replace(microsecond=0) - since_first % BETWEEN_ISSUES


def number(text: Any) -> float | None:
    """Return a value, None for what is missing or is no number."""
    try:
        value = float(text)
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) and abs(value) < MISSING_FROM else None


def _stamp(row: dict[str, Any], name: str) -> datetime | None:
    """Return the instant of a Korean date and time such as `20260302` and `1700`."""
    try:
        text = f"{row.get(f'{name}Date')} {row.get(f'{name}Time')} +0900"
        return datetime.strptime(text, "%Y%m%d %H%M %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
