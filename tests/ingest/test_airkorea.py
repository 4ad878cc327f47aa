"""Official values from a server that answers as the open data portal does, through a real broker into a store and out of the api."""

import logging
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.cli.app import app
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.reading import Reading, encode
from jeonju.contract.site import Site
from jeonju.contract.topics import readings
from jeonju.ingest import official
from jeonju.ingest.airkorea import AirKorea
from jeonju.ingest.data_portal import Answer
from jeonju.ingest.official import LEAST, carry, publish
from jeonju.ingest.service import Ingest
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.clients import local_client
from tests.conftest import SHARED_DATA
from tests.ingest.portal import BUSY, UNREGISTERED, USED_UP, Ending, Portal, in_xml
from tests.jeonju.cli.command import jeonju as jeonju_here
from tests.waiting import wait_until

VECTORS = SHARED_DATA.parent / "vectors/airkorea"
DECODED = "ab+/cd==ef%3D".replace("%3D", "=")
ENCODED = "ab%2B%2Fcd%3D%3Def%3D"
HOURLY = timedelta(hours=1)
PALBOK = (
    '{"response":{"body":{"totalCount":1,"items":[{"sidoName":"전북","stationName":"팔복동","dataTime":"2026-03-02 17:00",'
    '"pm10Value":"41","pm25Value":"-","pm25Flag":"통신장애","o3Value":"0.027"}]},"header":{"resultMsg":"NORMAL_CODE","resultCode":"00"}}}'
).encode()


def recorded(case: str) -> bytes:
    if not VECTORS.exists():
        pytest.skip(f"no recorded answers in {VECTORS}")
    return (VECTORS / case / "01.json").read_bytes()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "FIRST_PAUSE_S", 0.001)


@pytest.mark.parametrize("key", [DECODED, ENCODED, f" {ENCODED}\n"])
def test_key_is_encoded_exactly_once_in_either_form(key: str) -> None:
    with Portal((200, PALBOK)) as portal:
        AirKorea("전북", key, service=portal.url).ask()
    (asked,) = portal.asked
    assert f"serviceKey={ENCODED}&" in asked
    options = parse_qs(urlsplit(asked).query, strict_parsing=True)
    assert urlsplit(asked).path.endswith("/ArpltnInforInqireSvc/getCtprvnRltmMesureDnsty")
    assert (options["serviceKey"], options["sidoName"], options["ver"], options["returnType"]) == (
        [DECODED],
        ["전북"],
        ["1.5"],
        ["json"],
    )


@pytest.mark.parametrize("case", ["seoul_v15", "seoul_2024"])
def test_recorded_answer_is_carried_byte_for_byte(case: str) -> None:
    body = recorded(case)
    with Portal((200, body)) as portal:
        assert AirKorea("서울", DECODED, service=portal.url).ask().payload == body


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (UNREGISTERED, UserError, r"SERVICE_KEY_IS_NOT_REGISTERED_ERROR: see on data\.go\.kr .* AIRKOREA_KEY is whole"),
        (
            in_xml("SERVICE_KEY_IS_NOT_REGISTERED_ERROR", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR"),
            UserError,
            "AIRKOREA_KEY is whole",
        ),
        (
            (200, b'{"response":{"header":{"resultCode":"30","resultMsg":"SERVICE KEY IS NOT REGISTERED ERROR."}}}'),
            UserError,
            "AIRKOREA_KEY is whole",
        ),
        (
            (403, b'{"OpenAPI_ServiceResponse":{"cmmMsgHeader":{"returnAuthMsg":"x","returnReasonCode":"31"}}}'),
            UserError,
            "has expired",
        ),
        ((401, b"Unauthorized"), UserError, "answers 401 Unauthorized: see on data.go.kr"),
        (in_xml("32", "UNREGISTERED_IP_ERROR"), UserError, "enter the address of this machine"),
        (USED_UP, UnavailableError, "the calls that AirKorea allows this key a day are used up"),
        (BUSY, UnavailableError, "05 SERVICETIMEOUT_ERROR"),
        ((500, b"Unexpected errors"), UnavailableError, "no values now: 500 Unexpected errors"),
        ((200, b""), UnavailableError, "nothing"),
        ((200, b"\xff\xfe<"), UnavailableError, "no values now"),
        ((200, b"[1]"), UnavailableError, "neither values nor a reason"),
        (
            (200, b'{"response":{"header":{"resultCode":"03","resultMsg":"NODATA_ERROR"}}}'),
            UnavailableError,
            "03 NODATA_ERROR",
        ),
        ((404, b"<html>no {asked}\nhere</html>"), UnavailableError, r"serviceKey=\*\*\*&"),
    ],
)
def test_refusal_is_one_line_that_never_holds_the_key(
    answer: tuple[int, bytes], error: type[Exception], message: str
) -> None:
    for key in (DECODED, ENCODED):
        with Portal(answer) as portal, pytest.raises(error, match=message) as caught:
            AirKorea("전북", key, service=portal.url).ask()
        assert "\n" not in str(caught.value)
        assert DECODED not in str(caught.value)
        assert ENCODED not in str(caught.value)
        assert caught.value.__cause__ is None


