"""The weather service's hours and forecast from a server that answers as the open data portal does; its grid by published cells."""

import logging
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.reading import Reading
from jeonju.contract.site import Site
from jeonju.contract.weather_ahead import HourAhead, file_of, kept
from jeonju.ingest.daily_calls import DailyCalls, UsedUpError, calls_today
from jeonju.ingest.daily_calls import file_of as calls_of
from jeonju.ingest.kma import Kma, newest_issue, number
from jeonju.ingest.kma_grid import Cell, cell_at, middle_of
from jeonju.ingest.official import carry
from jeonju.ingest.service import Ingest
from jeonju.storage.duckdb.store import DuckDBStore
from tests.ingest.portal import BUSY, UNREGISTERED, USED_UP, Ending, Portal
from tests.jeonju.cli.command import jeonju as jeonju_here
from tests.waiting import wait_until

# 20:12 in Korea: the hour of 19:00 is there, and the forecast of 20:00 is not yet.
NOW = datetime(2026, 3, 2, 11, 12, tzinfo=UTC)
JEONJU = (35.8242, 127.148)
KEY = "ab+/cd=="


def answer(rows: list[dict[str, Any]], code: str = "00") -> tuple[int, bytes]:
    content = {
        "header": {"resultCode": code, "resultMsg": "NORMAL_SERVICE" if code == "00" else "NO_DATA"},
        "body": {"dataType": "JSON", "items": {"item": rows}, "pageNo": 1, "numOfRows": 1000, "totalCount": len(rows)},
    }
    return 200, msgspec.json.encode({"response": content})


def measured(**values: str) -> tuple[int, bytes]:
    base = {"baseDate": "20260302", "baseTime": "1900", "nx": 63, "ny": 89}
    return answer([base | {"category": category, "obsrValue": value} for category, value in values.items()])


def ahead(*hours: tuple[str, str, dict[str, str]]) -> tuple[int, bytes]:
    base = {"baseDate": "20260302", "baseTime": "1700", "nx": 63, "ny": 89}
    return answer(
        [
            base | {"fcstDate": day, "fcstTime": clock, "category": category, "fcstValue": value}
            for day, clock, values in hours
            for category, value in values.items()
        ]
    )


HOUR = measured(T1H="7.4", RN1="0", UUU="-1.2", VVV="0.6", REH="62", PTY="0", VEC="117", WSD="1.3")
AHEAD = ahead(
    ("20260302", "2300", {"TMP": "5", "REH": "70", "WSD": "1.9", "VEC": "118", "POP": "30", "PCP": "강수없음"}),
    ("20260303", "0000", {"TMP": "4", "REH": "-999", "WSD": "900", "VEC": "x", "SNO": "적설없음"}),
    ("20260399", "0000", {"TMP": "4"}),
)


def source(portal: Portal, folder: Path, calls: DailyCalls | None = None, now: datetime = NOW) -> Kma:
    return Kma("jeonju", JEONJU, KEY, file_of(folder, "jeonju"), now=lambda: now, service=portal.url, calls=calls)


@pytest.mark.parametrize(
    ("lat", "lon", "cell"),
    # Places and cells of the table that comes with the interface.
    [
        (37.5636, 126.98, (60, 127)),
        (35.177, 129.077, (98, 76)),
        (35.8685, 128.6036, (89, 90)),
        (37.4532, 126.7074, (55, 124)),
        (35.157, 126.8534, (58, 74)),
        (36.3471, 127.3865, (67, 100)),
        (33.4857, 126.5003, (52, 38)),
        (35.8172, 127.1111, (63, 89)),
    ],
)
def test_cells_are_those_that_the_service_publishes(lat: float, lon: float, cell: tuple[int, int]) -> None:
    assert cell_at(lat, lon) == cell


@given(st.integers(1, 149), st.integers(1, 253))
def test_the_middle_of_a_cell_lies_in_it(nx: int, ny: int) -> None:
    assert cell_at(*middle_of(Cell(nx, ny))) == (nx, ny)


