"""How the console does with a few and with many devices, each of which reports once a second: first paint, presses, memory of the page."""

import shutil
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright

from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.clock import utc_now
from jeonju.contract.columns import readings_table
from jeonju.contract.records import DeviceRecord
from jeonju.contract.site import Site, load_site
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

COUNTS: Final = (26, 2000)
SETTLE_S: Final = 10.0
WATCHED_S: Final = 120.0
PRESSES: Final = 12
# Until the browser has painted what a press leads to.
PRESS: Final = """async (selector) => {
  const begun = performance.now();
  document.querySelector(selector).click();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - begun;
}"""
FIRST_PAINT: Final = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def run() -> dict[str, Any]:
    """Open the console over an api that streams made-up readings, without WebGL."""
    return {f"{count} devices": _measured(count) for count in COUNTS}


def _site(count: int) -> Site:
    site = load_site("jeonju")
    rng = np.random.default_rng(1)
    first = site.stations[0]
    more = [
        first.model_copy(
            update={
                "name": f"made-{number}",
                "label_ko": f"측정소 {number}",
                "label_en": f"Station {number}",
                "lat": float(rng.uniform(35.82, 35.87)),
                "lon": float(rng.uniform(127.05, 127.12)),
            }
        )
        for number in range(count - len(site.devices))
    ]
    return site.model_copy(update={"stations": [*site.stations, *more]})


def _measured(count: int) -> dict[str, Any]:
    site, stopping = _site(count), threading.Event()
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), port=0) as broker:
        store = DuckDBStore(Path(folder) / "air.duckdb")
        store.write(Commit(readings=_readings(site), devices=_records(site)))
        app = api_app(site, store, broker.url)
        stream = app.state.air.stream

        def feed() -> None:
            while not stopping.wait(1.0):
                stream.send_readings(_readings(site))

        with LiveServer(app, HttpSettings(port=0), before_shutdown=stream.close) as server:
            threading.Thread(target=feed, daemon=True).start()
            try:
                return _in_browser(server.url)
            finally:
                stopping.set()
                store.close()


def _readings(site: Site) -> Any:
    now, rng = utc_now(), np.random.default_rng()
    return readings_table(
        {
            "site": site.name,
            "device": device.name,
            "time": now - timedelta(milliseconds=200),
            "received_at": now,
            "pm25": round(float(rng.uniform(5, 60)), 1),
            "pm10": round(float(rng.uniform(10, 90)), 1),
            "no2": 0.02,
            "temperature": 12.3,
        }
        for device in site.devices
    )


def _records(site: Site) -> list[DeviceRecord]:
    return [
        DeviceRecord(site.name, device.name, device.zone, "station", "real", "online", utc_now())
        for device in site.devices
    ]


def _in_browser(url: str) -> dict[str, Any]:
    with sync_playwright() as playwright:
        program = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--disable-gpu", "--disable-3d-apis"]
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900}, locale="en-US")
        page.set_default_timeout(120_000)
        begun = time.monotonic()
        page.goto(url)
        page.locator("#stations tbody tr").first.wait_for()
        listed_s = time.monotonic() - begun
        session = page.context.new_cdp_session(page)
        time.sleep(SETTLE_S)
        presses = [_press(page) for _ in range(PRESSES)]
        heap_mb = [_heap_mb(session)]
        time.sleep(WATCHED_S)
        heap_mb.append(_heap_mb(session))
        return {
            "first_paint_ms": round(page.evaluate(FIRST_PAINT)),
            "stations_listed_after_s": round(listed_s, 1),
            "press_ms": {"median": round(float(np.median(presses))), "highest": round(max(presses))},
            "busy": round(_busy_share(session), 2),
            "heap_mb": heap_mb,
        }


def _press(page: Page) -> float:
    """Press through the pages; readings come meanwhile."""
    links = ("nav a[href^='#/network']", "nav a[href^='#/']", "#stations button.link", "nav a[href^='#/']")
    times = [page.evaluate(PRESS, selector) for selector in links if page.locator(selector).count()]
    return float(max(times))


def _heap_mb(session: CDPSession) -> float:
    session.send("HeapProfiler.collectGarbage")
    return round(session.send("Runtime.getHeapUsage")["usedSize"] / 2**20, 1)


def _busy_share(session: CDPSession, over_s: float = 10.0) -> float:
    """Return the share of the page's thread that is busy while nobody presses anything."""
    session.send("Performance.enable")

    def busy_s() -> float:
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return float(metrics["TaskDuration"])

    before = busy_s()
    time.sleep(over_s)
    return (busy_s() - before) / over_s
