"""The console in a real browser, over an api of its own."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, expect, sync_playwright

from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.access.tiles import Tiles
from jeonju.api.http.pages import PAGE
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
AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
# Where the browser itself says that a request was refused, which is what some tests are about.
REFUSED = "Failed to load resource"
# Without WebGL, so that the map is drawn as on a machine without it; one test has it.
PLAIN = ("--no-sandbox", "--disable-gpu", "--disable-3d-apis")
WITH_GL = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    """Start Chromium, or skip the test where there is none."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    if not PAGE.exists():
        pytest.skip("the console is not built (make console)")
    with sync_playwright() as playwright:
        # The sandbox needs what containers do not have.
        started = playwright.chromium.launch(executable_path=program, args=list(arguments))
        yield started
        started.close()


@dataclass
class City:
    """The api on a port of its own, with a broker, one alert and robot-1; `faults` are those of its pages, also against their policy.

    `apps` are the applications that were started, the one that runs last.
    """

    url: str
    browser: Browser
    keys: Path
    robot: Robot
    broker: EmbeddedBroker
    server: LiveServer
    start: Callable[[int], LiveServer]
    apps: list[FastAPI]
    faults: list[str] = field(default_factory=list)

    def open(self, at: str = "/", *, language: str = ENGLISH, key: str | None = None, width: int = 1400) -> Page:
        context = self.browser.new_context(base_url=self.url, locale=language, viewport={"width": width, "height": 900})
        context.set_default_timeout(WITHIN_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self.faults.append(message.text) if _is_fault(message) else None)
        page.goto(at)
        if key is not None:
            page.locator("#door-key").fill(key)
            page.locator("#door-key").press("Enter")
        if at == "/":
            expect(page.locator("#stations tbody tr")).to_have_count(20)
        return page

    def shows_the_robots_state(self, page: Page) -> bool:
        # Who is connected need not have subscribed yet, and the robot's state is not kept for it.
        self.robot.publish_state()
        return bool(asked(page, "robots")[0]["available"])

    def restart(self) -> None:
        """Start the api, which was stopped, on the same port again."""
        self.server = self.start(int(self.url.rpartition(":")[2]))

    def stop(self) -> None:
        self.server.__exit__(None, None, None)

    def key(self, name: str, role: Role) -> str:
        return KeyFile(self.keys).add(name, role, NOW)


def _is_fault(message: ConsoleMessage) -> bool:
    return message.type == "error" and REFUSED not in message.text


@contextmanager
def running_city(
    site: Site, store: DuckDBStore, folder: Path, browser: Browser, tiles: Tiles | None = None
) -> Iterator[City]:
    """A city with one alert; every page that was opened has closed without a fault."""
    store.write_alerts([alert("one")])
    keys = folder / "keys.json"
    with EmbeddedBroker(folder, port=0) as broker:
        apps = list[FastAPI]()

        def start(port: int = 0) -> LiveServer:
            app = api_app(site, store, broker.url, keys=keys, now=Clock(), tiles=tiles, data=folder)
            apps.append(app)
            settings = HttpSettings(port=port, keys=keys)
            server = LiveServer(app, settings, before_shutdown=app.state.air.stream.close).__enter__()
            wait_until(lambda: app.state.air.broker.state.connected, what="the broker")
            return server

        server = start()
        robot = Robot(broker, site)
        city = City(server.url, browser, keys, robot, broker, server, start, apps)
        yield city
        robot.close()
        for context in browser.contexts:
            context.close()
        city.server.__exit__(None, None, None)
        assert not city.faults, city.faults


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


def serious_findings(page: Page) -> list[str]:
    """What axe finds that keeps people from reading or using the page: each rule with the elements that break it."""
    if not AXE.exists():
        pytest.skip("axe-core is not there (make console)")
    # As the debugger does: the page's own policy lets no script in.
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")["violations"]
    return [
        f"{one['id']}: {', '.join(' '.join(map(str, node['target'])) for node in one['nodes'][:5])}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
