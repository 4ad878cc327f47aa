"""What services do when something is missing, wrong or away: wait for what heals, stop at what does not, and say why in one line."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jeonju.broker.client import Client
from jeonju.broker.embedded import EmbeddedBroker
from jeonju.contract import topics
from jeonju.stack.city import UpSettings, running_city
from jeonju.stack.http_server import HttpSettings
from jeonju.storage.duckdb.store import DuckDBStore
from jeonju.storage.open import wait_for_store
from tests.broker.guarded import Ears
from tests.jeonju.cli.command import jeonju
from tests.waiting import wait_until


@contextmanager
def running(
    *arguments: object, program: tuple[str, ...] = ("-m", "jeonju"), **surroundings: Any
) -> Iterator[subprocess.Popen[str]]:
    # As JSON what is said is one line, however long.
    with subprocess.Popen(
        [sys.executable, *program, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"JEONJU_LOG_FORMAT": "json"} | surroundings,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def ended(*arguments: object, **surroundings: str) -> tuple[int, str]:
    """Return the exit status and what was said last."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {"JEONJU_LOG_FORMAT": "json", **surroundings}.items():
            environment.setenv(name, value)
        done = jeonju(*arguments)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.splitlines()[-1]


def test_without_simulated_devices_the_stack_waits_for_real_ones(tmp_path: Path) -> None:
    settings = UpSettings(
        simulate=False,
        data=tmp_path,
        mqtt_port=0,
        security=tmp_path / "none",
        http=HttpSettings(port=0, keys=tmp_path / "keys.json"),
    )
    with running_city(settings) as city:
        wait_until(lambda: city.state()["live"])
        assert city.state()["devices_heard"] == 0
        device = Client(
            city.broker_url,
            "mine",
            on_ready=lambda: device.publish(
                topics.readings("jeonju", "mine"), b'{"device": "mine", "values": {"pm25": 7}}', 1
            ),
        )
        device.begin()
        wait_until(lambda: city.state()["devices_heard"] == 1, what="the reading")
        device.end()
        with urllib.request.urlopen(f"{city.url}/metrics", timeout=60) as page:
            figures = page.read().decode()
    assert "jeonju_ingest_readings_total 1.0" in figures
    assert "jeonju_api_readings_total" in figures
    assert "jeonju_simulator" not in figures


def test_scenario_without_simulated_devices_is_refused(tmp_path: Path) -> None:
    status, said = ended("up", "--data", tmp_path, "--scenario", "palbok-recycler-fire", "--no-simulate")
    assert status == 2
    assert said.endswith("give --scenario or --no-simulate")


def test_ingest_waits_for_a_store_that_is_away(tmp_path: Path) -> None:
    with (
        EmbeddedBroker(tmp_path, port=0) as broker,
        running("ingest", "--broker", broker.url, "--store", "influxdb://127.0.0.1:1/air") as process,
    ):
        assert process.stderr is not None
        said = process.stderr.readline()
        assert "127.0.0.1:1/air cannot be reached" in said
        assert "it is tried again" in said
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0


def test_store_that_comes_back_is_taken(tmp_path: Path) -> None:
    opened = wait_for_store(str(tmp_path / "air.duckdb"), lambda _wait_s: True)
    assert isinstance(opened, DuckDBStore)
    opened.close()
    assert wait_for_store("influxdb://127.0.0.1:1/air", lambda _wait_s: True) is None


@pytest.mark.parametrize(
    ("option", "away", "line"),
    [
        ("--store", "influxdb://127.0.0.1:1/air", "cannot be reached"),
        ("--broker", "mqtt://127.0.0.1:1", "no broker answers at 127.0.0.1:1"),
    ],
)
def test_what_may_heal_has_an_exit_status_of_its_own(tmp_path: Path, option: str, away: str, line: str) -> None:
    status, said = ended("up", "--data", tmp_path, "--mqtt-port", 0, "--port", 0, option, away)
    assert status == os.EX_TEMPFAIL
    assert line in said


@pytest.mark.parametrize(
    ("surroundings", "said"),
    [
        (
            {"INFLUXDB_TOKEN_FILE": "/nowhere/token"},
            "the secret file /nowhere/token (INFLUXDB_TOKEN_FILE) cannot be read: No such file or directory",
        ),
        ({"INFLUXDB_TOKEN_FILE": "/dev/null"}, "the secret file /dev/null (INFLUXDB_TOKEN_FILE) is empty"),
        (
            {"INFLUXDB_TOKEN_FILE": "/nowhere", "INFLUXDB_TOKEN": "hidden"},
            "INFLUXDB_TOKEN and INFLUXDB_TOKEN_FILE are both set; keep one",
        ),
    ],
)
def test_secret_that_is_missing_stops_a_service(surroundings: dict[str, str], said: str, tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, port=0) as broker:
        status, line = ended(
            "ingest", "--broker", broker.url, "--store", "influxdb://127.0.0.1:1/air?org=o", **surroundings
        )
    assert (status, line) == (2, f"jeonju: {said}")


def test_full_volume_is_said_in_one_line_and_the_service_goes_on(tmp_path: Path) -> None:
    # From inside, a limit on the size of files looks like a full volume, and needs no rights to be set up.
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({2**20}, -1)); from jeonju.__main__ import main; main()"
    with (
        EmbeddedBroker(tmp_path, port=0) as broker,
        running(
            "ingest", "--broker", broker.url, "--store", tmp_path / "air.duckdb", program=("-c", limited)
        ) as process,
        Ears(broker.url, "feed", topics.committed("jeonju")) as feed,
    ):
        assert process.stderr is not None
        device = Client(broker.url, "mine")
        device.begin()

        def is_taken() -> bool:
            device.publish(topics.readings("jeonju", "mine"), b'{"device": "mine", "values": {"pm25": 7}}', 1)
            return bool(feed.heard)

        # No broker keeps what is sent before ingest has subscribed.
        wait_until(is_taken, what="the first commit")
        for number in range(3000):
            message = {"device": "mine", "seq": number, "values": {"pm25": 7}, "note": os.urandom(400).hex()}
            device.publish(topics.readings("jeonju", "mine"), json.dumps(message), 1)
        said = next(line for line in process.stderr if "did not take a commit" in line)
        assert process.poll() is None
        device.end()
    assert "did not take a commit" in said
    assert "it is tried again, nothing is acknowledged meanwhile" in said
