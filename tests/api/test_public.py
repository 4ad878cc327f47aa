"""The page for everybody: what it tells and what it keeps to itself, who may see it, and that viewers cost no work."""

import asyncio
import gzip
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from jeonju.airquality.index import GRADES, Cai
from jeonju.api.access import guard
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.access.limiter import Limit
from jeonju.api.public import snapshot
from jeonju.api.public.facts import Notice, PublicFacts, StationFacts, gather
from jeonju.api.public.page import as_html
from jeonju.api.public.snapshot import PublicPage
from jeonju.common.errors import UnavailableError
from jeonju.contract.columns import readings_table
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.api.test_moment import incident
from tests.clients import local_client

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
KEY_HEADER = "Authorization"


@pytest.fixture
def client(jeonju: Site, store: DuckDBStore) -> Iterator[TestClient]:
    """A city with keys whose page is for everybody."""
    rows = [
        {
            "site": "jeonju",
            "device": "palbok-03",
            "time": NOW - timedelta(minutes=1),
            "received_at": NOW,
            "pm25": 42.125,
            "pm10": 900.0,
            "quality": '{"pm10":["bad","stuck"]}',
        }
    ]
    device = DeviceRecord("jeonju", "palbok-03", "palbok", "station", "real", "online", NOW)
    store.write(Commit(readings=readings_table(rows), devices=[device]))
    store.write_incidents([incident("secret-name", NOW - timedelta(minutes=9), None)])
    with local_client(api_app(jeonju, store, "mqtt://127.0.0.1:1", now=lambda: NOW)) as started:
        yield started


def with_keys(jeonju: Site, store: DuckDBStore, folder: Path, *, public_page: bool) -> tuple[TestClient, str]:
    key = KeyFile(folder / "keys.json").add("kim", Role.VIEWER, NOW)
    app = api_app(
        jeonju, store, "mqtt://127.0.0.1:1", keys=folder / "keys.json", public_page=public_page, now=lambda: NOW
    )
    # From another machine, under a name of the city's.
    return TestClient(app, base_url="http://air.example.org", client=("192.0.2.1", 50_000)), f"Bearer {key}"


def test_page_tells_zones_stations_and_smoke_in_words_and_no_place(client: TestClient) -> None:
    english = client.get("/public", headers={"Accept-Language": "en-GB,en;q=0.9,ko;q=0.1"})
    assert (english.status_code, english.headers["content-language"]) == (200, "en")
    text = re.sub(r"<[^>]+>", " ", english.text.partition("</style>")[2])
    assert (
        "Palbok-dong industrial complex: sensors notice what may be smoke, since 20:51. This is not confirmed." in text
    )
    assert "42.1" in text
    assert "900" not in text
    assert "for reference only, not official values" in text
    assert "Simulated" not in text
    # Neither where the source seems to be, nor what the incident is called, nor which device saw it first.
    assert not re.search(r"35\.8|127\.0|secret-name|palbok-03", english.text)
    korean = client.get("/public?language=ko", headers={"Accept-Language": "en"})
    assert korean.headers["content-language"] == "ko"
    assert "연기로 의심되는 값이 측정되고 있습니다. 아직 확인되지 않았습니다." in korean.text


def test_official_values_stand_apart_and_only_where_there_are_some(client: TestClient, store: DuckDBStore) -> None:
    def gathered() -> str:
        air = client.app.state.air  # type: ignore[attr-defined]
        return as_html(air.site, gather(air), NOW, "en")

    assert "Official values" not in gathered()
    base = {"site": "jeonju", "received_at": NOW, "pm10": 41.0, "pm25": 77.0, "quality": '{"pm25":["bad","x"]}'}
    rows = [
        base | {"device": "airkorea-palbok", "time": NOW - timedelta(minutes=70)},
        base | {"device": "airkorea-jungang", "time": NOW - timedelta(hours=3)},
        # From the future.
        base | {"device": "airkorea-samcheon", "time": NOW + timedelta(hours=1)},
    ]
    store.write(Commit(readings=readings_table(rows)))
    table = re.sub(r"<[^>]+>", " ", gathered().partition('<section class="official">')[2]).split()
    text = " ".join(table)
    assert "팔복동 – 41.0 19:50" in text
    assert "중앙동 – 41.0 old: 18:00" in text
    assert "삼천동" not in text
    assert "Source: AirKorea" in text


