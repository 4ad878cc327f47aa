"""`jeonju setup`: secrets in files of their own, nothing made twice. With a real InfluxDB 2.x: tests/test_compose.py."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from jeonju.api.access.keys import KeyFile, Role
from jeonju.broker.security import Security
from jeonju.common.errors import UnavailableError, UserError
from jeonju.contract.gateways import Gateway
from jeonju.contract.site import Site
from jeonju.stack.setup import Influx, Mosquitto, Secrets, set_up

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def run(folder: Path, site: Site, influx: Influx | None = None) -> list[str]:
    return set_up([site], Security(folder / "security"), Secrets(folder / "secrets"), ["mosquitto"], influx, NOW)


def content(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mode & 0o777) for path in folder.rglob("*") if path.is_file()}


def test_each_service_gets_what_it_needs_and_a_second_run_changes_nothing(tmp_path: Path, jeonju: Site) -> None:
    assert "account ingest" in run(tmp_path, jeonju)
    secrets = tmp_path / "secrets"
    before = content(secrets)
    assert {str(path.relative_to(secrets)) for path in before} == {
        *(
            f"{service}/{name}"
            for service in ("ingest", "detect", "api", "simulator")
            for name in ("mqtt_password", "ca.pem")
        ),
        "ingest/client_id",
        "api/keys.json",
        "admin/api_key",
    }
    assert {mode for _, mode in before.values()} == {0o600}
    key = (secrets / "admin/api_key").read_text()
    assert KeyFile(secrets / "api/keys.json").find(key) == ("admin", Role.ADMIN)
    assert run(tmp_path, jeonju) == []
    assert content(secrets) == before


def test_services_of_several_sites_may_read_the_gateways_of_all(tmp_path: Path, jeonju: Site) -> None:
    first, second = ([Gateway(topic=f"{name}/#", format="chirpstack")] for name in ("north", "south"))
    sites = [
        jeonju.model_copy(update={"gateways": first}),
        jeonju.model_copy(update={"name": "south", "gateways": second}),
    ]
    mosquitto = Mosquitto(tmp_path / "mosquitto")
    security = Security(tmp_path / "security")
    made = set_up(sites, security, Secrets(tmp_path / "secrets"), [], None, NOW, mosquitto)
    assert {"north/#", "south/#"} <= set(security.accounts()["ingest"].subscribe)
    assert "session of ingest at Mosquitto" in made
    kept = (mosquitto.folder / "mosquitto.db").read_bytes()
    # Each site has a session of its own, which receives what is of that site.
    assert kept.count(b"air/v1/jeonju/+/readings") == kept.count(b"air/v1/south/+/readings") == 1
    assert b"air/v1/+/+/readings" not in kept


def test_password_that_was_changed_reaches_its_service(tmp_path: Path, jeonju: Site) -> None:
    run(tmp_path, jeonju)
    security = Security(tmp_path / "security")
    security.rotate("ingest", NOW)
    assert run(tmp_path, jeonju) == ["ingest/mqtt_password"]
    given = (tmp_path / "secrets/ingest/mqtt_password").read_text()
    assert given == (security.clients / "ingest.password").read_text()


@pytest.mark.parametrize("how", ["restored into new volumes", "revoked", "revoked and added"])
def test_file_of_the_admin_always_holds_a_key_that_the_api_takes(tmp_path: Path, jeonju: Site, how: str) -> None:
    run(tmp_path, jeonju)
    file, keys = tmp_path / "secrets/admin/api_key", KeyFile(tmp_path / "secrets/api/keys.json")
    others = keys.add("control-room", Role.OPERATOR, NOW)
    if how == "restored into new volumes":
        file.unlink()
    else:
        keys.revoke("admin")
    if how == "revoked and added":
        others = keys.add("admin", Role.ADMIN, NOW)
    assert run(tmp_path, jeonju) == ["admin/api_key"]
    found = keys.find(file.read_text())
    assert found == ("admin" if how == "revoked" else "admin-2", Role.ADMIN)
    # Keys that people have stay good.
    assert keys.find(others) is not None
    assert run(tmp_path, jeonju) == []


def test_what_is_wrong_with_influxdb_is_said(tmp_path: Path, jeonju: Site) -> None:
    with pytest.raises(UserError, match=r"'influxdb:8086' is no address .* write it like http://influxdb:8086"):
        run(tmp_path, jeonju, Influx("influxdb:8086", "jeonju", "air"))
    with pytest.raises(UnavailableError, match="cannot be reached"):
        run(tmp_path, jeonju, Influx("http://127.0.0.1:1", "jeonju", "air"))


def test_folder_that_cannot_be_written_is_said(tmp_path: Path, jeonju: Site) -> None:
    (tmp_path / "secrets").write_text("a file")
    with pytest.raises(UserError, match=r"the secret file .* cannot be written: Not a directory"):
        run(tmp_path, jeonju)
