"""What runs in the containers beside the services: their entry, the probe of their health, Mosquitto's watch over its files."""

import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "packaging/docker"
# As Mosquitto does, it hears SIGHUP even where whoever started the tests ignores it.
STAND_IN = """#!{python}
import pathlib, signal
def note(text): pathlib.Path({heard!r}).open("a").write(text + "\\n")
signal.signal(signal.SIGHUP, lambda *_: note(pathlib.Path({files!r}, "acl").read_text()))
note("up")
while True: signal.pause()
"""


class Entry:
    """`entry` in a folder laid out as the image is, with a jeonju that does as it is bid."""

    def __init__(self, folder: Path, jeonju: str, **surroundings: str) -> None:
        self.cache = folder / "cache"
        for made in (self.cache, folder / "code/numba/airquality", folder / "code/packaging/docker", folder / "bin"):
            made.mkdir(parents=True)
        (folder / "code/numba/airquality/kernels.nbi").write_text("compiled")
        shutil.copy(DOCKER / "entry", folder / "code/packaging/docker/entry")
        (folder / "bin/jeonju").write_text(f"#!/bin/sh\n{jeonju}\n")
        (folder / "bin/jeonju").chmod(0o755)
        self.process = subprocess.Popen(
            [folder / "code/packaging/docker/entry", "ingest", "--for", "2s"],
            env={"PATH": f"{folder}/bin:/usr/bin:/bin", "NUMBA_CACHE_DIR": str(self.cache), **surroundings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline()

    def ends_with(self) -> int:
        """The exit status, once no process of the entry holds its output any more."""
        self.process.communicate(timeout=60)
        return self.process.returncode


def test_entry_runs_jeonju_with_the_functions_compiled_for_the_image(tmp_path: Path) -> None:
    entry = Entry(tmp_path, 'echo "$@"; exit 7')
    assert entry.process.communicate(timeout=60)[0] == "ingest --for 2s\n"
    assert entry.ends_with() == 7
    assert (entry.cache / "airquality/kernels.nbi").read_text() == "compiled"


@pytest.mark.parametrize("status", [0, 1, 75, 137])
def test_entry_ends_as_the_service_does_so_that_it_is_started_again(tmp_path: Path, status: int) -> None:
    assert Entry(tmp_path, f"exit {status}", JEONJU_HOLD="ingest").ends_with() == status


def test_entry_stays_where_no_restart_helps_until_it_is_stopped(tmp_path: Path) -> None:
    entry = Entry(tmp_path, "echo 'jeonju: no password' >&2; exit 2", JEONJU_HOLD="ingest")
    assert entry.line() == "jeonju: no password\n"
    assert "docker compose restart ingest" in entry.line()
    assert entry.process.poll() is None
    entry.process.send_signal(signal.SIGTERM)
    assert entry.ends_with() == 2


def test_entry_waits_for_what_the_service_does_before_it_ends(tmp_path: Path) -> None:
    entry = Entry(
        tmp_path,
        "trap 'echo stored >&2; exit 0' TERM; echo up >&2; while :; do sleep 0.1; done",
        JEONJU_HOLD="ingest",
    )
    assert entry.line() == "up\n"
    entry.process.send_signal(signal.SIGTERM)
    assert entry.line() == "stored\n"
    assert entry.ends_with() == 0


class Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
        self.wfile.write(f"this is {self.path}\n".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def probe(tmp_path: Path, port: int, path: str) -> subprocess.CompletedProcess[str]:
    # Its Python is where the image has it.
    text = (DOCKER / "probe").read_text().replace("/opt/jeonju/.venv/bin/python", "python3")
    (tmp_path / "probe").write_text(text)
    command = ["sh", str(tmp_path / "probe"), str(port), path]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_probe_says_what_the_service_answers(tmp_path: Path, port: int) -> None:
    well, not_well = probe(tmp_path, port, "/healthz"), probe(tmp_path, port, "/readyz")
    assert (well.returncode, well.stdout) == (0, "this is /healthz\n")
    assert (not_well.returncode, not_well.stdout) == (1, "this is /readyz\n")


def test_probe_says_that_nothing_answers(tmp_path: Path) -> None:
    nothing = probe(tmp_path, 1, "/readyz")
    assert nothing.returncode == 1
    assert "no answer" in nothing.stderr


def test_mosquitto_reads_its_files_again_once_they_have_changed_and_not_before(tmp_path: Path) -> None:
    """A stand-in counts the signals; the real one is in tests/test_compose_docker.py."""
    files, heard = tmp_path / "files", tmp_path / "heard"
    files.mkdir()
    heard.touch()
    (files / "acl").write_text("one")
    (tmp_path / "mosquitto").write_text(STAND_IN.format(python=sys.executable, files=str(files), heard=str(heard)))
    (tmp_path / "mosquitto").chmod(0o755)
    process = subprocess.Popen(
        ["sh", ROOT / "broker/mosquitto-run.sh", "mosquitto.conf", files],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "LOOK_EVERY_S": "0.2"},
    )
    try:
        wait_until(lambda: heard.read_text() == "up\n", what="the start")
        for content in ("two", "three"):
            (files / "new").write_text(content)
            (files / "new").replace(files / "acl")
            wait_until(lambda: heard.read_text().endswith(f"{content}\n"), what="the signal")  # noqa: B023
        assert heard.read_text() == "up\ntwo\nthree\n"
    finally:
        process.terminate()
        process.wait(timeout=60)