def test_page_has_no_script_and_a_policy_that_its_own_style_fits(client: TestClient) -> None:
    answer = client.get("/public")
    assert "<script" not in answer.text
    assert not re.search(r"(src|href)=\"(?!data:,|\?language=)", answer.text)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state": "confirmed"}, "confirmed"),
        ({"state": "confirmed", "severity": "warning"}, "confirmed"),
        ({"state": "acknowledged"}, "unconfirmed"),
        ({"severity": "warning"}, None),
        ({"state": "false-alarm"}, None),
        ({"kind": "dust"}, None),
    ],
)
def test_what_is_told_of_an_incident(
    client: TestClient, store: DuckDBStore, change: dict[str, Any], told: str | None
) -> None:
    stored = incident("secret-name", NOW - timedelta(minutes=9), None)
    reached = [{"zone": "manseong", "probability": 0.8, "minutes": 12.0, "peak": 90.0}]
    reached += [{"zone": "innovation", "probability": 0.2, "minutes": 50.0, "peak": 9.0}]
    details = json.loads(stored.details) | {"downwind": reached}
    store.write_incidents([stored._replace(details=json.dumps(details), **change)])
    notices = {notice.zone: notice.certainty for notice in gather(client.app.state.air).notices}  # type: ignore[attr-defined]
    assert notices == ({"palbok": told, "manseong": "downwind"} if told else {})


def facts(jeonju: Site, measured_at: datetime, hour: datetime, value: float) -> PublicFacts:
    grade = GRADES[3] if value > 250 else GRADES[1]
    index = Cai(value, grade, "pm25", {"pm25": value})
    stations = tuple(
        StationFacts(station=station, index=index, values={"pm25": 12.0}, measured_at=measured_at)
        for station in jeonju.stations
    )
    return PublicFacts(stations=stations, hour=hour)


def test_class_and_advice_follow_the_index(jeonju: Site) -> None:
    page = as_html(jeonju, facts(jeonju, NOW, NOW, 260), NOW, "ko")
    assert page.count("매우나쁨") > 20
    assert "의사와 상의하세요" in page
    assert "실외활동에 제약이 없습니다" not in page


def test_advice_to_a_zone_with_smoke_does_not_follow_the_index_which_lags_behind(jeonju: Site) -> None:
    notices = (Notice(zone=zone.name, certainty="unconfirmed", since=NOW) for zone in jeonju.zones)
    told = replace(facts(jeonju, NOW, NOW, 60), notices=tuple(notices))
    page = as_html(jeonju, told, NOW, "en")
    assert "Close windows" in page
    assert "Nothing needs to be avoided" not in page


@pytest.mark.parametrize(
    ("measured", "hour", "said"),
    [
        (timedelta(minutes=2), timedelta(minutes=50), None),
        (timedelta(hours=3), timedelta(hours=3), "No new measurements since 18:00"),
        (timedelta(minutes=2), timedelta(hours=2), "The index is out of date: no new one since 19:00"),
        (timedelta(days=2), timedelta(days=2), "No new measurements since 2026-03-02 21:00"),
    ],
)
def test_old_data_is_said_to_be_old(jeonju: Site, measured: timedelta, hour: timedelta, said: str | None) -> None:
    page = as_html(jeonju, facts(jeonju, NOW - measured, NOW - hour, 60), NOW, "en")
    assert (said in page) if said else ("band old" not in page)
    assert ("old: " in page) is (measured > timedelta(hours=1))


def test_names_of_the_site_file_do_not_become_markup(jeonju: Site) -> None:
    evil = jeonju.model_copy(update={"label_en": "<b>City</b>"})
    page = as_html(evil, facts(evil, NOW, NOW, 60), NOW, "en")
    assert "&lt;b&gt;City" in page
    assert "<b>City" not in page


