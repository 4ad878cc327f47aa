"""The console over a city that lives: simulator, broker, ingest, detection and api as `jeonju up` runs them, ten times as fast as real time."""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from jeonju.api.app import create_app
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site
from jeonju.stack.city import City, UpSettings, running_city
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_services
from jeonju.stack.shown_run import services_of_run, shown_run
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit
from tests.api.browsing import KOREAN, WITHIN_MS, asked, serious_findings
from tests.finished_run import STATION, STEADY, finished_run
from tests.waiting import wait_until

WEST_M = 250.0
# Of a fire, at ten times real time, on a machine with other work.
FOUND_WITHIN_MS = 3 * WITHIN_MS


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    settings = UpSettings(
        scenario=STEADY,
        history_s=1200,
        speed=10,
        data=tmp_path_factory.mktemp("living"),
        mqtt_port=0,
        http=HttpSettings(port=0),
    )
    with running_city(settings) as city:
        wait_until(lambda: city.state()["live"], within_s=120, what="the city")
        yield city


@pytest.fixture
def page(living: City, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(base_url=living.url, locale="en-US", viewport={"width": 1400, "height": 900})
    context.set_default_timeout(WITHIN_MS)
    page, faults = context.new_page(), list[str]()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto("/")
    expect(page.locator("#stations tbody tr")).to_have_count(20)
    yield page
    context.close()
    assert not faults, faults


def test_fire_that_is_lit_by_a_click_becomes_an_alert_and_an_incident_with_its_score(
    living: City, page: Page, jeonju: Site
) -> None:
    page.get_by_role("link", name="Simulation").click()
    page.get_by_role("button", name="waste fire").click()
    page.get_by_label("Duration").select_option("2h")
    page.locator("#light").click()
    page.locator("#map").click(position=_west_of_the_station(page, jeonju))
    expect(page.locator("#notice")).to_have_text("Handed to the simulator.")
    # Its place is the simulator's to say: another page shows it too.
    expect(page.locator("#lit li")).to_contain_text("it has reached no device yet")
    (happened,) = asked(page, "simulation")["happened"]
    expect(page.locator("#lit li")).to_contain_text(f"{happened['lat']:.4f}, {happened['lon']:.4f}")
    other = page.context.new_page()
    other.goto("/?wall=1")
    expect(other.locator("[data-lit=fire]")).to_be_visible()
    assert serious_findings(other) == []
    other.close()

    expect(page.locator("#lit li")).to_contain_text("found after", timeout=FOUND_WITHIN_MS)
    expect(page.locator("#score")).to_contain_text("found1 / 1")
    assert serious_findings(page) == []
    page.get_by_role("link", name="City").click()
    expect(page.locator("#alerts li.critical").first).to_contain_text("fire")
    expect(page).to_have_title(re.compile(r"^\(\d+\) Jeonju Air"))
    assert serious_findings(page) == []
    page.locator("#incidents").get_by_role("link", name="Details").first.click()
    # Where it comes from, and how far that is from the truth.
    expect(page.locator("#incident")).to_be_visible()
    expect(page.locator("main")).to_contain_text("estimate is off by", timeout=FOUND_WITHIN_MS)
    expect(page.locator("#charts figure").first).to_be_visible()
    page.get_by_label("Assigned to").fill("kim")
    page.get_by_label("Assigned to").press("Enter")
    expect(page.locator("#incident .title")).to_contain_text("→ kim")
    assert serious_findings(page) == []

    page.get_by_role("button", name="Replay from its start").click()
    expect(page.locator("#shown")).not_to_have_text("live")
    expect(page.locator(".banner")).to_have_text("In the past nothing can be changed.")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    page.locator("#live").click()
    expect(page.locator("#shown")).to_have_text("live")


def test_fire_that_is_only_asked_for_shows_its_plume_and_can_be_dragged_and_the_city_knows_nothing_of_it(
    page: Page, jeonju: Site
) -> None:
    before = asked(page, "simulation")["happened_total"]
    page.get_by_role("link", name="What if").click()
    page.get_by_role("button", name="waste fire").click()
    page.locator("#light").click()
    page.locator("#map").click(position=_west_of_the_station(page, jeonju))
    expect(page.locator("#changes li")).to_contain_text("Fire")
    page.get_by_label("Hours ahead").select_option("0.5")
    page.locator("#ask").click()
    # The first question starts a process.
    expect(page.locator("#what-if-answer")).to_contain_text("Downwind: Palbok", timeout=FOUND_WITHIN_MS)
    expect(page.locator("#what-if-answer figure").first).to_be_visible()
    expect(page.locator("#kept li")).to_have_count(1)
    page.get_by_label("plume, minutes ahead").fill("30")
    expect(page.locator("#ahead output")).to_have_text("+30 min")
    assert serious_findings(page) == []

    box = page.locator("[data-put=fire]").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 60, y + 40, steps=4)
    page.mouse.up()
    expect(page.locator("#kept li")).to_have_count(2, timeout=FOUND_WITHIN_MS)
    page.locator("#kept a").last.click()
    expect(page.locator("main")).to_contain_text("What then happened")
    assert asked(page, "simulation")["happened_total"] == before


