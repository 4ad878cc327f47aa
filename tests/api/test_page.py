"""The page in a real browser: what people press there changes what the api says; what they may not do is not offered, or refused in a line."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from jeonju.api.access.keys import KeyFile, Role
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.site import Site
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from tests.response.notifying import NOW, Clock, alert
from tests.response.robot import Robot
from tests.waiting import wait_until

ENGLISH, KOREAN = "en-US", "ko-KR"
# The browser shares the machine with all the rest.
WITHIN_MS = 60_000
expect.set_options(timeout=WITHIN_MS)
# Where the browser itself says that a request was refused, which is what some tests are about.
REFUSED = "Failed to load resource"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        # The sandbox needs what containers do not have.
        started = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@dataclass
class City:
    """The api on a port of its own, with a broker, one alert and robot-1; `faults` are those of its pages, also against their policy."""

    url: str
    browser: Browser
    keys: Path
    robot: Robot
    faults: list[str] = field(default_factory=list)

    def open(self, *, language: str = ENGLISH, key: str | None = None, width: int = 1400) -> Page:
        context = self.browser.new_context(base_url=self.url, locale=language, viewport={"width": width, "height": 900})
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if _is_fault(message) else None)
        page.goto("/")
        if key is not None:
            page.locator("#door-key").fill(key)
            page.locator("#door-key").press("Enter")
        expect(page.locator("#stations tr")).to_have_count(20)
        return page

    def shows_the_robots_state(self, page: Page) -> bool:
        # Who is connected need not have subscribed yet, and the robot's state is not kept for it.
        self.robot.publish_state()
        return bool(asked(page, "robots")[0]["available"])

    def key(self, name: str, role: Role) -> str:
        return KeyFile(self.keys).add(name, role, NOW)


def _is_fault(message: ConsoleMessage) -> bool:
    return message.type == "error" and REFUSED not in message.text


@pytest.fixture
def city(jeonju: Site, store: DuckDBStore, tmp_path: Path, browser: Browser) -> Iterator[City]:
    store.write_alerts([alert("one")])
    keys = tmp_path / "keys.json"
    with EmbeddedBroker(tmp_path, port=0) as broker:
        app = api_app(jeonju, store, broker.url, keys=keys, now=Clock())
        with LiveServer(app, HttpSettings(port=0, keys=keys)) as server:
            wait_until(lambda: app.state.air.broker.state.connected, what="the broker")
            robot = Robot(broker, jeonju)
            made = City(server.url, browser, keys, robot)
            yield made
            robot.close()
            for context in browser.contexts:
                context.close()
            assert made.faults == []


def asked(page: Page, path: str) -> Any:
    """What the api answers to the page's own key."""
    return page.request.get(f"/api/v1/{path}").json()


def opened(page: Page, key: str) -> Locator:
    """A row, opened by the keyboard."""
    row = page.locator(f"li[data-key='{key}']")
    row.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(row.locator("details")).to_have_attribute("open", "")
    return row


def test_alert_is_acknowledged_silenced_with_a_reason_and_heard_again(city: City) -> None:
    page = city.open()
    row = opened(page, "one")
    row.get_by_role("button", name="Acknowledge").click()
    expect(row.locator(".mark")).to_have_text("acknowledged")
    expect(row).to_contain_text("local")
    assert asked(page, "alerts/one")["handling"]["state"] == "acknowledged"

    row.get_by_role("button", name="Silence").click()
    page.get_by_label("8 hours").check()
    page.get_by_label("Reason").fill("grill <b>festival</b>")
    page.get_by_label("Reason").press("Enter")
    expect(row.locator(".mark")).to_have_text(["acknowledged", "silenced"])
    expect(row).to_contain_text("grill <b>festival</b>")
    silence = asked(page, "silences")[0]
    assert (silence["kind"], silence["device"], silence["reason"]) == ("smoke", "palbok-03", "grill <b>festival</b>")
    assert (silence["from_at"][:16], silence["until_at"][:16]) == ("2026-03-04T12:00", "2026-03-04T20:00")

    page.locator("#silences-title").click()
    lasting = opened(page, silence["id"])
    expect(lasting).to_contain_text("Smoke or fire · Centre of Palbok-dong")
    lasting.get_by_role("button", name="End").click()
    expect(page.locator("#silences-box")).to_be_hidden()
    expect(row.locator(".mark")).to_have_text("acknowledged")
    assert asked(page, "silences") == []


