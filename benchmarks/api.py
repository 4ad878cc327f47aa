"""Requests per second that the api of a live city answers, as `wrk` measures them: 16 connections, everything in one process but `wrk`."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Any, Final

# Starts the city without a limit of requests: all of them come from one address.
CITY: Final = """
import sys
from jeonju.__main__ import main
from jeonju.api.access import guard
from jeonju.api.access.limiter import Limit

guard.REQUESTS = Limit(10**9)
main()
"""
ASKED: Final = {
    "static file": "/static/page.js",
    "latest": "/api/v1/latest",
    "a day of a series": "/api/v1/series?device=palbok-03&quantity=pm25",
    "a day of a series, raw": "/api/v1/series?device=palbok-03&quantity=pm25&every=raw",
    "healthz": "/healthz",
}
SECONDS: Final = 10
CONNECTIONS: Final = 16


def run() -> dict[str, Any]:
    """Start the city with a day of history, then ask for one address after the other."""
    if (wrk := shutil.which("wrk")) is None:
        raise SystemExit("this benchmark needs wrk: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder:
        options = ["up", "--data", folder, "--port", "0", "--mqtt-port", "0", "--json"]
        city = subprocess.Popen([sys.executable, "-c", CITY, *options], stdout=subprocess.PIPE, text=True)
        try:
            assert city.stdout is not None
            url = json.loads(city.stdout.readline())["url"]
            return {what: _measured(wrk, url + path) for what, path in ASKED.items()}
        finally:
            city.terminate()
            city.communicate(timeout=30)


def _measured(wrk: str, url: str) -> dict[str, Any]:
    command = [wrk, "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{SECONDS}s", "--latency", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate, slowest = re.search(r"Requests/sec:\s+([\d.]+)", said), re.search(r"99%\s+([\d.]+\w+)", said)
    assert rate is not None, said
    assert slowest is not None, said
    return {"per_s": round(float(rate[1])), "p99": slowest[1], "errors": "Non-2xx" in said}
