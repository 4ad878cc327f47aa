"""`jeonju device` as people type it, and which accounts it grants."""

import json
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jeonju.broker.certificates import SERVER_LIFE, Authority, expiry
from jeonju.broker.embedded import EmbeddedBroker, Kind
from jeonju.broker.security import Security
from jeonju.cli.app import app
from jeonju.common.errors import UserError
from tests.broker.guarded import Ears
from tests.conftest import need_broker
from tests.jeonju.cli.command import jeonju, jeonju_process
from tests.jeonju.cli.test_app import quick_up
from tests.processes import started
from tests.waiting import wait_until

GATEWAYS = """
[[gateways]]
topic = "vda5050/v3/+/+/+"
format = "vda5050"

[[gateways]]
topic = "tele/+/SENSOR"
format = "tasmota"

[[gateways]]
topic = "/oneM2M/req/#"
format = "onem2m"

[[gateways]]
topic = "spBv1.0/#"
format = "sparkplug_b"
"""


def run(folder: Path, *arguments: object) -> str:
    """Run it in this process; a mistake of the user's is raised."""
    done = CliRunner().invoke(app, ["device", *map(str, arguments), "--security", str(folder)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run(tmp_path / "security", "setup")
    return tmp_path / "security"


def test_setup_that_stays_renews_what_ends_soon(folder: Path) -> None:
    security = Security(folder)
    file = security.broker / "server.pem"
    authority = Authority((security.broker / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
    command = [sys.executable, "-m", "jeonju", "device", "setup", "--security", str(folder), "--every", "0.2s"]
    with started(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "everything was there" in process.stdout.readline()
            old = authority.for_server(security.server_names(), datetime.now(UTC) - SERVER_LIFE + timedelta(days=30))
            file.write_bytes(old.certificate)
            wait_until(lambda: expiry(file.read_bytes()) > old.expires_at + timedelta(days=300), what="the renewal")
            process.send_signal(signal.SIGTERM)
            assert "made certificate of the broker" in process.communicate(timeout=60)[0]
        finally:
            process.kill()
    assert process.returncode == 0


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    built_in = (Path(__file__).parents[3] / "contract/sites/jeonju.toml").read_text(encoding="utf-8")
    file = tmp_path / "jeonju.toml"
    file.write_text(built_in + GATEWAYS, encoding="utf-8")
    return file


def test_life_of_an_account(folder: Path) -> None:
    added = json.loads(run(folder, "add", "one", "--json"))
    assert added["account"] == "jeonju.one"
    assert len(added["password"]) >= 32
    rotated = json.loads(run(folder, "rotate", "one", "--json"))
    assert rotated["password"] != added["password"]
    row = next(row for row in json.loads(run(folder, "list", "--json")) if row["account"] == "jeonju.one")
    assert (row["state"], row["login"]) == ("active", "password")
    assert row["publish"] == ["air/v1/jeonju/one/readings", "air/v1/jeonju/one/status"]
    assert row["subscribe"] == ["air/v1/jeonju/one/command"]
    run(folder, "revoke", "one")
    row = next(row for row in json.loads(run(folder, "list", "--json")) if row["account"] == "jeonju.one")
    assert (row["state"], row["login"]) == ("revoked", "none")
    run(folder, "add", "one", "--certificate", "--valid", "30d")
    assert "jeonju.one" in run(folder, "list")


def test_no_secret_is_kept_and_nothing_private_can_be_read_by_others(folder: Path) -> None:
    password = json.loads(run(folder, "add", "one", "--json"))["password"]
    run(folder, "add", "two", "--certificate")
    for file in (path for path in folder.rglob("*") if path.is_file()):
        assert password.encode() not in file.read_bytes(), file
        is_public = file.name.endswith(".pem")
        assert is_public or not stat.S_IMODE(file.stat().st_mode) & 0o077, file
        assert not is_public or b"PRIVATE KEY" not in file.read_bytes(), file


def test_password_file_is_written_and_then_taken(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    assert "password  in" in run(folder, "add", "one", "--password-file", secret)
    written = secret.read_text()
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    before = Security(folder).accounts()["jeonju.one"].mosquitto_hash
    run(folder, "rotate", "one", "--password-file", secret)
    assert secret.read_text() == written
    assert Security(folder).accounts()["jeonju.one"].mosquitto_hash != before
    secret.write_text("too short")
    with pytest.raises(UserError, match=r"the password of jeonju\.one must have 20 characters or more"):
        run(folder, "rotate", "one", "--password-file", secret)


def test_setup_again_changes_nothing_but_what_is_due(folder: Path, site_file: Path) -> None:
    before = Security(folder).accounts()
    assert "everything was there" in run(folder, "setup")
    assert Security(folder).accounts() == before
    assert "made certificate of the broker" in run(folder, "setup", "--name", "broker.example")
    run(folder, "setup", "--site", site_file)
    ingest = Security(folder).accounts()["ingest"]
    assert "tele/+/SENSOR" in ingest.subscribe
    assert ingest.mosquitto_hash == before["ingest"].mosquitto_hash


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "a/b"), "'a/b' is no device name: 1 to 64 letters"),
        (("add", "alerts"), "'alerts' is no device name.* and not alerts or simulator"),
        (
            ("add", "one", "--topic", "v3/x"),
            r"no \[\[gateways\]\] entry of site jeonju covers the topic 'v3/x'; there are: airkorea/\+",
        ),
        (("add", "one", "--topic", "airkorea/#"), "covers the topic 'airkorea/#'"),
        (("add", "one", "--topic", "airkorea/a>"), "has a blank, '\\*' or '>', which NATS does not take"),
        (("add", "one", "--robot", "KIT"), "'KIT' is no robot: write MANUFACTURER/SERIAL"),
        (("add", "one", "--robot", "KIT/+"), "'KIT/\\+' is no robot"),
        (("revoke", "nobody"), r"jeonju\.nobody has no account; see `jeonju device list`"),
        (("rotate", "nobody"), r"jeonju\.nobody has no account"),
        (("setup", "--name", "ü x"), "is no host name or address for a certificate"),
    ],
)
def test_each_mistake_has_its_line_and_changes_nothing(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    before = (folder / "accounts.json").read_bytes()
    with pytest.raises(UserError, match=said):
        run(folder, *arguments)
    assert (folder / "accounts.json").read_bytes() == before


def test_account_is_made_once(folder: Path) -> None:
    run(folder, "add", "one")
    with pytest.raises(
        UserError, match=r"jeonju\.one has an account already; `jeonju device rotate` gives it a new secret"
    ):
        run(folder, "add", "one")


def test_damaged_accounts_are_said(folder: Path) -> None:
    (folder / "accounts.json").write_text('[{"name": 1}]')
    with pytest.raises(UserError, match=r"accounts file .* is damaged: .*; restore it from a backup"):
        run(folder, "list")


def test_commands_without_setup_say_what_to_do_first(tmp_path: Path) -> None:
    done = jeonju_process("device", "add", "one", "--security", tmp_path / "none")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr == f"jeonju: there are no accounts in {tmp_path / 'none'}; make them with `jeonju device setup`\n"
    )


def test_up_refuses_to_be_open_to_anybody(tmp_path: Path) -> None:
    done = jeonju(
        "up",
        "--data",
        tmp_path,
        "--security",
        tmp_path / "none",
        "--mqtt-host",
        "0.0.0.0",
        "--mqtt-port",
        0,
        "--port",
        0,
        "--json",
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "jeonju: a broker that listens on 0.0.0.0 needs accounts, or anybody could write to it: "
    )
    assert done.stderr.count("\n") == 1


def test_up_with_accounts_runs_the_whole_city_and_shows_no_password(folder: Path, tmp_path: Path) -> None:
    command = quick_up(tmp_path, "--security", folder, "--mqtt-host", "0.0.0.0", "--history", "1m")
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        live = process.stdout.readline()
        process.terminate()
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert json.loads(live)["devices_heard"] == 26
    assert json.loads(live)["broker"].startswith("mqtts://127.0.0.1:")
    secrets = [file.read_text() for file in (folder / "clients").glob("*.password")]
    assert not any(secret in live + out + err for secret in secrets)


@pytest.mark.parametrize("kind", ["embedded", "mosquitto"])
def test_gateways_and_robots_speak_on_their_own_topics(
    folder: Path, site_file: Path, tmp_path: Path, kind: Kind
) -> None:
    """Also where NATS writes them differently: a dot in a level, an empty first level."""
    need_broker(kind)
    run(folder, "setup", "--site", site_file)
    topics = ["tele/plug-7/SENSOR", "/oneM2M/req/ae/cse/json", "spBv1.0/plant/DDATA/node.1/meter"]
    options = [word for topic in topics for word in ("--topic", topic)]
    secret = json.loads(run(folder, "add", "gate", "--site", site_file, *options, "--robot", "K.IT/00:1", "--json"))
    with EmbeddedBroker(tmp_path, kind=kind, port=0, security=Security(folder)) as broker:
        own = f"mqtts://{secret['account']}:{secret['password']}@127.0.0.1:{broker.port}?ca={folder / 'broker/ca.pem'}"
        order = "vda5050/v3/K.IT/00:1/order"
        wanted = ["tele/+/SENSOR", "/oneM2M/req/#", "spBv1.0/#", "vda5050/v3/+/+/+"]
        with (
            Ears(broker.url_for("ingest"), "ingest", *wanted) as ingest,
            Ears(broker.url_for("api"), "api") as api,
            Ears(own, "gate", order, "vda5050/v3/+/+/order") as gate,
        ):
            for topic in (
                "tele/plug-8/SENSOR",
                "spBv1/0/plant/DDATA/node/1/meter",
                "oneM2M/req/ae/cse/json",
                "vda5050/v3/K.IT/00:2/state",
            ):
                gate.say(topic, "forged")
            for topic in (*topics, "vda5050/v3/K.IT/00:1/state"):
                gate.say(topic, topic)
            api.say("vda5050/v3/K.IT/00:2/order", "for another")
            api.say(order, "for this one")
            wait_until(lambda: len(ingest.heard) >= 6 and gate.heard, what="what they say")
            assert {topic: payload.decode() for topic, payload in ingest.heard if not topic.endswith("order")} == {
                topic: topic for topic in (*topics, "vda5050/v3/K.IT/00:1/state")
            }
            assert set(gate.payloads()) == {b"for this one"}


def test_service_that_is_refused_stops_with_the_reason(folder: Path, tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, port=0, security=Security(folder)) as broker:
        url = f"mqtts://api:wrong@127.0.0.1:{broker.port}?ca={folder / 'broker/ca.pem'}"
        done = jeonju("api", "--broker", url, "--store", tmp_path / "air.duckdb", "--port", 0)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(
        f"jeonju: the broker at 127.0.0.1:{broker.port} refuses: Not authorized; user 'api' needs the right"
    )
    assert "Traceback" not in done.stderr
