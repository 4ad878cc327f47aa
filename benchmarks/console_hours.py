"""Whether the console stays small when it is open for hours: its memory while a city goes on much faster than real time.

26 devices report once a second, alerts and incidents come and go, somebody goes from page to page, and the page's own timers
run faster in proportion. Readings come in order, so that charts, trails and lists move on as they would. It takes four minutes;
no wait is longer than half a minute.
"""

import itertools
import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import _city, _devtools
from jeonju.api.access import guard
from jeonju.api.access.limiter import Limit
from jeonju.api.stream import Stream
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.common.clock import utc_now
from jeonju.contract.site import Site, load_site
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

HOURS: Final = 6.0
TIMES_AS_FAST: Final = 120.0
LOOKS: Final = 6
HISTORY: Final = timedelta(hours=2)
MOST_MB: Final = 300
# Of the city's time: an alert begins every minute, an incident every ten; both last twenty.
ALERT_EVERY_S: Final = 60
INCIDENT_EVERY_S: Final = 600
LASTS_S: Final = 1200
CELLS: Final = 400
# Of real time: somebody goes on to the next page.
PAGE_EVERY_S: Final = 2.0
# What the page does every so often it does so much more often, but not more than a browser lets it.
FASTER: Final = f"""
const every = window.setInterval.bind(window);
window.setInterval = (work, ms, ...more) => every(work, Math.max(ms / {TIMES_AS_FAST}, Math.min(ms, 50)), ...more);
"""


def run() -> dict[str, Any]:
    """Print the memory of the page at moments of some hours, and by how much it grows an hour."""
    guard.REQUESTS = Limit(10**9)  # type: ignore[misc]
    with _city_that_hurries() as (url, city), _devtools.tab() as page:
        page.open(url, FASTER)
        addresses = itertools.cycle(_addresses(url))
        looks = [_look(page, city)]
        for number in range(1, LOOKS + 1):
            until_s = number * HOURS / LOOKS * 3600 / TIMES_AS_FAST
            while city.gone_s() / TIMES_AS_FAST < until_s:
                page.evaluate(f"location.hash = {next(addresses)!r}")
                time.sleep(PAGE_EVERY_S)
            looks.append(_look(page, city))
            print(f"  {looks[-1]}", file=sys.stderr)
        # Of what has been reached after the first look: the page's own code is compiled by then.
        hours, heaps, sizes = (np.array([one[key] for one in looks[1:]]) for key in ("hours", "heap_mb", "renderer_mb"))
        return {
            "looks": looks,
            "heap_mb_more_an_hour": round(float(np.polyfit(hours, heaps, 1)[0]), 2),
            "renderer_mb_more_an_hour": round(float(np.polyfit(hours, sizes, 1)[0]), 1),
            "below_the_most": max(one["renderer_mb"] for one in looks) < MOST_MB,
        }


