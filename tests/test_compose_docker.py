"""docker-compose.yml in a real engine, with docker-compose.debian.yml in place of what only Docker Hub has.

Users, read-only roots, volumes, secrets and health checks are those of the file. One test, as the stack is started once: in the order of its life.
It needs root and Debian's docker.io; elsewhere it is skipped.
"""

import json
import os
import shutil
import signal
import ssl
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jeonju.broker.address import BrokerUrl
from jeonju.broker.certificates import Authority, places
from jeonju.broker.client import Client
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from tests.docker_engine import DOCKERD, ROOT, Engine, engine, make_bases, missing_packages
from tests.waiting import wait_until

SERVICES = ("influxdb", "mosquitto", "renew", "ingest", "api", "simulate")
DEVICE = "compose-01"
SLOW_S = 300.0


def _why_not() -> str | None:
    """Return why there is no engine here."""
    if os.geteuid() != 0:
        return "an engine of Docker needs root"
    if not DOCKERD.exists() or shutil.which("docker-compose") is None:
        return "Docker is not installed (apt-get install docker.io docker-compose)"
    if sys.version_info[:2] != (3, 11):
        return "the images are made of the Python packages of the tests, which must be those of Debian's Python 3.11"
    if missing := missing_packages():
        return f"the images are made of Debian packages that are not installed (apt-get install {' '.join(missing)})"
    return None


