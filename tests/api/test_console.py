"""What only the console does: time, addresses of views, pages of incidents, devices and the network, and what happens in a simulated city."""

import csv
import json
from datetime import date, timedelta
from pathlib import Path

import pytest
import urllib3
from playwright.sync_api import Browser, expect

from jeonju.api.access.keys import Role
from jeonju.api.http.pages import PAGE
from jeonju.contract.air_ahead import AirAhead, Bulletin, file_of
from jeonju.contract.columns import readings_table
from jeonju.contract.kept_file import keep
from jeonju.contract.quality import Flag, encode_flags
from jeonju.contract.records import DeadLetter, DeviceRecord
from jeonju.contract.site import Site
from jeonju.ingest.daily_calls import DailyCalls
from jeonju.ingest.daily_calls import file_of as calls_of
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.api.browsing import KOREAN, City, asked, running_city, serious_findings
from tests.api.test_moment import incident
from tests.response.notifying import NOW, alert
from tests.waiting import wait_until

MOST_BYTES_GZIPPED = 600_000
# A row of `jeonju evaluate network`.
PROPOSED = {
    "device": "palbok-03",
    "quantity": "pm25",
    "official": "airkorea-palbok",
    "robot": None,
    "distance_m": 330,
    "days": 30,
    "gain_90": [1.1, 1.4],
    "offset_90": [1, 3],
    "proposed": {"gain": 1.25, "offset": 2},
}


@pytest.fixture(autouse=True)
def stored(store: DuckDBStore) -> None:
    """An hour of one station whose PM2.5 rises slowly, all of it simulated."""
    rows = [
        {
            "site": "jeonju",
            "device": "palbok-03",
            "time": NOW - timedelta(minutes=minute),
            "received_at": NOW,
            "pm25": 30.0 - minute / 5,
            "no2": 0.01,
            "quality": encode_flags({"no2": Flag.of("suspect", "step", before=0.01, after=0.2, within_s=10)}),
        }
        for minute in range(60)
    ]
    device = DeviceRecord("jeonju", "palbok-03", "palbok", "station", "simulated", "online", NOW)
    letters = [DeadLetter(NOW, "v3/air/devices/balcony/up", b"{", "is not JSON")]
    store.write_incidents([incident("open", NOW - timedelta(minutes=9), None)])
    store.write(Commit(readings=readings_table(rows), devices=[device], dead_letters=letters))


def test_slider_shows_what_was_then_and_the_address_restores_it(city: City) -> None:
    page = city.open()
    expect(page.locator("#alerts li")).to_contain_text("smoke <&>")
    page.locator("#colouring").select_option("pm25")
    expect(page.locator("#map [data-subject='palbok-03']")).to_have_text("30")

    then = NOW - timedelta(minutes=30)
    slider = page.locator("#slider")
    lowest = int(slider.get_attribute("min") or 0)
    slider.fill(str(lowest + round((then.timestamp() * 1000 - lowest) / 10_000) * 10_000))
    expect(page.locator("#map [data-subject='palbok-03']")).to_have_text("24")
    expect(page.locator("#alerts li")).to_have_text("No alerts")
    expect(page).to_have_url(f"{city.url}/#/?at=2026-03-04T11%3A30%3A00.000Z&colour=pm25")

    page.reload()
    expect(page.locator("#map [data-subject='palbok-03']")).to_have_text("24")
    page.get_by_label("speed").select_option("1200")
    page.get_by_role("button", name="Play").click()
    # It plays until it has caught up.
    expect(page.locator("#shown")).to_have_text("live")
    expect(page.locator("#map [data-subject='palbok-03']")).to_have_text("30")
    expect(page.locator("#alerts li")).to_contain_text("smoke <&>")


def test_incident_has_a_page_with_its_regions_and_takes_a_note(city: City) -> None:
    page = city.open()
    page.locator("#incidents").get_by_role("link", name="Details").click()
    expect(page.locator("#incident-title")).to_have_text("fire")
    expect(page.locator("#map [data-layer=near]")).to_have_count(1)
    expect(page.locator("#map [data-layer=circle]")).to_have_count(1)
    page.get_by_label("Note").fill("119 <b>called</b>")
    page.get_by_label("Note").press("Enter")
    expect(page.locator("#course")).to_contain_text("119 <b>called</b>")
    page.get_by_label("Assigned to").fill("lee")
    page.get_by_label("Assigned to").press("Enter")
    expect(page.locator("#incident .mark")).to_have_text(["open", "→ lee"])
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#incident .mark")).to_have_text(["acknowledged", "→ lee"])
    assert asked(page, "incidents/open")["state"] == "acknowledged"
    # What its charts show, by the keyboard alone.
    with page.expect_download() as download:
        page.locator("#charts + .export").get_by_role("link", name="CSV").press("Enter")
    header, *rows = csv.reader(download.value.path().read_text(encoding="utf-8-sig").splitlines())
    assert header == ["time", "device", "lat [°]", "lon [°]", "pm25 [µg/m³]", "co [ppm]", "pm10 [µg/m³]", "flags"]
    # From half an hour before the incident began to now, both ends included, with a reading each minute.
    assert {row[1] for row in rows} == {"palbok-03"}
    assert len(rows) == 40


