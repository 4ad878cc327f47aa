"""Ask AirKorea's open interface for the official hourly values of a province, and put its answers on the broker as they are.

The values of an hour appear some minutes after its end. It asks every ten minutes at most, and three times in a row at most: even on a day when
everything fails that is 432 of the 500 calls a day that a new key has, and 24 for the forecast. Several provinces share the key, so calls are
counted, too.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jeonju.common.clock import utc_now
from jeonju.common.errors import UnavailableError, UserError
from jeonju.decoders.airkorea.decoder import hour
from jeonju.ingest.airkorea_forecast import Forecasts
from jeonju.ingest.airkorea_stations import StationList, read_stations
from jeonju.ingest.daily_calls import DailyCalls
from jeonju.ingest.data_portal import Answer, DataPortal, Service

SERVICE: Final = "http://apis.data.go.kr/B552584/ArpltnInforInqireSvc"
STATIONS: Final = "http://apis.data.go.kr/B552584/MsrstnInfoInqireSvc"
KEY_VARIABLE: Final = "AIRKOREA_KEY"
AIRKOREA: Final = Service("AirKorea", "15073861", (KEY_VARIABLE,))
PROVINCES: Final = (
    "전국",
    "서울",
    "부산",
    "대구",
    "인천",
    "광주",
    "대전",
    "울산",
    "경기",
    "강원",
    "충북",
    "충남",
    "전북",
    "전남",
    "경북",
    "경남",
    "제주",
    "세종",
)
# All stations of the country are some 660.
MOST_STATIONS: Final = 1000
# Of the 500 a day of a new key; the rest is for people who ask by hand.
MOST_CALLS: Final = 480


class AirKorea:
    """The open interface, for one province. Where `forecast` names a file, the forecast of the country is kept there."""

    after_the_hour: Final = timedelta(minutes=12)

    def __init__(
        self,
        province: str,
        key: str,
        *,
        service: str = SERVICE,
        calls: DailyCalls | None = None,
        forecast: Path | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        if province not in PROVINCES:
            raise UserError(f"{province!r} is no province of AirKorea; there are: {' '.join(PROVINCES)}")
        self.province = province
        self._portal = DataPortal(AIRKOREA, key, calls)
        self._service = service.rstrip("/")
        self.forecasts = None if forecast is None else Forecasts(self._ask_forecast, forecast, now)

    @property
    def topic(self) -> str:
        """Where its answers are published."""
        return f"airkorea/{self.province}"

    def ask(self) -> Answer:
        """Ask for the hour, then for the forecast, trouble with which is logged only.

        Raises UserError for what a person must change, UnavailableError for what may pass.
        """
        payload, items = self._ask(
            f"{self._service}/getCtprvnRltmMesureDnsty", f"sidoName={quote(self.province)}&ver=1.5"
        )
        if self.forecasts is not None:
            self.forecasts.refresh()
        times = [at for item in items if isinstance(item, dict) and (at := hour(item.get("dataTime")))]
        return Answer(payload, max(times, default=None))

    def ask_stations(self, service: str = STATIONS) -> StationList:
        """Ask once for the stations of the province; the key must be allowed for the service of stations too (15073877). Raises as `ask` does."""
        payload, _ = self._ask(f"{service.rstrip('/')}/getMsrstnList", f"addr={quote(self.province)}")
        return read_stations(payload, self.province)

    def _ask_forecast(self, day: date) -> list[Any]:
        return self._ask(f"{self._service}/getMinuDustFrcstDspth", f"searchDate={day.isoformat()}")[1]

    def _ask(self, address: str, query: str) -> tuple[bytes, list[Any]]:
        payload, body = self._portal.ask(address, f"{query}&returnType=json&numOfRows={MOST_STATIONS}&pageNo=1")
        if not isinstance(items := body["items"], list):
            raise UnavailableError("AirKorea gives no values now: its items are no list")
        return payload, items


def key_from_surroundings() -> str:
    """Return the key of the open data portal.

    Raises UserError where there is none.
    """
    return AIRKOREA.key()
