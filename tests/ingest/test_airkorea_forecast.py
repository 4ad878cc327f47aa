"""AirKorea's forecast: `-`, missing regions, words that are no class, late, revised and future issues; kept, served, and shown to everybody."""

import json
import logging
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jeonju.api.http.official import forecast_of
from jeonju.api.public.facts import gather
from jeonju.api.public.page import as_html
from jeonju.contract.air_ahead import Bulletin, file_of, kept
from jeonju.contract.official import REGIONS, regions
from jeonju.contract.site import Site
from jeonju.ingest.airkorea import AirKorea
from jeonju.ingest.airkorea_forecast import newest_of, read_bulletins
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.ingest.portal import USED_UP, Portal
from tests.ingest.test_airkorea import DECODED, PALBOK

# 17:12 in Korea.
NOW = datetime(2026, 3, 2, 8, 12, tzinfo=UTC)
USUAL = ",".join(f"{region} : 보통" for region in REGIONS)


def entry(
    issue: str = "2026-03-02 17시 발표", day: str = "2026-03-03", code: str = "PM10", **more: Any
) -> dict[str, Any]:
    """One entry of the form that the interface answers in, images and all."""
    images = {f"imageUrl{number}": f"https://www.airkorea.or.kr/file/proxyImage?{number}.png" for number in range(1, 7)}
    texts = {
        "informOverall": "○ [미세먼지] 전 권역이 '보통'으로 예상됩니다.",
        "informCause": "○ [미세먼지] 원활한 대기 확산.",
    }
    said = {"informCode": code, "informData": day, "informGrade": USUAL, "dataTime": issue, "actionKnack": None}
    return images | texts | said | more


def forecast(*entries: dict[str, Any]) -> tuple[int, bytes]:
    body = {"totalCount": len(entries), "items": list(entries), "pageNo": 1, "numOfRows": 1000}
    return 200, json.dumps(
        {"response": {"body": body, "header": {"resultMsg": "NORMAL_CODE", "resultCode": "00"}}}
    ).encode()


def graded(word: str) -> str:
    return USUAL.replace("전북 : 보통", f"전북 : {word}")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"informGrade": "-"}, "without a class"),
        ({"informGrade": None}, "without a class"),
        ({"informGrade": "서울 : 예보없음,전북 : 예보없음"}, "without a class"),
        ({"informGrade": ["서울 : 보통"]}, "without a class"),
        ({"informGrade": "화성 : 보통"}, "without a class"),
        ({"informCode": "SO2"}, "of another quantity"),
        ({"informCode": None}, "of another quantity"),
        ({"dataTime": "-"}, "without a time"),
        ({"dataTime": "2026-03-02 25시 발표"}, "without a time"),
        ({"informData": "2026-02-30"}, "without a time"),
        ({"dataTime": "2026-03-03 05시 발표"}, "of the future"),
        ({"informData": "2026-04-02"}, "of the future"),
        ({"informData": "9999-12-31"}, "without a time"),
    ],
)
def test_entry_that_says_nothing_is_left_out_and_counted(wrong: dict[str, Any], reason: str) -> None:
    found, left_out = read_bulletins([entry(**wrong), entry(code="PM25"), "?"], NOW)
    assert [one.quantity for one in found] == ["pm25"]
    assert left_out[reason] >= 1
    assert left_out.total() == 2


def test_classes_are_read_by_region_and_what_is_none_is_missing() -> None:
    said = "서울 : 좋음,제주 : 매우 나쁨,전남:나쁨, 전북 : -,경기남부 : 보통"
    (one,), left_out = read_bulletins([entry(informGrade=said, informOverall="-", informCause="x" * 5000)], NOW)
    assert one.grades == {"서울": "good", "제주": "very-bad", "전남": "bad", "경기남부": "moderate"}
    assert (one.issued_at, one.day, one.overall, len(one.cause)) == (NOW.replace(minute=0), date(2026, 3, 3), "", 1000)
    assert left_out == {"regions without a class": len(REGIONS) - 4}


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(list(entry())), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()))
        )
    )
)
def test_any_answer_is_read(entries: list[dict[str, Any]]) -> None:
    found, left_out = read_bulletins([entry() | one for one in entries], NOW)
    assert len(found) + left_out.total() - left_out["regions without a class"] == len(entries)
    newest_of(found, NOW)


def test_newest_issue_counts_and_the_last_word_of_it() -> None:
    def bulletin(hours_ago: int, grade: str, day: int = 3) -> Bulletin:
        at = NOW - timedelta(hours=hours_ago)
        return Bulletin(day=date(2026, 3, day), quantity="pm10", issued_at=at, grades={"전북": grade})

    late = [bulletin(3, "bad"), bulletin(9, "good")]
    revised = [bulletin(3, "bad"), bulletin(3, "very-bad")]
    assert [one.grades["전북"] for one in newest_of(late, NOW)] == ["bad"]
    assert [one.grades["전북"] for one in newest_of(revised, NOW)] == ["very-bad"]
    # Of a day that is over, and what a wrong clock let in before.
    assert newest_of([bulletin(3, "bad", day=1), bulletin(-5, "bad")], NOW) == []