class Stack:
    """The project in the engine."""

    def __init__(self, running: Engine) -> None:
        self.engine = running
        # Less of the past, not to wait for it.
        override = running.folder / "test.yml"
        command = ["simulate", "--history=2m", "--metrics=0.0.0.0:9102"]
        override.write_text(json.dumps({"version": "3.9", "services": {"simulate": {"command": command}}}))
        self._files = [ROOT / "docker-compose.yml", ROOT / "docker-compose.debian.yml", override]

    def build(self) -> None:
        build = ("docker", "build", "--quiet", "--network=host", "--build-arg=BASE=jeonju-base")
        self.engine.run(*build, "--build-arg=BUILD_BASE=jeonju-build", "--tag=jeonju-air:0.1.0", ".")
        self.engine.run(*build, "--tag=jeonju-debian:0.1.0", "packaging/docker/debian")

    def compose(self, *command: str) -> str:
        files = [part for file in self._files for part in ("--file", str(file))]
        return self.engine.run("docker-compose", "--project-directory", str(ROOT), *files, *command)

    def state(self, service: str) -> dict[str, Any]:
        state: dict[str, Any] = self.engine.inspect(f"air_{service}_1")["State"]
        return state

    def is_well(self, service: str) -> bool:
        """Whether its own health check says so, asked now."""
        state = self.state(service)
        test = self.engine.inspect(f"air_{service}_1")["Config"].get("Healthcheck", {}).get("Test", ["NONE"])
        if not state["Running"] or test[0] == "NONE":
            return bool(state["Running"])
        try:
            self.engine.run("docker", "exec", f"air_{service}_1", *test[1:])
        except AssertionError:
            return False
        return True

    def kill(self, service: str) -> None:
        """End its process as a crash would, and wait until it is back and well."""
        before = self.state(service)
        os.kill(before["Pid"], signal.SIGKILL)
        wait_until(lambda: self.state(service)["StartedAt"] != before["StartedAt"], what=f"{service} again")
        wait_until(lambda: self.is_well(service), within_s=SLOW_S, what=f"{service} well again")

    def address(self, service: str) -> str:
        networks = self.engine.inspect(f"air_{service}_1")["NetworkSettings"]["Networks"]
        (network,) = networks.values()
        return str(network["IPAddress"])

    def get(self, path: str) -> Any:
        key = (self.engine.volume("secrets-admin") / "api_key").read_text()
        request = urllib.request.Request(f"http://127.0.0.1:8000{path}", headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def stored(self) -> set[int]:
        """Return the numbers of the readings of our device that are in InfluxDB."""
        question = f"SELECT seq FROM raw.air WHERE device = '{DEVICE}'"
        path = f"/query?db=air&q={urllib.parse.quote(question)}"
        with urllib.request.urlopen(f"http://{self.address('influxdb')}:8086{path}", timeout=60) as answer:
            series = json.load(answer)["results"][0].get("series", [])
        return {int(row[1]) for one in series for row in one["values"]}


class Device:
    """A device that sends over TLS, and knows what was acknowledged."""

    def __init__(self, stack: Stack) -> None:
        said = stack.compose("run", "--rm", "-T", "tools", "device", "add", DEVICE, "--json")
        account = json.loads(said[said.index("{") :])
        self.ca = stack.engine.volume("broker") / "ca.pem"
        address = BrokerUrl("127.0.0.1", 8883, account["account"], account["password"], tls=True, ca=self.ca)
        self.sent = self._acknowledged = 0
        self._begun = datetime.now(UTC)
        self._url = address.text()
        # The account is new: the broker reads the files again by itself.
        wait_until(self._gets_in, within_s=SLOW_S, what="the broker knows the account")

    def _gets_in(self) -> bool:
        ready = threading.Event()
        self._client = Client(self._url, DEVICE, on_ready=ready.set, clean_session=False)
        self._client.on_publish = self._note
        self._client.begin(patiently=True)
        wait_until(lambda: ready.is_set() or self._client.failure, what="the broker's answer")
        if self._client.failure is not None:
            self._client.end()
        return self._client.failure is None

    def send(self, number: int = 20) -> None:
        for _ in range(number):
            self.sent += 1
            at = self._begun + timedelta(milliseconds=10 * self.sent)
            reading = Reading(device=DEVICE, seq=self.sent, boot="a", time=at, values={"pm25": 12.0})
            self._client.publish(topics.readings("jeonju", DEVICE), encode(reading), qos=1)

    def wait(self) -> None:
        """Wait until everything is acknowledged; what was sent while the broker was away too."""
        wait_until(
            lambda: self._acknowledged == self.sent, within_s=SLOW_S, what="the acknowledgement of what was sent"
        )

    def _note(self, *_: object) -> None:
        self._acknowledged += 1

    def end(self) -> None:
        self._client.end()


@pytest.fixture
def stack() -> Iterator[Stack]:
    if (why := _why_not()) is not None:
        pytest.skip(why)
    with engine() as running:
        make_bases(running)
        made = Stack(running)
        made.build()
        yield made


# Making the images and killing each container takes 100 s on two free cores.
@pytest.mark.timeout(1200)
def test_stack_starts_by_itself_and_loses_nothing(stack: Stack) -> None:
    try:
        stack.compose("up", "--detach", "--no-build")
    except AssertionError as error:
        raise AssertionError(f"setup says: {stack.engine.run('docker', 'logs', 'air_setup_1')}") from error
    for service in SERVICES:
        wait_until(lambda: stack.is_well(service), within_s=SLOW_S, what=f"{service} well")  # noqa: B023
    wait_until(lambda: len(stack.get("/api/v1/devices")) == 26, within_s=SLOW_S, what="all devices at the api")
    assert stack.state("setup")["ExitCode"] == 0
    _check_image(stack)
    _check_that_nothing_was_compiled(stack)
    device = Device(stack)
    for service in ("ingest", "api", "influxdb", "mosquitto", "simulate"):
        device.send()
        stack.kill(service)
        device.send()
        device.wait()
    wanted = set(range(1, device.sent + 1))
    wait_until(lambda: stack.stored() == wanted, within_s=SLOW_S, what="every reading that was acknowledged")
    device.end()
    _check_that_the_certificate_is_renewed(stack, device.ca)
    _check_that_a_lasting_fault_stays_stopped(stack)
    assert (stack.engine.volume("ingest") / "subscriptions").exists()


def _check_image(stack: Stack) -> None:
    """The base from Docker Hub has 130 MB, Pango and fonts 50: the image has less than 700 MB."""
    history = stack.engine.run(
        "docker", "history", "--no-trunc", "--human=false", "--format={{.Size}} {{.CreatedBy}}", "jeonju-air:0.1.0"
    )
    ours = [int(line.split()[0]) for line in history.splitlines() if line.split(" ", 1)[1].startswith("COPY /opt")]
    assert len(ours) == 2
    code, packages = ours
    assert code < 15e6
    assert packages < 515e6


def _check_that_nothing_was_compiled(stack: Stack) -> None:
    """The simulator runs what numba compiled for the image."""
    for folder in ("dispersion", "simulator", "localization"):
        listing = f"ls $0/{folder}_*/*.nbc | xargs -n 1 basename | sort"
        found = [
            stack.engine.run("docker", "exec", "air_simulate_1", "sh", "-c", listing, place)
            for place in ("/opt/jeonju/code/numba", "/var/cache/jeonju")
        ]
        assert found[0] == found[1]
        assert found[0]


def _check_that_the_certificate_is_renewed(stack: Stack, ca: Path) -> None:
    """One that ends soon is in use; `renew` makes another one, which Mosquitto takes over; nothing is restarted but `renew`."""
    folder = ca.parent
    authority = Authority(ca.read_bytes(), (stack.engine.volume("accounts") / "ca.key").read_bytes())
    old = authority.for_server(
        sorted(places((folder / "server.pem").read_bytes())), datetime.now(UTC) - timedelta(days=350)
    )
    for name, content in (("server.key", old.key), ("server.pem", old.certificate)):
        (folder / f"{name}.new").write_bytes(content)
        os.chown(folder / f"{name}.new", 10001, 10001)
        (folder / f"{name}.new").rename(folder / name)
    wait_until(lambda: _presented() == old.certificate.decode(), what="the certificate that ends soon")
    before = stack.state("mosquitto")["StartedAt"]
    stack.kill("renew")
    wait_until(lambda: (folder / "server.pem").read_bytes() != old.certificate, what="the new certificate")
    wait_until(lambda: _presented() == (folder / "server.pem").read_text(), what="the new certificate in use")
    assert stack.state("mosquitto")["StartedAt"] == before


def _presented() -> str:
    return ssl.get_server_certificate(("127.0.0.1", 8883), timeout=10)


def _check_that_a_lasting_fault_stays_stopped(stack: Stack) -> None:
    """Without its password ingest cannot run: it says so once, is unhealthy, and runs again after it was mended and restarted."""
    secret = stack.engine.volume("secrets-ingest") / "mqtt_password"
    hidden = secret.rename(secret.with_name("hidden"))
    stack.engine.run("docker", "restart", "air_ingest_1")
    wait_until(lambda: "stopped: no restart heals" in _said(stack), within_s=SLOW_S, what="the reason")
    assert not stack.is_well("ingest")
    assert stack.state("ingest")["Running"]
    assert _said(stack).count("stopped: no restart heals") == 1
    hidden.rename(secret)
    stack.engine.run("docker", "restart", "air_ingest_1")
    wait_until(lambda: stack.is_well("ingest"), within_s=SLOW_S, what="ingest well again")


def _said(stack: Stack) -> str:
    return stack.engine.run("sh", "-c", "docker logs --tail 20 air_ingest_1 2>&1")
