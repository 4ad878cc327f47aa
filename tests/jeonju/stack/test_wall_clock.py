"""`jeonju up` as a process whose wall clock is set while it runs: it starts two days back, as a Raspberry Pi without a clock does."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from chaos.clock import WrongClock, set_clock
from jeonju.broker.client import Client
from jeonju.broker.embedded import free_port
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from tests.processes import started
from tests.waiting import wait_until


def get(port: int, path: str) -> Any:
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        return json.loads(answer.read()) if answer.status == 200 else None
    except OSError:
        return None
    finally:
        client.close()


def seen(port: int, device: str) -> tuple[datetime, float] | None:
    """Return the time and the value of the newest reading of a device."""
    for row in get(port, "/api/v1/latest") or ():
        if row["device"] == device:
            return datetime.fromisoformat(row["time"]), row["values"]["pm25"]
    return None


def test_times_are_right_once_the_clock_is(tmp_path: Path) -> None:
    clock, mqtt_port, port = tmp_path / "clock", free_port(), free_port()
    set_clock(clock, timedelta(days=-2))
    options = [
        "--no-simulate",
        "--data",
        str(tmp_path / "data"),
        "--mqtt-port",
        str(mqtt_port),
        "--port",
        str(port),
        "--json",
    ]
    command = [sys.executable, "-m", "chaos.clock", str(clock), "up", *options]
    with started(command, stdout=subprocess.DEVNULL) as up:
        try:
            wait_until(lambda: get(port, "/readyz"), within_s=120, what="readiness")
            device = Client(f"mqtt://127.0.0.1:{mqtt_port}", "palbok-01")
            device.begin()

            def send(value: float) -> datetime:
                now = datetime.now(UTC)
                reading = Reading(device="palbok-01", time=now, values={"pm25": value})
                device.publish(topics.readings("jeonju", "palbok-01"), encode(reading), qos=1).wait_for_publish(60)
                wait_until(lambda: (seen(port, "palbok-01") or (None, None))[1] == value, what=f"the value {value}")
                return now

            def stored() -> datetime:
                found = seen(port, "palbok-01")
                assert found is not None
                return found[0]

            # What a device with a right clock says is impossible then, and is timed by its arrival.
            assert send(1.0) - stored() > timedelta(days=1)
            for value, wrong in ((2.0, timedelta(0)), (3.0, timedelta(days=-700)), (4.0, timedelta(0))):
                set_clock(clock, wrong)
                said = datetime.fromisoformat(get(port, "/api/v1/health")["now"])
                assert abs(said - datetime.now(UTC) - wrong) < timedelta(seconds=60)
                if not wrong:
                    sent = send(value)
                    assert abs(stored() - sent) < timedelta(seconds=1)
            device.end()
        finally:
            up.kill()


@pytest.mark.parametrize("wrong", [timedelta(days=-20_000), timedelta(days=700)])
def test_clock_can_be_set(tmp_path: Path, wrong: timedelta) -> None:
    set_clock(tmp_path / "clock", wrong)
    assert abs(WrongClock(tmp_path / "clock").now(UTC) - datetime.now(UTC) - wrong) < timedelta(seconds=60)
