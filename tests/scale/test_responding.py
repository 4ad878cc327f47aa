"""Two apis of one site, processes of their own: one responds, the other passes orders on to it, and takes over when it dies or stands still."""

import json
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chaos.nodes import Nodes
from jeonju.broker.embedded import free_port
from jeonju.broker.leases import LeaseStore
from jeonju.common.errors import UnavailableError
from jeonju.contract.columns import readings_table
from jeonju.contract.site import Site
from jeonju.response.notify.outbox import NOTIFIED
from jeonju.stack.services import DetectionProcess, detection_process
from jeonju.storage.open import open_store
from jeonju.storage.port import Commit, Store
from tests.processes import started
from tests.response.notifying import SECRET, ControlRoom, alert, control_room
from tests.storage.influx.servers import Influxd
from tests.waiting import wait_until

CHANNEL = """
[[channels]]
name = "control-room"
type = "webhook"
url = "{url}"
secret = "env:CONTROL_ROOM"
group_wait = "0s"
"""
SUBJECT = "channel:control-room"
LASTS_S = 3.0


class Api:
    """One `jeonju api`."""

    def __init__(self, options: list[str]) -> None:
        self.port = free_port()
        self._command = [
            sys.executable,
            "-m",
            "jeonju",
            "api",
            "--detection=elsewhere",
            f"--port={self.port}",
            *options,
        ]
        self.incidents: list[dict[str, Any]] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        with started(self._command, stdout=subprocess.DEVNULL) as self.process:
            try:
                wait_until(self.is_ready, what="the api")
                yield
            finally:
                self.process.kill()

    def is_ready(self) -> bool:
        try:
            return bool(self.ask("/readyz"))
        except OSError:
            return False

    def responds(self) -> bool:
        return "jeonju_api_responds 1.0" in self.ask("/metrics")

    def ask(self, path: str, body: dict[str, Any] | None = None) -> str:
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"})) as answer:
            return str(answer.read().decode())

    def incident(self) -> dict[str, Any]:
        return dict(json.loads(self.ask("/api/v1/incidents"))[0])

    def listen(self) -> None:
        """Keep the incidents that its live stream tells."""
        stream = urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/stream")

        def read() -> None:
            event = b""
            for line in stream:
                event = line if line.startswith(b"event:") else event
                if line.startswith(b"data:") and event.strip() == b"event: incident":
                    self.incidents.append(json.loads(line.removeprefix(b"data:")))

        threading.Thread(target=read, daemon=True).start()


class Bench:
    """Two apis, what they notify, and a detection that stores alerts."""

    def __init__(self, apis: list[Api], room: ControlRoom, store: Store, detection: DetectionProcess) -> None:
        self.apis, self._room, self._store, self._detection = apis, room, store, detection
        self._told: list[str] = []

    def responder(self) -> tuple[Api, Api]:
        """Return the one that responds, and the other."""
        wait_until(lambda: [api for api in self.apis if api.responds()], what="an api that responds")
        return tuple(sorted(self.apis, key=lambda api: not api.responds()))  # type: ignore[return-value]

    def detect(self, name: str) -> None:
        """Find an alert."""
        self._detection.response.publish([alert(name, started_at=datetime.now(UTC))], None)
        self._told.append(f"{name}/raised-critical")

    def wait_until_told(self) -> None:
        """Wait until everything is told, once, and written down as told."""
        wait_until(lambda: sorted(self._room.events) == sorted(self._told), what=f"{self._told} told")
        wait_until(lambda: all(event.split("/")[0] in self._written() for event in self._told), what="written down")

    def _written(self) -> str:
        entries = self._store.journal("jeonju", subject=SUBJECT)
        return " ".join(entry.details for entry in entries if entry.action == NOTIFIED)


@pytest.fixture
def bench(nodes: Nodes, jeonju: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("CONTROL_ROOM", SECRET)
    with ExitStack() as stack:
        influx = stack.enter_context(Influxd(tmp_path / "influx"))
        leases = LeaseStore(nodes.nats_url, lasts_s=LASTS_S)
        leases.start()
        stack.callback(leases.stop)
        wait_until(lambda: answers(leases), what="the leases")
        room = stack.enter_context(control_room())
        (tmp_path / "rules.toml").write_text(CHANNEL.format(url=room.url), encoding="utf-8")
        store = stack.enter_context(closing(open_store(influx.url())))
        # Nothing is known of a city without readings.
        now = datetime.now(UTC)
        row = {"site": "jeonju", "device": "palbok-03", "time": now, "received_at": now, "pm25": 12.0}
        store.write(Commit(readings=readings_table([row])))
        detection = stack.enter_context(detection_process(jeonju, store, nodes.mqtt_url))
        wait_until(lambda: detection.trouble() is None, what="detection")
        options = {"broker": nodes.mqtt_url, "leases": nodes.nats_url, "store": influx.url()}
        options["rules"] = str(tmp_path / "rules.toml")
        apis = [Api([f"--{name}={value}" for name, value in options.items()]) for _ in range(2)]
        with apis[0].running(), apis[1].running():
            yield Bench(apis, room, store, detection)


def answers(leases: LeaseStore) -> bool:
    try:
        leases.holder("anything")
    except UnavailableError:
        return False
    return True


def refusal(ask: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask()
    return refused.value.code, json.loads(refused.value.read())["detail"]


def test_one_api_responds_for_all_and_another_takes_over(bench: Bench) -> None:
    one, other = bench.responder()
    other.listen()
    bench.detect("first")
    bench.wait_until_told()
    wait_until(lambda: other.incidents, what="the incident at the other api's stream")
    # What people order at the other api is done by the one that responds.
    incident = one.incident()
    path = f"/api/v1/incidents/{incident['id']}"
    assert json.loads(other.ask(path, {"action": "acknowledge"}))["state"] == "acknowledged"
    assert one.incident()["state"] == "acknowledged"
    wait_until(lambda: other.incidents[-1]["state"] == "acknowledged", what="the acknowledgement at the stream")
    assert refusal(lambda: other.ask("/api/v1/robots/robot-1/recall", {})) == (409, "robot-1 is on no order")
    assert len(json.loads(other.ask("/api/v1/robots"))) == 6
    other.ask("/api/v1/robots/robot-2/forbid", {})
    assert [robot["robot"] for robot in json.loads(one.ask("/api/v1/robots")) if robot["forbidden"]] == ["robot-2"]
    # Standing still is worse than death: it goes on later, and must not tell what the other one has told.
    one.process.send_signal(signal.SIGSTOP)
    bench.detect("second")
    wait_until(other.responds, what="the other one to take over")
    bench.wait_until_told()
    one.process.send_signal(signal.SIGCONT)
    wait_until(lambda: not one.responds(), what="the first one to see that it is over")
    bench.detect("third")
    bench.wait_until_told()
    other.process.kill()
    bench.detect("fourth")
    wait_until(one.responds, what="the first one to take over")
    bench.wait_until_told()
    assert one.incident()["state"] == "acknowledged"
    assert [robot["robot"] for robot in json.loads(one.ask("/api/v1/robots")) if robot["forbidden"]] == ["robot-2"]
