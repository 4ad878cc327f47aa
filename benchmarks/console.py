"""How the console does with a few and with many devices, each of which reports once a second: first paint, presses, how busy the page is.

It takes a minute and a half on idle cores; no wait is longer than half a minute. For its memory over hours: `python -m benchmarks console_hours`.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from playwright.sync_api import CDPSession, Page

from benchmarks import _browser
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
SETTLE_S: Final = 8.0
ROUNDS: Final = 5
WATCHED_S: Final = 10.0
# Until the browser has painted what a press leads to.
PRESS: Final = """async (selector) => {
  const begun = performance.now();
  document.querySelector(selector).click();
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - begun;
}"""
PRESSED: Final = {
    "network": "nav a[href^='#/network']",
    "city": "nav a[href^='#/']",
    "device": "#stations button.link",
    "city again": "nav a[href^='#/']",
    "time": "#play",
    "live": "#live",
    "colour": "#legend button",
}
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
    _browser.say(f"{count} devices")
    with _streaming(_site(count)) as url:
        return _in_browser(url)


@contextmanager
def _streaming(site: Site) -> Iterator[str]:
    """Serve an api over which every device reports once a second; its address is yielded."""
    stopping = threading.Event()
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), port=0) as broker:
        store = DuckDBStore(Path(folder) / "air.duckdb")
        store.write(Commit(readings=_readings(site), devices=_records(site)))
        app = api_app(site, store, broker.url)
        stream = app.state.air.stream

        def feed() -> None:
            while not stopping.wait(1.0):
                stream.send_readings(_readings(site))

        with LiveServer(app, HttpSettings(port=0), before_shutdown=stream.close) as server:
            feeding = threading.Thread(target=feed, daemon=True)
            feeding.start()
            try:
                yield server.url
            finally:
                stopping.set()
                feeding.join()
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
    with _browser.chromium() as browser:
        begun = time.monotonic()
        page = _browser.opened(browser, url)
        listed_s = time.monotonic() - begun
        session = page.context.new_cdp_session(page)
        time.sleep(SETTLE_S)
        presses = [_presses(page) for _ in range(ROUNDS)]
        every = [taken_ms for one in presses for taken_ms in one.values()]
        return {
            "first_paint_ms": round(page.evaluate(FIRST_PAINT)),
            "stations_listed_after_s": round(listed_s, 1),
            "press_ms": {"median": round(float(np.median(every))), "highest": round(max(every))},
            "press_ms_highest_of": {what: round(max(one[what] for one in presses)) for what in PRESSED},
            "busy": round(_busy_share(session), 2),
            "heap_mb": _browser.heap_mb(session),
        }


def _presses(page: Page) -> dict[str, float]:
    """Press through the pages, and back in time; readings come meanwhile."""
    return {what: float(page.evaluate(PRESS, selector)) for what, selector in PRESSED.items()}


def _busy_share(session: CDPSession) -> float:
    """Return the share of the page's thread that is busy while nobody presses anything."""
    before = _browser.metric(session, "TaskDuration")
    time.sleep(WATCHED_S)
    return (_browser.metric(session, "TaskDuration") - before) / WATCHED_S
