"""Chromium on the console, and what the browser says of the page: for the benchmarks of the console."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, CDPSession, Error, Page, sync_playwright

from jeonju.api.http.pages import PAGE

# Of every wait for the page: what takes longer has failed.
WITHIN_S: Final = 30.0
# Without WebGL, as on a machine without it.
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-3d-apis")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium as long as the context lasts, or end with a line that says what is missing."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("this benchmark needs Chromium: apt-get install chromium")
    if not PAGE.exists():
        raise SystemExit("the console is not built: make console")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=list(ARGUMENTS), timeout=WITHIN_S * 1000, handle_sigint=False
        )
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, url: str) -> Page:
    """Open the console; it is there as soon as it lists stations."""
    page = browser.new_page(viewport={"width": 1400, "height": 900}, locale="en-US")
    page.set_default_timeout(WITHIN_S * 1000)
    page.goto(url)
    try:
        page.locator("#stations tbody tr").first.wait_for()
    except Error:
        raise SystemExit(f"the console listed no station within {WITHIN_S:.0f} s of being opened") from None
    return page


def say(what: str) -> None:
    """Say on standard error what is measured now."""
    print(f"  {what} …", file=sys.stderr)


def heap_mb(session: CDPSession) -> float:
    """Return what the page's objects take after the garbage was collected [MiB]."""
    session.send("HeapProfiler.collectGarbage")
    return round(session.send("Runtime.getHeapUsage")["usedSize"] / 2**20, 1)


def metric(session: CDPSession, name: str) -> float:
    """Return one of Chromium's own figures of a page: such as `TaskDuration` [s]."""
    session.send("Performance.enable")
    return float({one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}[name])
