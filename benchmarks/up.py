"""What `jeonju up` costs while it is live: CPU and memory of all its processes, and the way of a reading from MQTT to the api."""

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as mqtt
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from jeonju.broker.address import parse_broker_url
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode

SETTLING_S = 10
MEASURED_S = 60
PROBES = 100
PROBE_EVERY_S = 0.2


def run() -> dict[str, Any]:
    """Start the city with a day of history, let it settle, watch it for a minute, then send probes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "jeonju", "up", "--data", folder, "--port", "0", "--mqtt-port", "0", "--json"]
        begun = time.monotonic()
        city = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert city.stdout is not None
            live = json.loads(city.stdout.readline())
            live_after_s = time.monotonic() - begun
            processes = [psutil.Process(city.pid), *psutil.Process(city.pid).children(recursive=True)]
            time.sleep(SETTLING_S)
            before_s, since = _cpu_s(processes), time.monotonic()
            time.sleep(MEASURED_S)
            share = (_cpu_s(processes) - before_s) / (time.monotonic() - since)
            memory_mb = sum(process.memory_info().rss for process in processes) / 2**20
            delays_s = sorted(_probe(live["url"], live["broker"]))
        finally:
            city.terminate()
            city.communicate(timeout=30)
    return {
        "live_after_s": round(live_after_s, 1),
        "percent_of_one_core": round(100 * share, 1),
        "memory_mb": round(memory_mb),
        "publish_to_api_p50_ms": round(1000 * delays_s[len(delays_s) // 2]),
        "publish_to_api_p99_ms": round(1000 * delays_s[int(0.99 * (len(delays_s) - 1))]),
    }


def _cpu_s(processes: list[Any]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _probe(url: str, broker: str) -> list[float]:
    """Publish readings of a device of our own beside the 26, and ask the api until each is there."""
    address = parse_broker_url(broker)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="probe")
    client.connect(address.host, address.port)
    client.loop_start()
    delays = []
    for number in range(PROBES):
        begun = time.monotonic()
        client.publish(
            topics.readings("jeonju", "probe"),
            encode(Reading(device="probe", seq=number, time=datetime.now(UTC), values={"co": 0.4})),
            qos=1,
        )
        while _seq_of_probe(url) != number:
            time.sleep(0.005)
        delays.append(time.monotonic() - begun)
        time.sleep(PROBE_EVERY_S)
    client.disconnect()
    client.loop_stop()
    return delays


def _seq_of_probe(url: str) -> int | None:
    with urllib.request.urlopen(f"{url}/api/v1/latest") as answer:
        return next((row["seq"] for row in json.load(answer) if row["device"] == "probe"), None)