@pytest.mark.parametrize("place", [(48.85, 2.35), (-33.9, 151.2), (90.0, 127.0), (35.8, -52.9)])
def test_places_elsewhere_are_refused(place: tuple[float, float]) -> None:
    with pytest.raises(UserError, match="grid of Korea's weather service"):
        cell_at(*place)


def test_an_hour_becomes_a_reading_and_the_forecast_a_file(tmp_path: Path) -> None:
    with Portal(HOUR, AHEAD, HOUR) as portal:
        kma = source(portal, tmp_path)
        found = kma.ask()
        kma.ask()
    reading = msgspec.json.decode(found.payload, type=Reading)
    assert (reading.device, reading.time) == ("kma-63-89", datetime(2026, 3, 2, 10, tzinfo=UTC))
    assert reading.values == {"temperature": 7.4, "humidity": 62.0, "wind_direction": 117.0, "wind_speed": 1.3}
    assert reading.position == pytest.approx(JEONJU, abs=0.05)
    kept_ahead = kept(file_of(tmp_path, "jeonju"))
    assert kept_ahead is not None
    assert (kept_ahead.device, kept_ahead.issued_at) == ("kma-63-89", datetime(2026, 3, 2, 8, tzinfo=UTC))
    full = {"temperature": 5.0, "humidity": 70.0, "wind_speed": 1.9, "wind_direction": 118.0}
    assert kept_ahead.hours == [
        HourAhead(at=datetime(2026, 3, 2, 14, tzinfo=UTC), **full, rain_probability_percent=30.0),
        HourAhead(at=datetime(2026, 3, 2, 15, tzinfo=UTC), temperature=4.0),
    ]
    # The forecast is asked for once an issue.
    assert [urlsplit(asked).path.rsplit("/")[-1] for asked in portal.asked] == [
        "getUltraSrtNcst",
        "getVilageFcst",
        "getUltraSrtNcst",
    ]
    options = [parse_qs(urlsplit(asked).query, strict_parsing=True) for asked in portal.asked]
    assert [(option["base_date"], option["base_time"]) for option in options[:2]] == [
        (["20260302"], ["1900"]),
        (["20260302"], ["1700"]),
    ]
    assert {(*option["serviceKey"], *option["nx"], *option["ny"], *option["dataType"]) for option in options} == {
        (KEY, "63", "89", "JSON")
    }


