"""The console in a real browser: what people press there changes what the api says; what they may not do is not offered, or refused in a line."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from jeonju.api.access.keys import Role
from tests.api.browsing import KOREAN, City, asked, opened
from tests.waiting import wait_until


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

    row.get_by_label("Note").fill("it is a <b>grill</b>")
    row.get_by_label("Note").press("Enter")
    expect(row).to_contain_text("local: it is a <b>grill</b>")
    row.get_by_label("Assigned to").fill("lee")
    row.get_by_label("Assigned to").press("Enter")
    expect(row.locator(".mark")).to_have_text(["acknowledged", "→ lee", "1 notes", "silenced"])
    assert asked(page, "alerts/one")["handling"]["assignee"] == "lee"

    page.locator("#silences-title").click()
    lasting = opened(page, silence["id"])
    expect(lasting).to_contain_text("Smoke or fire · Centre of Palbok-dong")
    lasting.get_by_role("button", name="End").click()
    expect(page.locator("#silences-box")).to_be_hidden()
    expect(row.locator(".mark")).to_have_text(["acknowledged", "→ lee", "1 notes"])
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
    expect(row.locator(".doing").get_by_role("button")).to_have_text(["Silence…"])
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
    expect(page.locator("#map [data-layer=ways]")).to_have_count(1)

    row.get_by_role("button", name="Recall").click()
    wait_until(received("instantActions"), what="the call back")
    expect(page.locator("#map [data-layer=ways]")).to_have_count(0)
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
    page.locator("#map").click(position={"x": 12, "y": 400})
    expect(page.get_by_role("alert")).to_have_text("lat, lon: lies in no zone of Jeonju")
    assert city.robot.orders("order") == []


def test_viewer_is_offered_nothing_to_press(city: City) -> None:
    page = city.open(key=city.key("lee", Role.VIEWER))
    expect(page.locator("#me")).to_have_text("lee · viewer (reads only)")
    expect(page.locator("#alerts li")).to_contain_text("smoke <&>")
    # Nothing but looking: at stations, and at the page itself.
    expect(page.locator("aside button:visible:not(.link)")).to_have_count(0)
    expect(page.locator("header button:not(.icon)")).to_have_text(["Other key", "한국어"])
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
    page.goto("/public")
    expect(page.locator("h1")).to_have_text("전주 대기질")
    expect(page.locator("tbody tr")).to_have_count(20)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    # Its own style counts under its own policy.
    assert page.locator("table").first.evaluate("table => getComputedStyle(table).tableLayout") == "fixed"
    page.get_by_role("link", name="English").click()
    expect(page.locator("h1")).to_have_text("Air in Jeonju")