def _addresses(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/api/v1/incidents", timeout=_devtools.WITHIN_S) as answer:
        incident = json.load(answer)[0]["id"]
    return ["#/devices/palbok-03", "#/", f"#/incidents/{incident}", "#/network", "#/devices/robot-1", "#/?field=1"]


def _look(page: _devtools.Tab, city: "_HurryingCity") -> dict[str, Any]:
    hours, events, counts = city.gone_s() / 3600, city.events, page.counts()
    return {
        "hours": round(hours, 1),
        "events": events,
        "heap_mb": page.heap_mb(),
        **page.renderer_mb(),
        "nodes": counts["nodes"],
        "listeners": counts["jsEventListeners"],
    }


class _HurryingCity:
    """Sends what happens in a city to the listeners of a stream."""

    def __init__(self, site: Site, stream: Stream, begun_at: datetime, moment: dict[str, Any]) -> None:
        self.events, self._site, self._stream, self._begun_at = 0, site, stream, begun_at
        self._alert, self._incident = moment["alerts"][0], moment["incidents"][0]
        self._second, self._rng = 0, np.random.default_rng(1)

    def gone_s(self) -> float:
        """Return how far the city is [s]."""
        return float(self._second)

    def go_on(self) -> None:
        """Let the next second happen."""
        self._second += 1
        self._send("readings", [_reading_json(self._site, self._at(self._second), self._rng)])
        for what, every_s in (("alert", ALERT_EVERY_S), ("incident", INCIDENT_EVERY_S)):
            if self._second % every_s == 0:
                self._send(what, [self._record(what, self._second, ends=False)])
            if self._second > LASTS_S and (self._second - LASTS_S) % every_s == 0:
                self._send(what, [self._record(what, self._second - LASTS_S, ends=True)])

    def _at(self, second: int) -> datetime:
        return self._begun_at + timedelta(seconds=second)

    def _send(self, event: str, messages: list[Any]) -> None:
        for message in messages:
            self._stream.send(event, message)
            self.events += 1

    def _record(self, what: str, second: int, *, ends: bool) -> dict[str, Any]:
        at = self._at(second).isoformat()
        record = {"id": f"{what}-{second}", "active": not ends}
        if what == "alert":
            device = self._site.stations[second % len(self._site.stations)].name
            return self._alert | record | {"device": device, "started_at": at}
        lat, lon = _city.FIRE
        cells = [[lat + number / 1e4, lon + number / 1e4, 0.9 / CELLS] for number in range(CELLS)]
        source = {"lat": lat, "lon": lon, "radius_m": 200.0, "radius_90_m": 500.0, "cells": cells, "cell_m": 50.0}
        told = {"is_unsure": False, "quantity": "pm25", "traced_at": at}
        return (
            self._incident
            | record
            | {
                "opened_at": at,
                "details": self._incident["details"] | {"source": source | told},
            }
        )


def _reading_json(site: Site, at: datetime, rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "device": device.name,
            "time": at.isoformat(),
            # Robots go round, so that their trails move on.
            "position": _round(at),
            "values": {"pm25": round(float(rng.uniform(5, 60)), 1), "pm10": round(float(rng.uniform(10, 90)), 1)},
        }
        for device in site.devices
    ]


@contextmanager
def _city_that_hurries() -> Iterator[tuple[str, _HurryingCity]]:
    site, now = load_site("jeonju"), utc_now()
    fire_at = now - timedelta(minutes=40)
    stopping = threading.Event()
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder), port=0) as broker:
        store = DuckDBStore(Path(folder) / "air.duckdb")
        rows = _city.readings(site, now - HISTORY, now, 10, fire_at=fire_at)
        store.write(Commit(readings=rows, devices=_city.devices(site, now)))
        store.write_alerts(_city.alerts(site, fire_at))
        store.write_incidents(_city.incidents(site, fire_at))
        app = api_app(site, store, broker.url)
        stream = app.state.air.stream
        with LiveServer(app, HttpSettings(port=0), before_shutdown=stream.close) as server:
            with urllib.request.urlopen(f"{server.url}/api/v1/state", timeout=_devtools.WITHIN_S) as answer:
                city = _HurryingCity(site, stream, now, json.load(answer))

            def hurry() -> None:
                begun_s = time.monotonic()
                while not stopping.is_set():
                    if city.gone_s() < (time.monotonic() - begun_s) * TIMES_AS_FAST:
                        city.go_on()
                    else:
                        stopping.wait(0.5 / TIMES_AS_FAST)

            hurrying = threading.Thread(target=hurry, daemon=True)
            hurrying.start()
            try:
                yield server.url, city
            finally:
                stopping.set()
                hurrying.join()
        store.close()


def _round(at: datetime) -> list[float]:
    angle = at.timestamp() / 300
    return [35.85 + 0.01 * float(np.sin(angle)), 127.09 + 0.01 * float(np.cos(angle))]
