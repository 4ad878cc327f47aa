"""An api on one core, in a process of its own, over a store with half a day of the city: `python -m benchmarks._api_server CORE`.

It says in one line of JSON where it is, with keys that open it. For each line `RATE SECONDS` that it reads it sends so many events a second, each
with one reading of that moment, and answers how much of a core it took meanwhile. It ends with its input.
"""

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from benchmarks import _city
from jeonju.api.access import guard
from jeonju.api.access.keys import KeyFile, Role
from jeonju.api.access.limiter import Limit
from jeonju.api.stream import Stream
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract.columns import readings_table
from jeonju.contract.site import load_site
from jeonju.stack.http_server import HttpSettings, LiveServer
from jeonju.stack.services import api_app
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.port import Commit

HISTORY: Final = timedelta(hours=14)
EVERY_S: Final = 60
KEYS: Final = 5


def main(core: int) -> None:
    """Serve until the input ends."""
    os.sched_setaffinity(0, {core})
    guard.REQUESTS = Limit(10**9)  # type: ignore[misc]
    site, now = load_site("jeonju"), datetime.now(UTC).replace(microsecond=0)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        store = stack.enter_context(closing(DuckDBStore(folder / "air.duckdb")))
        fire_at = now - timedelta(minutes=40)
        rows = _city.readings(site, now - HISTORY, now, EVERY_S, fire_at=fire_at)
        store.write(Commit(readings=rows, devices=_city.devices(site, now)))
        store.write_incidents(_city.incidents(site, fire_at))
        broker = stack.enter_context(EmbeddedBroker(folder, port=0))
        path = folder / "keys.json"
        keys = [KeyFile(path).add(f"viewer-{number}", Role.VIEWER, now) for number in range(KEYS)]
        app = api_app(site, store, broker.url, keys=path, public_page=True)
        stream: Stream = app.state.air.stream
        server = stack.enter_context(
            LiveServer(app, HttpSettings(port=0, keys=path, public_page=True), before_shutdown=stream.close)
        )
        while not app.state.air.detection.snapshot.index.cai:
            time.sleep(0.1)
        print(json.dumps({"url": server.url, "keys": keys}), flush=True)
        for line in sys.stdin:
            rate, seconds = (float(word) for word in line.split())
            print(json.dumps(_send(stream, rate, seconds)), flush=True)


def _send(stream: Stream, rate: float, seconds: float) -> dict[str, Any]:
    begun, cpu_s, count = time.monotonic(), time.process_time(), round(rate * seconds)
    for number in range(count):
        time.sleep(max(0.0, begun + number / rate - time.monotonic()))
        at = datetime.now(UTC)
        reading = {
            "site": "jeonju",
            "device": f"palbok-{number % 10 + 1:02}",
            "time": at,
            "received_at": at,
            "pm25": 20.0,
        }
        stream.send_readings(readings_table([reading]))
    wall_s = time.monotonic() - begun
    return {
        "events": count,
        "listeners": stream.listeners,
        "dropped": stream.dropped,
        "of_a_core": round((time.process_time() - cpu_s) / wall_s, 3),
        "seconds": round(wall_s, 1),
    }


if __name__ == "__main__":
    main(int(sys.argv[1]))