def test_device_and_network_say_what_came_and_time_changes_its_pace(living: City, page: Page) -> None:
    page.locator(f"#map [data-subject='{STATION}']").press("Enter")
    expect(page.locator("#device-title")).to_have_text("Centre of Palbok-dong")
    expect(page.locator("#raw pre").first).to_contain_text('"device":"palbok-03"')
    expect(page.locator("#certificate")).to_contain_text("no certified grade")
    expect(page.locator("#health")).to_be_visible()
    # The truth beside what was measured, as another line.
    expect(page.locator("#charts figure").first).to_contain_text("truth")
    assert serious_findings(page) == []
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Public page").click()
    expect(opened.value.locator("h1")).to_contain_text("Jeonju")
    opened.value.close()
    page.get_by_role("link", name="Network").click()
    expect(page.locator("#heard tbody tr")).to_have_count(26)
    assert serious_findings(page) == []
    page.get_by_role("link", name="Simulation").click()
    page.get_by_role("button", name="×20").click()
    expect(page.get_by_role("button", name="×20")).to_have_attribute("aria-pressed", "true")
    assert living.clock.speed == 20
    page.get_by_role("button", name="×10").click()
    expect(page.get_by_role("button", name="×10")).to_have_attribute("aria-pressed", "true")


def test_phone_in_korean_dark_and_light_can_be_read_by_everybody_and_so_can_the_public_page(
    living: City, browser: Browser
) -> None:
    context = browser.new_context(
        base_url=living.url, locale=KOREAN, viewport={"width": 390, "height": 844}, color_scheme="dark"
    )
    context.set_default_timeout(WITHIN_MS)
    page = context.new_page()
    for at, shown in (("/", "aside section"), (f"/#/devices/{STATION}", "#charts figure"), ("/public", "main")):
        page.goto(at)
        expect(page.locator("h1")).to_contain_text("전주")
        expect(page.locator(shown).first).to_be_visible()
        for tone in ("dark", "light"):
            page.emulate_media(color_scheme=tone)
            assert serious_findings(page) == [], (at, tone)
        assert page.evaluate("document.documentElement.scrollWidth") == 390, at
    context.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, jeonju: Site) -> Path:
    return finished_run(jeonju, tmp_path_factory)


def test_finished_run_is_looked_at_like_a_city(run: Path, browser: Browser) -> None:
    with shown_run(run, HttpSettings(port=0)) as url:
        page = browser.new_context(base_url=url, locale="en-US").new_page()
        page.set_default_timeout(WITHIN_MS)
        page.goto("/#/simulation")
        expect(page.locator("#badge")).to_have_text("Finished run: West wind")
        expect(page.locator("#lit li")).to_contain_text("Fire")
        expect(page.locator("#score")).to_contain_text("found1 / 1")
        # The slider goes over its hours, and nothing can be done to it.
        expect(page.locator("#timeline .ends time")).to_have_text(["21:00", "21:30"])
        expect(page.locator("#light")).to_have_count(0)
        page.locator("#lit").get_by_role("link", name="Incident").click()
        expect(page.locator("#incident-title")).to_be_visible()
        expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
        page.locator("#slider").fill(page.locator("#slider").get_attribute("min") or "")
        expect(page.locator("#shown")).to_have_text("21:00")
        page.get_by_role("link", name="City").click()
        expect(page.locator("#alerts")).to_have_text("No alerts")
        page.context.close()


def test_finished_run_that_is_dropped_opens_beside_the_city(
    run: Path, browser: Browser, jeonju: Site, tmp_path: Path
) -> None:
    device = DeviceRecord("jeonju", STATION, "palbok", "station", "simulated", "online", STEADY.start)
    with EmbeddedBroker(tmp_path, port=0) as broker, closing(DuckDBStore(tmp_path / "air.duckdb")) as store:
        store.write(Commit(devices=[device]))
        services = api_services(jeonju, store, broker.url)
        app = create_app(services, opens_run=services_of_run)
        with LiveServer(app, HttpSettings(port=0), before_shutdown=services.stream.close) as server:
            page = browser.new_context(base_url=server.url, locale="en-US").new_page()
            page.set_default_timeout(WITHIN_MS)
            page.goto("/#/simulation")
            page.locator("#run").set_input_files(run)
            expect(page.locator("#badge")).to_have_text("Finished run: West wind")
            expect(page.locator("#score")).to_contain_text("found1 / 1")
            expect(page.locator("#link")).to_have_attribute("aria-label", "live")
            page.get_by_role("link", name="the city of now").click()
            expect(page.locator("#badge")).to_have_text("simulated")
            page.context.close()


def _west_of_the_station(page: Page, site: Site) -> Any:
    """Return where on the map the place is that lies west of the station [px]: stations are where the map draws them, and it is drawn to scale."""
    station = next(one for one in site.stations if one.name == STATION)
    other = next(one for one in site.stations if one.name == "innovation-01")

    def middle(name: str) -> tuple[float, float]:
        box = page.locator(f"#map [data-subject='{name}']").bounding_box()
        assert box is not None
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    (x, y), (x_other, _) = middle(station.name), middle(other.name)
    east_m = [float(site.map.to_xy(one.lat, one.lon)[0]) for one in (station, other)]
    corner = page.locator("#map").bounding_box()
    assert corner is not None
    metres_a_pixel = (east_m[0] - east_m[1]) / (x - x_other)
    return {"x": x - WEST_M / metres_a_pixel - corner["x"], "y": y - corner["y"]}