def test_device_has_a_page_with_its_flags_and_neighbours(city: City) -> None:
    agreed = {"device": "palbok-03", "quantity": "pm25", "gain": 1.25, "offset": 2, "reason": "30 days beside 팔복동"}
    urllib3.request("POST", f"{city.url}/api/v1/corrections", json=agreed)
    page = city.open("/#/devices/palbok-03")
    expect(page.locator("#device-title")).to_have_text("Centre of Palbok-dong")
    expect(page.locator("#charts figure")).to_have_count(2)
    expect(page.locator(".flags")).to_contain_text("suspect jumped from 0.0100 to 0.2000 ppm within 10 s")
    expect(page.locator(".corrections")).to_contain_text("PM2.5 gain 1.25 · offset 2 µg/m³")
    expect(page.locator(".corrections")).to_contain_text("local: 30 days beside 팔복동")
    # By the keyboard alone: withdrawn, and agreed to anew.
    page.get_by_role("button", name="Withdraw: Centre of Palbok-dong PM2.5").press("Enter")
    expect(page.locator("#notice")).to_have_text("Withdrawn: Centre of Palbok-dong PM2.5")
    expect(page.locator(".corrections")).to_have_count(0)
    page.locator("#agree summary").press("Enter")
    page.locator("#agree").get_by_label("gain").fill("0.8")
    page.locator("#agree").get_by_label("offset").fill("-1.5")
    page.locator("#agree").get_by_label("reason").fill("beside a reference")
    page.locator("#agree").get_by_label("reason").press("Enter")
    expect(page.locator(".corrections")).to_contain_text("gain 0.8 · offset -1.5 µg/m³")
    assert [(one["gain"], one["reason"]) for one in asked(page, "corrections")] == [(0.8, "beside a reference")]
    page.get_by_role("button", name="한국어").click()
    expect(page.locator(".flags")).to_contain_text("급변")
    page.get_by_role("button", name="English").click()
    with page.expect_download() as download:
        page.locator("#device").get_by_role("link", name="CSV").click()
    assert download.value.path().read_text(encoding="utf-8-sig").count("2026-03-04T1") == 60
    page.get_by_role("link", name="First complex, middle").click()
    expect(page.locator("#device-title")).to_have_text("First complex, middle")
    page.get_by_role("link", name="Back").click()
    expect(page.locator("#stations")).to_be_visible()


def test_official_values_and_forecasts_stand_beside_own_and_are_marked(
    city: City, store: DuckDBStore, tmp_path: Path
) -> None:
    base = {"site": "jeonju", "received_at": NOW, "pm25": 41.0, "pm10": 77.0}
    hours = {
        "airkorea-palbok": (1, '{"pm10":["bad","x"]}'),
        "airkorea-jungang": (3, ""),
        # From the future.
        "airkorea-samcheon": (-1, ""),
    }
    rows = [
        base | {"device": device, "time": NOW - timedelta(hours=ago), "quality": flags}
        for device, (ago, flags) in hours.items()
    ]
    devices = [DeviceRecord("jeonju", device, "", "station", "real", "unknown", NOW) for device in hours]
    store.write(Commit(readings=readings_table(rows), devices=devices))
    grades = {"전북": "bad", "서울": "good"}
    bulletin = Bulletin(day=date(2026, 3, 5), quantity="pm10", issued_at=NOW, grades=grades, overall="<b>나쁨</b>")
    keep(AirAhead(bulletins=[bulletin]), file_of(tmp_path))
    page = city.open()
    official = page.locator("#official-hours tbody tr")
    expect(official).to_contain_text(["팔복동", "중앙동", "삼천동"])
    expect(official.nth(0)).to_contain_text("official · AirKorea · 20:00")
    expect(official.nth(0).locator("td.number")).to_have_text(["41", "–", "–"])
    expect(official.nth(1)).to_contain_text("18:00 · old")
    expect(official.nth(2).locator("td.number")).to_have_text(["–", "–", "–"])
    expect(page.locator("#official-days tbody td")).to_have_text(["03-05 전북", "–", "Bad", "–"])
    expect(page.locator("#official")).to_contain_text("Source: AirKorea (National Institute")
    page.locator("#official summary").press("Enter")
    expect(page.locator("#official details p")).to_have_text("<b>나쁨</b>")
    page.goto("/#/devices/palbok-03")
    expect(page.locator("tr.official")).to_have_count(2)
    expect(page.locator("tr.official").first).to_contain_text("팔복동 official · AirKorea · 20:00")
    expect(page.locator("#charts .keys").first).to_contain_text("팔복동 (official, AirKorea)")
    page.get_by_role("link", name="팔복동").click()
    expect(page.locator("#device .mark.official")).to_have_text("official · AirKorea")
    expect(page.locator("#device")).to_contain_text("Hourly means of the national network")
    page.locator("#charts figure").first.wait_for()
    assert not serious_findings(page)
    # They count neither as silent nor as unknown.
    unknown = {one["device"] for one in asked(page, "devices/unknown")}
    assert not unknown & set(hours)


