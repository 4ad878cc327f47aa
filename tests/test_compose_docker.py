"""docker-compose.yml and docker-compose.scale.yml in a real engine, with docker-compose.debian.yml in place of what only Docker Hub has.

Users, read-only roots, volumes, secrets and health checks are those of the files. One test each, as a stack is started once: in the order of its life.
They need root and Debian's docker.io; elsewhere they are skipped.
"""

import os
import ssl
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from jeonju.broker.certificates import Authority, places
from tests.docker_engine import ROOT, Engine, engine, make_bases
from tests.docker_stack import SLOW_S, Device, Stack, why_not
from tests.waiting import wait_until

SERVICES = ("influxdb", "mosquitto", "renew", "ingest", "api", "simulate")
NODES = ("nats-1", "nats-2", "nats-3")
NODE_PORTS = (8883, 8884, 8885)
WORKERS = ("ingest-1", "ingest-2", "detect-1", "detect-2")
APIS = {"api-1": 8000, "api-2": 8001}
# The worker that is lost holds its lease for ten seconds more.
TAKEN_OVER_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def running() -> Iterator[Engine]:
    """An engine with our images."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    with engine() as one:
        make_bases(one)
        build = ("docker", "build", "--quiet", "--network=host", "--build-arg=BASE=jeonju-base")
        one.run(*build, "--build-arg=BUILD_BASE=jeonju-build", "--tag=jeonju-air:0.1.0", ".")
        one.run(*build, "--tag=jeonju-debian:0.1.0", "packaging/docker/debian")
        yield one


@pytest.fixture
def stack(running: Engine) -> Iterator[Stack]:
    # Less of the past, not to wait for it.
    changes = {"simulate": {"command": ["simulate", "--history=2m", "--metrics=0.0.0.0:9102"]}}
    made = Stack(running, ["docker-compose.yml", "docker-compose.debian.yml"], changes)
    yield made
    made.end()


@pytest.fixture
def cluster(running: Engine) -> Iterator[Stack]:
    debian: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.debian.yml").read_text())["services"]
    plain: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.scale.yml").read_text())["services"]
    # Its InfluxDB is 1.6, which needs no setting up.
    setting_up = [part for part in plain["setup"]["command"] if not part.startswith("--influxdb")]
    changes = {"influxdb": debian["influxdb"], "setup": {"command": setting_up}}
    changes |= {name: {"environment": debian["api"]["environment"]} for name in (*WORKERS, *APIS, "tools")}
    made = Stack(running, ["docker-compose.scale.yml"], changes)
    yield made
    made.end()


# Making the images and killing each container takes 100 s on two free cores.
@pytest.mark.timeout(1200)
def test_stack_starts_by_itself_and_loses_nothing(stack: Stack) -> None:
    stack.start()
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


@pytest.mark.timeout(900)
def test_cluster_goes_on_without_a_node_and_without_the_workers_that_have_the_site(cluster: Stack) -> None:
    cluster.start()
    for service in ("influxdb", "renew", *NODES, *WORKERS, *APIS):
        wait_until(lambda: cluster.is_well(service), within_s=SLOW_S, what=f"{service} well")  # noqa: B023
    device = Device(cluster, NODE_PORTS)
    device.send()
    device.wait()
    lost = [_holder(cluster, role) for role in ("ingest", "detect", "api")]
    for service in (NODES[0], *filter(None, lost)):
        cluster.lose(service)
        device.send()
        device.wait()
    for role in ("ingest", "detect", "api"):
        wait_until(lambda: _holder(cluster, role), within_s=TAKEN_OVER_WITHIN_S, what=f"another {role}")  # noqa: B023
    wanted = set(range(1, device.sent + 1))
    wait_until(lambda: cluster.stored() == wanted, within_s=SLOW_S, what="every reading that was acknowledged")
    device.end()
    for api, port in APIS.items():
        if api in lost:
            continue
        wait_until(lambda: cluster.is_well(api), within_s=SLOW_S, what=f"{api} well")  # noqa: B023
        assert [one["device"] for one in cluster.get("/api/v1/devices", port)] == ["compose-01"]


def _holder(cluster: Stack, role: str) -> str | None:
    """Return which worker has the site."""
    for number in (1, 2):
        service = f"{role}-{number}"
        if not cluster.state(service)["Running"]:
            continue
        port = {"ingest": 9101, "detect": 9103, "api": 8000}[role]
        request = urllib.request.Request(f"http://{cluster.address(service)}:{port}/metrics", headers=cluster.key())
        with urllib.request.urlopen(request, timeout=60) as answer:
            said = answer.read().decode()
            if f"jeonju_{role}_sites_held 1.0" in said or "jeonju_api_responds 1.0" in said:
                return service
    return None


def _check_image(stack: Stack) -> None:
    """The base from Docker Hub has 130 MB, Pango and fonts 50: the image has less than 800 MB, a server of NATS, NetCDF and Arrow's S3 among them."""
    history = stack.engine.run(
        "docker", "history", "--no-trunc", "--human=false", "--format={{.Size}} {{.CreatedBy}}", "jeonju-air:0.1.0"
    )
    ours = [int(line.split()[0]) for line in history.splitlines() if line.split(" ", 1)[1].startswith("COPY /opt")]
    assert len(ours) == 2
    code, packages = ours
    assert code < 16e6
    assert packages < 600e6


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