def test_forecast_is_asked_once_an_hour_kept_and_outlives_trouble(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    hour, now = (200, PALBOK), NOW
    file = file_of(tmp_path)

    def grade() -> str | None:
        found = kept(file)
        return found.bulletins[0].grades.get("전북") if found else None

    with Portal(hour, forecast(entry()), hour) as portal:
        source = AirKorea("전북", DECODED, service=portal.url, forecast=file, now=lambda: now)
        source.ask()
        source.ask()
        assert [urlsplit(asked).path.rpartition("/")[2] for asked in portal.asked] == [
            "getCtprvnRltmMesureDnsty",
            "getMinuDustFrcstDspth",
            "getCtprvnRltmMesureDnsty",
        ]
        options = parse_qs(urlsplit(portal.asked[1]).query, strict_parsing=True)
        assert (options["searchDate"], options["serviceKey"]) == (["2026-03-02"], [DECODED])
        assert grade() == "moderate"
        later = [
            # An older issue that comes late, then the same one revised, one without a class, and nothing at all.
            (forecast(entry("2026-03-02 11시 발표", informGrade=graded("좋음"))), "moderate"),
            (forecast(entry(informGrade=graded("매우나쁨"))), "very-bad"),
            (forecast(entry("2026-03-02 23시 발표", informGrade="-")), "very-bad"),
            (forecast(), "very-bad"),
            (USED_UP, "very-bad"),
            ((502, b"<html>"), "very-bad"),
        ]
        for answered, said in later:
            now += timedelta(hours=1)
            portal.answers = [hour, answered]
            assert source.ask().payload == PALBOK
            assert grade() == said
        now = NOW + timedelta(hours=12)
        portal.answers = [hour, forecast()]
        source.ask()
        # 05:12 in Korea, when the first issue of the day is there; an hour before, that of 23:00 was the newest.
        assert "searchDate=2026-03-03" in portal.asked[-1]
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [line.partition(":")[0] for line in lines] == ["no new forecast of AirKorea"] * 2
    assert source.forecasts is not None
    file.write_bytes(b"{")
    now += timedelta(hours=1)
    with Portal(hour, forecast(entry(informGrade=graded("나쁨")), entry(code="x"))) as portal:
        source = AirKorea("전북", DECODED, service=portal.url, forecast=file, now=lambda: now)
        source.ask()
    assert grade() == "bad"
    assert source.forecasts is not None
    assert source.forecasts.summary == "of 2026-03-02 08:00 UTC, 1 of another quantity"


def test_it_is_served_for_the_citys_region_and_shown_to_everybody(
    jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    now, path = NOW, "/api/v1/official/forecast"
    app = api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: now, data=tmp_path)

    def public() -> str:
        page = as_html(jeonju, gather(app.state.air), now, "en").partition("Official forecast")[2]
        return " ".join(re.sub(r"<[^>]+>", " ", page).split())

    with local_client(app) as client:
        nothing = client.get(path).json()
        assert (nothing["days"], nothing["issued_at"]) == ([], None)
        assert "`jeonju airkorea` brings it" in nothing["reason"]
        assert public() == ""
        answered = forecast(
            entry(informGrade=graded("나쁨")),
            entry(day="2026-03-02"),
            entry(code="O3", informGrade="서울 : 좋음", informOverall="<b>오존</b>"),
        )
        with Portal((200, PALBOK), answered) as portal:
            AirKorea("전북", DECODED, service=portal.url, forecast=file_of(tmp_path), now=lambda: now).ask()
        told = client.get(path).json()
        assert [
            (one["day"], one["quantity"], one["grade"], one["grade_ko"], one["grade_en"]) for one in told["days"]
        ] == [
            ("2026-03-02", "pm10", "moderate", "보통", "Moderate"),
            ("2026-03-03", "o3", None, None, None),
            ("2026-03-03", "pm10", "bad", "나쁨", "Bad"),
        ]
        assert {one["region"] for one in told["days"]} == {"전북"}
        assert (told["issued_at"], told["is_old"], told["reason"]) == ("2026-03-02T08:00:00Z", False, None)
        assert told["left_out"] == {"regions without a class": len(REGIONS) - 1}
        shown = public()
        assert "03-02 전북 – Moderate – 03-03 전북 – Bad –" in shown
        assert "issued 17:00. Source: AirKorea" in shown
        assert "&lt;b&gt;오존" in shown
        now = NOW + timedelta(hours=14)
        assert [one["day"] for one in client.get(path).json()["days"]] == ["2026-03-03"] * 2
        assert client.get(path).json()["is_old"] is True
        assert "issued old: 2026-03-02 17:00" in public()
        file_of(tmp_path).write_bytes(b"{")
        assert client.get(path).status_code == 503
        assert public() == ""
    elsewhere = jeonju.model_copy(update={"gateways": []})
    assert regions(elsewhere) == []
    assert "names no station" in forecast_of(api_app(elsewhere, store, "mqtt://127.0.0.1:1").state.air)["reason"]
