"""docker-compose.yml: what it says, and that the services it describes work together.

With a Docker engine: test_compose_docker.py. Here the same services are started by hand, with the same commands, surroundings and configuration files; only
names of machines, ports and folders are others.
"""

import json
import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, cast

import pytest
import urllib3
import yaml

from jeonju.broker.embedded import find_program, free_port
from tests.conftest import need_broker
from tests.folders import let_others_in
from tests.jeonju.stack.test_several_sites import small
from tests.storage.influx.servers import Influxd, answers
from tests.waiting import wait_until

ROOT = Path(__file__).parents[1]
SETTINGS = dict(line.split("=", 1) for line in (ROOT / ".env").read_text().splitlines() if re.match(r"[A-Z]", line))


def compose_file(name: str, **others: str) -> Any:
    """Return a file with the settings of `.env`, and with others instead of some."""
    text, given = (ROOT / name).read_text(), SETTINGS | others
    return yaml.safe_load(re.sub(r"(?<!\$)\$\{(\w+):-[^}]+\}", lambda found: given[found[1]], text))


COMPOSE: dict[str, Any] = compose_file("docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
# The same roles several times, at a cluster of brokers.
SCALE: dict[str, Any] = compose_file("docker-compose.scale.yml")
BOTH = {**SERVICES, **{f"scale/{name}": service for name, service in SCALE["services"].items()}}
ONE_SHOT = {"setup", "tools"}
OURS = ("ingest", "api", "simulate")
TWO_SITES: Final = "jeonju,gangnam"
DEBIAN: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.debian.yml").read_text())


@pytest.mark.parametrize(
    "files",
    [("docker-compose.yml",), ("docker-compose.yml", "docker-compose.debian.yml"), ("docker-compose.scale.yml",)],
    ids=["alone", "debian", "scale"],
)
def test_docker_compose_finds_no_fault(files: tuple[str, ...]) -> None:
    if shutil.which("docker-compose") is None:
        pytest.skip("docker-compose is not installed (apt-get install docker-compose)")
    done = subprocess.run(
        [
            "docker-compose",
            "--project-directory",
            str(ROOT),
            *(part for file in files for part in ("-f", str(ROOT / file))),
            "config",
            "--quiet",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr


@pytest.mark.parametrize("name", BOTH)
def test_every_service_is_bounded_and_has_no_more_rights_than_it_needs(name: str) -> None:
    service, name = BOTH[name], name.removeprefix("scale/")
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+", service["image"]), "a tag that moves is another program tomorrow"
    assert "privileged" not in service
    assert "cap_add" not in service
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "logging"} <= service.keys()
    assert service["restart"] == {"setup": "no", "tools": "no"}.get(name, "unless-stopped")
    if name in {*ONE_SHOT, "renew"}:
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["healthcheck"]["test"][0] == "CMD"
        # The first probe comes after one interval: with longer ones the stack would not be healthy within 25 s.
        assert service["healthcheck"]["interval"] == "5s"
    assert service["image"] == "jeonju-air:0.1.0" or service["user"].split(":")[0] not in ("0", "root")


def test_roles_of_the_cluster_are_there_more_than_once_and_can_run(tmp_path: Path) -> None:
    services = SCALE["services"]
    assert len({name for name in services if name.startswith("nats-")}) == 3
    for role in ("ingest", "detect", "api"):
        assert {f"{role}-1", f"{role}-2"} <= services.keys()
    for name in ("api-1", "api-2"):
        assert "--no-respond" not in services[name]["command"], "each takes over from the other"
        assert services[name]["environment"]["JEONJU_LEASES"].startswith("tls://")
    nodes = services["ingest-1"]["environment"]["JEONJU_BROKER"].removeprefix("mqtts://")
    made = [part.removeprefix("--name=") for part in services["setup"]["command"] if part.startswith("--name=")]
    assert {node.partition(":")[0] for node in nodes.split(",")} <= set(made)
    assert all(service["image"] in {known["image"] for known in SERVICES.values()} for service in services.values())
    for name, service in services.items():
        if name.startswith("nats-"):
            # Its command is one that works, on other paths.
            security = tmp_path / "security"
            if not security.exists():
                subprocess.run(
                    [sys.executable, "-m", "jeonju", "device", "setup", f"--security={security}", "--site=jeonju"],
                    check=True,
                )
            command = [
                part.replace("/var/lib/jeonju/security", str(security)).replace(
                    "/var/lib/jeonju/nats", str(tmp_path / name)
                )
                for part in service["command"]
            ]
            written = subprocess.run(
                [sys.executable, "-m", "jeonju", *command, "--write"], capture_output=True, text=True, check=True
            )
            config = written.stdout.replace("\n", "")
            checked = subprocess.run(
                [find_program("embedded"), "-t", "-c", config], capture_output=True, text=True, check=False
            )
            assert checked.returncode == 0, checked.stderr


def test_image_is_built_once_and_asked_of_no_registry() -> None:
    ours = {name: service for name, service in SERVICES.items() if service["image"] == "jeonju-air:0.1.0"}
    assert {name for name, service in SERVICES.items() if "build" in service} == {"setup"}
    assert all(service["pull_policy"] == "never" for service in ours.values())


def test_image_has_the_extras_that_are_asked_for() -> None:
    assert SERVICES["setup"]["build"]["args"] == {"EXTRAS": "${JEONJU_EXTRAS:-}"}
    assert "\nJEONJU_EXTRAS=\n" in (ROOT / ".env").read_text()
    (asked,) = re.findall(r"scripts/requirements ([a-z ]+) \$\{EXTRAS\} > ", (ROOT / "Dockerfile").read_text())
    needed = [
        subprocess.run(
            [ROOT / "scripts/requirements", *extras], capture_output=True, text=True, check=True
        ).stdout.count("scikit-learn")
        for extras in (asked.split(), [*asked.split(), "forecast"])
    ]
    assert needed == [0, 1]
    refused = subprocess.run([ROOT / "scripts/requirements", "forecasts"], capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("no extra is named 'forecasts'; there are: ")


def test_image_has_all_rooms_and_two_layers_of_ours() -> None:
    taken = (ROOT / ".dockerignore").read_text().split()
    rooms = {path.name for path in (ROOT / "jeonju").iterdir() if path.is_symlink()}
    assert {f"!{room}" for room in (*rooms, "jeonju")} <= set(taken)
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.findall(r"^COPY .*", final, re.MULTILINE) == [
        "COPY --from=packages /opt/jeonju/.venv /opt/jeonju/.venv",
        "COPY --from=code /opt/jeonju/code /opt/jeonju/code",
    ]


def test_what_no_restart_heals_stays_stopped() -> None:
    for name in (*OURS, "renew"):
        assert SERVICES[name]["environment"]["JEONJU_HOLD"] == name
    assert all("JEONJU_HOLD" not in SERVICES[name].get("environment", {}) for name in ONE_SHOT)


@pytest.mark.parametrize("services", [SERVICES, SCALE["services"]], ids=["one", "scale"])
def test_certificates_are_renewed_by_who_is_reached_by_nobody(services: dict[str, dict[str, Any]]) -> None:
    renew = services["renew"]
    assert renew["network_mode"] == "none"
    assert {volume.split(":")[0] for volume in renew["volumes"]} == {"accounts", "broker"}
    names = [part for part in renew["command"] if part.startswith("--name")]
    assert names == [part for part in services["setup"]["command"] if part.startswith("--name")]


def test_volumes_that_images_name_do_not_pile_up_and_mosquitto_keeps_the_owner_of_its_own() -> None:
    assert SERVICES["mosquitto"]["tmpfs"] == ["/mosquitto/data", "/mosquitto/log"]
    assert "mosquitto:/var/lib/mosquitto:nocopy" in SERVICES["mosquitto"]["volumes"]


def test_ingest_can_write_what_it_remembers() -> None:
    folders = [volume.split(":")[1] for volume in SERVICES["ingest"]["volumes"] if not volume.endswith(":ro")]
    (file,) = (
        part.partition("=")[2] for part in SERVICES["ingest"]["command"] if part.startswith("--subscriptions-file")
    )
    assert str(Path(file).parent) in folders


def test_debian_takes_the_place_of_what_only_docker_hub_has_and_of_nothing_else() -> None:
    images = {name: service["image"] for name, service in DEBIAN["services"].items() if "image" in service}
    assert images == dict.fromkeys(("influxdb", "mosquitto"), "jeonju-debian:0.1.0")
    hub = {name for name, service in SERVICES.items() if service["image"] != "jeonju-air:0.1.0"}
    assert hub - set(images) == {"grafana"}
    assert DEBIAN["services"]["grafana"] == {"profiles": ["grafana"]}
    wanted = [part for part in SERVICES["setup"]["command"] if not part.startswith("--influxdb")]
    assert [part.partition("=")[0] for part in DEBIAN["services"]["setup"]["command"]] == [
        part.partition("=")[0] for part in wanted
    ]
    for service in DEBIAN["services"].values():
        assert not {"user", "read_only", "privileged", "cap_add", "volumes"} & service.keys()


def test_image_is_not_run_as_root() -> None:
    assert "\nUSER jeonju\n" in (ROOT / "Dockerfile").read_text()


def test_only_devices_get_in_from_other_machines() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.pop("mosquitto") == ["8883:8883", "8884:8884"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_no_secret_is_in_the_environment_and_each_service_gets_only_its_own() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET", variable):
                assert "_FILE" in variable or "__file{" in value, f"{name}: {variable}"
        folders = {volume.split(":")[0] for volume in service.get("volumes", ()) if volume.startswith("secrets-")}
        if name not in ONE_SHOT:
            own = {"simulate": "simulator"}.get(name, name)
            assert folders <= {f"secrets-{own}"}
            assert all(volume.endswith(":ro") for volume in service.get("volumes", ()) if volume.startswith("secrets-"))


def test_files_that_are_mounted_are_there_and_volumes_are_named() -> None:
    for service in SERVICES.values():
        for source in (volume.split(":")[0] for volume in service.get("volumes", ())):
            if source.startswith("./"):
                assert (ROOT / source).exists()
            else:
                assert source in COMPOSE["volumes"]


def test_grafana_opens_on_a_dashboard_and_is_given_what_its_data_source_asks_for() -> None:
    given = SERVICES["grafana"]["environment"]
    home = given["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"].removeprefix("/etc/grafana/")
    assert (ROOT / "grafana" / home).exists()
    source = (ROOT / "grafana/provisioning/datasources/jeonju-air.yaml").read_text()
    wanted = {
        name for line in source.splitlines() if not line.startswith("#") for name in re.findall(r"\$\{(\w+)\}", line)
    }
    assert wanted == {name for name in given if name.startswith("INFLUXDB_")}
    # It logs an error for each of these that is not there.
    assert all((ROOT / "grafana/provisioning" / name).is_dir() for name in ("plugins", "alerting", "dashboards"))
    assert given["GF_SERVER_ROOT_URL"] == "http://127.0.0.1:3000/"


def test_folders_of_new_volumes_belong_to_the_user_of_the_image() -> None:
    text = (ROOT / "Dockerfile").read_text()
    made = text[text.index("install -d -o jeonju") : text.index("COPY --from=packages")]
    for volume in (*SERVICES["setup"]["volumes"], *SERVICES["tools"]["volumes"], "ingest:/var/lib/jeonju/ingest"):
        folder = volume.split(":")[1].removeprefix("/var/lib/jeonju/")
        assert re.search(rf"\s{folder}\s", made), folder


class Stack:
    """The services of docker-compose.yml by hand."""

    def __init__(self, folder: Path, stack: ExitStack, kind: str, sites: str = SETTINGS["JEONJU_SITE"]) -> None:
        self.folder, self._stack, self.kind = folder, stack, kind
        self.services: dict[str, Any] = compose_file("docker-compose.yml", JEONJU_SITE=sites)["services"]
        (folder / "ingest").mkdir()
        self.ports = {port: free_port() for port in (8883, 8884, 8885, 8000, 9101, 9102)}
        self.influx = self._influxd2() if kind == "2.x" else self._influxd1()
        let_others_in(folder)

    def command(self, name: str) -> list[str]:
        parts = [self._here(part, name) for part in self.services[name]["command"]]
        if self.kind == "1.x":
            parts = [part for part in parts if not part.startswith("--influxdb")]
        # Less of the past, not to wait for it.
        return [sys.executable, "-m", "jeonju", *(re.sub("^--history=.*", "--history=2m", part) for part in parts)]

    def surroundings(self, name: str) -> dict[str, str]:
        given = {key: self._here(str(value), name) for key, value in self.services[name].get("environment", {}).items()}
        if self.kind == "1.x" and "JEONJU_STORE" in given:
            given["JEONJU_STORE"] = given["JEONJU_STORE"].partition("?")[0]
        return os.environ | given | {"JEONJU_LOG_FORMAT": "json"}

    def run(self, name: str) -> str:
        done = subprocess.run(
            self.command(name), env=self.surroundings(name), capture_output=True, text=True, check=False, timeout=180
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, name: str, command: list[str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command or self.command(name), env=self.surroundings(name), stdout=log, stderr=log
            )
        self._stack.callback(process.wait, timeout=60)
        self._stack.callback(process.terminate)

    def is_healthy(self, name: str) -> bool:
        _, program, port, path = self.services[name]["healthcheck"]["test"]
        assert program == "probe"
        return answers(f"http://127.0.0.1:{self.ports[int(port)]}{path}")

    def mosquitto(self) -> None:
        """Start it with the very same configuration, as its own user."""
        need_broker("mosquitto")
        text = (ROOT / "broker/mosquitto-server.conf").read_text()
        data = self.folder / "mosquitto"
        data.mkdir(exist_ok=True)
        text = text.replace("/etc/mosquitto/jeonju", f"{self.folder}/security/broker").replace(
            "/var/lib/mosquitto", str(data)
        )
        for port in (8883, 8884, 8885):
            text = text.replace(f"listener {port}\n", f"listener {self.ports[port]} 127.0.0.1\n")
        # The session that setup has made is one of the listener of services.
        made = data / "mosquitto.db"
        made.write_bytes(made.read_bytes().replace((8885).to_bytes(2, "big"), self.ports[8885].to_bytes(2, "big")))
        conf = self.folder / "mosquitto.conf"
        conf.write_text(text)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("mosquitto")
            broker = self.folder / "security/broker"
            for path in (data, *data.iterdir(), broker, *broker.iterdir()):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self.start("mosquitto", [find_program("mosquitto"), "-c", str(conf)])
        wait_until(lambda: _listens(self.ports[8885]), what="mosquitto")

    def secret(self, service: str, name: str) -> str:
        return (self.folder / "secrets" / service / name).read_text()

    def get(self, path: str, key: str | None = None) -> Any:
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[8000]}{path}")
        if key is not None:
            request.add_header("Authorization", f"Bearer {key}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def ask(self, question: str, service: str = "grafana") -> list[dict[str, Any]]:
        """Ask InfluxDB, as Grafana does."""
        fields = {"db": "air", "q": question}
        headers = {"Authorization": f"Token {self.secret(service, 'influxdb_token')}"} if self.kind == "2.x" else {}
        answer = urllib3.request("GET", f"http://127.0.0.1:{self.influx}/query", fields=fields, headers=headers)
        return cast("list[dict[str, Any]]", answer.json()["results"][0].get("series", []))

    def _here(self, text: str, name: str) -> str:
        own = {"simulate": "simulator"}.get(name, name)
        text = text.replace("influxdb:8086", f"127.0.0.1:{self.influx}").replace(
            "mosquitto:8885", f"localhost:{self.ports[8885]}"
        )
        text = text.replace("/run/secrets", f"{self.folder}/secrets/{own}").replace("/var/lib/jeonju", str(self.folder))
        text = text.replace("0.0.0.0", "127.0.0.1")
        for port, free in self.ports.items():
            text = re.sub(rf"\b{port}\b", str(free), text)
        return text

    def _influxd1(self) -> int:
        return self._stack.enter_context(Influxd(self.folder / "influxd")).port

    def _influxd2(self) -> int:
        program = os.environ.get("JEONJU_TEST_INFLUXD2")
        if not program:
            pytest.skip("no influxd 2.x is known; name one with JEONJU_TEST_INFLUXD2=/path/to/influxd")
        port, data = free_port(), self.folder / "influxd2"
        options = {
            "http-bind-address": f"127.0.0.1:{port}",
            "bolt-path": data / "bolt",
            "engine-path": data / "engine",
            "sqlite-path": data / "sqlite",
        }
        data.mkdir()
        self.influx = port
        self.start(
            "influxdb", [program, *(f"--{key}={value}" for key, value in options.items()), "--reporting-disabled"]
        )
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), what="influxd")
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=["1.x", "2.x"])
def stack(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    with ExitStack() as opened:
        yield Stack(tmp_path, opened, request.param)


def test_services_come_up_and_readings_arrive_everywhere(stack: Stack) -> None:
    made = stack.run("setup")
    assert "made CA" in made
    assert "session of ingest at Mosquitto" in made
    assert stack.run("setup") == "everything was there\n"
    stack.mosquitto()
    for name in OURS:
        stack.start(name)
    for name in OURS:
        wait_until(lambda name=name: stack.is_healthy(name), within_s=180, what=name)  # type: ignore[misc]
    key = stack.secret("admin", "api_key")
    wait_until(lambda: len(stack.get("/api/v1/devices", key)) == 26, within_s=180, what="all devices at the api")
    wait_until(lambda: stack.ask('SELECT count("pm25") FROM "raw"."air"'), what="readings in InfluxDB")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        stack.get("/api/v1/devices")
    if stack.kind == "2.x":
        _check_rights_of_grafana(stack)


@pytest.mark.parametrize("file", ["docker-compose.yml", "docker-compose.scale.yml"])
def test_every_service_that_is_for_a_site_is_for_all_of_them(file: str) -> None:
    one, two = (compose_file(file, JEONJU_SITE=sites)["services"] for sites in ("jeonju", TWO_SITES))
    named = {name for name in one if one[name] != two[name]}
    # Roles with a site of their own, and nobody with the sites of the file instead of the setting.
    assert {"setup", "renew", "tools"} < named
    assert {name.partition("-")[0] for name in named} >= {"ingest", "api"}
    for name in named:
        service = two[name]
        in_command = [part for part in service.get("command", ()) if part.startswith("--site=")]
        given = service.get("environment", {}).get("JEONJU_SITE")
        assert in_command == [f"--site={TWO_SITES}"] or given == TWO_SITES, name


def test_one_stack_serves_two_sites(tmp_path: Path) -> None:
    names = ("first", "second")
    with ExitStack() as opened:
        stack = Stack(tmp_path, opened, "1.x", ",".join(small(tmp_path, name) for name in names))
        assert "session of ingest at Mosquitto" in stack.run("setup")
        stack.mosquitto()
        for name in OURS:
            stack.start(name)
        for name in OURS:
            wait_until(lambda name=name: stack.is_healthy(name), within_s=180, what=name)  # type: ignore[misc]
        key = stack.secret("admin", "api_key")
        assert [site["name"] for site in stack.get("/api/v1/sites", key)] == [*names]

        def heard(name: str) -> set[tuple[str, str]]:
            return {(one["site"], one["device"]) for one in stack.get(f"/sites/{name}/api/v1/latest", key)}

        for name in names:
            wait_until(lambda name=name: heard(name) == {(name, "station"), (name, "other")}, within_s=180, what=name)  # type: ignore[misc]
        assert stack.get("/api/v1/dead-letters", key) == []
        shown = urllib3.request("GET", f"http://127.0.0.1:{stack.ports[9101]}/metrics").data.decode()
        assert {f'jeonju_ingest_broker_connected{{site="{name}"}} 1.0' for name in names} <= set(shown.splitlines())


def test_what_is_for_one_site_asks_for_its_name(tmp_path: Path) -> None:
    command = ["device", "add", "mine", f"--security={tmp_path}"]
    done = subprocess.run(
        [sys.executable, "-m", "jeonju", *command],
        env=os.environ | {"JEONJU_SITE": TWO_SITES},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert f"this is done for one site, not for {TWO_SITES}: name it with --site" in " ".join(done.stderr.split())


def _check_rights_of_grafana(stack: Stack) -> None:
    answer = urllib3.request(
        "POST",
        f"http://127.0.0.1:{stack.influx}/api/v2/write?org=jeonju&bucket=air",
        body=b"forged value=1",
        headers={"Authorization": f"Token {stack.secret('grafana', 'influxdb_token')}"},
    )
    assert answer.status == 403
    assert (stack.folder / "secrets/grafana/influxdb_token").stat().st_mode & 0o777 == 0o640
    for path in (stack.folder / "secrets").glob("*/*"):
        assert path.stat().st_mode & 0o007 == 0, path
