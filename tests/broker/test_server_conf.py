"""The configuration of a production Mosquitto, run by the system's own Mosquitto as its own user."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from jeonju import broker
from jeonju.broker.embedded import find_program, free_port
from jeonju.broker.rights import of_device
from jeonju.broker.security import Secret, Security
from jeonju.contract.site import Site
from tests.broker.guarded import NOW, Ears, security_with
from tests.conftest import need_broker
from tests.folders import let_others_in
from tests.waiting import wait_until

TOPIC = "air/v1/jeonju/one/readings"
DEVICES, CERTIFICATES, SERVICES = 8883, 8884, 8885


class Server(NamedTuple):
    process: subprocess.Popen[bytes]
    security: Security
    ports: dict[int, int]
    one: Secret
    two: Secret

    def url(self, listener: int, secret: Secret) -> str:
        ca = self.security.broker / "ca.pem"
        if listener == CERTIFICATES:
            return f"mqtts://localhost:{self.ports[listener]}?ca={ca}&cert={secret.certificate}&key={secret.key}"
        return f"mqtts://{secret.account}:{secret.password}@localhost:{self.ports[listener]}?ca={ca}"

    def service(self, name: str) -> str:
        return self.security.url(name, "localhost", self.ports[SERVICES], "password")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, jeonju: Site) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("server"), jeonju) as running:
        yield running


@contextmanager
def running_server(
    folder: Path, jeonju: Site, before: Callable[[Path, int], object] = lambda _data, _port: None
) -> Iterator[Server]:
    """Run it on free ports; `before` is given its folder and the port of the services before it starts."""
    need_broker("mosquitto")
    data = folder / "data"
    data.mkdir()
    security, secrets = security_with(folder / "security", jeonju, "one")
    secrets["two"] = security.add("jeonju.two", of_device("jeonju", "two"), NOW, login="certificate")
    ports = {port: free_port() for port in (DEVICES, CERTIFICATES, SERVICES)}
    before(data, ports[SERVICES])
    text = Path(broker.__file__).with_name("mosquitto-server.conf").read_text()
    text = text.replace("/etc/mosquitto/jeonju", str(folder / "jeonju")).replace("/var/lib/mosquitto/", f"{data}/")
    for port, free in ports.items():
        assert text.count(f"listener {port}\n") == 1
        text = text.replace(f"listener {port}\n", f"listener {free} 127.0.0.1\n")
    if os.geteuid() == 0:
        # As the documents say: it gives up root's rights, and must be able to read its files at a reload.
        owner = pwd.getpwnam("mosquitto")
        for path in (data, *data.iterdir(), security.broker, *security.broker.iterdir()):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        let_others_in(folder)
    (folder / "jeonju").symlink_to(security.broker)
    conf = folder / "mosquitto.conf"
    conf.write_text(text)
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([find_program("mosquitto"), "-c", str(conf)], stdout=out, stderr=out)
    try:
        wait_until(lambda: all(map(_listens, ports.values())) or process.poll() is not None, what="the start")
        assert process.poll() is None, log.read_text()
        yield Server(process, security, ports, secrets["one"], secrets["two"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        shutil.rmtree(data)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_devices_and_services_meet(server: Server) -> None:
    with (
        Ears(server.service("ingest"), "ingest", "air/v1/+/+/readings") as ingest,
        Ears(server.url(DEVICES, server.one), "one") as one,
        Ears(server.url(CERTIFICATES, server.two), "two") as two,
    ):
        one.say(TOPIC, "by password")
        two.say(TOPIC, "forged")
        two.say("air/v1/jeonju/two/readings", "by certificate")
        wait_until(lambda: len(ingest.heard) >= 2)
        assert set(ingest.payloads()) == {b"by password", b"by certificate"}


@pytest.mark.parametrize("listener", [CERTIFICATES, SERVICES])
def test_password_of_a_device_is_good_on_its_own_listener_only(server: Server, listener: int) -> None:
    url = server.url(DEVICES, server.one).replace(f":{server.ports[DEVICES]}", f":{server.ports[listener]}")
    with Ears(url, "one") as one:
        assert "refuses" in str(one.failure)


def test_device_cannot_take_over_what_waits_for_another(server: Server) -> None:
    """Who comes with another's client id would be given its queue, or could have it thrown away."""
    with Ears(server.service("ingest"), "jeonju-ingest", TOPIC, clean_session=False):
        pass
    with Ears(server.url(DEVICES, server.one), "one") as one:
        one.say(TOPIC, "waits for ingest")
    for clean in (False, True):
        with Ears(server.url(DEVICES, server.one), "jeonju-ingest", clean_session=clean) as thief:
            assert thief.heard == []
    with Ears(server.service("ingest"), "jeonju-ingest", clean_session=False) as ingest:
        wait_until(lambda: b"waits for ingest" in ingest.payloads(), what="what waited")


def test_changed_accounts_are_taken_over_at_a_reload(server: Server) -> None:
    three = server.security.add("jeonju.three", of_device("jeonju", "three"), NOW)
    server.process.send_signal(signal.SIGHUP)

    def is_in() -> bool:
        with Ears(server.url(DEVICES, three), "three") as client:
            return client.failure is None

    wait_until(is_in, what="the new account")
    server.security.revoke("jeonju.three", NOW)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: not is_in(), what="the end of the account")
    assert server.process.poll() is None


def test_revoked_certificate_is_refused_after_a_reload(server: Server, tmp_path: Path) -> None:
    four = server.security.add("jeonju.four", of_device("jeonju", "four"), NOW, login="certificate")
    assert four.certificate
    assert four.key
    # As a device keeps them: at the revocation ours are deleted.
    kept = four._replace(
        certificate=Path(shutil.copy(four.certificate, tmp_path)), key=Path(shutil.copy(four.key, tmp_path))
    )

    def refusal() -> str:
        with Ears(server.url(CERTIFICATES, kept), "four") as client:
            return str(client.failure or "")

    server.process.send_signal(signal.SIGHUP)
    assert refusal() == ""
    server.security.revoke("jeonju.four", NOW)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "certificate revoked" in refusal(), what="the end of the certificate")
    assert server.process.poll() is None
