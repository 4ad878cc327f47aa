"""A project of Compose in an engine of the tests' own, and a device that sends to it."""

import json
import os
import shutil
import signal
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jeonju.broker.address import BrokerUrl
from jeonju.broker.client import Client
from jeonju.contract import topics
from jeonju.contract.reading import Reading, encode
from tests.docker_engine import DOCKERD, ROOT, Engine, missing_packages
from tests.waiting import wait_until

DEVICE: Final = "compose-01"
SLOW_S: Final = 300.0


def why_not() -> str | None:
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

    def __init__(self, running: Engine, files: Sequence[str], changes: dict[str, Any]) -> None:
        """`changes` are laid over the services of `files`."""
        self.engine = running
        override = running.folder / "test.yml"
        override.write_text(json.dumps({"version": "3.9", "services": changes}))
        self._files = [*(ROOT / file for file in files), override]

    def start(self) -> None:
        """Start it; what `setup` says is shown where that fails."""
        try:
            self.compose("up", "--detach", "--no-build")
        except AssertionError as error:
            raise AssertionError(f"setup says: {self.engine.run('docker', 'logs', 'air_setup_1')}") from error

    def end(self) -> None:
        """Take it down, with all that it has stored."""
        self.compose("down", "--volumes", "--timeout=1")

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

    def lose(self, service: str) -> None:
        """End it for good, as with the machine that it runs on."""
        self.engine.run("docker", "kill", f"air_{service}_1")

    def address(self, service: str) -> str:
        networks = self.engine.inspect(f"air_{service}_1")["NetworkSettings"]["Networks"]
        (network,) = networks.values()
        return str(network["IPAddress"])

    def key(self) -> dict[str, str]:
        """Return the header that opens the api."""
        return {"Authorization": f"Bearer {(self.engine.volume('secrets-admin') / 'api_key').read_text()}"}

    def get(self, path: str, port: int = 8000) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=self.key())
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
    """A device that sends over TLS to any of the ports, and knows what was acknowledged."""

    def __init__(self, stack: Stack, ports: Sequence[int] = (8883,)) -> None:
        said = stack.compose("run", "--rm", "-T", "tools", "device", "add", DEVICE, "--json")
        account = json.loads(said[said.index("{") :])
        self.ca = stack.engine.volume("broker") / "ca.pem"
        first, *others = (("127.0.0.1", port) for port in ports)
        name, password = account["account"], account["password"]
        address = BrokerUrl(*first, name, password, tls=True, ca=self.ca, others=tuple(others))
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