def test_nobody_there_is_unavailable_and_the_key_stays_hidden(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(UnavailableError, match="AirKorea cannot be reached") as caught:
        AirKorea("전북", DECODED, service="http://127.0.0.1:1").ask()
    with Portal((200, PALBOK)) as portal:
        AirKorea("전북", DECODED, service=portal.url).ask()
    assert "ab" not in str(caught.value).replace("unavailable", "")
    assert "serviceKey" not in caplog.text


@pytest.mark.usefixtures("quick")
def test_what_passes_is_tried_again_and_what_does_not_is_said(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    with Portal(BUSY, (502, b""), (200, PALBOK)) as portal:
        source = AirKorea("전북", DECODED, service=portal.url)
        carry(source, broker.url, every=HOURLY, once=True, now=lambda: T1, over=Ending(99))
        assert len(portal.asked) == 3
        portal.answers = [BUSY]
        with pytest.raises(UnavailableError, match="SERVICETIMEOUT"):
            carry(source, broker.url, every=HOURLY, once=True, now=lambda: T1, over=Ending(99))
        assert len(portal.asked) == 6
        for refused, calls in ((UNREGISTERED, 1), (USED_UP, 1)):
            portal.answers, portal.asked = [refused], []
            with pytest.raises((UserError, UnavailableError)):
                carry(source, broker.url, every=HOURLY, once=True, now=lambda: T1, over=Ending(99))
            assert len(portal.asked) == calls
    assert DECODED not in caplog.text


T1 = datetime(2026, 3, 2, 8, 12, 5, tzinfo=UTC)


@pytest.mark.usefixtures("quick")
def test_it_goes_on_after_trouble_but_not_with_a_key_that_never_worked(broker: EmbeddedBroker) -> None:
    with Portal((200, PALBOK), UNREGISTERED, USED_UP, (200, PALBOK)) as portal:
        over, answers = Ending(4), list[Answer]()
        source = AirKorea("전북", DECODED, service=portal.url)
        carry(source, broker.url, every=HOURLY, once=False, now=lambda: T1, over=over, on_answer=answers.append)
        # The hour was there: 59:55 to 09:12. After trouble ten minutes; with no calls left the full interval.
        assert over.waits == [3595.0, 600.0, 3595.0, 3595.0]
        assert [answer.payload for answer in answers] == [PALBOK, PALBOK]
        portal.answers = [UNREGISTERED]
        with pytest.raises(UserError, match="AIRKOREA_KEY"):
            carry(source, broker.url, every=HOURLY, once=False, now=lambda: T1, over=Ending(9))


def next_time(now: datetime, every: timedelta, newest: datetime | None) -> datetime:
    return official.next_time(now, every, newest, AirKorea.after_the_hour)


def test_it_asks_some_minutes_after_the_hour_and_never_too_often() -> None:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(f"2026-03-02T{text}+00:00")

    assert next_time(at("08:12:05"), HOURLY, at("08:00")) == at("09:12")
    assert next_time(at("08:05"), HOURLY, at("07:00")) == at("08:12")
    assert next_time(at("08:12:05"), HOURLY, at("07:00")) == at("08:22:05")
    assert next_time(at("08:59"), HOURLY, None) == at("09:09")
    assert next_time(at("09:09"), HOURLY, None) == at("09:12")
    assert next_time(at("08:12:05"), 3 * HOURLY, at("08:00")) == at("09:12")
    now, calls, end = at("00:00:03"), 0, at("00:00:03") + timedelta(days=1)
    while now < end:
        calls += official.ATTEMPTS
        now = next_time(now, LEAST, None) + timedelta(seconds=1)
    assert calls <= 500
    with Portal((200, PALBOK)) as portal, pytest.raises(UserError, match="10m or more"):
        carry(
            AirKorea("전북", "k", service=portal.url),
            "mqtt://x",
            every=LEAST / 2,
            once=True,
            now=lambda: T1,
            over=Ending(1),
        )


def test_province_must_be_known_and_a_broker_there() -> None:
    with pytest.raises(UserError, match="'Jeonbuk' is no province of AirKorea; there are: 전국 서울"):
        AirKorea("Jeonbuk", "k")
    with pytest.raises(UnavailableError, match="no broker answers"):
        publish("mqtt://127.0.0.1:1", "airkorea/전북", b"")


@pytest.fixture
def running(broker: EmbeddedBroker, store: DuckDBStore, jeonju: Site) -> Iterator[Ingest]:
    with Ingest(jeonju, store, broker.url) as ingest:
        yield ingest


def command(
    portal: Portal, broker_url: str, folder: Path, *more: str, key: str | None = ENCODED
) -> subprocess.CompletedProcess[str]:
    with pytest.MonkeyPatch.context() as surroundings:
        surroundings.delenv("AIRKOREA_KEY", raising=False)
        if key is not None:
            surroundings.setenv("AIRKOREA_KEY", key)
        given = ("--province", "전북", "--broker", broker_url, "--service", portal.url, "--data", str(folder))
        return jeonju_here("airkorea", *given, *more)


def test_official_values_stand_beside_own_stations(
    running: Ingest, broker: EmbeddedBroker, store: DuckDBStore, jeonju: Site, tmp_path: Path
) -> None:
    own = Reading(device="palbok-01", time=T1, values={"pm10": 44.0}, seq=1, boot="1")
    publish(broker.url, readings("jeonju", "palbok-01"), encode(own))
    with Portal((200, PALBOK)) as portal:
        done = command(portal, broker.url, tmp_path, "--once")
    assert (done.returncode, done.stderr) == (0, "")
    assert "airkorea/전북" in done.stdout
    # The same answer again is no forecast.
    assert "forecast none, 1 of another quantity; 2 of 480 calls today" in done.stdout
    wait_until(lambda: running.stats().readings == 2, what="both readings")
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1")) as client:
        latest = {row["device"]: row for row in client.get("/api/v1/latest").json()}
    assert latest["palbok-01"]["values"] == {"pm10": 44.0}
    official = latest["airkorea-palbok"]
    assert (official["values"], official["time"]) == ({"pm10": 41.0, "o3": 0.027}, "2026-03-02T08:00:00Z")
    assert not store.dead_letters()


def test_whole_recorded_answer_reaches_the_store(running: Ingest, broker: EmbeddedBroker, store: DuckDBStore) -> None:
    with Portal((200, recorded("seoul_v15"))) as portal:
        source = AirKorea("서울", DECODED, service=portal.url)
        carry(source, broker.url, every=HOURLY, once=True, now=lambda: T1, over=Ending(1))
    wait_until(lambda: running.stats().readings == 1)
    (row,) = store.latest("jeonju").to_pylist()
    assert (row["pm10"], row["pm25"], row["co"], row["time"]) == (
        27.0,
        13.0,
        0.43,
        datetime(2025, 11, 26, 5, tzinfo=UTC),
    )


def test_command_says_in_one_line_what_to_do(tmp_path: Path) -> None:
    with Portal(UNREGISTERED) as portal:
        unknown = command(portal, "mqtt://127.0.0.1:1", tmp_path, "--once")
        missing = command(portal, "mqtt://127.0.0.1:1", tmp_path, "--once", key=None)
    assert (unknown.returncode, missing.returncode) == (2, 2)
    assert unknown.stderr.count("\n") == missing.stderr.count("\n") == 1
    assert "AIRKOREA_KEY is whole" in unknown.stderr
    assert "get one on data.go.kr" in missing.stderr
    assert len(portal.asked) == 1


STATION_LIST = (
    '{"response":{"body":{"totalCount":5,"items":['
    '{"dmX":"35.876","dmY":"127.1192","item":"SO2, CO, O3, NO2, PM10, PM2.5","mangName":"도시대기","year":"1995","addr":"전북 전주시 덕진구","stationName":"팔복동"},'
    '{"dmX":"127.14","dmY":"35.82","mangName":"도시대기","addr":"전북 전주시 완산구","stationName":"중앙동"},'
    '{"dmX":"-","dmY":"127.1","stationName":"삼천동"},{"dmX":"0","dmY":"0","stationName":"x"},{"dmX":"35.8","dmY":"127.1"}'
    ']},"header":{"resultMsg":"NORMAL_CODE","resultCode":"00"}}}'
).encode()


def test_where_stations_stand_is_written_and_what_has_no_place_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRKOREA_KEY", ENCODED)
    file = tmp_path / "stations.csv"
    with Portal((200, STATION_LIST), UNREGISTERED) as portal:
        asks = ["airkorea", "--stations", str(file), "--service", portal.url, "--data", str(tmp_path)]
        done = CliRunner().invoke(app, asks, catch_exceptions=False)
        assert done.stdout == f"2 stations of 전북 in {file}; 3 without name or place\n"
        assert "getMsrstnList?serviceKey=ab%2B" in portal.asked[0]
        with pytest.raises(UserError, match="SERVICE_KEY_IS_NOT_REGISTERED_ERROR"):
            CliRunner().invoke(app, asks, catch_exceptions=False)
    lines = file.read_text(encoding="utf-8").splitlines()
    assert lines == [
        "province,station,lat,lon,network,address",
        "전북,팔복동,35.876,127.1192,도시대기,전북 전주시 덕진구",
        "전북,중앙동,35.82,127.14,도시대기,전북 전주시 완산구",
    ]
