"""`jeonju up` says nothing but what it was asked for, from its start to its end, however it is ended."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from jeonju.broker.embedded import free_port
from tests.processes import started
from tests.waiting import wait_until


@contextmanager
def up(folder: Path, port: int, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = (
        sys.executable,
        "-m",
        "jeonju",
        "up",
        "--data",
        str(folder),
        "--port",
        str(port),
        "--mqtt-port",
        "0",
        *more,
    )
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def figures(port: int) -> dict[str, float]:
    """What /metrics shows, nothing where no process serves it yet."""
    client = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        client.request("GET", "/metrics")
        families = text_string_to_metric_families(client.getresponse().read().decode())
        return {sample.name: sample.value for family in families for sample in family.samples if not sample.labels}
    except OSError:
        return {}
    finally:
        client.close()


def is_quiet(process: subprocess.Popen[str]) -> bool:
    out, errors = process.communicate(timeout=120)
    assert (process.returncode, errors) == (0, "starting …\n")
    assert out.splitlines()[-1].startswith("stopped; ")
    return True


def test_signal_ends_the_city_quietly_while_it_makes_up_for_history(tmp_path: Path) -> None:
    port = free_port()
    with up(tmp_path, port, "--history", "24h") as process:
        wait_until(lambda: figures(port).get("jeonju_api_readings_total", 0) > 0, what="readings to judge")
        process.send_signal(signal.SIGINT)
        assert is_quiet(process)


def test_signal_ends_the_live_city_quietly_while_its_page_is_open(tmp_path: Path) -> None:
    port = free_port()
    with up(tmp_path, port, "--history", "10m") as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("live after ")
        page = HTTPConnection("127.0.0.1", port, timeout=60)
        page.request("GET", "/api/v1/stream")
        stream = page.getresponse()
        assert stream.readline() == b": welcome\n"
        process.send_signal(signal.SIGTERM)
        assert is_quiet(process)
        # The stream to the page is ended, not cut off.
        stream.read()
        page.close()


@pytest.mark.parametrize("time", ["1s", "15s"])
def test_city_that_ends_by_itself_ends_quietly(tmp_path: Path, time: str) -> None:
    with up(tmp_path, free_port(), "--history", "10m", "--for", time) as process:
        assert is_quiet(process)
