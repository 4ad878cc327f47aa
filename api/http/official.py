"""What Korea's networks forecast, as the command that asks for it has kept it."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Response

from jeonju.airquality.index import GRADES
from jeonju.airquality.pollutants import QUANTITY
from jeonju.api.http.answers import answer, example
from jeonju.api.http.state import Air, State
from jeonju.common.errors import UnavailableError
from jeonju.contract.air_ahead import Bulletin, file_of, kept
from jeonju.contract.official import regions

router = APIRouter(prefix="/api/v1", tags=["indexes"])

SEOUL: Final = ZoneInfo("Asia/Seoul")
# Issues come every six hours; when two were missed, it is said.
OLD_AFTER: Final = timedelta(hours=13)
_GRADE: Final = {grade.key: grade for grade in GRADES}
_NO_REGION: Final = "the site file names no station of AirKorea in the city, so its region is not known"
_NOTHING: Final = "no forecast of AirKorea for today or later is kept here; `jeonju airkorea` brings it"

_FORECAST: Final = {
    "source": "AirKorea",
    "is_forecast": True,
    "is_old": False,
    "issued_at": "2026-03-02T08:00:00Z",
    "reason": None,
    "left_out": {"without a class": 1},
    "days": [
        {
            "day": "2026-03-03",
            "quantity": "pm10",
            "label_ko": "미세먼지",
            "label_en": "PM10",
            "region": "전북",
            "grade": "bad",
            "grade_ko": "나쁨",
            "grade_en": "Bad",
            "issued_at": "2026-03-02T08:00:00Z",
            "overall": "○ [미세먼지] 전북은 '나쁨', 그 밖의 권역은 '보통'으로 예상됩니다.",
            "cause": "○ [미세먼지] 대기 정체로 농도가 높을 것으로 예상됩니다.",
        }
    ],
}


@router.get("/official/forecast", responses=example(_FORECAST))
def official_forecast(air: Air) -> Response:
    """AirKorea's forecast for the city's region: a class of PM10, PM2.5 and O₃ for today and the days after, when it was issued, and its text.

    A day, quantity and region without a class has `grade` null. `left_out` counts what of the last answer could not be used. `is_old` says that
    nothing was issued for 13 hours, `reason` why there is nothing. It is no forecast of this platform: that is `/api/v1/forecast`.
    """
    return answer(forecast_of(air))


def forecast_of(air: State) -> dict[str, Any]:
    """Return the official forecast for the city. Raises UnavailableError where what is kept cannot be read."""
    now, known = air.now(), regions(air.site)
    try:
        found = None if air.data is None else kept(file_of(air.data))
    except (ValueError, OSError) as error:
        raise UnavailableError(f"the official forecast cannot be read: {error}") from error
    today = now.astimezone(SEOUL).date()
    ahead = [one for one in found.bulletins if one.day >= today] if found else []
    issued_at = max((one.issued_at for one in ahead), default=None)
    days = [_day(one, region) for one in ahead for region in known]
    return {
        "source": "AirKorea",
        "is_forecast": True,
        "is_old": _is_old(issued_at, now),
        "issued_at": issued_at,
        "reason": None if days else _NOTHING if known else _NO_REGION,
        "left_out": found.left_out if found else {},
        "days": days,
    }


def _is_old(issued_at: datetime | None, now: datetime) -> bool:
    return issued_at is not None and now - issued_at > OLD_AFTER


def _day(one: Bulletin, region: str) -> dict[str, Any]:
    quantity, grade = QUANTITY[one.quantity], _GRADE.get(one.grades.get(region, ""))
    return {
        "day": one.day,
        "quantity": one.quantity,
        "label_ko": quantity.label_ko,
        "label_en": quantity.label_en,
        "region": region,
        "grade": grade.key if grade else None,
        "grade_ko": grade.label_ko if grade else None,
        "grade_en": grade.label_en if grade else None,
        "issued_at": one.issued_at,
        "overall": one.overall,
        "cause": one.cause,
    }