def test_dead_letter_is_replayed(city: City, tmp_path: Path) -> None:
    DailyCalls(calls_of(tmp_path, "KMA"), "KMA", 900).take(NOW)
    page = city.open()
    page.get_by_role("link", name="Network").click()
    expect(page.locator("#letters tbody tr")).to_contain_text("is not JSON")
    expect(page.locator(".calls")).to_have_text("KMA: calls of the data portal today 1 / 900 · counted anew at 00:00")
    assert asked(page, "health")["official_calls"][0]["begins_anew_at"] == "2026-03-04T15:00:00Z"
    figures = page.request.get("/metrics").text()
    assert 'jeonju_api_official_calls{service="KMA"} 1.0' in figures
    assert 'jeonju_api_official_calls_allowed{service="KMA"} 900.0' in figures
    assert 'jeonju_api_official_calls_reset_timestamp_seconds{service="KMA"} 1.7726364e+09' in figures
    page.locator("#letters").get_by_role("button", name="Replay").click()
    expect(page.locator("#letters .mark")).to_have_text("replay asked for")
    assert asked(page, "dead-letters")[0]["asked_at"] is not None


def test_administrator_accepts_what_a_comparison_proposes_and_others_may_not(city: City) -> None:
    keys = {role: city.key(role.name.lower(), role) for role in (Role.OPERATOR, Role.ADMIN)}
    page = city.open("/#/network", key=keys[Role.OPERATOR])
    expect(page.locator("#all-corrections")).to_contain_text("no corrections")
    expect(page.locator("#proposals-file")).to_have_count(0)
    page = city.open("/#/network", key=keys[Role.ADMIN], language=KOREAN)

    def choose(content: str) -> None:
        file = {"name": "network.json", "mimeType": "application/json", "buffer": content.encode()}
        page.locator("#proposals-file").set_input_files(file)  # type: ignore[arg-type]

    for nothing in ("{", "[]", json.dumps({"rows": [PROPOSED | {"proposed": None}, PROPOSED | {"proposed": {}}]})):
        choose(nothing)
        expect(page.locator("#notice.refused")).to_contain_text("제안된 보정이 없습니다")
        expect(page.locator("#proposals li")).to_have_count(0)
    choose(json.dumps({"rows": [PROPOSED, PROPOSED | {"device": "nobody", "quantity": "pm10"}]}))
    row = page.locator("#proposals li").first
    expect(row).to_contain_text("초미세먼지 기울기 1.25 · 절편 2 µg/m³ 90 %: 1.1 – 1.4 · 1 – 3")
    row.get_by_role("button", name="승인: 팔복동 중앙 초미세먼지").press("Enter")
    expect(row.locator(".mark")).to_have_text("승인됨")
    expect(page.locator(".corrections")).to_contain_text("admin: 30 days beside airkorea-palbok, 330 m apart")
    page.locator("#proposals").get_by_role("button").press("Enter")
    expect(page.locator("#notice.refused")).to_contain_text("'nobody' is no device")
    assert not serious_findings(page)
    page.get_by_role("button", name="철회: 팔복동 중앙 초미세먼지").press("Enter")
    expect(page.locator(".corrections")).to_have_count(0)
    assert [one["withdrawn_by"] for one in asked(page, "corrections?state=all")] == ["admin"]