def test_page_is_packed_for_those_who_unpack_and_not_sent_to_who_has_it(client: TestClient) -> None:
    plain = client.get("/public", headers={"Accept-Encoding": "gzip;q=0"})
    with client.stream("GET", "/public", headers={"Accept-Encoding": "br, GZIP"}) as packed:
        assert gzip.decompress(b"".join(packed.iter_raw())) == plain.content
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "Accept-Encoding" in plain.headers["vary"]
    shown = f'"other", W/{plain.headers["etag"]}'
    again = client.get("/public", headers={"Accept-Encoding": "identity", "If-None-Match": shown})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", plain.headers["etag"])
    head = client.head("/public", headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == plain.headers["content-length"]


def test_with_keys_the_page_is_for_everybody_only_where_that_is_set(
    jeonju: Site, store: DuckDBStore, tmp_path: Path
) -> None:
    client, key = with_keys(jeonju, store, tmp_path, public_page=False)
    assert client.get("/public").status_code == 401
    seen = client.get("/public", headers={KEY_HEADER: key})
    assert (seen.status_code, seen.headers["cache-control"]) == (200, "private, no-cache")


def test_page_for_everybody_has_no_limit_of_requests_and_opens_nothing_else(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "REQUESTS", Limit(3))
    client, _ = with_keys(jeonju, store, tmp_path, public_page=True)
    seen = [client.get("/public", headers={KEY_HEADER: "Bearer wrong"}) for _ in range(10)]
    assert {answer.status_code for answer in seen} == {200}
    assert seen[0].headers["cache-control"] == "public, max-age=5"
    assert "set-cookie" not in seen[0].headers
    others = (("GET", "/public/"), ("POST", "/public"), ("GET", "/api/v1/latest"))
    assert [client.request(*other).status_code for other in others] == [401, 401, 401]


def test_while_there_are_no_keys_only_this_machine_sees_it(jeonju: Site, store: DuckDBStore) -> None:
    app = api_app(jeonju, store, "mqtt://127.0.0.1:1", public_page=True, now=lambda: NOW)
    elsewhere = TestClient(app, base_url="http://127.0.0.1:8000", client=("192.0.2.1", 50_000))
    assert elsewhere.get("/public").status_code == 403


def test_page_is_made_once_for_all_who_ask_and_outlives_its_store(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, now_s = list[int](), 0.0
    is_away = False

    def counted(air: Any) -> PublicFacts:
        made.append(1)
        if is_away:
            raise UnavailableError("the store is away")
        return gather(air)

    monkeypatch.setattr(snapshot, "gather", counted)
    monkeypatch.setattr(snapshot, "time", SimpleNamespace(monotonic=lambda: now_s))
    page = PublicPage(client.app.state.air)  # type: ignore[attr-defined]

    async def ask() -> bytes:
        return (await page.answer((), "en", is_shared=True)).body

    async def play() -> None:
        nonlocal now_s, is_away
        first = await asyncio.gather(*(ask() for _ in range(100)))
        assert (len(set(first)), len(made)) == (1, 1)
        now_s, is_away = 6.0, True
        # The old one is shown while the next one is made.
        assert await ask() == first[0]
        assert page._making is not None
        await page._making
        assert len(made) == 2
        assert b"42.1" in await ask()
        now_s = 100.0
        assert b"42.1" in await ask()
        assert len(made) == 3

    asyncio.run(play())


def test_store_that_does_not_answer_keeps_no_viewer_waiting(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    monkeypatch.setattr(snapshot, "GATHERED_WITHIN_S", 0.05)
    monkeypatch.setattr(snapshot, "gather", lambda _air: go.wait(60))
    page = PublicPage(client.app.state.air)  # type: ignore[attr-defined]

    async def play() -> None:
        for _ in range(2):
            page._made_s = float("-inf")
            assert b"No measurements are there yet." in (await page.answer((), "en", is_shared=True)).body
        go.set()

    asyncio.run(play())