@pytest.mark.parametrize(
    ("button", "mark", "verdict"),
    [("Confirm", "closed as confirmed", "confirmed"), ("False alarm", "closed as false alarm", "false-alarm")],
)
def test_alert_is_closed_with_a_verdict(city: City, button: str, mark: str, verdict: str) -> None:
    page = city.open()
    row = opened(page, "one")
    row.get_by_role("button", name=button).click()
    expect(row.locator(".mark")).to_have_text(mark)
    expect(row.get_by_role("button")).to_have_text(["Silence…"])
    handling = asked(page, "alerts/one")["handling"]
    assert (handling["state"], handling["verdict"]) == ("closed", verdict)


def test_silence_that_is_thought_better_of_silences_nothing(city: City) -> None:
    page = city.open()
    opened(page, "one").get_by_role("button", name="Silence").click()
    page.get_by_label("Reason").fill("a mistake")
    page.keyboard.press("Escape")
    expect(page.locator("#silence")).to_be_hidden()
    assert asked(page, "silences") == []


def test_robot_is_sent_to_a_place_on_the_map_recalled_forbidden_and_allowed(city: City) -> None:
    def received(kind: str) -> Callable[[], object]:
        return lambda: city.robot.orders(kind)

    page = city.open()
    wait_until(lambda: city.shows_the_robots_state(page), what="the robot's state")
    page.reload()
    row = opened(page, "robot-1")
    expect(row).to_contain_text("80 %")
    row.get_by_role("button", name="Send").click()
    expect(page.locator("#aim")).to_contain_text("Click where to send First complex loop")
    # Every device on the map selects its place, also by the keyboard.
    page.locator("#map [data-subject='palbok-04']").press("Enter")
    expect(page.locator("#notice")).to_have_text("Sent: First complex loop")
    wait_until(received("order"), what="the order")
    assert asked(page, "robots")[0]["visit"]["places"] == [pytest.approx([35.8541, 127.0905], abs=1e-5)]
    expect(row).to_contain_text("sent by hand")
    expect(page.locator("#map .way")).to_have_count(1)

    row.get_by_role("button", name="Recall").click()
    wait_until(received("instantActions"), what="the call back")
    expect(page.locator("#map .way")).to_have_count(0)
    row.get_by_role("button", name="Forbid").click()
    expect(row.locator(".mark")).to_have_text("not to be sent")
    assert asked(page, "robots")[0]["forbidden"]
    expect(row.get_by_role("button", name="Send")).to_have_count(0)
    row.get_by_role("button", name="Allow").click()
    expect(row.get_by_role("button", name="Send")).to_be_visible()


def test_place_outside_of_the_city_is_refused_in_a_line_and_escape_sends_no_robot(city: City) -> None:
    page = city.open()
    wait_until(lambda: city.shows_the_robots_state(page), what="the robot's state")
    page.reload()
    row = opened(page, "robot-1")
    row.get_by_role("button", name="Send").click()
    page.keyboard.press("Escape")
    expect(page.locator("#aim")).to_be_hidden()
    row.get_by_role("button", name="Send").click()
    page.locator("#map").click(position={"x": 10, "y": 10})
    expect(page.get_by_role("alert")).to_have_text("lat, lon: lies in no zone of Jeonju")
    assert city.robot.orders("order") == []


def test_viewer_is_offered_nothing_to_press(city: City) -> None:
    page = city.open(key=city.key("lee", Role.VIEWER))
    expect(page.locator("#me")).to_have_text("lee · viewer (reads only)")
    expect(page.locator("#alerts li")).to_contain_text("smoke <&>")
    offered = page.locator("[data-action]:visible:not([data-action=choose])")
    expect(offered).to_have_text(["Other key", "한국어"])
    page.get_by_role("button", name="Other key").click()
    expect(page.locator("#door")).to_be_visible()


def test_key_that_may_do_less_than_when_the_page_was_opened_is_refused_in_the_words_of_the_api(city: City) -> None:
    page = city.open(key=city.key("kim", Role.OPERATOR))
    row = opened(page, "one")
    city.keys.write_text(city.keys.read_text().replace('"operator"', '"viewer"'))
    row.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("alert")).to_have_text("the key 'kim' is that of a viewer; this needs one of an operator")
    expect(page.locator("#me")).to_contain_text("reads only")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    assert asked(page, "alerts/one")["handling"]["state"] == "open"


def test_page_speaks_korean_and_fits_a_phone(city: City) -> None:
    page = city.open(language=KOREAN, width=390)
    expect(page.locator("h1")).to_have_text("전주 대기")
    opened(page, "one").get_by_role("button", name="알림 끄기").click()
    expect(page.get_by_role("group", name="기간")).to_be_visible()
    page.get_by_role("button", name="취소").click()
    page.locator("#map [data-subject='palbok-08']").click()
    expect(page.locator("#device-title")).to_have_text("첨단산단 북쪽")
    assert page.evaluate("document.documentElement.scrollWidth") == 390