def test_lost_link_is_said_and_heals_when_the_api_is_back(city: City) -> None:
    page = city.open()
    expect(page.locator("#link")).to_have_attribute("title", "live")
    city.stop()
    expect(page.locator("#lost")).to_have_text("The connection is lost; trying again.")
    city.restart()
    expect(page.locator("#lost")).to_have_count(0)
    expect(page.locator("#link")).to_have_attribute("title", "live")


def test_page_whose_stream_breaks_goes_on_where_it_was_without_asking_for_all(city: City) -> None:
    page = city.open()
    expect(page.locator("#alerts li")).to_have_count(1)
    # From here on nothing but the stream tells the page anything.
    page.route("**/api/v1/state", lambda route: route.abort())
    air = city.apps[-1].state.air
    stream = air.stream
    wait_until(lambda: stream.listeners == 1, what="the listener")
    with page.expect_request("**/api/v1/stream?last_event_id=*"):
        stream.send("alert", air.alerts.to_json(alert("before")))
        expect(page.locator("#alerts li")).to_have_count(2)
        for listener in list(stream._listeners):
            stream._loop.call_soon_threadsafe(listener.abort)
        wait_until(lambda: stream.listeners == 0, what="the break")
        stream.send("alert", air.alerts.to_json(alert("meanwhile")))
    expect(page.locator("#alerts li")).to_have_count(3)


@pytest.mark.skipif(not PAGE.exists(), reason="the console is not built (make console)")
def test_all_that_a_browser_loads_is_small() -> None:
    sizes = {path.name: path.stat().st_size for path in PAGE.parent.glob("*.gz")}
    assert sizes
    assert sum(sizes.values()) < MOST_BYTES_GZIPPED, sizes


def test_field_is_drawn_between_devices_and_kept_in_the_address(city: City, store: DuckDBStore) -> None:
    page = city.open()
    page.locator("#field-switch").click()
    # One station measures it until the others do, too.
    expect(page.locator("#field-note")).to_contain_text("too few devices")
    rows = [
        {"site": "jeonju", "device": f"palbok-0{number}", "time": NOW, "received_at": NOW, "pm25": 10.0 * number}
        for number in range(1, 6)
    ]
    store.write(Commit(readings=readings_table(rows)))
    expect(page).to_have_url(f"{city.url}/#/?field=1")
    page.reload()
    expect(page.locator("#field-note")).to_have_text("PM2.5 interpolated (5 devices) · the fainter, the less sure")
    expect(page.locator("#canvas [data-layer=field]").first).to_be_attached()
    page.locator("#field-switch").click()
    expect(page.locator("#canvas [data-layer=field]")).to_have_count(0)


def test_plume_of_an_incident_is_drawn_now_and_ahead(city: City, store: DuckDBStore) -> None:
    blows = {"site": "jeonju", "received_at": NOW, "device": "palbok-05", "wind_speed": 2.0, "wind_direction": 270.0}
    rows = [blows | {"time": NOW - timedelta(minutes=minute)} for minute in range(1, 60)]
    store.write(Commit(readings=readings_table(rows)))
    page = city.open()
    now = page.locator("#canvas [data-layer=plume]").first
    expect(now).to_be_attached()
    drawn = now.get_attribute("d") or ""
    page.locator("#ahead input").fill("30")
    expect(page.locator("#ahead output")).to_have_text("+30 min")
    expect(now).not_to_have_attribute("d", drawn)
    expect(page).to_have_url(f"{city.url}/#/?ahead=30")


def test_many_stations_are_one_picture_to_click_at_and_elements_after_a_closer_look(
    jeonju: Site, store: DuckDBStore, tmp_path: Path, browser: Browser
) -> None:
    first = jeonju.stations[0]
    grid = [(number // 20, number % 20) for number in range(400)]
    more = [
        first.model_copy(
            update={"name": f"made-{row}-{column}", "lat": 35.80 + row / 200, "lon": 127.04 + column / 200}
        )
        for row, column in grid
    ]
    with running_city(jeonju.model_copy(update={"stations": more}), store, tmp_path, browser) as city:
        page = city.open("/#/devices/made-7-9")
        chosen = page.locator("#map [data-subject='made-7-9']")
        expect(page.locator("#crowd")).to_be_visible()
        expect(chosen).to_be_visible()
        box = chosen.bounding_box()
        assert box is not None
        page.goto("/#/devices/made-1-1")
        expect(chosen).to_have_count(0)
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        expect(page).to_have_url(f"{city.url}/#/devices/made-7-9")
        for _ in range(3):
            page.get_by_role("button", name="Zoom in").click()
        expect(page.locator("#crowd")).to_have_count(0)