@pytest.mark.parametrize(
    ("given_answer", "error", "message"),
    [
        (
            UNREGISTERED,
            UserError,
            r"KMA answers SERVICE_KEY_IS_NOT_REGISTERED_ERROR: .*15084084.* KMA_KEY or AIRKOREA_KEY",
        ),
        (USED_UP, UsedUpError, "the calls that KMA allows this key a day are used up"),
        (BUSY, UnavailableError, "05 SERVICETIMEOUT_ERROR"),
        (answer([], "03"), UnavailableError, "KMA gives no values now: 03 NO_DATA"),
        (measured(T1H="-999", REH="-998.9", WSD="900", VEC="-"), UnavailableError, "none of 2026-03-02 19:00 in Korea"),
        (answer([]), UnavailableError, "none of 2026-03-02 19:00 in Korea"),
        ((200, b'{"response":{"header":{"resultCode":"00"},"body":{"items":""}}}'), UnavailableError, "no values now"),
        ((502, b"<html>"), UnavailableError, "no values now: 502 <html>"),
    ],
)
def test_trouble_is_one_line(
    given_answer: tuple[int, bytes], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with Portal(given_answer) as portal, pytest.raises(error, match=message) as caught:
        source(portal, tmp_path).ask()
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_trouble_with_the_forecast_leaves_the_hour_and_the_last_forecast(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Portal(HOUR, AHEAD, HOUR, UNREGISTERED) as portal:
        source(portal, tmp_path).ask()
        later = source(portal, tmp_path, now=NOW + timedelta(hours=1))
        assert later.ask().newest == datetime(2026, 3, 2, 10, tzinfo=UTC)
    (line,) = (record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert line.startswith("no new weather forecast: KMA answers SERVICE_KEY_IS_NOT_REGISTERED_ERROR")
    kept_ahead = kept(file_of(tmp_path, "jeonju"))
    assert kept_ahead is not None
    assert kept_ahead.issued_at == datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("clock", "issue"),
    [("17:14", "02T14:00"), ("17:15", "02T17:00"), ("02:14", "01T23:00"), ("00:00", "01T23:00"), ("23:59", "02T23:00")],
)
def test_newest_issue(clock: str, issue: str) -> None:
    found = newest_issue(datetime.fromisoformat(f"2026-03-02T{clock}:30+09:00"))
    assert found == datetime.fromisoformat(f"2026-03-{issue}+09:00")


@given(st.one_of(st.none(), st.text(), st.floats(), st.integers(), st.lists(st.integers())))
def test_a_number_is_finite_and_not_missing(text: Any) -> None:
    found = number(text)
    assert found is None or abs(found) < 900


def test_calls_of_a_day_are_counted_over_restarts_and_bounded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = calls_of(tmp_path, "KMA")
    for made in (1, 2):
        calls = DailyCalls(file, "KMA", 3)
        calls.take(NOW)
        assert str(calls) == f"{made} of 3 calls today"
    calls.take(NOW)
    with pytest.raises(
        UsedUpError, match="KMA was asked 3 times today, of 3 at most; it goes on after midnight in Korea"
    ):
        DailyCalls(file, "KMA", 3).take(NOW)
    assert calls_today(tmp_path, NOW) == [("KMA", 3, 3, NOW.replace(hour=15, minute=0))]
    # Midnight in Korea is 15:00 UTC.
    assert [each.used for each in calls_today(tmp_path, NOW.replace(hour=15))] == [0]
    calls.take(NOW.replace(hour=15))
    assert calls.made == 1
    file.write_bytes(b"{")
    assert calls_today(tmp_path, NOW) == []
    calls.take(NOW)
    assert (calls.made, "is no count of calls" in caplog.text) == (1, True)
    with pytest.raises(UserError, match="name another folder with --data"):
        DailyCalls(file / "x.json", "KMA", 3).take(NOW)


def test_calls_of_many_at_once_are_all_counted(tmp_path: Path) -> None:
    file = tmp_path / "calls.json"

    def take() -> None:
        for _ in range(25):
            DailyCalls(file, "KMA", 1000).take(NOW)

    takers = [threading.Thread(target=take) for _ in range(4)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    last = DailyCalls(file, "KMA", 1000)
    last.take(NOW)
    assert last.made == 101


def test_with_no_calls_left_nobody_is_asked_and_the_city_goes_on(tmp_path: Path, broker: EmbeddedBroker) -> None:
    over = Ending(2)
    with Portal(HOUR) as portal:
        calls = DailyCalls(tmp_path / "calls.json", "KMA", 0)
        carry(
            source(portal, tmp_path, calls),
            broker.url,
            every=timedelta(hours=1),
            once=False,
            now=lambda: NOW,
            over=over,
        )
        assert portal.asked == []
    # Every full interval, not every ten minutes.
    assert over.waits == [2400.0, 2400.0]


def test_command_brings_the_hour_into_the_store(
    broker: EmbeddedBroker, store: DuckDBStore, jeonju: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KMA_KEY", raising=False)
    monkeypatch.setenv("AIRKOREA_KEY", KEY)
    with Ingest(jeonju, store, broker.url) as ingest, Portal(HOUR, AHEAD) as portal:
        done = jeonju_here("kma", "--broker", broker.url, "--service", portal.url, "--data", str(tmp_path), "--once")
        assert (done.returncode, done.stderr) == (0, "")
        assert "kma-62-89: 2026-03-02 10:00 UTC" in done.stdout
        assert "2 of 900 calls today" in done.stdout
        wait_until(lambda: ingest.stats().readings == 1, what="the hour")
        monkeypatch.delenv("AIRKOREA_KEY")
        missing = jeonju_here("kma", "--once", "--data", str(tmp_path))
    assert missing.returncode == 2
    assert "KMA needs a key; get one on data.go.kr (15084084) and set KMA_KEY or AIRKOREA_KEY" in missing.stderr
    (row,) = store.latest("jeonju").to_pylist()
    assert (row["device"], row["temperature"], row["wind_direction"]) == ("kma-62-89", 7.4, 117.0)
    assert not store.dead_letters()
